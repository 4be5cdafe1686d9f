//! A log in memory, with the guarantees of the others except that it ends with the process.
//!
//! For tests of other parts and for simulations. It has no bound but the machine's memory.

use futures_util::future::{BoxFuture, ready};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope, StreamId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

use super::clock::RecordingClock;
use super::ruling::{Head, place, refusal};
use super::{EventStore, PAGE_MAX, ReadFailure};

/// A log in memory.
#[derive(Debug)]
pub struct MemoryStore {
    log_id: Uuid,
    log: Mutex<Log>,
    head: watch::Sender<u64>,
}

#[derive(Debug)]
struct Log {
    clock: RecordingClock,
    events: Vec<Arc<Envelope>>,
    streams: HashMap<StreamId, Vec<Arc<Envelope>>>,
    keys: HashMap<(AccountId, CommandKey), FirstAnswer>,
}

impl MemoryStore {
    /// An empty log with a fresh name.
    pub fn new() -> Self {
        Self::with_clock(Uuid::new_v4(), RecordingClock::system())
    }

    /// An empty log of that name, which records by that clock: for simulations that must come out alike.
    pub fn with_clock(log_id: Uuid, clock: RecordingClock) -> Self {
        let log = Log { clock, events: Vec::new(), streams: HashMap::new(), keys: HashMap::new() };
        Self { log_id, log: Mutex::new(log), head: watch::Sender::new(0) }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    fn append(&mut self, append: &Append) -> Result<Vec<ItemAnswer>, AppendFailure> {
        if !append.is_well_formed() {
            return Err(AppendFailure::Malformed);
        }
        let stream = append.stream;
        let last = self.streams.get(&stream).and_then(|events| events.last());
        let head = last.map_or(Head::START, |last| Head { version: last.version, hash: last.hash });
        let first_answer =
            |keyed: &KeyedCommand| Ok::<_, Infallible>(self.keys.get(&(keyed.account, keyed.key)).copied());
        let Ok(refused) = refusal(append, head.version, first_answer);
        if let Some(answers) = refused {
            return Ok(answers);
        }
        let placed = place(append, head, self.events.len() as u64, self.clock.tell());
        self.events.extend(placed.envelopes().cloned());
        self.streams.entry(stream).or_default().extend(placed.envelopes().cloned());
        self.keys.extend(placed.keys.iter().map(|(keyed, first)| ((keyed.account, keyed.key), *first)));
        Ok(placed.answers)
    }
}

/// The events of a dense sequence after the `after`th, at most `limit`.
fn page(events: &[Arc<Envelope>], after: u64, limit: usize) -> Vec<Arc<Envelope>> {
    let after = usize::try_from(after).unwrap_or(usize::MAX).min(events.len());
    events[after..].iter().take(limit.min(PAGE_MAX)).cloned().collect()
}

impl EventStore for MemoryStore {
    fn log_id(&self) -> Uuid {
        self.log_id
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        let mut log = self.log.lock();
        let answer = log.append(&append);
        // Under the lock, so that the head never goes back.
        self.head.send_replace(log.events.len() as u64);
        Box::pin(ready(answer))
    }

    fn first_answer(
        &self,
        _: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        let first = self.log.lock().keys.get(&(command.account, command.key)).copied();
        Box::pin(ready(Ok(first)))
    }

    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        let log = self.log.lock();
        let events = log.streams.get(&stream).map(Vec::as_slice).unwrap_or_default();
        Box::pin(ready(Ok(page(events, after_version, limit))))
    }

    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        Box::pin(ready(Ok(page(&self.log.lock().events, after_position, limit))))
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    async fn fixture() -> contract::Fixture {
        contract::Fixture { store: Arc::new(MemoryStore::new()), place: Box::new(()) }
    }

    contract::suite!(fixture);
}
