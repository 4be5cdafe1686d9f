//! The contract of a log: rules that every adapter keeps, each a test that [`suite`] runs against it.
//!
//! What only one adapter can show (files, crashes, other processes) is tested beside that adapter.

use futures_util::future::join_all;
use palabre_events::log::{
    Append, AppendFailure, AppendItem, Fingerprint, FirstAnswer, Hash, ItemAnswer, KeyedCommand,
};
use palabre_events::{AccountId, Actor, CommandKey, Envelope, NewEvent, StreamId, StreamKind, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

use super::{EventStore, PAGE_MAX};

/// A fresh, empty log.
pub struct Fixture {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// The folder that it lies in, which goes when the fixture goes.
    #[expect(dead_code, reason = "held for its drop")]
    pub folder: Option<tempfile::TempDir>,
}

/// Runs every rule as a test of its own against what `$fixture()` makes.
macro_rules! suite {
    ($fixture:path) => {
        $crate::store::contract::suite!(@rules $fixture:
            versions_and_positions_are_dense,
            a_stale_version_conflicts,
            a_repeat_gets_its_first_answer,
            another_body_under_a_known_key_gets_the_first_answer_with_its_fingerprint,
            keys_are_unique_per_account,
            a_known_key_keeps_out_what_stands_beside_it,
            an_append_is_all_or_nothing,
            writers_of_one_stream_take_turns,
            writers_of_many_streams_do_not_lose_or_mix_anything,
            one_key_from_many_writers_is_committed_once,
            many_appends_go_in_as_one,
            each_stream_proves_itself_by_its_chain,
            events_come_back_as_they_were_given,
            reads_come_in_pages,
            reads_of_nothing_are_empty,
            the_head_rises_with_every_commit,
            what_breaks_a_limit_is_malformed_and_leaves_no_trace,
            time_of_recording_never_goes_back,
        );
    };
    (@rules $fixture:path: $($rule:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $rule() {
            let fixture = $fixture();
            $crate::store::contract::$rule(&fixture.store).await;
        }
    )+};
}
pub(crate) use suite;

/// A stream that nothing was written to yet.
pub fn fresh_stream() -> StreamId {
    StreamId { kind: StreamKind::Conversation, id: Uuid::new_v4() }
}

/// A key that was never used.
pub fn fresh_key() -> KeyedCommand {
    let (account, key) = (AccountId(Uuid::new_v4()), CommandKey(Uuid::now_v7()));
    KeyedCommand { account, key, fingerprint: Fingerprint([7; 16]) }
}

/// An event that says `text`.
pub fn event(text: &str) -> NewEvent {
    let event_id = Uuid::now_v7();
    NewEvent {
        event_id,
        event_type: "MessagePosted",
        schema_version: 1,
        occurred_at: Timestamp::from_seconds(1_795_443_583).expect("in 2026"),
        actor: Actor::System,
        key: None,
        correlation_id: event_id,
        causation_id: event_id,
        traceparent: None,
        data: format!("{{\"text\":\"{text}\"}}").into_bytes(),
    }
}

/// One event without a key.
pub fn unkeyed(text: &str) -> AppendItem {
    AppendItem { key: None, events: vec![event(text)] }
}

/// One event under `key`.
pub fn keyed(key: KeyedCommand, text: &str) -> AppendItem {
    let event = NewEvent { key: Some(key.key), actor: Actor::Person(key.account), ..event(text) };
    AppendItem { key: Some(key), events: vec![event] }
}

/// An append of `items` behind `expected_version`.
pub fn append(stream: StreamId, expected_version: u64, items: Vec<AppendItem>) -> Append {
    Append { stream, expected_version, items }
}

/// What was committed, item after item; anything else fails the test.
pub fn committed(answer: Result<Vec<ItemAnswer>, AppendFailure>) -> Vec<Arc<Envelope>> {
    let envelopes = |answer| match answer {
        ItemAnswer::Committed(envelopes) => envelopes,
        other => panic!("not committed: {other:?}"),
    };
    answer.expect("the log takes it").into_iter().flat_map(envelopes).collect()
}

/// Every event of the log, page by page.
pub async fn whole_log(store: &Arc<dyn EventStore>) -> Vec<Arc<Envelope>> {
    let mut events: Vec<Arc<Envelope>> = Vec::new();
    loop {
        let page = store.read_all(events.len() as u64, PAGE_MAX).await.expect("the log reads");
        let last = page.len() < PAGE_MAX;
        events.extend(page);
        if last {
            return events;
        }
    }
}

/// Every event of `stream`, page by page.
pub async fn whole_stream(store: &Arc<dyn EventStore>, stream: StreamId) -> Vec<Arc<Envelope>> {
    let mut events: Vec<Arc<Envelope>> = Vec::new();
    loop {
        let page = store.read(stream, events.len() as u64, PAGE_MAX).await.expect("the stream reads");
        let last = page.len() < PAGE_MAX;
        events.extend(page);
        if last {
            return events;
        }
    }
}

fn versions(events: &[Arc<Envelope>]) -> Vec<u64> {
    events.iter().map(|event| event.version).collect()
}

fn positions(events: &[Arc<Envelope>]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

/// Versions count from 1 in each stream, positions from 1 in the log.
pub async fn versions_and_positions_are_dense(store: &Arc<dyn EventStore>) {
    let (one, other) = (fresh_stream(), fresh_stream());
    let first = committed(store.append(append(one, 0, vec![unkeyed("a"), unkeyed("b")])).await);
    let second = committed(store.append(append(other, 0, vec![unkeyed("c")])).await);
    let two_events = AppendItem { key: None, events: vec![event("d"), event("e")] };
    let third = committed(store.append(append(one, 2, vec![two_events])).await);
    assert_eq!((versions(&first), positions(&first)), (vec![1, 2], vec![1, 2]));
    assert_eq!((versions(&second), positions(&second)), (vec![1], vec![3]));
    assert_eq!((versions(&third), positions(&third)), (vec![3, 4], vec![4, 5]));
    assert_eq!(whole_log(store).await, [first.clone(), second.clone(), third.clone()].concat());
    assert_eq!(whole_stream(store, one).await, [first, third].concat());
    assert_eq!(whole_stream(store, other).await, second);
}

/// Whoever decided on another version than the stream's is told so, and nothing is written.
pub async fn a_stale_version_conflicts(store: &Arc<dyn EventStore>) {
    let stream = fresh_stream();
    committed(store.append(append(stream, 0, vec![unkeyed("a")])).await);
    for expected in [0, 2, u64::MAX] {
        let answer = store.append(append(stream, expected, vec![unkeyed("b"), keyed(fresh_key(), "c")])).await;
        assert_eq!(answer, Ok(vec![ItemAnswer::Conflict { actual: 1 }; 2]), "expected {expected}");
    }
    let elsewhere = store.append(append(fresh_stream(), 1, vec![unkeyed("d")])).await;
    assert_eq!(elsewhere, Ok(vec![ItemAnswer::Conflict { actual: 0 }]));
    assert_eq!(whole_log(store).await.len(), 1);
}

/// The answer to a key is remembered with its events, whatever version its repeat expects.
pub async fn a_repeat_gets_its_first_answer(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    assert_eq!(store.first_answer(key).await, Ok(None));
    let two_events = AppendItem { key: Some(key), events: vec![event("a"), event("b")] };
    committed(store.append(append(stream, 0, vec![two_events, unkeyed("c")])).await);
    let first = FirstAnswer { stream, version: 2, position: 2, fingerprint: key.fingerprint };
    for (stream, expected) in [(stream, 0), (stream, 3), (fresh_stream(), 0)] {
        let answer = store.append(append(stream, expected, vec![keyed(key, "a")])).await;
        assert_eq!(answer, Ok(vec![ItemAnswer::Duplicate(first)]), "expected {expected}");
    }
    assert_eq!(store.first_answer(key).await, Ok(Some(first)));
    assert_eq!(whole_log(store).await.len(), 3);
}

/// The log does not judge fingerprints; it tells the first one.
pub async fn another_body_under_a_known_key_gets_the_first_answer_with_its_fingerprint(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    committed(store.append(append(stream, 0, vec![keyed(key, "a")])).await);
    let other_body = KeyedCommand { fingerprint: Fingerprint([8; 16]), ..key };
    let first = FirstAnswer { stream, version: 1, position: 1, fingerprint: key.fingerprint };
    let answer = store.append(append(stream, 1, vec![keyed(other_body, "b")])).await;
    assert_eq!(answer, Ok(vec![ItemAnswer::Duplicate(first)]));
    assert_eq!(store.first_answer(other_body).await, Ok(Some(first)));
}

/// Two accounts may use the same key.
pub async fn keys_are_unique_per_account(store: &Arc<dyn EventStore>) {
    let (stream, anna) = (fresh_stream(), fresh_key());
    let ben = KeyedCommand { account: fresh_key().account, ..anna };
    committed(store.append(append(stream, 0, vec![keyed(anna, "a"), keyed(ben, "b")])).await);
    assert_eq!(store.first_answer(anna).await.expect("reads").map(|first| first.version), Some(1));
    assert_eq!(store.first_answer(ben).await.expect("reads").map(|first| first.version), Some(2));
}

/// What was decided together with a repeat counted it twice, so none of it is written.
pub async fn a_known_key_keeps_out_what_stands_beside_it(store: &Arc<dyn EventStore>) {
    let (stream, known, new) = (fresh_stream(), fresh_key(), fresh_key());
    committed(store.append(append(stream, 0, vec![keyed(known, "a")])).await);
    let items = vec![keyed(new, "b"), keyed(known, "a"), unkeyed("c")];
    let first = FirstAnswer { stream, version: 1, position: 1, fingerprint: known.fingerprint };
    let conflict = ItemAnswer::Conflict { actual: 1 };
    let answer = store.append(append(stream, 1, items)).await;
    assert_eq!(answer, Ok(vec![conflict.clone(), ItemAnswer::Duplicate(first), conflict]));
    assert_eq!(store.first_answer(new).await, Ok(None), "an item that was not written leaves its key free");
    committed(store.append(append(stream, 1, vec![keyed(new, "b")])).await);
    assert_eq!(whole_log(store).await.len(), 2);
}

/// A refused append leaves neither events nor keys, and the next one stands where it would have stood.
pub async fn an_append_is_all_or_nothing(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    let refused = store.append(append(stream, 4, vec![keyed(key, "a"), unkeyed("b")])).await;
    assert_eq!(refused, Ok(vec![ItemAnswer::Conflict { actual: 0 }; 2]));
    assert_eq!((whole_log(store).await.len(), store.first_answer(key).await), (0, Ok(None)));
    let events = committed(store.append(append(stream, 0, vec![keyed(key, "a"), unkeyed("b")])).await);
    assert_eq!((versions(&events), positions(&events)), (vec![1, 2], vec![1, 2]));
}

/// Appends `text`s one after the other behind whatever others wrote meanwhile, and tells what was committed.
async fn write_in_turn(store: Arc<dyn EventStore>, stream: StreamId, texts: Vec<String>) -> Vec<Arc<Envelope>> {
    let (mut at, mut written) = (0, Vec::new());
    for text in texts {
        loop {
            let answers = store.append(append(stream, at, vec![unkeyed(&text)])).await.expect("the log takes it");
            match &answers[0] {
                ItemAnswer::Committed(envelopes) => {
                    at = envelopes[0].version;
                    written.extend(envelopes.iter().cloned());
                    break;
                }
                ItemAnswer::Conflict { actual } => at = *actual,
                ItemAnswer::Duplicate(first) => panic!("there is no key to be known: {first:?}"),
            }
        }
    }
    written
}

async fn write_concurrently(
    store: &Arc<dyn EventStore>,
    writers: usize,
    stream_of: impl Fn(usize) -> StreamId,
) -> Vec<Arc<Envelope>> {
    let each = 25;
    let writing = (0..writers).map(|writer| {
        let texts = (0..each).map(|count| format!("{writer}:{count}")).collect();
        tokio::spawn(write_in_turn(store.clone(), stream_of(writer), texts))
    });
    let mut written: Vec<_> =
        join_all(writing).await.into_iter().flat_map(|writer| writer.expect("no writer panics")).collect();
    assert_eq!(written.len(), writers * each);
    written.sort_by_key(|event| event.position);
    written
}

/// What is acknowledged to concurrent writers of one stream is there exactly once, at the place that was told.
pub async fn writers_of_one_stream_take_turns(store: &Arc<dyn EventStore>) {
    let stream = fresh_stream();
    let written = write_concurrently(store, 8, |_| stream).await;
    assert_eq!(whole_stream(store, stream).await, written);
    assert_eq!(versions(&written), (1..=200).collect::<Vec<u64>>());
}

/// What is acknowledged to writers of many streams is there exactly once, each stream in its writer's order.
pub async fn writers_of_many_streams_do_not_lose_or_mix_anything(store: &Arc<dyn EventStore>) {
    let streams: Vec<_> = (0..32).map(|_| fresh_stream()).collect();
    let written = write_concurrently(store, streams.len(), |writer| streams[writer]).await;
    assert_eq!(whole_log(store).await, written);
    for stream in streams {
        let own: Vec<_> = written.iter().filter(|event| event.stream == stream).cloned().collect();
        assert_eq!(versions(&own), (1..=25).collect::<Vec<u64>>());
        assert_eq!(whole_stream(store, stream).await, own);
    }
}

/// The same command sent many times at once, also to different streams, is committed once.
pub async fn one_key_from_many_writers_is_committed_once(store: &Arc<dyn EventStore>) {
    let key = fresh_key();
    let sending = (0..16).map(|_| store.append(append(fresh_stream(), 0, vec![keyed(key, "a")])));
    let answers: Vec<_> = join_all(sending).await.into_iter().map(|answer| answer.expect("the log takes it")).collect();
    let events = whole_log(store).await;
    assert_eq!(events.len(), 1);
    let first = FirstAnswer { stream: events[0].stream, version: 1, position: 1, fingerprint: key.fingerprint };
    let repeats = answers.iter().filter(|answer| **answer == [ItemAnswer::Duplicate(first)]).count();
    assert_eq!((repeats, answers.contains(&vec![ItemAnswer::Committed(events)])), (15, true));
}

/// Many appends in one call: each has its own answer, in order, and a refused one does not touch the others.
pub async fn many_appends_go_in_as_one(store: &Arc<dyn EventStore>) {
    let (one, other, key) = (fresh_stream(), fresh_stream(), fresh_key());
    let nothing = append(other, 0, vec![]);
    let appends = vec![
        append(one, 0, vec![keyed(key, "a")]),
        append(one, 1, vec![unkeyed("b")]),
        append(one, 1, vec![unkeyed("stale")]),
        nothing,
        append(other, 0, vec![keyed(key, "repeat")]),
        append(other, 0, vec![unkeyed("c")]),
    ];
    let answers = store.append_many(appends).await;
    let events = whole_log(store).await;
    let first = FirstAnswer { stream: one, version: 1, position: 1, fingerprint: key.fingerprint };
    let committed = |place: usize| Ok(vec![ItemAnswer::Committed(vec![events[place].clone()])]);
    assert_eq!(
        answers,
        [
            committed(0),
            committed(1),
            Ok(vec![ItemAnswer::Conflict { actual: 2 }]),
            Err(AppendFailure::Malformed),
            Ok(vec![ItemAnswer::Duplicate(first)]),
            committed(2),
        ]
    );
    assert_eq!(positions(&events), [1, 2, 3]);
}

/// Every hash follows from the one before it in its stream, and from nothing else.
pub async fn each_stream_proves_itself_by_its_chain(store: &Arc<dyn EventStore>) {
    let streams = [fresh_stream(), fresh_stream(), fresh_stream()];
    write_concurrently(store, 6, |writer| streams[writer % 3]).await;
    for stream in streams {
        let mut previous = Hash::START;
        for event in whole_stream(store, stream).await {
            assert_eq!(event.hash, event.chained_hash(&previous), "version {}", event.version);
            previous = event.hash;
        }
    }
}

/// Every field comes back as given, and data byte for byte, be it text or not.
pub async fn events_come_back_as_they_were_given(store: &Arc<dyn EventStore>) {
    let key = fresh_key();
    for kind in StreamKind::ALL {
        let stream = StreamId { kind, id: Uuid::new_v4() };
        let full = NewEvent {
            event_type: "SeatsReserved",
            schema_version: u16::MAX,
            occurred_at: Timestamp::from_millis(-1).expect("in 1969"),
            actor: Actor::Person(AccountId(Uuid::new_v4())),
            key: Some(key.key),
            correlation_id: Uuid::max(),
            causation_id: Uuid::nil(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            data: (0..=255).collect(),
            ..event("")
        };
        let bare = NewEvent { actor: Actor::Operator, data: vec![], ..event("") };
        let written = AppendItem { key: None, events: vec![full.clone(), bare.clone()] };
        let answered = committed(store.append(append(stream, 0, vec![written])).await);
        let read = whole_stream(store, stream).await;
        assert_eq!(answered, read);
        let given = |new: NewEvent, at: usize, previous: &Hash| {
            Envelope::chained(new, stream, at as u64 + 1, read[at].position, read[at].recorded_at, previous)
        };
        assert_eq!(*read[0], given(full, 0, &Hash::START));
        assert_eq!(*read[1], given(bare, 1, &read[0].hash));
    }
}

/// A read answers at most what was asked for and at most a page, from the place that was asked for.
pub async fn reads_come_in_pages(store: &Arc<dyn EventStore>) {
    let (stream, other) = (fresh_stream(), fresh_stream());
    committed(store.append(append(other, 0, vec![unkeyed("before")])).await);
    let item = || AppendItem { key: None, events: (0..AppendItem::EVENTS_MAX).map(|_| event("x")).collect() };
    let total = PAGE_MAX + AppendItem::EVENTS_MAX;
    let items = (0..total / AppendItem::EVENTS_MAX).map(|_| item()).collect();
    committed(store.append(append(stream, 0, items)).await);

    let read = |after, limit| async move { versions(&store.read(stream, after, limit).await.expect("reads")) };
    assert_eq!(read(0, 3).await, [1, 2, 3]);
    assert_eq!(read(3, 1).await, [4]);
    assert_eq!(read(total as u64 - 1, 5).await, [total as u64]);
    assert_eq!(read(0, usize::MAX).await.len(), PAGE_MAX);

    let read_all = |after, limit| async move { positions(&store.read_all(after, limit).await.expect("reads")) };
    assert_eq!(read_all(0, 2).await, [1, 2]);
    assert_eq!(read_all(total as u64, 5).await, [total as u64 + 1]);
    assert_eq!(read_all(1, usize::MAX).await.len(), PAGE_MAX);
}

/// Where there is nothing, a read is empty and no fault.
pub async fn reads_of_nothing_are_empty(store: &Arc<dyn EventStore>) {
    let stream = fresh_stream();
    assert_eq!(store.read_all(0, 10).await, Ok(vec![]));
    assert_eq!(store.read(stream, 0, 10).await, Ok(vec![]));
    committed(store.append(append(stream, 0, vec![unkeyed("a")])).await);
    assert_eq!(store.read(fresh_stream(), 0, 10).await, Ok(vec![]));
    for after in [1, 2, u64::MAX] {
        assert_eq!(store.read(stream, after, 10).await, Ok(vec![]), "after {after}");
        assert_eq!(store.read_all(after, 10).await, Ok(vec![]), "after {after}");
    }
    assert_eq!(store.read(stream, 0, 0).await, Ok(vec![]));
    assert_eq!(store.read_all(0, 0).await, Ok(vec![]));
}

/// Whoever is answered finds the head there already; whoever waits on it is woken.
pub async fn the_head_rises_with_every_commit(store: &Arc<dyn EventStore>) {
    let mut head = store.head();
    assert_eq!(*head.borrow_and_update(), 0);
    let stream = fresh_stream();
    for version in 0..3 {
        let events = committed(store.append(append(stream, version, vec![unkeyed("a")])).await);
        assert_eq!(*store.head().borrow(), events[0].position);
        head.changed().await.expect("the log is open");
        assert_eq!(*head.borrow_and_update(), events[0].position);
    }
    store.append(append(stream, 0, vec![unkeyed("stale")])).await.expect("the log answers");
    assert_eq!(*head.borrow(), 3);
}

/// Whatever breaks a limit is refused as a whole, and the stream goes on as if it had never come.
pub async fn what_breaks_a_limit_is_malformed_and_leaves_no_trace(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    let of = |events: Vec<NewEvent>| vec![AppendItem { key: None, events }];
    let sized = |bytes: usize| NewEvent { data: vec![b'x'; bytes], ..event("") };
    let many = |count: usize| of((0..count).map(|_| sized(NewEvent::DATA_BYTES_MAX)).collect());
    let broken = [
        vec![],
        of(vec![]),
        (0..=Append::ITEMS_MAX).map(|_| unkeyed("x")).collect(),
        of((0..=AppendItem::EVENTS_MAX).map(|_| event("x")).collect()),
        of(vec![sized(NewEvent::DATA_BYTES_MAX + 1)]),
        many(Append::DATA_BYTES_MAX / NewEvent::DATA_BYTES_MAX + 1),
        of(vec![NewEvent { traceparent: Some("0".repeat(NewEvent::TRACEPARENT_BYTES_MAX + 1)), ..event("") }]),
        vec![keyed(key, "a"), keyed(key, "a")],
    ];
    for (place, items) in broken.into_iter().enumerate() {
        let answer = store.append(append(stream, 0, items)).await;
        assert_eq!(answer, Err(AppendFailure::Malformed), "case {place}");
    }
    assert_eq!((whole_log(store).await.len(), store.first_answer(key).await), (0, Ok(None)));
    let largest = many(Append::DATA_BYTES_MAX / NewEvent::DATA_BYTES_MAX);
    let most = (0..Append::ITEMS_MAX).map(|_| keyed(fresh_key(), "x")).collect();
    assert_eq!(committed(store.append(append(stream, 0, largest)).await).len(), Append::ITEMS_MAX);
    assert_eq!(committed(store.append(append(stream, 64, most)).await).len(), Append::ITEMS_MAX);
}

/// Times of recording rise with positions or stand still.
pub async fn time_of_recording_never_goes_back(store: &Arc<dyn EventStore>) {
    write_concurrently(store, 8, |_| fresh_stream()).await;
    let events = whole_log(store).await;
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
}
