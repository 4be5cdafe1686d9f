//! The records of the server in memory: positions are places in bytes, and events of the server's own lie between ours.

use super::wire::append_options::Expected;
use super::wire::id::Value;
use super::wire::{EventId, Halves, Proposed, Recorded, StreamIdentifier};
use std::collections::HashMap;
use uuid::Uuid;

/// Bytes of a record beside what it holds.
const RECORD_BYTES: u64 = 113;

/// Everything that was appended.
#[derive(Default)]
pub struct Records {
    all: Vec<Recorded>,
    /// Places in `all`, stream by stream.
    streams: HashMap<Vec<u8>, Vec<usize>>,
    end: u64,
}

/// The stream is not as expected; its last revision, if it has one.
#[derive(Clone, Copy)]
pub struct Stale(pub Option<u64>);

impl Records {
    /// Appends all or nothing; answers the last event's revision and position.
    pub fn append(&mut self, stream: &[u8], expected: Expected, events: Vec<Proposed>) -> Result<(u64, u64), Stale> {
        let current = self.streams.get(stream).map(|places| places.len() as u64 - 1);
        let fits = match expected {
            Expected::Revision(revision) => current == Some(revision),
            Expected::NoStream(()) => current.is_none(),
            Expected::Any(()) => true,
            Expected::StreamExists(()) => current.is_some(),
        };
        if !fits {
            return Err(Stale(current));
        }
        if self.all.is_empty() {
            self.put_own();
        }
        let mut last = (0, 0);
        for event in events {
            last = self.put(stream, event);
        }
        self.put_own();
        Ok(last)
    }

    /// Adds an event of the server's own.
    pub fn put_own(&mut self) {
        let statistics = Proposed { data: b"{}".to_vec(), id: Some(EventId::default()), ..Proposed::default() };
        self.put(b"$stats-127.0.0.1:2113", statistics);
    }

    /// Tells ids as text, whichever way they came.
    fn told(id: Option<EventId>) -> Option<EventId> {
        let Some(Value::Structured(Halves { most_significant, least_significant })) = id.as_ref()?.value else {
            return id;
        };
        let uuid = Uuid::from_u64_pair(most_significant.cast_unsigned(), least_significant.cast_unsigned());
        Some(EventId { value: Some(Value::Text(uuid.to_string())) })
    }

    fn put(&mut self, stream: &[u8], event: Proposed) -> (u64, u64) {
        let places = self.streams.entry(stream.to_vec()).or_default();
        let (revision, position) = (places.len() as u64, self.end);
        places.push(self.all.len());
        self.end += RECORD_BYTES + (stream.len() + event.data.len() + event.custom_metadata.len()) as u64;
        self.all.push(Recorded {
            id: Self::told(event.id),
            stream: Some(StreamIdentifier { name: stream.to_vec() }),
            revision,
            prepare: position,
            commit: position,
            metadata: event.metadata,
            custom_metadata: event.custom_metadata,
            data: event.data,
        });
        (revision, position)
    }

    /// Events of a stream, in order; `None` when it was never appended to.
    pub fn of_stream(&self, stream: &[u8]) -> Option<impl DoubleEndedIterator<Item = &Recorded>> {
        self.streams.get(stream).map(|places| places.iter().map(|place| &self.all[*place]))
    }

    /// All events, in order.
    pub fn all(&self) -> &[Recorded] {
        &self.all
    }

    /// Where the next record will begin.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The place of the first event at `position` or later; `None` when no record begins there, though the log goes
    /// further: the real server cannot read from within a record either.
    pub fn place(&self, position: u64) -> Option<usize> {
        let place = self.all.partition_point(|event| event.commit < position);
        (position >= self.end || self.all.get(place).is_some_and(|event| event.commit == position)).then_some(place)
    }
}
