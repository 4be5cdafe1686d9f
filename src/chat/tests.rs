//! The hub, from what actors publish and what the feed offers to what connections are told.

use futures_util::future::{BoxFuture, poll_fn};
use palabre_events::aggregate::EventData;
use palabre_events::conversation::{
    ConversationEvent, ConversationKind, ConversationOpened, ParticipantJoined, ParticipantLeft,
};
use palabre_events::log::{Append, AppendFailure, AppendItem, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::marks::{ConversationRead, MarksEvent};
use palabre_events::testing::*;
use palabre_events::{AccountId, Actor, ConversationId, Envelope, KeyId, NewEvent, StreamId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use uuid::Uuid;

use super::close::Close;
use super::connection::{Connection, Holder};
use super::history::{self, Span};
use super::{Caps, Hub, Pace};
use crate::actors::Publish;
use crate::feed::Offer;
use crate::store::memory::MemoryStore;
use crate::store::{EventStore, ReadFailure};
use crate::vault::{SessionId, TokenHash};

/// A log that fails to be read for so many times.
struct Flaky {
    log: MemoryStore,
    failures: AtomicUsize,
}

impl EventStore for Flaky {
    fn log_id(&self) -> Uuid {
        self.log.log_id()
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        self.log.append(append)
    }

    fn first_answer(
        &self,
        stream: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        self.log.first_answer(stream, command)
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
        self.log.read(stream, after, limit)
    }

    fn read_all(&self, after: u64, limit: usize) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.log.read_all(after, limit)
    }

    fn head(&self) -> tokio::sync::watch::Receiver<u64> {
        self.log.head()
    }
}

struct Scene {
    log: Arc<Flaky>,
    hub: Hub,
    versions: Mutex<std::collections::HashMap<StreamId, u64>>,
}

impl Scene {
    fn new() -> Self {
        let log = Arc::new(Flaky { log: MemoryStore::new(), failures: AtomicUsize::new(0) });
        let caps = Caps { per_account: 2, per_address: 5 };
        let hub = Hub::with(log.clone(), Arc::new(PlainOpener::default()), caps, Pace::default());
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

#[tokio::test]
async fn both_sides_are_told_and_only_the_author_learns_the_key() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora, ben) = (scene.connect(ANNA), scene.connect(DORA), scene.connect(BEN));
    let committed = scene.says(ANNA).await;
    scene.hub.publish(&committed, &[ANNA, DORA]);
    let mut expected = json!({
        "conversation": talk_with(ANNA), "seq": 2, "position": 2, "at": now().to_string(), "by": by(ANNA).to_string(),
        "type": "message_posted", "data": {"author": ANNA, "text": "Bonjour"}, "v": 1, "key": committed[0].key,
    });
    assert_eq!(told(&anna), [expected.clone()]);
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(told(&dora), [expected]);
    assert_eq!(told(&ben), [json!(null); 0]);
}

#[tokio::test]
async fn what_was_told_is_not_told_again() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    let committed = scene.says(DORA).await;
    scene.hub.publish(&committed, &[ANNA, DORA]);
    scene.hub.publish(&committed, &[ANNA, DORA]);
    scene.hub.offer(&committed);
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
    assert_eq!(told(&anna), [json!(null); 0]);
}

#[tokio::test]
async fn a_hole_is_filled_from_the_log_before_anything_goes_on() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    scene.says(DORA).await;
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 4).await), [2, 3, 4, 5]);
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 1).await), [6]);
}

#[tokio::test]
async fn what_an_actor_never_told_comes_by_the_feed() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    let mut committed = scene.says(DORA).await;
    committed.extend(scene.says(DORA).await);
    scene.hub.offer(&committed);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
}

#[tokio::test]
async fn what_was_committed_before_the_hub_is_nobodys_news() {
    let scene = Scene::new();
    scene.opened().await;
    let old = scene.says(DORA).await;
    let younger = Scene {
        hub: Hub::new(scene.log.clone(), Arc::new(PlainOpener::default())),
        log: scene.log.clone(),
        versions: Mutex::new(scene.versions.lock().clone()),
    };
    let anna = younger.connect(ANNA);
    younger.hub.offer(&old);
    younger.hub.publish(&younger.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 1).await), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_fails_is_asked_again() {
    let scene = Scene::new();
    scene.opened().await;
    let anna = scene.connect(ANNA);
    scene.log.failures.store(3, Ordering::Relaxed);
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    assert_eq!(seqs(&next(&anna, 2).await), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn when_the_log_fails_for_long_whoever_missed_something_resumes() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, ben) = (scene.connect(ANNA), scene.connect(BEN));
    assert!(scene.hub.typing(DORA, talk_with(ANNA), false).await.unwrap(), "the roster is known from here on");
    scene.log.failures.store(usize::MAX, Ordering::Relaxed);
    scene.says(DORA).await;
    scene.hub.publish(&scene.says(DORA).await, &[ANNA, DORA]);
    let closed = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert_eq!(closed.close, Some(Close::Gap));
    assert_eq!(ben.outbox.closing(), None);
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

#[tokio::test]
async fn members_of_a_group_are_told_from_their_joining_to_their_leaving() {
    let scene = Scene::new();
    let (anna, ben, dora) = (scene.connect(ANNA), scene.connect(BEN), scene.connect(DORA));
    let [first, second, third] = group_talk(&scene).await;
    scene.hub.publish(&first, &[ANNA, DORA]);
    scene.hub.publish(&second, &[ANNA, BEN, DORA]);
    scene.hub.publish(&third, &[ANNA, BEN, DORA]);
    assert_eq!(seqs(&next(&dora, 7).await), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(seqs(&next(&anna, 5).await), [2, 3, 4, 5, 6]);
    assert_eq!(seqs(&next(&ben, 4).await), [4, 5, 6, 7]);
    assert!(told(&anna).is_empty() && told(&ben).is_empty());
    let stream = StreamId::from(group());
    scene
        .hub
        .publish(&scene.commit::<ConversationEvent>(stream, by(DORA), vec![posted(DORA).into()]).await, &[BEN, DORA]);
    assert_eq!(seqs(&told(&ben)), [8], "nothing is read when nobody moves");
    assert!(told(&anna).is_empty());
}

#[tokio::test]
async fn a_page_hides_what_a_member_may_not_see_and_ends_where_they_left() {
    let scene = Scene::new();
    group_talk(&scene).await;
    let roster = history::roster(scene.log.as_ref(), group()).await.unwrap().unwrap();
    let page = async |viewer, span, limit| {
        let opener = PlainOpener::default();
        let page = history::page(scene.log.as_ref(), &opener, group(), &roster, viewer, span, limit).await.unwrap();
        let frames = page.iter().map(|frame| serde_json::from_str::<Value>(frame.get()).unwrap());
        frames.map(|frame| (frame["seq"].as_u64().unwrap(), frame["type"] == "hidden")).collect::<Vec<_>>()
    };
    let shown = |seqs: std::ops::RangeInclusive<u64>| seqs.map(|seq| (seq, false)).collect::<Vec<_>>();
    assert_eq!(page(DORA, Span::After(0), 50).await, shown(1..=7));
    assert_eq!(page(ANNA, Span::After(0), 50).await, [vec![(1, true)], shown(2..=6)].concat());
    assert_eq!(page(BEN, Span::After(2), 50).await, [vec![(3, true)], shown(4..=7)].concat());
    assert_eq!(page(DORA, Span::After(2), 3).await, shown(3..=5));
    assert_eq!(page(DORA, Span::Before(6), 2).await, shown(4..=5));
    assert_eq!(page(ANNA, Span::Before(u64::MAX), 2).await, shown(5..=6));
    assert_eq!(page(DORA, Span::Before(2), 10).await, shown(1..=1));
    assert_eq!(page(EVE, Span::After(0), 50).await, []);
}

#[tokio::test]
async fn marks_are_told_to_the_participants() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora, ben) = (scene.connect(ANNA), scene.connect(DORA), scene.connect(BEN));
    for up_to in [1, 2] {
        let read = ConversationRead { account: ANNA, conversation: talk_with(ANNA), up_to };
        let committed = scene.commit::<MarksEvent>(StreamId::marks(ANNA), by(ANNA), vec![read.into()]).await;
        scene.hub.publish(&committed, &[]);
        let expected = json!({"type": "read", "conversation": talk_with(ANNA), "account": ANNA, "up_to": up_to});
        for connection in [&anna, &dora] {
            assert_eq!(next(connection, 1).await, std::slice::from_ref(&expected));
        }
    }
    assert!(told(&ben).is_empty());
}

#[tokio::test]
async fn typing_goes_to_the_others_who_follow() {
    let scene = Scene::new();
    scene.opened().await;
    let (anna, dora, other_tab) = (scene.connect(ANNA), scene.connect(DORA), scene.connect(DORA));
    assert_eq!(scene.hub.follow(&dora, &[talk_with(ANNA)]).await, Ok(vec![ANNA]));
    assert_eq!(scene.hub.typing(ANNA, talk_with(ANNA), true).await, Ok(true));
    let expected = json!({"type": "typing", "conversation": talk_with(ANNA), "account": ANNA, "on": true});
    assert_eq!(told(&dora), [expected]);
    assert!(told(&anna).is_empty() && told(&other_tab).is_empty());
    assert_eq!(scene.hub.typing(EVE, talk_with(ANNA), true).await, Ok(false));
    assert_eq!(scene.hub.typing(EVE, talk_with(EVE), true).await, Ok(false));
    assert_eq!(scene.hub.follow(&dora, &[]).await, Ok(vec![]));
    assert_eq!(scene.hub.typing(ANNA, talk_with(ANNA), true).await, Ok(true));
    assert!(told(&dora).is_empty());
}

#[tokio::test(start_paused = true)]
async fn presence_is_told_to_followers_and_a_reload_does_not_flicker() {
    let scene = Scene::new();
    scene.opened().await;
    let dora = scene.connect(DORA);
    assert_eq!(scene.hub.follow(&dora, &[talk_with(ANNA), talk_with(BEN)]).await, Ok(vec![]));
    let presence = |online: bool| json!({"type": "presence", "account": ANNA, "online": online});
    let anna = scene.connect(ANNA);
    assert_eq!(told(&dora), [presence(true)]);
    let reloaded = async |anna| {
        scene.hub.disconnect(anna);
        scene.connect(ANNA)
    };
    let anna = reloaded(&anna).await;
    assert!(told(&dora).is_empty());
    scene.hub.disconnect(&anna);
    scene.hub.disconnect(&anna);
    assert_eq!(next(&dora, 1).await, [presence(false)]);
    assert_eq!(scene.hub.follow(&scene.connect(EVE), &[talk_with(ANNA)]).await, Ok(vec![]), "no stranger follows");
}

#[tokio::test]
async fn too_many_connections_are_refused_and_a_closed_one_makes_room() {
    let scene = Scene::new();
    let first = scene.connect(ANNA);
    scene.connect(ANNA);
    assert_eq!(scene.hub.connect(&scene.connection(ANNA, 2)), Err(Close::Overloaded), "of one account");
    scene.connect(BEN);
    scene.connect(BEN);
    scene.connect(CLEO);
    assert_eq!(scene.hub.connect(&scene.connection(EVE, 1)), Err(Close::Overloaded), "from one address");
    assert_eq!(scene.hub.connect(&scene.connection(EVE, 2)), Ok(()));
    scene.hub.disconnect(&first);
    assert_eq!(scene.hub.connection_count(), 5);
    scene.connect(ANNA);
}

#[tokio::test]
async fn a_hub_that_shuts_down_closes_all_also_those_who_come_late() {
    let scene = Scene::new();
    let early = scene.connect(ANNA);
    scene.hub.shut_down();
    assert_eq!(early.outbox.closing(), Some(Close::Shutdown));
    assert_eq!(scene.connect(ANNA).outbox.closing(), Some(Close::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_silent_is_pinged_and_then_closed() {
    let scene = Scene::new();
    let anna = scene.connect(ANNA);
    let first = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert!(first.ping && first.close.is_none());
    let second = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert!(second.ping && second.close.is_none());
    let third = poll_fn(|context| anna.outbox.poll_take(context)).await;
    assert_eq!(third.close, Some(Close::NoPong));
}

#[tokio::test]
async fn texts_of_erased_people_are_absent() {
    let scene = Scene::new();
    scene.opened().await;
    scene.says(ANNA).await;
    let roster = history::roster(scene.log.as_ref(), talk_with(ANNA)).await.unwrap().unwrap();
    let opener = PlainOpener { erased: vec![KeyId::Person(ANNA)] };
    let page = history::page(scene.log.as_ref(), &opener, talk_with(ANNA), &roster, DORA, Span::After(1), 1);
    let frame: Value = serde_json::from_str(page.await.unwrap()[0].get()).unwrap();
    assert_eq!(frame["data"], json!({"author": ANNA}));
}
