//! Rules of writing: versions, conflicts, keys, limits, and writers at the same time.

use futures_util::future::join_all;
use palabre_events::log::{Append, AppendFailure, AppendItem, Fingerprint, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, NewEvent};
use std::sync::Arc;

use super::{
    EventStore, append, committed, event, expect_first, fresh_key, fresh_stream, keyed, keyed_events, unkeyed,
    versions, whole_log, whole_stream, write_concurrently,
};

/// Versions count from 1 in each stream; positions rise through the log, from 1 and by 1 where they are dense.
pub async fn versions_are_dense_and_positions_rise(store: &Arc<dyn EventStore>) {
    let (one, other) = (fresh_stream(), fresh_stream());
    let first = committed(store.append(append(one, 0, vec![unkeyed("a"), unkeyed("b")])).await);
    let second = committed(store.append(append(other, 0, vec![unkeyed("c")])).await);
    let two_events = AppendItem { key: None, events: vec![event("d"), event("e")] };
    let third = committed(store.append(append(one, 2, vec![two_events])).await);
    assert_eq!((versions(&first), versions(&second), versions(&third)), (vec![1, 2], vec![1], vec![3, 4]));
    let whole = [first.clone(), second.clone(), third.clone()].concat();
    expect_first(store, &whole);
    assert_eq!(whole_log(store).await, whole);
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
    assert_eq!(store.first_answer(stream, key).await, Ok(None));
    let two_events = keyed_events(key, &["a", "b"]);
    let events = committed(store.append(append(stream, 0, vec![two_events, unkeyed("c")])).await);
    let first = FirstAnswer { stream, version: 2, position: events[1].position, fingerprint: key.fingerprint };
    let elsewhere = store.rules_span_streams().then(|| (fresh_stream(), 0));
    for (stream, expected) in [(stream, 0), (stream, 3)].into_iter().chain(elsewhere) {
        let answer = store.append(append(stream, expected, vec![keyed(key, "a")])).await;
        assert_eq!(answer, Ok(vec![ItemAnswer::Duplicate(first)]), "expected {expected}");
    }
    assert_eq!(store.first_answer(stream, key).await, Ok(Some(first)));
    assert_eq!(whole_log(store).await.len(), 3);
}

/// The log does not judge fingerprints; it tells the first one.
pub async fn another_body_under_a_known_key_gets_the_first_answer_with_its_fingerprint(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    let events = committed(store.append(append(stream, 0, vec![keyed(key, "a")])).await);
    let other_body = KeyedCommand { fingerprint: Fingerprint([8; 16]), ..key };
    let first = FirstAnswer { stream, version: 1, position: events[0].position, fingerprint: key.fingerprint };
    let answer = store.append(append(stream, 1, vec![keyed(other_body, "b")])).await;
    assert_eq!(answer, Ok(vec![ItemAnswer::Duplicate(first)]));
    assert_eq!(store.first_answer(stream, other_body).await, Ok(Some(first)));
}

/// Two accounts may use the same key.
pub async fn keys_are_unique_per_account(store: &Arc<dyn EventStore>) {
    let (stream, anna) = (fresh_stream(), fresh_key());
    let ben = KeyedCommand { account: fresh_key().account, ..anna };
    committed(store.append(append(stream, 0, vec![keyed(anna, "a"), keyed(ben, "b")])).await);
    assert_eq!(store.first_answer(stream, anna).await.expect("reads").map(|first| first.version), Some(1));
    assert_eq!(store.first_answer(stream, ben).await.expect("reads").map(|first| first.version), Some(2));
}

/// What was decided together with a repeat counted it twice, so none of it is written.
pub async fn a_known_key_keeps_out_what_stands_beside_it(store: &Arc<dyn EventStore>) {
    let (stream, known, new) = (fresh_stream(), fresh_key(), fresh_key());
    let events = committed(store.append(append(stream, 0, vec![keyed(known, "a")])).await);
    let items = vec![keyed(new, "b"), keyed(known, "a"), unkeyed("c")];
    let first = FirstAnswer { stream, version: 1, position: events[0].position, fingerprint: known.fingerprint };
    let conflict = ItemAnswer::Conflict { actual: 1 };
    let answer = store.append(append(stream, 1, items)).await;
    assert_eq!(answer, Ok(vec![conflict.clone(), ItemAnswer::Duplicate(first), conflict]));
    assert_eq!(store.first_answer(stream, new).await, Ok(None), "an item that was not written leaves its key free");
    committed(store.append(append(stream, 1, vec![keyed(new, "b")])).await);
    assert_eq!(whole_log(store).await.len(), 2);
}

/// A refused append leaves neither events nor keys, and the next one stands where it would have stood.
pub async fn an_append_is_all_or_nothing(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    let refused = store.append(append(stream, 4, vec![keyed(key, "a"), unkeyed("b")])).await;
    assert_eq!(refused, Ok(vec![ItemAnswer::Conflict { actual: 0 }; 2]));
    assert_eq!((whole_log(store).await.len(), store.first_answer(stream, key).await), (0, Ok(None)));
    let events = committed(store.append(append(stream, 0, vec![keyed(key, "a"), unkeyed("b")])).await);
    assert_eq!(versions(&events), [1, 2]);
    expect_first(store, &events);
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

/// The same command sent many times at once is committed once: also to different streams, where a key is unique over all
/// of them.
pub async fn one_key_from_many_writers_is_committed_once(store: &Arc<dyn EventStore>) {
    let (stream, key) = (fresh_stream(), fresh_key());
    let stream = || if store.rules_span_streams() { fresh_stream() } else { stream };
    let sending = (0..16).map(|_| store.append(append(stream(), 0, vec![keyed(key, "a")])));
    let answers: Vec<_> = join_all(sending).await.into_iter().map(|answer| answer.expect("the log takes it")).collect();
    let events = whole_log(store).await;
    assert_eq!(events.len(), 1);
    let (stream, position) = (events[0].stream, events[0].position);
    let first = FirstAnswer { stream, version: 1, position, fingerprint: key.fingerprint };
    let repeats = answers.iter().filter(|answer| **answer == [ItemAnswer::Duplicate(first)]).count();
    assert_eq!((repeats, answers.contains(&vec![ItemAnswer::Committed(events)])), (15, true));
}

/// Many appends in one call: each has its own answer, in order, and a refused one does not touch the others.
pub async fn many_appends_go_in_as_one(store: &Arc<dyn EventStore>) {
    let (one, other, key) = (fresh_stream(), fresh_stream(), fresh_key());
    let nothing = append(other, 0, vec![]);
    let again = if store.rules_span_streams() { other } else { one };
    let appends = vec![
        append(one, 0, vec![keyed(key, "a")]),
        append(one, 1, vec![unkeyed("b")]),
        append(one, 1, vec![unkeyed("stale")]),
        nothing,
        append(again, 0, vec![keyed(key, "repeat")]),
        append(other, 0, vec![unkeyed("c")]),
    ];
    let answers = store.append_many(appends).await;
    let (ones, others) = (whole_stream(store, one).await, whole_stream(store, other).await);
    let (stream, position) = (one, ones[0].position);
    let first = FirstAnswer { stream, version: 1, position, fingerprint: key.fingerprint };
    let committed = |event: &Arc<Envelope>| Ok(vec![ItemAnswer::Committed(vec![event.clone()])]);
    assert_eq!(
        answers,
        [
            committed(&ones[0]),
            committed(&ones[1]),
            Ok(vec![ItemAnswer::Conflict { actual: 2 }]),
            Err(AppendFailure::Malformed),
            Ok(vec![ItemAnswer::Duplicate(first)]),
            committed(&others[0]),
        ]
    );
    let whole = whole_log(store).await;
    expect_first(store, &whole);
    assert_eq!((whole.len(), ones.len(), others.len()), (3, 2, 1));
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
        of(vec![NewEvent { traceparent: Some("0\0".to_owned()), ..event("") }]),
        vec![keyed(key, "a"), keyed(key, "a")],
        vec![AppendItem { key: Some(key), events: vec![event("without it")] }],
    ];
    for (place, items) in broken.into_iter().enumerate() {
        let answer = store.append(append(stream, 0, items)).await;
        assert_eq!(answer, Err(AppendFailure::Malformed), "case {place}");
    }
    assert_eq!((whole_log(store).await.len(), store.first_answer(stream, key).await), (0, Ok(None)));
    let largest = many(Append::DATA_BYTES_MAX / NewEvent::DATA_BYTES_MAX);
    let most = (0..Append::ITEMS_MAX).map(|_| keyed(fresh_key(), "x")).collect();
    assert_eq!(committed(store.append(append(stream, 0, largest)).await).len(), Append::ITEMS_MAX);
    assert_eq!(committed(store.append(append(stream, 64, most)).await).len(), Append::ITEMS_MAX);
}
