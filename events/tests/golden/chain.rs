//! Vectors of the chain of hashes, `chain.json`, for whoever verifies a log in another language.
//!
//! Each has every field of the envelope as text, the exact data, the bytes that are hashed, and the hash.

use palabre_events::log::{Hash, NewEvent};
use palabre_events::testing::{ANNA, DORA, RIDE, at, by, key};
use palabre_events::{Actor, Envelope, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::golden_text;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vector {
    event_id: Uuid,
    stream: String,
    version: u64,
    #[serde(rename = "type")]
    event_type: String,
    schema_version: u16,
    occurred_at: String,
    recorded_at: String,
    actor: String,
    key: Option<Uuid>,
    correlation_id: Uuid,
    causation_id: Uuid,
    traceparent: Option<String>,
    data: String,
    previous_hash: String,
    /// What is hashed after the previous hash, in hexadecimal.
    hashed: String,
    hash: String,
}

/// Three events of one ride: with key and trace, without either, and with data that is not ASCII.
fn events() -> [NewEvent; 3] {
    let first = NewEvent {
        event_id: Uuid::from_u128(0x0190_a4b2_5a6e_7c31_8d1f_0000_0000_0001),
        event_type: "RideOffered",
        schema_version: 1,
        occurred_at: at("2027-01-03T12:00:00.000Z"),
        actor: by(DORA),
        key: Some(key(1)),
        correlation_id: Uuid::from_u128(0x0190_a4b2_5a6e_7c31_8d1f_0000_0000_0009),
        causation_id: Uuid::from_u128(0x0190_a4b2_5a6e_7c31_8d1f_0000_0000_0001),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        data: br#"{"seats":3}"#.to_vec(),
    };
    let second = NewEvent {
        event_id: Uuid::from_u128(0x0190_a4b2_5a6e_7c31_8d1f_0000_0000_0002),
        event_type: "RideDeparted",
        schema_version: 2,
        occurred_at: at("2027-01-04T08:00:00.007Z"),
        actor: Actor::System,
        key: None,
        traceparent: None,
        data: b"{}".to_vec(),
        ..first
    };
    let third = NewEvent {
        event_id: Uuid::from_u128(0x0190_a4b2_5a6e_7c31_8d1f_0000_0000_0003),
        event_type: "PassengerNoShow",
        schema_version: 1,
        occurred_at: at("2027-01-04T10:00:00.000Z"),
        actor: by(ANNA),
        data: r#"{"town":"Épinay-sur-Seine"}"#.as_bytes().to_vec(),
        ..second.clone()
    };
    [first, second, third]
}

fn chained() -> Vec<(Hash, Envelope)> {
    let mut previous = Hash::START;
    let chain = |(version, new): (u64, NewEvent)| {
        let recorded_at = new.occurred_at.plus_seconds(1);
        let envelope = Envelope::chained(new, StreamId::from(RIDE), version, 4_700 + version, recorded_at, &previous);
        (std::mem::replace(&mut previous, envelope.hash), envelope)
    };
    (1..).zip(events()).map(chain).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes after the previous hash, put together by the words of the specification and not by the program's code.
fn hashed(event: &Envelope) -> Vec<u8> {
    let fields: [Vec<u8>; 13] = [
        event.event_id.as_bytes().to_vec(),
        event.stream.to_string().into_bytes(),
        event.version.to_be_bytes().to_vec(),
        event.event_type.clone().into_bytes(),
        event.schema_version.to_be_bytes().to_vec(),
        event.occurred_at.to_string().into_bytes(),
        event.recorded_at.to_string().into_bytes(),
        event.actor.to_string().into_bytes(),
        event.key.map_or_else(Vec::new, |key| key.0.as_bytes().to_vec()),
        event.correlation_id.as_bytes().to_vec(),
        event.causation_id.as_bytes().to_vec(),
        event.traceparent.clone().unwrap_or_default().into_bytes(),
        event.data.clone(),
    ];
    let with_length = |field: &Vec<u8>| [&(field.len() as u32).to_be_bytes()[..], field].concat();
    fields.iter().flat_map(with_length).collect()
}

fn vector((previous, event): &(Hash, Envelope)) -> Vector {
    Vector {
        event_id: event.event_id,
        stream: event.stream.to_string(),
        version: event.version,
        event_type: event.event_type.clone(),
        schema_version: event.schema_version,
        occurred_at: event.occurred_at.to_string(),
        recorded_at: event.recorded_at.to_string(),
        actor: event.actor.to_string(),
        key: event.key.map(|key| key.0),
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        traceparent: event.traceparent.clone(),
        data: String::from_utf8(event.data.clone()).expect("JSON is UTF-8"),
        previous_hash: previous.to_string(),
        hashed: hexadecimal(&hashed(event)),
        hash: event.hash.to_string(),
    }
}

fn vectors() -> Vec<Vector> {
    let write = || {
        let vectors: Vec<Vector> = chained().iter().map(vector).collect();
        serde_json::to_string_pretty(&vectors).expect("vectors are plain data") + "\n"
    };
    serde_json::from_str(&golden_text("chain.json", write)).expect("the vectors are JSON")
}

#[test]
fn the_chain_comes_out_as_published() {
    let computed: Vec<Vector> = chained().iter().map(vector).collect();
    assert_eq!(vectors(), computed);
}

#[test]
fn the_published_bytes_hash_to_the_published_hashes() {
    use sha2::{Digest, Sha256};
    let bytes = |text: &str| -> Vec<u8> {
        let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(pair).collect()
    };
    for vector in vectors() {
        let all = [bytes(&vector.previous_hash), bytes(&vector.hashed)].concat();
        assert_eq!(hexadecimal(&Sha256::digest(all)), vector.hash);
    }
}

#[test]
fn every_field_but_the_position_is_proved() {
    let (previous, event) = chained().remove(0);
    let changes: [fn(&mut Envelope); 14] = [
        |event| event.event_id = Uuid::nil(),
        |event| event.stream = StreamId::from(palabre_events::testing::REQUEST),
        |event| event.version += 1,
        |event| event.event_type.push('x'),
        |event| event.schema_version += 1,
        |event| event.occurred_at = event.occurred_at.plus_seconds(1),
        |event| event.recorded_at = event.recorded_at.plus_seconds(1),
        |event| event.actor = Actor::Operator,
        |event| event.key = None,
        |event| event.correlation_id = Uuid::nil(),
        |event| event.causation_id = Uuid::nil(),
        |event| event.traceparent = None,
        |event| event.data[1] ^= 1,
        // Moving a byte from one field into the next is seen, since each is hashed with its length.
        |event| event.data.insert(0, event.traceparent.as_mut().and_then(String::pop).map_or(0, |last| last as u8)),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = event.clone();
        change(&mut changed);
        assert_ne!(changed.chained_hash(&previous), event.hash, "change {number}");
    }
    let mut moved = event.clone();
    moved.position += 1;
    assert_eq!(moved.chained_hash(&previous), event.hash);
    assert_ne!(event.chained_hash(&event.hash), event.hash, "the previous hash counts");
}
