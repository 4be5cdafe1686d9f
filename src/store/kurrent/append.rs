//! One append: judged on what is known of its stream, sent with the expected revision, and, when its outcome is open,
//! looked for at the end of the stream. Nothing is sent twice.
//!
//! The server judges the version, this node the keys: see `known`.

use eventstore::{AppendToStreamOptions, CurrentRevision, Error, EventData, StreamState, WriteResult};
use palabre_events::StreamId;
use palabre_events::log::{Append, AppendFailure, ItemAnswer, KeyedCommand};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use super::connection::{Connection, was_not_sent};
use super::known::{End, Known};
use super::reading;
use super::recording::written;
use crate::store::clock::RecordingClock;
use crate::store::found::Found;
use crate::store::queue::Answer;
use crate::store::ruling::{Placed, place, refusal};
use crate::store::writing::raise;
use crate::store::{PAGE_MAX, ReadFailure};

/// What gRPC calls so.
const INVALID_ARGUMENT: i32 = 3;

/// The log as this node knows it.
pub(super) struct Log {
    pub connection: Connection,
    pub known: Mutex<Known>,
    pub clock: Mutex<RecordingClock>,
    pub head: watch::Sender<u64>,
    /// How long an append may take before its outcome is open.
    pub answer_within: Duration,
}

/// What came of sending an append.
pub(super) enum Sent {
    /// On disk. The position is that of the last event, where the server tells it.
    Committed(Option<u64>),
    /// The stream is at another version.
    Stale(u64),
    /// Nothing was appended.
    Not(AppendFailure),
    /// It may have been appended or not, or may be yet.
    Open,
}

impl Log {
    /// Appends, as [`crate::store::EventStore::append`] says. Called for one append of a stream at a time.
    pub async fn append(&self, append: &Append) -> Answer {
        let end = match self.known_end(append.stream, append.expected_version).await {
            Ok(end) => end,
            Err(failure) => return Err(unread(append.stream, &failure)),
        };
        if let Some(answers) = self.refused(append, end.head.version) {
            return Ok(answers);
        }
        let recorded_at = self.clock.lock().tell();
        let recorded_at = end.recorded_at.map_or(recorded_at, |last| last.max(recorded_at));
        // The server gives the positions.
        let placed = place(append, end.head, 0, recorded_at);
        match self.send(append.stream, append.expected_version, &founds(append, &placed)).await {
            Sent::Committed(last) => self.placed(append, placed, last).await,
            Sent::Stale(actual) => self.stale(append, actual).await,
            Sent::Not(failure) => Err(failure),
            Sent::Open => self.look_for(append, placed).await,
        }
    }

    /// Where `stream` ends, read on to the end unless it is known to be at `version` at least.
    async fn known_end(&self, stream: StreamId, version: u64) -> Result<End, ReadFailure> {
        let known = self.known.lock().end(stream);
        match known {
            Some(end) if end.head.version >= version => Ok(end),
            _ => self.catch_up(stream).await,
        }
    }

    /// Reads on to the end of `stream`.
    pub async fn catch_up(&self, stream: StreamId) -> Result<End, ReadFailure> {
        loop {
            let after = self.known.lock().end(stream).map_or(0, |end| end.head.version);
            let page = reading::stream(&self.connection, stream, after, PAGE_MAX).await?;
            let mut known = self.known.lock();
            known.learn(stream, after, &page);
            if page.len() < PAGE_MAX {
                // Gone again only when tens of thousands of other streams were read in this moment.
                return known.end(stream).ok_or(ReadFailure::Unavailable);
            }
        }
    }

    fn refused(&self, append: &Append, actual: u64) -> Option<Vec<ItemAnswer>> {
        let known = self.known.lock();
        let first = |keyed: &KeyedCommand| Ok::<_, Infallible>(known.first_answer(append.stream, keyed));
        let Ok(refused) = refusal(append, actual, first);
        refused
    }

    /// Sends `events` to `stream`, which must be at `expected_version`.
    pub async fn send(&self, stream: StreamId, expected_version: u64, events: &[Found]) -> Sent {
        let expected = match expected_version.checked_sub(1) {
            Some(revision) => StreamState::StreamRevision(revision),
            None => StreamState::NoStream,
        };
        let options = AppendToStreamOptions::default().stream_state(expected).deadline(self.answer_within);
        let events: Vec<EventData> =
            events.iter().map(|found| written(&found.envelope, found.keyed.as_ref())).collect();
        let Some(leased) = self.connection.client() else { return Sent::Not(AppendFailure::Unavailable) };
        let appending = leased.client.append_to_stream(stream.to_string(), &options, events);
        match tokio::time::timeout(self.answer_within, appending).await {
            Ok(Ok(WriteResult { position, .. })) => {
                self.connection.answered(&leased);
                Sent::Committed((position.commit > 0).then_some(position.commit))
            }
            Ok(Err(error)) => {
                self.connection.failed(&leased, &error);
                outcome(stream, &error)
            }
            Err(_) => {
                tracing::warn!(%stream, "the log's server is silent; it may still append");
                Sent::Open
            }
        }
    }

    /// Finds out the positions of what was appended. The server tells only the last one.
    async fn placed(&self, append: &Append, placed: Placed, last: Option<u64>) -> Answer {
        if let (Some(position), 1) = (last, placed.envelopes().count()) {
            return Ok(self.committed(append, placed, &[position]));
        }
        match self.stored(append.stream, append.expected_version, placed.envelopes().count()).await {
            Ok(stored) if is_ours(&stored, &placed) => Ok(self.committed(append, placed, &positions_of(&stored))),
            Ok(_) => {
                tracing::error!(stream = %append.stream, "what was appended is not found where it was appended");
                Err(AppendFailure::Unknown)
            }
            Err(failure) => {
                tracing::warn!(stream = %append.stream, %failure, "cannot read what was just appended");
                Err(AppendFailure::Unknown)
            }
        }
    }

    /// Gives the events their positions, and notes them as known.
    fn committed(&self, append: &Append, mut placed: Placed, positions: &[u64]) -> Vec<ItemAnswer> {
        set_positions(&mut placed, positions);
        self.known.lock().learn(append.stream, append.expected_version, &founds(append, &placed));
        raise(&self.head, positions.last().copied().unwrap_or(0));
        placed.answers
    }

    /// The stream has moved on: what its new events say of the keys decides.
    async fn stale(&self, append: &Append, actual: u64) -> Answer {
        match self.catch_up(append.stream).await {
            Ok(end) => Ok(self
                .refused(append, end.head.version)
                .unwrap_or_else(|| vec![ItemAnswer::Conflict { actual }; append.items.len()])),
            Err(failure) => Err(unread(append.stream, &failure)),
        }
    }

    /// Looks at the end of the stream for what was sent. What is not there may still come, unless something else stands
    /// in its place.
    async fn look_for(&self, append: &Append, placed: Placed) -> Answer {
        match self.stored(append.stream, append.expected_version, placed.envelopes().count()).await {
            Ok(stored) if stored.is_empty() => {
                tracing::warn!(stream = %append.stream, "an append is not there yet; its outcome is unknown");
                Err(AppendFailure::Unknown)
            }
            Ok(stored) if is_ours(&stored, &placed) => Ok(self.committed(append, placed, &positions_of(&stored))),
            Ok(_) => self.stale(append, append.expected_version).await,
            Err(failure) => {
                tracing::warn!(stream = %append.stream, %failure, "the outcome of an append is unknown");
                Err(AppendFailure::Unknown)
            }
        }
    }

    /// What stands in `stream` after `after_version`, where `count` events were to go.
    pub async fn stored(&self, stream: StreamId, after_version: u64, count: usize) -> Result<Vec<Found>, ReadFailure> {
        let mut stored = Vec::new();
        while stored.len() < count {
            let after = after_version + stored.len() as u64;
            let page = reading::stream(&self.connection, stream, after, count - stored.len()).await?;
            if page.is_empty() {
                break;
            }
            stored.extend(page);
        }
        Ok(stored)
    }
}

/// What an error says of the append that it answers.
fn outcome(stream: StreamId, error: &Error) -> Sent {
    match error {
        Error::WrongExpectedVersion { current: CurrentRevision::Current(revision), .. } => Sent::Stale(revision + 1),
        Error::WrongExpectedVersion { current: CurrentRevision::NoStream, .. } => Sent::Stale(0),
        error if was_not_sent(error) => Sent::Not(AppendFailure::Unavailable),
        Error::AccessDenied | Error::UnsupportedFeature | Error::ResourceDeleted => {
            tracing::error!(%stream, %error, "the log's server refuses to append");
            Sent::Not(AppendFailure::Unavailable)
        }
        Error::Grpc { code, .. } if *code as i32 == INVALID_ARGUMENT => {
            tracing::error!(%stream, %error, "the log's server takes no append of this size; see its MaxAppendSize");
            Sent::Not(AppendFailure::Malformed)
        }
        error => {
            tracing::warn!(%stream, %error, "an append has no answer; looking for it");
            Sent::Open
        }
    }
}

fn unread(stream: StreamId, failure: &ReadFailure) -> AppendFailure {
    if let ReadFailure::Damaged(why) = failure {
        tracing::error!(%stream, why, "a stream cannot be appended to; run `palabre verify`");
    }
    AppendFailure::Unavailable
}

/// The events of an append as they are found when they are read, each command's key at its last event.
fn founds(append: &Append, placed: &Placed) -> Vec<Found> {
    let ends = append.items.iter().flat_map(|item| {
        let last = item.events.len() - 1;
        (0..item.events.len()).map(move |place| item.key.filter(|_| place == last))
    });
    placed.envelopes().zip(ends).map(|(envelope, keyed)| Found { envelope: envelope.clone(), keyed }).collect()
}

/// Whether exactly what was sent stands where it was to go.
fn is_ours(stored: &[Found], placed: &Placed) -> bool {
    let stored = stored.iter().map(|found| (found.envelope.event_id, found.envelope.hash));
    stored.eq(placed.envelopes().map(|envelope| (envelope.event_id, envelope.hash)))
}

fn positions_of(stored: &[Found]) -> Vec<u64> {
    stored.iter().map(|found| found.envelope.position).collect()
}

fn set_positions(placed: &mut Placed, positions: &[u64]) {
    let envelopes = placed.answers.iter_mut().flat_map(|answer| match answer {
        ItemAnswer::Committed(envelopes) => envelopes.as_mut_slice(),
        ItemAnswer::Duplicate(_) | ItemAnswer::Conflict { .. } => &mut [],
    });
    for (envelope, position) in envelopes.zip(positions) {
        Arc::make_mut(envelope).position = *position;
    }
}
