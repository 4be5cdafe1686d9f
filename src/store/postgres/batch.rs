//! The appends of one transaction, judged one after the other on what the ones before them leave. No I/O.
//!
//! Whoever calls has read, under the lock of the log's head, where the streams end and what the keys committed.

use palabre_events::log::{AppendFailure, FirstAnswer, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope, StreamId, Timestamp};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use crate::store::ends::{End, Ends};
use crate::store::queue::{Answer, Offered};
use crate::store::ruling::{Head, place, refusal};

/// What keys committed.
pub(super) type FirstAnswers = HashMap<(AccountId, CommandKey), FirstAnswer>;

/// Where the log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogHead {
    /// Position of the last event.
    pub position: u64,
    /// Streams so far.
    pub streams: i64,
}

/// What a transaction is to write, and what to answer once it is on disk.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Where the log will end.
    pub head: LogHead,
    /// Streams that begin, with their numbers.
    pub streams: Vec<(i64, StreamId)>,
    /// Events, each with the number of its stream.
    pub events: Vec<(i64, Arc<Envelope>)>,
    /// What is to be remembered of each key, with the number of its stream.
    pub keys: Vec<(i64, KeyedCommand, FirstAnswer)>,
    /// The answer to each append.
    pub answers: Vec<Answer>,
}

impl Batch {
    /// Judges `appends` behind `head`. `ends` holds every stream of theirs that has an event, `known` every key of
    /// theirs that is in the log; both are brought to what holds after the commit.
    pub fn judge(
        appends: &[&Offered],
        head: LogHead,
        recorded_at: Timestamp,
        ends: &mut Ends,
        known: &mut FirstAnswers,
    ) -> Self {
        let mut batch = Self { head, ..Self::default() };
        for append in appends {
            let answer = match append {
                Err(failure) => Err::<_, AppendFailure>(*failure),
                Ok(append) => {
                    let end = ends.get(&append.stream).copied();
                    let at = end.map_or(Head::START, |end| end.head);
                    let first =
                        |keyed: &KeyedCommand| Ok::<_, Infallible>(known.get(&(keyed.account, keyed.key)).copied());
                    let Ok(refused) = refusal(append, at.version, first);
                    Ok(refused.unwrap_or_else(|| {
                        let stream_no = end.map_or_else(|| batch.begin(append.stream), |end| end.stream_no);
                        let placed = place(append, at, batch.head.position, recorded_at);
                        if let Some(last) = placed.envelopes().last() {
                            batch.head.position = last.position;
                            let head = Head { version: last.version, hash: last.hash };
                            ends.put(append.stream, End { stream_no, head });
                        }
                        batch.events.extend(placed.envelopes().map(|event| (stream_no, event.clone())));
                        known.extend(placed.keys.iter().map(|(keyed, first)| ((keyed.account, keyed.key), *first)));
                        batch.keys.extend(placed.keys.iter().map(|(keyed, first)| (stream_no, *keyed, *first)));
                        placed.answers
                    }))
                }
            };
            batch.answers.push(answer);
        }
        batch
    }

    fn begin(&mut self, stream: StreamId) -> i64 {
        self.head.streams += 1;
        self.streams.push((self.head.streams, stream));
        self.head.streams
    }
}
