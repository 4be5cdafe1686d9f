//! The hub, from what actors publish, other nodes pass on and the feed offers to what connections are told.

mod connections;
mod ephemeral;
mod groups;
mod nodes;
mod reading_back;
mod telling;

use futures_util::future::{BoxFuture, poll_fn};
use palabre_events::aggregate::EventData;
use palabre_events::conversation::{
    ConversationEvent, ConversationKind, ConversationOpened, ParticipantJoined, ParticipantLeft,
};
use palabre_events::log::{Append, AppendItem, ItemAnswer};
use palabre_events::marks::{ConversationRead, MarksEvent};
use palabre_events::testing::*;
use palabre_events::{AccountId, Actor, ConversationId, Envelope, KeyId, NewEvent, Opener, StreamId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::RwLock;
use uuid::Uuid;

use super::close::Close;
use super::connection::{Connection, Holder};
use super::history::{self, Span};
use super::{Caps, Hub, Pace};
use crate::actors::Publish;
use crate::fanout::{Hear, Notice};
use crate::feed::Offer;
use crate::store::memory::MemoryStore;
use crate::store::{EventStore, ReadFailure, altered};
use crate::vault::{SessionId, TokenHash};

/// A log that fails to be read for so many times, and then answers while its gate is open.
struct Flaky {
    log: MemoryStore,
    failures: AtomicUsize,
    /// Open unless somebody holds it to write.
    gate: Arc<RwLock<()>>,
    /// Reads of streams that are under way.
    reading: Arc<AtomicUsize>,
    /// Events of streams that were read.
    events_read: Arc<AtomicUsize>,
}

impl Flaky {
    fn new() -> Self {
        Self {
            log: MemoryStore::new(),
            failures: AtomicUsize::new(0),
            gate: Arc::default(),
            reading: Arc::default(),
            events_read: Arc::default(),
        }
    }
}

impl altered::Altered for Flaky {
    fn log(&self) -> &dyn EventStore {
        &self.log
    }

    fn read(
        &self,
        stream: StreamId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        let fewer = |failures: usize| failures.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return Box::pin(std::future::ready(Err(ReadFailure::Unavailable)));
        }
        let read = self.log.read(stream, after, limit);
        let (gate, reading, events_read) = (self.gate.clone(), self.reading.clone(), self.events_read.clone());
        Box::pin(async move {
            reading.fetch_add(1, Ordering::Relaxed);
            drop(gate.read().await);
            reading.fetch_sub(1, Ordering::Relaxed);
            let page = read.await;
            events_read.fetch_add(page.as_ref().map_or(0, Vec::len), Ordering::Relaxed);
            page
        })
    }
}

struct Scene {
    log: Arc<Flaky>,
    hub: Hub,
    versions: Mutex<std::collections::HashMap<StreamId, u64>>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Arc::new(PlainOpener::default()))
    }

    fn with(opener: Arc<dyn Opener + Send + Sync>) -> Self {
        let log = Arc::new(Flaky::new());
        let caps = Caps { per_account: 2, per_address: 5 };
        let hub = Hub::with(log.clone(), opener, caps, Pace::default());
        Self { log, hub, versions: Mutex::default() }
    }

    /// Appends without telling anybody.
    async fn commit<E: EventData>(&self, stream: StreamId, actor: Actor, events: Vec<E>) -> Vec<Arc<Envelope>> {
        let new = |event: &E| NewEvent {
            event_id: Uuid::now_v7(),
            event_type: event.event_type(),
            schema_version: event.schema_version(),
            occurred_at: now(),
            actor,
            key: actor.person().map(|_| key(1)),
            correlation_id: Uuid::nil(),
            causation_id: Uuid::nil(),
            traceparent: None,
            data: event.to_json(),
        };
        let item = AppendItem { key: None, events: events.iter().map(new).collect() };
        let expected_version = self.versions.lock().get(&stream).copied().unwrap_or(0);
        let answers = self.log.append(Append { stream, expected_version, items: vec![item] }).await.unwrap();
        let [ItemAnswer::Committed(envelopes)] = answers.as_slice() else { panic!("{answers:?}") };
        self.versions.lock().insert(stream, envelopes.last().unwrap().version);
        envelopes.clone()
    }

    async fn says(&self, author: AccountId) -> Vec<Arc<Envelope>> {
        let stream = StreamId::from(talk_with(ANNA));
        self.commit::<ConversationEvent>(stream, by(author), vec![posted(author).into()]).await
    }

    /// Dora and Anna can talk; nobody was told yet.
    async fn opened(&self) {
        let stream = StreamId::from(talk_with(ANNA));
        let committed = self.commit::<ConversationEvent>(stream, by(ANNA), vec![opened().into()]).await;
        self.hub.publish(&committed, &[ANNA, DORA]);
    }

    fn connect(&self, account: AccountId) -> Arc<Connection> {
        let connection = self.connection(account, 1);
        self.hub.connect(&connection).unwrap();
        connection
    }

    fn connection(&self, account: AccountId, host: u8) -> Arc<Connection> {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
        let number = self.hub.next_number();
        let holder = Holder { account, session: SessionId(Uuid::nil()), token: TokenHash([0; 32]) };
        Arc::new(Connection::new(number, holder, address, None, self.hub.elapsed_ms()))
    }
}

/// The frames that wait, without waiting.
fn told(connection: &Connection) -> Vec<Value> {
    let mut frames = Vec::new();
    while let Poll::Ready(batch) = connection.outbox.poll_take(&Context::from_waker(Waker::noop())) {
        assert_eq!(batch.close, None);
        frames.extend(batch.frames.iter().map(|frame| serde_json::from_str::<Value>(frame).unwrap()));
    }
    frames
}

/// The next frames, waiting for so many.
async fn next(connection: &Connection, count: usize) -> Vec<Value> {
    let mut frames = Vec::new();
    let all = async {
        while frames.len() < count {
            let batch = poll_fn(|context| connection.outbox.poll_take(context)).await;
            assert_eq!(batch.close, None);
            frames.extend(batch.frames.iter().map(|frame| serde_json::from_str::<Value>(frame).unwrap()));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("frames come");
    frames
}

fn seqs(frames: &[Value]) -> Vec<u64> {
    frames.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect()
}

fn group() -> ConversationId {
    ConversationId::group_of(RIDE)
}

fn joins(account: AccountId, number: u128) -> ConversationEvent {
    ParticipantJoined { account, reservation: reservation(number) }.into()
}

fn leaves(account: AccountId, number: u128) -> ConversationEvent {
    ParticipantLeft { account, reservation: reservation(number) }.into()
}

/// Dora's group: opened, Anna joins, Dora speaks, Ben joins, Dora speaks, Anna leaves, Dora speaks; in three commits.
async fn group_talk(scene: &Scene) -> [Vec<Arc<Envelope>>; 3] {
    let opened = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    let stream = StreamId::from(group());
    let say = || ConversationEvent::from(posted(DORA));
    [
        scene.commit(stream, Actor::System, vec![opened.into(), joins(ANNA, 1), say()]).await,
        scene.commit(stream, Actor::System, vec![joins(BEN, 2), say()]).await,
        scene.commit(stream, Actor::System, vec![leaves(ANNA, 1), say()]).await,
    ]
}
