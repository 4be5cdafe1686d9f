//! Compares what the clients were told and answered with what the log of a conversation holds in the end.
//!
//! Each check answers sentences that say what is violated; no sentence, no violation. Seats are in [`crate::ride_check`].

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

use crate::ledger::Entry;
use crate::stays::Stays;
use crate::transcript::{Transcript, is_hidden, same_fact};

/// All that is known of one conversation.
pub struct Conversation<'a> {
    /// Its id.
    pub id: Uuid,
    /// Who was in a group when; none for a conversation of two, who both see all of it.
    pub stays: Option<Stays>,
    /// Its events as the API tells them in the end, by whoever takes or took part.
    pub views: BTreeMap<Uuid, Vec<Value>>,
    /// What the clients were told of it, by whose they are.
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

    /// Every view is all that its viewer may see, and all are one history.
    fn views(&self) -> Vec<String> {
        if self.views.is_empty() {
            return vec!["nobody sees it".to_owned()];
        }
        let head = self.views.values().flatten().map(seq_of).max().unwrap_or(0);
        let (mut found, mut history, mut differ) = (Vec::new(), BTreeMap::new(), false);
        for (account, view) in &self.views {
            let wrong = self.view(*account, view, head);
            found.extend(wrong.into_iter().map(|sentence| format!("the view of {account} {sentence}")));
            for event in view.iter().filter(|event| !is_hidden(event)) {
                let first: &Value = history.entry(seq_of(event)).or_insert(event);
                differ |= !same_fact(first, event);
            }
        }
        if differ {
            found.push("its participants see two histories".to_owned());
        }
        found
    }

    /// A view is gapless, from the first to the last event that `account` may see, with nothing shown that they may not.
    fn view(&self, account: Uuid, view: &[Value], head: u64) -> Vec<String> {
        let mut found = Vec::new();
        let (first, last) = (view.first().map_or(1, seq_of), view.last().map_or(0, seq_of));
        if let Some(seq) = (1..first).find(|seq| self.sees(account, *seq)) {
            found.push(format!("begins with seq {first}, and lacks seq {seq}"));
        }
        if let Some((belongs, seq)) = (first..).zip(view.iter().map(seq_of)).find(|(belongs, seq)| belongs != seq) {
            found.push(format!("has seq {seq} where {belongs} belongs"));
        }
        let end = self.stays.as_ref().and_then(|stays| stays.left_at(account)).unwrap_or(head);
        if last != end {
            found.push(format!("ends with seq {last} where {end} is the last"));
        }
        if let Some(event) = view.iter().find(|event| is_hidden(event) == self.sees(account, seq_of(event))) {
            let what = if is_hidden(event) { "hides" } else { "shows" };
            found.push(format!("{what} seq {} against who was there", seq_of(event)));
        }
        found
    }

    /// Whether `account` may see the event at `seq`.
    fn sees(&self, account: Uuid, seq: u64) -> bool {
        self.stays.as_ref().is_none_or(|stays| stays.sees(account, seq))
    }

    /// Every client was told all that its person may see, gapless, as it is; and nobody else was.
    fn told(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (account, view) in &self.views {
            let Some(transcript) = self.transcripts.get(account) else {
                found.push(format!("{account} was told nothing of it"));
                continue;
            };
            let (told, from) = (transcript.events(), transcript.begins_after());
            let (before, held): (Vec<&Value>, Vec<&Value>) = view.iter().partition(|event| seq_of(event) <= from);
            if before.iter().any(|event| !is_hidden(event)) {
                found.push(format!("{account} was told of it from seq {} on, and sees what was before", from + 1));
            }
            if !told.iter().zip(&held).all(|(told, held)| same_telling(told, held)) {
                found.push(format!("{account} was told something else than the log holds"));
            }
            if told.len() != held.len() || transcript.waiting() > 0 {
                found.push(format!(
                    "{account} was told {} events without a gap and {} beyond, of {}",
                    told.len(),
                    transcript.waiting(),
                    held.len()
                ));
            }
        }
        let strangers = self.transcripts.keys().filter(|account| !self.views.contains_key(*account));
        found.extend(strangers.map(|account| format!("{account} was told of it, and never took part")));
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

fn seq_of(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap_or(0)
}

/// Whether a client was told what the log holds, and no more of it than the person may see.
fn same_telling(told: &Value, held: &Value) -> bool {
    is_hidden(told) == is_hidden(held) && same_fact(told, held)
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
