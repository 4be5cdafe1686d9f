//! The events that were committed last, in memory: whoever follows the log closely is answered from here and never
//! touches the file, whose pages each reader would have to read anew after every commit. With them, by stream, all that the
//! index of streams does not have yet.
//!
//! Only the process that writes has it. It is told of every commit in order; where it may have missed one, it answers
//! nothing until it begins anew, and the file is read.

use palabre_events::{Envelope, StreamId};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The most events kept.
const EVENTS_MAX: usize = 16 * 1024;
/// The most bytes kept, envelopes included.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What an event costs beside its data, roughly.
const ENVELOPE_BYTES: usize = 256;

/// The end of the log.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Option<Kept>>);

/// A piece of the log without holes that reaches to its end.
#[derive(Debug)]
struct Kept {
    events: VecDeque<Arc<Envelope>>,
    bytes: usize,
    /// Position of the log's last event.
    last: u64,
    /// What the index of streams does not have yet. Bounded by [`super::stream_index::Unindexed`].
    unindexed: HashMap<StreamId, Vec<Arc<Envelope>>>,
}

impl Recent {
    /// The log ends at `last`; nothing of it is known yet, and all of it is indexed.
    pub fn begin_at(&self, last: u64) {
        *self.0.lock() = Some(Kept { events: VecDeque::new(), bytes: 0, last, unindexed: HashMap::new() });
    }

    /// All that was committed is indexed now.
    pub fn indexed(&self) {
        if let Some(kept) = self.0.lock().as_mut() {
            kept.unindexed = HashMap::new();
        }
    }

    /// Nobody knows where the log ends.
    pub fn forget(&self) {
        *self.0.lock() = None;
    }

    /// These were committed, in order. What came before [`Recent::begin_at`] is passed over.
    pub fn add<'e>(&self, committed: impl Iterator<Item = &'e Arc<Envelope>>) {
        let mut kept = self.0.lock();
        for event in committed {
            let Some(known) = kept.as_mut() else { return };
            if event.position > known.last + 1 {
                tracing::error!(
                    position = event.position,
                    last = known.last,
                    "a commit was not told; the file is read"
                );
                *kept = None;
                return;
            }
            known.add(event);
        }
    }

    /// What of `stream` is not indexed, in order; none when the file must be asked.
    pub fn unindexed(&self, stream: StreamId) -> Option<Vec<Arc<Envelope>>> {
        self.0.lock().as_ref().map(|kept| kept.unindexed.get(&stream).cloned().unwrap_or_default())
    }

    /// The last event of `stream`, where that is not indexed; none when the file must be asked.
    pub fn unindexed_end(&self, stream: StreamId) -> Option<Option<Arc<Envelope>>> {
        self.0.lock().as_ref().map(|kept| kept.unindexed.get(&stream).and_then(|events| events.last()).cloned())
    }

    /// At most `limit` events after `after_position`; none when the file must be asked.
    pub fn after(&self, after_position: u64, limit: usize) -> Option<Vec<Arc<Envelope>>> {
        let kept = self.0.lock();
        let kept = kept.as_ref()?;
        if after_position >= kept.last {
            return Some(Vec::new());
        }
        let first = kept.events.front()?.position;
        let skip = usize::try_from((after_position + 1).checked_sub(first)?).expect("it is within what is kept");
        Some(kept.events.iter().skip(skip).take(limit).cloned().collect())
    }
}

impl Kept {
    fn add(&mut self, event: &Arc<Envelope>) {
        if event.position <= self.last {
            return;
        }
        self.last = event.position;
        self.unindexed.entry(event.stream).or_default().push(event.clone());
        self.bytes += cost(event);
        self.events.push_back(event.clone());
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= cost(&oldest);
        }
    }
}

/// What an event costs in memory, in bytes, roughly.
pub(super) fn cost(event: &Envelope) -> usize {
    event.data.len() + ENVELOPE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::{append, fresh_stream, unkeyed};
    use crate::store::ruling::{Head, place};
    use palabre_events::Timestamp;
    use std::ops::RangeInclusive;

    fn envelopes(positions: RangeInclusive<u64>) -> Vec<Arc<Envelope>> {
        let items = positions.clone().map(|_| unkeyed("Bonjour")).collect();
        let placed = place(
            &append(fresh_stream(), 0, items),
            Head::START,
            positions.start() - 1,
            Timestamp::from_seconds(1_795_443_583).expect("in 2026"),
        );
        placed.envelopes().cloned().collect()
    }

    fn positions(answer: Option<Vec<Arc<Envelope>>>) -> Option<Vec<u64>> {
        answer.map(|events| events.iter().map(|event| event.position).collect())
    }

    #[test]
    fn it_answers_what_it_was_told_since_it_began() {
        let recent = Recent::default();
        assert_eq!(positions(recent.after(7, 10)), None, "nobody knows where the log ends");
        recent.begin_at(7);
        assert_eq!(positions(recent.after(7, 10)), Some(vec![]));
        assert_eq!(positions(recent.after(6, 10)), None, "the seventh is in the file alone");
        recent.add(envelopes(8..=12).iter());
        assert_eq!(positions(recent.after(7, 10)), Some(vec![8, 9, 10, 11, 12]));
        assert_eq!(positions(recent.after(9, 2)), Some(vec![10, 11]));
        assert_eq!(positions(recent.after(12, 10)), Some(vec![]));
        assert_eq!(positions(recent.after(6, 10)), None);
    }

    #[test]
    fn what_was_there_before_it_began_anew_is_passed_over() {
        let recent = Recent::default();
        recent.begin_at(2);
        recent.add(envelopes(1..=3).iter());
        assert_eq!(positions(recent.after(2, 10)), Some(vec![3]));
    }

    #[test]
    fn after_a_hole_it_answers_nothing() {
        let recent = Recent::default();
        recent.begin_at(0);
        recent.add(envelopes(2..=3).iter());
        assert_eq!(positions(recent.after(1, 10)), None);
        recent.begin_at(3);
        recent.forget();
        assert_eq!(positions(recent.after(3, 10)), None);
    }

    #[test]
    fn it_keeps_a_bounded_number() {
        let recent = Recent::default();
        recent.begin_at(0);
        let many = EVENTS_MAX as u64 + 10;
        recent.add(envelopes(1..=many).iter());
        assert_eq!(positions(recent.after(9, 1)), None);
        assert_eq!(positions(recent.after(10, 1)), Some(vec![11]));
    }
}
