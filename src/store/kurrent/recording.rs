//! An envelope as an event of the server, and back: data byte for byte, everything else in the event's metadata.
//!
//! The server gives the position. The last event of a command with a key also carries what recognises the command.

use bytes::Bytes;
use eventstore::{EventData, RecordedEvent};
use palabre_events::log::{Fingerprint, Hash, KeyedCommand};
use palabre_events::{AccountId, Actor, CommandKey, Envelope, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

use crate::store::found::Found;

/// The metadata. Names with `$` are those by which the server's own tools follow causes.
#[derive(Serialize, Deserialize)]
struct Metadata {
    #[serde(rename = "$correlationId")]
    correlation_id: Uuid,
    #[serde(rename = "$causationId")]
    causation_id: Uuid,
    schema_version: u16,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    actor: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<CommandKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    hash: Hex<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<Command>,
}

/// What recognises a command.
#[derive(Serialize, Deserialize)]
struct Command {
    account: AccountId,
    key: CommandKey,
    fingerprint: Hex<16>,
}

/// Bytes, written in hexadecimal digits.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Hex<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> From<Hex<LENGTH>> for String {
    fn from(bytes: Hex<LENGTH>) -> Self {
        bytes.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<const LENGTH: usize> TryFrom<String> for Hex<LENGTH> {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "not as many hexadecimal digits as are due";
        if text.len() != 2 * LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong);
        }
        let mut bytes = [0; LENGTH];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| wrong)?;
        }
        Ok(Self(bytes))
    }
}

/// `envelope` for the server; `keyed` when it is the last event of a command with a key.
pub(super) fn written(envelope: &Envelope, keyed: Option<&KeyedCommand>) -> EventData {
    let metadata = Metadata {
        correlation_id: envelope.correlation_id,
        causation_id: envelope.causation_id,
        schema_version: envelope.schema_version,
        occurred_at: envelope.occurred_at,
        recorded_at: envelope.recorded_at,
        actor: envelope.actor,
        key: envelope.key,
        traceparent: envelope.traceparent.clone(),
        hash: Hex(envelope.hash.0),
        command: keyed.map(|keyed| Command {
            account: keyed.account,
            key: keyed.key,
            fingerprint: Hex(keyed.fingerprint.0),
        }),
    };
    let metadata = serde_json::to_vec(&metadata).expect("metadata are plain data");
    // Raw JSON is written out as it is, and the server's own page can then show it.
    let json = serde_json::from_slice::<&RawValue>(&envelope.data).ok();
    let json = json.filter(|raw| raw.get().as_bytes() == envelope.data);
    let data = json.and_then(|raw| EventData::json(&envelope.event_type, &raw).ok());
    data.unwrap_or_else(|| EventData::binary(&envelope.event_type, Bytes::copy_from_slice(&envelope.data)))
        .id(envelope.event_id)
        .metadata(metadata.into())
}

/// The event as it was written, or what cannot be right about it.
pub(super) fn found(event: &RecordedEvent) -> Result<Found, String> {
    let stream: StreamId = std::str::from_utf8(event.stream_id().as_bytes())
        .map_err(|_| "a stream's name is no text".to_owned())?
        .parse()
        .map_err(|wrong| format!("{wrong}"))?;
    let version = event.revision.saturating_add(1);
    let wrong = |why: String| format!("version {version} of {stream}: {why}");
    let metadata: Metadata =
        serde_json::from_slice(&event.custom_metadata).map_err(|error| wrong(format!("metadata: {error}")))?;
    let position = event.position.commit;
    if i64::try_from(position).is_err() {
        return Err(wrong("the server does not tell its position; it is too old".to_owned()));
    }
    let envelope = Envelope {
        event_id: event.id,
        stream,
        version,
        position,
        event_type: event.event_type.clone(),
        schema_version: metadata.schema_version,
        occurred_at: metadata.occurred_at,
        recorded_at: metadata.recorded_at,
        actor: metadata.actor,
        key: metadata.key,
        correlation_id: metadata.correlation_id,
        causation_id: metadata.causation_id,
        traceparent: metadata.traceparent,
        data: event.data.to_vec(),
        hash: Hash(metadata.hash.0),
    };
    let keyed = metadata.command.map(|command| KeyedCommand {
        account: command.account,
        key: command.key,
        fingerprint: Fingerprint(command.fingerprint.0),
    });
    Ok(Found { envelope: Arc::new(envelope), keyed })
}
