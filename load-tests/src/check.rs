//! Compares what the clients were told and answered with what the log of a conversation holds in the end.
//!
//! Each check answers sentences that say what is violated; no sentence, no violation. Seats are in [`crate::ride_check`].

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

use crate::ledger::Entry;
use crate::transcript::{Transcript, same_fact};

/// All that is known of one conversation between two people.
pub struct Conversation<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its events as the API tells them in the end, by participant.
    pub views: BTreeMap<Uuid, Vec<Value>>,
    /// What each participant's client was told, by participant.
    pub transcripts: BTreeMap<Uuid, &'a Transcript>,
    /// Every command that had its final answer.
    pub entries: &'a [Entry],
}

impl Conversation<'_> {
    /// Everything that is violated.
    pub fn violations(&self) -> Vec<String> {
        let found = [self.views(), self.told(), self.acknowledged(), self.order(), self.bookings()];
        found.concat().into_iter().map(|sentence| format!("conversation {}: {sentence}", self.id)).collect()
    }

    /// Every participant's view is the whole of it, and all are one history.
    fn views(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (account, view) in &self.views {
            let seqs = view.iter().map(|event| event["seq"].as_u64().unwrap_or(0));
            if let Some((index, seq)) = seqs.enumerate().find(|(index, seq)| *seq != *index as u64 + 1) {
                found.push(format!("the view of {account} has seq {seq} where {} belongs", index + 1));
            }
        }
        let mut views = self.views.values();
        let Some(first) = views.next() else { return vec!["nobody sees it".to_owned()] };
        for other in views {
            if first.len() != other.len() || !first.iter().zip(other).all(|(a, b)| same_fact(a, b)) {
                found.push("its participants see two histories".to_owned());
            }
        }
        found
    }

    /// Every client was told all of it, gapless, as it is.
    fn told(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (account, view) in &self.views {
            let Some(transcript) = self.transcripts.get(account) else {
                found.push(format!("{account} was told nothing of it"));
                continue;
            };
            let told = transcript.events();
            if !told.iter().zip(view).all(|(told, held)| same_fact(told, held)) {
                found.push(format!("{account} was told something else than the log holds"));
            }
            if told.len() != view.len() || transcript.waiting() > 0 {
                found.push(format!(
                    "{account} was told {} events without a gap and {} beyond, of {}",
                    told.len(),
                    transcript.waiting(),
                    view.len()
                ));
            }
        }
        found
    }

    /// What was acknowledged is there exactly once, as it was asked; what was refused is not there.
    fn acknowledged(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut asked: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
        for entry in self.entries {
            asked.entry(entry.account).or_default().insert(entry.answer.key.to_string());
            found.extend(self.acknowledgement(entry));
        }
        for (account, view) in &self.views {
            let keys = view.iter().filter_map(|event| event["key"].as_str());
            for key in keys.filter(|key| !asked.get(account).is_some_and(|known| known.contains(*key))) {
                found.push(format!("an event bears the key {key}, under which {account} had no answer"));
            }
        }
        found
    }

    /// Commands that were refused and are in the log once all the same, since they had been sent before over another
    /// connection: a refusal is not remembered, so a copy that was still under way, to a node that stood still, could be
    /// carried out after it.
    pub fn late(&self) -> usize {
        self.entries.iter().filter(|entry| self.came_late(entry)).count()
    }

    fn came_late(&self, entry: &Entry) -> bool {
        let view = self.views.get(&entry.account).map(Vec::as_slice).unwrap_or_default();
        let left = under_key(view, entry).iter().filter(|event| event["type"].as_str() == entry.leaves()).count();
        entry.answer.outcome.is_err() && entry.answer.was_sent_elsewhere() && left == 1
    }

    fn acknowledgement(&self, entry: &Entry) -> Option<String> {
        let (key, command) = (entry.answer.key, &entry.command["type"]);
        let view = self.views.get(&entry.account).map(Vec::as_slice).unwrap_or_default();
        let under_key = under_key(view, entry);
        let Some(seq) = entry.seq() else {
            let refused = entry.answer.outcome.is_err() || entry.leaves().is_some();
            return (refused && !under_key.is_empty() && !self.came_late(entry)).then(|| {
                format!("{command} {key} changed nothing by its answer, and yet left {} events", under_key.len())
            });
        };
        let leaves = entry.leaves()?;
        let seqs: Vec<u64> = under_key.iter().filter_map(|event| event["seq"].as_u64()).collect();
        if seqs.last() != Some(&seq) {
            return Some(format!("{command} {key} was acknowledged with seq {seq}, and the log has it at {seqs:?}"));
        }
        if seqs.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
            return Some(format!("{command} {key} was committed in pieces: {seqs:?}"));
        }
        let times = under_key.iter().filter(|event| event["type"] == leaves).count();
        if times != 1 {
            return Some(format!("{command} {key} was acknowledged, and the log has it {times} times"));
        }
        let texts = [&under_key[0]["data"]["text"], &entry.command["text"]];
        let changed = texts.iter().all(|text| text.is_string()) && texts[0] != texts[1];
        changed.then(|| format!("{command} {key} has another text than was sent"))
    }

    /// The log keeps each sender's order: what was sent after an acknowledgement comes after it, and acknowledgements
    /// of one connection come in the order of the log, repeats of lost ones apart.
    fn order(&self) -> Vec<String> {
        let mut by_sender: BTreeMap<Uuid, Vec<(&Entry, u64)>> = BTreeMap::new();
        for (entry, seq) in self.entries.iter().filter_map(|entry| Some((entry, entry.seq()?))) {
            by_sender.entry(entry.account).or_default().push((entry, seq));
        }
        by_sender.into_iter().flat_map(|(account, entries)| order_of(account, entries)).collect()
    }

    /// Every accepted proposal has exactly one outcome, and there is never a second booking.
    fn bookings(&self) -> Vec<String> {
        let mut found = Vec::new();
        let (mut waiting, mut settled, mut booked) = (BTreeSet::new(), BTreeSet::new(), None::<String>);
        let view = self.views.values().next().map(Vec::as_slice).unwrap_or_default();
        for event in view {
            let text = |field: &str| event["data"][field].as_str().unwrap_or_default().to_owned();
            let kind = event["type"].as_str().unwrap_or_default();
            match kind {
                "proposal_accepted" if !waiting.insert(text("proposal")) || settled.contains(&text("proposal")) => {
                    found.push(format!("proposal {} was accepted twice", text("proposal")));
                }
                "booking_confirmed" | "booking_changed" | "booking_refused" => {
                    if !waiting.remove(&text("proposal")) || !settled.insert(text("proposal")) {
                        found.push(format!("proposal {} has an outcome that nobody waits for", text("proposal")));
                    }
                    if kind == "booking_confirmed"
                        && let Some(first) = booked.replace(text("reservation"))
                    {
                        found.push(format!("{} is booked although {first} is", text("reservation")));
                    }
                }
                "booking_cancelled" => booked = booked.filter(|reservation| *reservation != text("reservation")),
                _ => {}
            }
        }
        found
            .extend(waiting.into_iter().map(|proposal| format!("proposal {proposal} was accepted and has no outcome")));
        found
    }
}

/// The events that bear the key of a command.
fn under_key<'a>(view: &'a [Value], entry: &Entry) -> Vec<&'a Value> {
    let key = entry.answer.key.to_string();
    view.iter().filter(|event| event["key"].as_str() == Some(&key)).collect()
}

/// A message, and when it was first and last sent over one connection.
#[derive(Clone, Copy)]
struct Said {
    first: u64,
    last: u64,
    seq: u64,
}

fn order_of(account: Uuid, mut entries: Vec<(&Entry, u64)>) -> Vec<String> {
    let mut found = Vec::new();
    // Commands of one connection begin in the order in which they were sent, and a message needs nothing looked up:
    // messages stand in the log as they were said. Their acknowledgements may cross. Of one that was refused for the
    // moment and sent again, nobody knows which sending it was.
    let said = |entry: &Entry| entry.leaves() == Some("message_posted") && !entry.is_duplicate();
    let mut messages: BTreeMap<u64, Vec<Said>> = BTreeMap::new();
    for (entry, seq) in entries.iter().filter(|(entry, _)| said(entry)) {
        let (first, last) = entry.answer.sent_over;
        messages.entry(entry.answer.connection).or_default().push(Said { first, last, seq: *seq });
    }
    for mut by_first in messages.into_values() {
        by_first.sort_unstable_by_key(|said| said.first);
        let mut by_last = by_first.clone();
        by_last.sort_unstable_by_key(|said| said.last);
        let (mut earlier, mut highest) = (by_last.iter().peekable(), 0);
        for said in by_first {
            while let Some(before) = earlier.next_if(|before| before.last < said.first) {
                highest = highest.max(before.seq);
            }
            if said.seq < highest {
                found.push(format!("{account} said seq {highest} before seq {}", said.seq));
            }
        }
    }
    let mut by_sending = entries.clone();
    by_sending.sort_by_key(|(entry, _)| entry.answer.sent);
    // Highest seq among what was acknowledged before a given moment: entries by answer, questions by sending.
    entries.sort_by_key(|(entry, _)| entry.answer.answered);
    let (mut answered, mut highest) = (entries.iter().peekable(), 0);
    for (entry, seq) in by_sending {
        while let Some((_, before)) = answered.next_if(|(before, _)| before.answer.answered < entry.answer.sent) {
            highest = highest.max(*before);
        }
        if seq <= highest {
            found.push(format!(
                "{account} sent a command after seq {highest} was acknowledged, and it became seq {seq}"
            ));
        }
    }
    found
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
