//! Committed events as they are passed on: every field of the envelope, and `data` byte for byte.
//!
//! For `#[serde(with)]`. What is not a run of one stream, without a gap, is not read.

use palabre_events::log::Hash;
use palabre_events::{Actor, CommandKey, Envelope, StreamId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

pub(super) fn serialize<S: Serializer>(events: &[Arc<Envelope>], serializer: S) -> Result<S::Ok, S::Error> {
    let passed = events.iter().map(|envelope| Passed::of(envelope)).collect::<Result<Vec<_>, _>>();
    passed.map_err(ser::Error::custom)?.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<Envelope>>, D::Error> {
    let passed = Vec::<Passed<'de>>::deserialize(deserializer)?;
    let events: Vec<_> = passed.into_iter().map(|passed| Arc::new(passed.into_envelope())).collect();
    let first = events.first().ok_or_else(|| de::Error::custom("no events"))?;
    let follows =
        |(envelope, version): (&Arc<Envelope>, u64)| envelope.stream == first.stream && envelope.version == version;
    if !events.iter().zip(first.version..).all(follows) {
        return Err(de::Error::custom("events that do not follow each other in one stream"));
    }
    Ok(events)
}

/// An envelope on its way.
#[derive(Serialize, Deserialize)]
struct Passed<'a> {
    id: Uuid,
    stream: StreamId,
    version: u64,
    position: u64,
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    v: u16,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    actor: Actor,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    key: Option<CommandKey>,
    correlation: Uuid,
    causation: Uuid,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    traceparent: Option<String>,
    hash: [u8; 32],
    #[serde(borrow)]
    data: &'a RawValue,
}

impl<'a> Passed<'a> {
    /// An error when its data are no JSON, which the log would not have taken.
    fn of(envelope: &'a Envelope) -> serde_json::Result<Self> {
        Ok(Self {
            id: envelope.event_id,
            stream: envelope.stream,
            version: envelope.version,
            position: envelope.position,
            event_type: Cow::Borrowed(&envelope.event_type),
            v: envelope.schema_version,
            occurred_at: envelope.occurred_at,
            recorded_at: envelope.recorded_at,
            actor: envelope.actor,
            key: envelope.key,
            correlation: envelope.correlation_id,
            causation: envelope.causation_id,
            traceparent: envelope.traceparent.clone(),
            hash: envelope.hash.0,
            data: serde_json::from_slice(&envelope.data)?,
        })
    }

    fn into_envelope(self) -> Envelope {
        Envelope {
            event_id: self.id,
            stream: self.stream,
            version: self.version,
            position: self.position,
            event_type: self.event_type.into_owned(),
            schema_version: self.v,
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            actor: self.actor,
            key: self.key,
            correlation_id: self.correlation,
            causation_id: self.causation,
            traceparent: self.traceparent,
            data: self.data.get().as_bytes().to_vec(),
            hash: Hash(self.hash),
        }
    }
}
