//! What the log says to an append, given what it holds: one ruling for every adapter that keeps its own log.
//!
//! Pure: it neither looks anything up by itself nor writes.

use palabre_events::log::{Append, FirstAnswer, Hash, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, Timestamp};
use std::sync::Arc;

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Version of its last event, or 0.
    pub version: u64,
    /// Hash of its last event, or [`Hash::START`].
    pub hash: Hash,
}

impl Head {
    /// That of a stream without events.
    pub const START: Self = Self { version: 0, hash: Hash::START };
}

/// The answers to an append of which nothing may be written, or `None` when it is to be written as it stands.
/// `first_answer` looks up what a key committed before.
pub(super) fn refusal<E>(
    append: &Append,
    actual: u64,
    mut first_answer: impl FnMut(&KeyedCommand) -> Result<Option<FirstAnswer>, E>,
) -> Result<Option<Vec<ItemAnswer>>, E> {
    let mut answers = Vec::new();
    let mut refused = append.expected_version != actual;
    for item in &append.items {
        let first = item.key.as_ref().map_or(Ok(None), &mut first_answer)?;
        refused |= first.is_some();
        answers.push(first.map_or(ItemAnswer::Conflict { actual }, ItemAnswer::Duplicate));
    }
    Ok(refused.then_some(answers))
}

/// An append in its place in the log, ready to be written.
#[derive(Debug)]
pub(super) struct Placed {
    /// The answer to each item, once it is on disk.
    pub answers: Vec<ItemAnswer>,
    /// What is to be remembered of each key.
    pub keys: Vec<(KeyedCommand, FirstAnswer)>,
}

impl Placed {
    /// Every event, in order.
    pub fn envelopes(&self) -> impl Iterator<Item = &Arc<Envelope>> {
        self.answers.iter().flat_map(ItemAnswer::committed)
    }
}

/// Gives `append` its place: behind `head` in its stream, behind `position` in the log.
pub(super) fn place(append: &Append, mut head: Head, mut position: u64, recorded_at: Timestamp) -> Placed {
    let stream = append.stream;
    let mut answers = Vec::with_capacity(append.items.len());
    let mut keys = Vec::with_capacity(append.items.len());
    for item in &append.items {
        let mut envelopes = Vec::with_capacity(item.events.len());
        for new in &item.events {
            position += 1;
            let envelope = Envelope::chained(new.clone(), stream, head.version + 1, position, recorded_at, &head.hash);
            head = Head { version: envelope.version, hash: envelope.hash };
            envelopes.push(Arc::new(envelope));
        }
        if let Some(keyed) = item.key {
            let first = FirstAnswer { stream, version: head.version, position, fingerprint: keyed.fingerprint };
            keys.push((keyed, first));
        }
        answers.push(ItemAnswer::Committed(envelopes));
    }
    Placed { answers, keys }
}
