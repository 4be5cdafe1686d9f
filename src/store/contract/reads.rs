//! Rules of what is found again: the chain, the exact bytes, pages, the head and the times.

use palabre_events::log::{AppendItem, Hash};
use palabre_events::{AccountId, Actor, Envelope, NewEvent, StreamId, StreamKind, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

use super::{
    EventStore, PAGE_MAX, append, committed, event, fresh_key, fresh_stream, positions, unkeyed, versions, whole_log,
    whole_stream, write_concurrently,
};

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

    let whole = positions(&whole_log(store).await);
    assert_eq!(whole.len(), total + 1);
    let read_all = |after, limit| async move { positions(&store.read_all(after, limit).await.expect("reads")) };
    assert_eq!(read_all(0, 2).await, whole[..2]);
    assert_eq!(read_all(whole[total - 1], 5).await, whole[total..]);
    assert_eq!(read_all(whole[0], usize::MAX).await, whole[1..=PAGE_MAX]);
}

/// Where there is nothing, a read is empty and no fault.
pub async fn reads_of_nothing_are_empty(store: &Arc<dyn EventStore>) {
    let stream = fresh_stream();
    assert_eq!(store.read_all(0, 10).await, Ok(vec![]));
    assert_eq!(store.read(stream, 0, 10).await, Ok(vec![]));
    let position = committed(store.append(append(stream, 0, vec![unkeyed("a")])).await)[0].position;
    assert_eq!(store.read(fresh_stream(), 0, 10).await, Ok(vec![]));
    for after in [1, 2, u64::MAX] {
        assert_eq!(store.read(stream, after, 10).await, Ok(vec![]), "after {after}");
    }
    for after in [position, position + 1_000_000, u64::MAX] {
        assert_eq!(store.read_all(after, 10).await, Ok(vec![]), "after {after}");
    }
    assert_eq!(store.read(stream, 0, 0).await, Ok(vec![]));
    assert_eq!(store.read_all(0, 0).await, Ok(vec![]));
}

/// Whoever is answered finds the head there already; whoever waits on it is woken.
pub async fn the_head_rises_with_every_commit(store: &Arc<dyn EventStore>) {
    let mut head = store.head();
    let before = *head.borrow_and_update();
    assert!(before == 0 || !store.positions_are_dense(), "{before}");
    let (stream, mut last) = (fresh_stream(), 0);
    for version in 0..3 {
        let events = committed(store.append(append(stream, version, vec![unkeyed("a")])).await);
        assert_eq!(*store.head().borrow(), events[0].position);
        head.changed().await.expect("the log is open");
        last = events[0].position;
        assert_eq!(*head.borrow_and_update(), last);
    }
    store.append(append(stream, 0, vec![unkeyed("stale")])).await.expect("the log answers");
    assert_eq!(*head.borrow(), last);
}

/// Times of recording rise with positions or stand still: through the log, or at least through each stream.
pub async fn time_of_recording_never_goes_back(store: &Arc<dyn EventStore>) {
    let streams: Vec<_> = (0..4).map(|_| fresh_stream()).collect();
    write_concurrently(store, 8, |writer| streams[writer % streams.len()]).await;
    let mut sequences = vec![];
    for stream in streams {
        sequences.push(whole_stream(store, stream).await);
    }
    if store.rules_span_streams() {
        sequences.push(whole_log(store).await);
    }
    for events in sequences {
        assert!(events.is_sorted_by_key(|event| event.recorded_at));
    }
}

/// A position tells its event, and nothing where there is none.
pub async fn an_event_is_found_at_its_position(store: &Arc<dyn EventStore>) {
    assert_eq!(store.event_at(0).await, Ok(None));
    let stream = fresh_stream();
    for event in committed(store.append(append(stream, 0, vec![unkeyed("a"), unkeyed("b")])).await) {
        assert_eq!(store.event_at(event.position).await, Ok(Some(event)));
    }
    let beyond = *store.head().borrow() + 1_000_000;
    assert_eq!(store.event_at(beyond).await, Ok(None));
}
