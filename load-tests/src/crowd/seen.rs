//! What somebody knows of a conversation from what their client was told: enough to decide what to do next.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A proposal that waits for an answer.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id.
    pub proposal: Value,
    /// The hash that an acceptance names.
    pub terms_hash: Value,
    /// Whether it is one's own.
    pub mine: bool,
}

/// A conversation as one of its participants knows it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The last `seq` folded.
    pub seq: u64,
    /// One's own messages that stand.
    pub my_messages: Vec<u64>,
    /// Proposals that wait for an answer.
    pub waiting: BTreeMap<String, Waiting>,
    /// The booking that stands.
    pub booking: Option<Value>,
    /// The reservations with which one is in a group.
    pub in_group_by: BTreeSet<String>,
}

impl Seen {
    /// Folds events that follow what is known, for the account `me`.
    pub fn fold(&mut self, events: &[Value], me: &str) {
        for event in events {
            self.seq = event["seq"].as_u64().unwrap_or(self.seq);
            self.fold_one(event, me);
        }
    }

    fn fold_one(&mut self, event: &Value, me: &str) {
        let fields = &event["data"];
        let text = |field: &str| fields[field].as_str().unwrap_or_default().to_owned();
        let proposal = fields["proposal"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "message_posted" if fields["author"] == me => self.my_messages.push(self.seq),
            "message_retracted" => {
                let gone = fields["message"].as_u64();
                self.my_messages.retain(|seq| Some(*seq) != gone);
            }
            "proposal_made" => {
                if let Some(countered) = fields["in_reply_to"].as_str() {
                    self.waiting.remove(countered);
                }
                let waiting = Waiting {
                    proposal: fields["proposal"].clone(),
                    terms_hash: fields["terms_hash"].clone(),
                    mine: fields["by"] == me,
                };
                self.waiting.insert(proposal.to_owned(), waiting);
            }
            "proposal_accepted" | "proposal_declined" | "proposal_withdrawn" | "proposal_expired"
            | "proposal_voided" => {
                self.waiting.remove(proposal);
            }
            "booking_confirmed" => self.booking = Some(fields["reservation"].clone()),
            "booking_cancelled" => self.booking = None,
            "participant_joined" if fields["account"] == me => {
                self.in_group_by.insert(text("reservation"));
            }
            "participant_left" if fields["account"] == me => {
                self.in_group_by.remove(&text("reservation"));
            }
            _ => {}
        }
    }
}
