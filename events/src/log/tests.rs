//! Names of streams, and the limits of an append.

use uuid::Uuid;

use super::*;
use crate::testing::{ANNA, by, key, now};

#[test]
fn a_stream_reads_back_as_it_was_written() {
    for kind in StreamKind::ALL {
        let stream = StreamId { kind, id: Uuid::from_u128(7) };
        assert_eq!(stream.to_string().parse(), Ok(stream));
    }
    for text in ["", "ride", "ride-", "ride-7", "rides-00000000-0000-0000-0000-000000000007", "-"] {
        assert_eq!(text.parse::<StreamId>(), Err(NotAStream), "{text}");
    }
}

fn event() -> NewEvent {
    NewEvent {
        event_id: Uuid::nil(),
        event_type: "RideDeparted",
        schema_version: 1,
        occurred_at: now(),
        actor: by(ANNA),
        key: None,
        correlation_id: Uuid::nil(),
        causation_id: Uuid::nil(),
        traceparent: None,
        data: b"{}".to_vec(),
    }
}

fn append(items: Vec<AppendItem>) -> Append {
    Append { stream: StreamId::account(ANNA), expected_version: 0, items }
}

fn items(items: usize, events: usize) -> Append {
    append(vec![AppendItem { key: None, events: vec![event(); events] }; items])
}

#[test]
fn an_append_keeps_its_limits() {
    assert!(items(1, 1).is_well_formed());
    assert!(items(Append::ITEMS_MAX, 1).is_well_formed());
    assert!(items(1, AppendItem::EVENTS_MAX).is_well_formed());
    assert!(!items(0, 0).is_well_formed());
    assert!(!items(1, 0).is_well_formed());
    assert!(!items(Append::ITEMS_MAX + 1, 1).is_well_formed());
    assert!(!items(1, AppendItem::EVENTS_MAX + 1).is_well_formed());
    let of = |data: usize, trace: usize| {
        let traceparent = Some("t".repeat(trace));
        append(vec![AppendItem { key: None, events: vec![NewEvent { data: vec![0; data], traceparent, ..event() }] }])
    };
    assert!(of(NewEvent::DATA_BYTES_MAX, NewEvent::TRACEPARENT_BYTES_MAX).is_well_formed());
    assert!(!of(NewEvent::DATA_BYTES_MAX + 1, 0).is_well_formed());
    assert!(!of(0, NewEvent::TRACEPARENT_BYTES_MAX + 1).is_well_formed());
    let traced = |text: &str| {
        let traceparent = Some(text.to_owned());
        append(vec![AppendItem { key: None, events: vec![NewEvent { traceparent, ..event() }] }])
    };
    assert!(traced("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").is_well_formed());
    assert!(!traced("0\0").is_well_formed());
    assert!(!traced("é").is_well_formed());
}

#[test]
fn a_key_comes_once_in_an_append_and_in_each_of_its_events() {
    let keyed = |number, body| KeyedCommand { account: ANNA, key: key(number), fingerprint: Fingerprint([body; 16]) };
    let borne = |number| NewEvent { key: Some(key(number)), ..event() };
    let item = |number, body| AppendItem { key: Some(keyed(number, body)), events: vec![borne(number)] };
    assert!(append(vec![item(1, 1), item(2, 1)]).is_well_formed());
    assert!(!append(vec![item(1, 1), item(2, 1), item(1, 2)]).is_well_formed());
    for events in [vec![borne(1), event()], vec![borne(1), borne(2)]] {
        assert!(!append(vec![AppendItem { key: Some(keyed(1, 1)), events }]).is_well_formed());
    }
}
