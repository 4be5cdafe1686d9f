//! The feed on a log in memory: what is offered while nothing can be folded, and how it waits.

use futures_util::future::BoxFuture;
use palabre_events::aggregate::EventData;
use palabre_events::log::{Append, AppendItem, ItemAnswer};
use palabre_events::ride::RideEvent;
use palabre_events::sealed::CannotOpen;
use palabre_events::testing::{DORA, PlainOpener, RIDE, by, now, offered};
use palabre_events::{Envelope, KeyId, NewEvent, Opener, StreamId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use super::rebuild::open_views;
use super::tail::POLL;
use super::{Feed, Offer, ViewsHandle};
use crate::store::memory::MemoryStore;
use crate::store::{EventStore, ReadFailure, altered};

/// Nothing that is waited for takes longer, even on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);

/// Passes on the positions that it is offered.
struct Heard(Sender<u64>);

impl Offer for Heard {
    fn offer(&self, events: &[Arc<Envelope>]) {
        // At the end nobody listens any more.
        for event in events {
            self.0.send(event.position).ok();
        }
    }

    fn relies_on_this(&self) -> bool {
        true
    }
}

/// Opens while the vault answers.
struct Vault(Arc<AtomicBool>);

impl Opener for Vault {
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let answers = self.0.load(Ordering::Relaxed);
        if answers { PlainOpener::default().open(key, purpose, boxed) } else { Err(CannotOpen::Unavailable) }
    }
}

struct Followed {
    log: Arc<dyn EventStore>,
    feed: Feed,
    views: ViewsHandle,
    heard: Receiver<u64>,
    vault_answers: Arc<AtomicBool>,
    version: u64,
    _folder: TempDir,
}

impl Followed {
    fn start(log: Arc<dyn EventStore>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ((hears, heard), vault_answers) = (channel(), Arc::new(AtomicBool::new(true)));
        let vault = Arc::new(Vault(vault_answers.clone()));
        let views = open_views(&folder.path().join("views.db"), &*log, vault).unwrap();
        let (feed, views) = Feed::start(views, log.clone(), Arc::new(Heard(hears)), 0).unwrap();
        Self { log, feed, views, heard, vault_answers, version: 0, _folder: folder }
    }

    /// Appends an event of a ride under the name of this type.
    async fn commit(&mut self, event_type: &'static str) {
        let event = RideEvent::from(offered());
        let event = NewEvent {
            event_id: Uuid::now_v7(),
            event_type,
            schema_version: event.schema_version(),
            occurred_at: now(),
            actor: by(DORA),
            key: None,
            correlation_id: Uuid::nil(),
            causation_id: Uuid::nil(),
            traceparent: None,
            data: event.to_json(),
        };
        let items = vec![AppendItem { key: None, events: vec![event] }];
        let append = Append { stream: StreamId::from(RIDE), expected_version: self.version, items };
        let answers = self.log.append(append).await.unwrap();
        assert!(matches!(answers.as_slice(), [ItemAnswer::Committed(_)]), "{answers:?}");
        self.version += 1;
    }

    fn hears(&self, position: u64) {
        assert_eq!(self.heard.recv_timeout(WITHIN), Ok(position));
    }

    /// Says that it has offered what is up to `position`, which it does right after that was heard.
    fn says(&self, position: u64) {
        let since = Instant::now();
        while self.feed.offered() != position {
            assert!(since.elapsed() < WITHIN, "it says {position}, and not {}", self.feed.offered());
            std::thread::yield_now();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_stops_the_views_and_not_what_is_told() {
    let mut followed = Followed::start(Arc::new(MemoryStore::new()));
    followed.commit("RideOffered").await;
    followed.hears(1);
    followed.commit("RideFromTheFuture").await;
    followed.hears(2);
    followed.commit("RideOffered").await;
    followed.hears(3);
    let since = Instant::now();
    while followed.feed.state().stopped.is_none() {
        assert!(since.elapsed() < WITHIN, "it stops");
        tokio::task::yield_now().await;
    }
    followed.commit("RideOffered").await;
    followed.hears(4);
    followed.says(4);
    assert_eq!(followed.views.position(), 1);
}

#[tokio::test]
async fn while_the_vault_is_silent_events_are_told_and_afterwards_they_are_folded() {
    let mut followed = Followed::start(Arc::new(MemoryStore::new()));
    followed.vault_answers.store(false, Ordering::Relaxed);
    for position in 1..=3 {
        followed.commit("RideOffered").await;
        followed.hears(position);
    }
    assert_eq!(followed.views.position(), 0);
    followed.vault_answers.store(true, Ordering::Relaxed);
    assert!(followed.views.wait_for(3, WITHIN).await);
    assert_eq!(followed.feed.state().stopped, None);
    assert!(followed.heard.try_recv().is_err(), "each is offered once");
}

/// A log whose head does not go by what can be read. Says when it is read.
struct Late {
    log: MemoryStore,
    head: watch::Sender<u64>,
    reads: Sender<Instant>,
}

impl altered::Altered for Late {
    fn log(&self) -> &dyn EventStore {
        &self.log
    }

    fn read_all(&self, after: u64, limit: usize) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        // At the end nobody listens any more.
        self.reads.send(Instant::now()).ok();
        self.log.read_all(after, limit)
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }
}

#[test]
fn what_is_heard_of_and_cannot_be_read_yet_is_waited_for() {
    let (reads, read) = channel();
    let late = Late { log: MemoryStore::new(), head: watch::Sender::new(7), reads };
    let _followed = Followed::start(Arc::new(late));
    let [first, _, third] = [(); 3].map(|()| read.recv_timeout(WITHIN).expect("it goes on looking"));
    assert!(third - first >= 2 * POLL, "{:?}", third - first);
}

#[tokio::test]
async fn a_head_that_stands_still_hides_nothing() {
    let (reads, _read) = channel();
    let mut followed = Followed::start(Arc::new(Late { log: MemoryStore::new(), head: watch::Sender::new(0), reads }));
    for position in 1..=2 {
        followed.commit("RideOffered").await;
        followed.hears(position);
    }
    followed.says(2);
    assert_eq!(*followed.log.head().borrow(), 0);
}
