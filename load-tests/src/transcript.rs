//! What one client has been told of one conversation: a gapless run of events, and what is ahead of it.
//!
//! It takes frames in any order, as the protocol asks of clients, and says when two tellings of one `seq` differ.

use serde_json::Value;
use std::collections::BTreeMap;

use crate::stays::Stays;

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was the next one, and this many events are readable now that were not before.
    Next(usize),
    /// It is ahead of a gap and kept.
    Ahead,
    /// It was known, and the same.
    Known,
    /// It was known, and something else.
    Differs,
}

/// One conversation as one client was told of it.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The `seq` before the first event that this person may see; 0 but in groups.
    from: Option<u64>,
    events: Vec<Value>,
    /// Where in `events` somebody joins or leaves.
    moves: Vec<usize>,
    ahead: BTreeMap<u64, Value>,
}

impl Transcript {
    /// The last `seq` of the gapless run.
    pub fn seq(&self) -> u64 {
        self.from.unwrap_or(0) + self.events.len() as u64
    }

    /// The gapless run, in order.
    pub fn events(&self) -> &[Value] {
        &self.events
    }

    /// The events of the gapless run after `seq`.
    pub fn after(&self, seq: u64) -> &[Value] {
        let skip = seq.saturating_sub(self.from.unwrap_or(0)) as usize;
        self.events.get(skip..).unwrap_or_default()
    }

    /// Those of the gapless run that say who joins a group and who leaves it.
    pub fn moves(&self) -> impl Iterator<Item = &Value> {
        self.moves.iter().map(|index| &self.events[*index])
    }

    /// How many events wait for others that come before them.
    pub fn waiting(&self) -> usize {
        self.ahead.len()
    }

    /// The `seq` before its first event; 0 but in groups.
    pub fn begins_after(&self) -> u64 {
        self.from.unwrap_or(0)
    }

    /// Takes one event frame. `may_start_late` is for groups, whose members see from their joining.
    pub fn take(&mut self, frame: Value, may_start_late: bool) -> Taken {
        let Some(seq) = frame["seq"].as_u64().filter(|seq| *seq > 0) else { return Taken::Differs };
        let from = *self.from.get_or_insert(if may_start_late { seq - 1 } else { 0 });
        if seq <= from {
            // From before this person's first one: nothing to compare it with.
            return Taken::Known;
        }
        let known = self.events.get((seq - from - 1) as usize).or_else(|| self.ahead.get(&seq));
        if let Some(known) = known {
            return if same_fact(known, &frame) { Taken::Known } else { Taken::Differs };
        }
        self.ahead.insert(seq, frame);
        let before = self.events.len();
        while let Some(next) = self.ahead.remove(&(self.seq() + 1)) {
            if Stays::are_told_by(&next) {
                self.moves.push(self.events.len());
            }
            self.events.push(next);
        }
        match self.events.len() - before {
            0 => Taken::Ahead,
            new => Taken::Next(new),
        }
    }
}

/// Whether a frame only stands for an event that its viewer may not see.
pub fn is_hidden(frame: &Value) -> bool {
    frame["type"] == "hidden"
}

/// Whether two frames tell the same fact, whoever was told: only the sender is told the key, and text that was taken
/// back or erased in the meantime is absent.
pub fn same_fact(a: &Value, b: &Value) -> bool {
    if is_hidden(a) || is_hidden(b) {
        return a["seq"] == b["seq"];
    }
    let same_text =
        a["data"]["text"] == b["data"]["text"] || a["data"]["text"].is_null() || b["data"]["text"].is_null();
    let mut without_text = [a["data"].clone(), b["data"].clone()];
    for data in &mut without_text {
        if let Some(fields) = data.as_object_mut() {
            fields.remove("text");
        }
    }
    same_text
        && without_text[0] == without_text[1]
        && ["seq", "position", "at", "by", "type", "v"].iter().all(|field| a[*field] == b[*field])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(seq: u64, text: &str) -> Value {
        json!({"seq": seq, "type": "message_posted", "data": {"text": text}})
    }

    #[test]
    fn frames_wait_until_they_are_contiguous() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.take(said(1, "a"), false), Taken::Next(1));
        assert_eq!(transcript.take(said(3, "c"), false), Taken::Ahead);
        assert_eq!((transcript.seq(), transcript.waiting()), (1, 1));
        assert_eq!(transcript.take(said(2, "b"), false), Taken::Next(2));
        assert_eq!((transcript.seq(), transcript.waiting()), (3, 0));
        assert_eq!(transcript.after(1).len(), 2);
    }

    #[test]
    fn a_seq_that_is_told_twice_must_be_the_same() {
        let mut transcript = Transcript::default();
        transcript.take(said(1, "a"), false);
        assert_eq!(transcript.take(said(1, "a"), false), Taken::Known);
        assert_eq!(transcript.take(said(1, "b"), false), Taken::Differs);
        transcript.take(said(3, "c"), false);
        assert_eq!(transcript.take(said(3, "d"), false), Taken::Differs);
    }

    #[test]
    fn a_member_of_a_group_starts_late() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.take(said(5, "e"), true), Taken::Next(1));
        assert_eq!((transcript.seq(), transcript.begins_after()), (5, 4));
        assert_eq!(transcript.take(said(6, "f"), true), Taken::Next(1));
        assert_eq!(transcript.after(5).len(), 1);
    }

    #[test]
    fn joinings_and_leavings_are_known_once_they_can_be_read() {
        let mut transcript = Transcript::default();
        let joined = json!({"seq": 2, "type": "participant_joined", "data": {}});
        transcript.take(joined.clone(), false);
        assert_eq!(transcript.moves().count(), 0);
        transcript.take(said(1, "a"), false);
        assert_eq!(transcript.moves().collect::<Vec<_>>(), [&joined]);
    }
}
