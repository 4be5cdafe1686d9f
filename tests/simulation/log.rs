//! The one log between all nodes: the store in memory, and what was appended so far.

use futures_util::FutureExt;
use palabre::store::clock::RecordingClock;
use palabre::store::memory::MemoryStore;
use palabre::store::{EventStore, PAGE_MAX};
use palabre_events::log::{Append, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::testing::now;
use palabre_events::{Envelope, StreamId, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

pub const LOG_ID: Uuid = Uuid::from_u128(0x109);

pub struct Log {
    store: MemoryStore,
    events: Vec<Arc<Envelope>>,
    clock_ms: Arc<AtomicI64>,
}

impl Log {
    pub fn new() -> Self {
        let clock_ms = Arc::new(AtomicI64::new(now().as_millis()));
        let read = clock_ms.clone();
        let tell = move || Timestamp::from_millis(read.load(Ordering::Relaxed)).expect("a few days from now");
        let store = MemoryStore::with_clock(LOG_ID, RecordingClock::of(tell));
        Self { store, events: Vec::new(), clock_ms }
    }

    /// Every event, in order of position.
    pub fn events(&self) -> &[Arc<Envelope>] {
        &self.events
    }

    pub fn append(&mut self, append: Append, at: Timestamp) -> Vec<ItemAnswer> {
        self.clock_ms.store(at.as_millis(), Ordering::Relaxed);
        let answers = at_once(self.store.append(append)).expect("the shell keeps the limits");
        let new = at_once(self.store.read_all(self.events.len() as u64, PAGE_MAX)).expect("memory does not fail");
        self.events.extend(new);
        answers
    }

    pub fn first_answer(&self, command: &KeyedCommand) -> Option<FirstAnswer> {
        // Here a key's answer is the same whatever stream is asked about.
        at_once(self.store.first_answer(StreamId::account(command.account), *command)).expect("memory does not fail")
    }

    /// At most `limit` events of `stream` after a version, and whether more may follow.
    pub fn read(&self, stream: StreamId, after_version: u64, limit: usize) -> (Vec<Arc<Envelope>>, bool) {
        let events = at_once(self.store.read(stream, after_version, limit)).expect("memory does not fail");
        let more = events.len() == limit;
        (events, more)
    }

    /// At most `limit` events of any stream after a position.
    pub fn read_all(&self, after: u64, limit: usize) -> Vec<Arc<Envelope>> {
        at_once(self.store.read_all(after, limit)).expect("memory does not fail")
    }
}

fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the log in memory answers at once")
}
