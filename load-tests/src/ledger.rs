//! What the clients asked for and what they were answered: the other half of what the checks compare with the log.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

use crate::chat::Answer;

/// One command in a conversation that had its final answer.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who asked.
    pub account: Uuid,
    /// In which conversation.
    pub conversation: Uuid,
    /// The command as it was sent, without id and key.
    pub command: Value,
    /// What was answered, and when.
    pub answer: Answer,
}

impl Entry {
    /// The type of event that a success leaves in the conversation; none for commands that leave theirs elsewhere.
    pub fn leaves(&self) -> Option<&'static str> {
        Some(match self.command["type"].as_str()? {
            "open_conversation" => "conversation_opened",
            "post_message" => "message_posted",
            "edit_message" => "message_edited",
            "retract_message" => "message_retracted",
            "make_proposal" => "proposal_made",
            "accept_proposal" => "proposal_accepted",
            "decline_proposal" => "proposal_declined",
            "withdraw_proposal" => "proposal_withdrawn",
            _ => return None,
        })
    }

    /// The `seq` of the last event that a success left in the conversation; none after a refusal, or when nothing changed.
    pub fn seq(&self) -> Option<u64> {
        let ok = self.answer.outcome.as_ref().ok()?;
        self.leaves()?;
        if ok["unchanged"] == true { None } else { ok["seq"].as_u64() }
    }

    /// Whether the answer repeats one that was lost.
    pub fn is_duplicate(&self) -> bool {
        self.answer.outcome.as_ref().is_ok_and(|ok| ok["duplicate"] == true)
    }
}

/// Where all clients of a run write their entries.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<Entry>>>);

impl Ledger {
    /// Adds an entry.
    pub fn note(&self, entry: Entry) {
        self.0.lock().expect("whoever holds the ledger does not panic").push(entry);
    }

    /// All entries, by conversation.
    pub fn by_conversation(&self) -> BTreeMap<Uuid, Vec<Entry>> {
        let entries = self.0.lock().expect("whoever holds the ledger does not panic").clone();
        entries.into_iter().fold(BTreeMap::new(), |mut all: BTreeMap<_, Vec<_>>, entry| {
            all.entry(entry.conversation).or_default().push(entry);
            all
        })
    }

    /// The last `seq` of each conversation that was acknowledged.
    pub fn heads(&self) -> BTreeMap<Uuid, u64> {
        let entries = self.0.lock().expect("whoever holds the ledger does not panic");
        entries.iter().filter_map(|entry| Some((entry.conversation, entry.seq()?))).fold(
            BTreeMap::new(),
            |mut heads, (conversation, seq)| {
                let head: &mut u64 = heads.entry(conversation).or_default();
                *head = seq.max(*head);
                heads
            },
        )
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.lock().expect("whoever holds the ledger does not panic").len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
