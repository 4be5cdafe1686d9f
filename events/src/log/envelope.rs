//! Events with what the log keeps around them, and the chain of hashes that proves them.

use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

use crate::{Actor, CommandKey, StreamId, Timestamp};

/// An event about to be appended. The store adds version, position, time of recording and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Unique to the event.
    pub event_id: Uuid,
    /// The event's type, such as `SeatsReserved`.
    pub event_type: &'static str,
    /// The version of the type's shape.
    pub schema_version: u16,
    /// When it happened, by the clock of the node that decided.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The client's key of the command, where there was one.
    pub key: Option<CommandKey>,
    /// Shared by everything that one first command led to.
    pub correlation_id: Uuid,
    /// The event that caused this one, or the command's own id.
    pub causation_id: Uuid,
    /// W3C trace context, where the command was traced.
    pub traceparent: Option<String>,
    /// The event as JSON: the exact bytes that are stored and hashed.
    pub data: Vec<u8>,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Unique to the event.
    pub event_id: Uuid,
    /// The aggregate it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, dense from 1.
    pub version: u64,
    /// Its place in the log, in commit order; dense from 1 on our own stores.
    pub position: u64,
    /// The event's type.
    pub event_type: String,
    /// The version of the type's shape.
    pub schema_version: u16,
    /// When it happened, by the clock of the node that decided.
    pub occurred_at: Timestamp,
    /// When the store took it.
    pub recorded_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The client's key of the command, where there was one.
    pub key: Option<CommandKey>,
    /// Shared by everything that one first command led to.
    pub correlation_id: Uuid,
    /// The event that caused this one, or the command's own id.
    pub causation_id: Uuid,
    /// W3C trace context, where the command was traced.
    pub traceparent: Option<String>,
    /// The event as JSON, byte for byte as it was hashed.
    pub data: Vec<u8>,
    /// SHA-256 over the stream's previous hash and this envelope; see [`Envelope::chained_hash`].
    pub hash: Hash,
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first event of a stream is chained to.
    pub const START: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Envelope {
    /// The envelope of `new` at a place in the log, chained to the stream's `previous` hash.
    pub fn chained(
        new: NewEvent,
        stream: StreamId,
        version: u64,
        position: u64,
        recorded_at: Timestamp,
        previous: &Hash,
    ) -> Self {
        let mut envelope = Self {
            event_id: new.event_id,
            stream,
            version,
            position,
            event_type: new.event_type.to_owned(),
            schema_version: new.schema_version,
            occurred_at: new.occurred_at,
            recorded_at,
            actor: new.actor,
            key: new.key,
            correlation_id: new.correlation_id,
            causation_id: new.causation_id,
            traceparent: new.traceparent,
            data: new.data,
            hash: Hash::START,
        };
        envelope.hash = envelope.chained_hash(previous);
        envelope
    }

    /// `SHA-256(previous ‖ fields)`, each field as its length in bytes (u32, big endian) and its bytes, in this order:
    /// `event_id` (16 bytes), `stream` (text), `version` (u64, big endian), `type` (text), `schema_version` (u16, big
    /// endian), `occurred_at` and `recorded_at` (text), `actor` (text), `key` (16 bytes, or none: length 0),
    /// `correlation_id`, `causation_id` (16 bytes), `traceparent` (text, or length 0), `data`.
    /// The position is left out, so that a copy of the log proves the same. Vectors: `docs/EVENTS.md`.
    pub fn chained_hash(&self, previous: &Hash) -> Hash {
        let mut sha = Sha256::new();
        sha.update(previous.0);
        let mut field = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).expect("a field of an event is far below 4 GiB");
            sha.update(length.to_be_bytes());
            sha.update(bytes);
        };
        field(self.event_id.as_bytes());
        field(self.stream.to_string().as_bytes());
        field(&self.version.to_be_bytes());
        field(self.event_type.as_bytes());
        field(&self.schema_version.to_be_bytes());
        field(self.occurred_at.to_string().as_bytes());
        field(self.recorded_at.to_string().as_bytes());
        field(self.actor.to_string().as_bytes());
        field(self.key.as_ref().map_or(&[][..], |key| key.0.as_bytes()));
        field(self.correlation_id.as_bytes());
        field(self.causation_id.as_bytes());
        field(self.traceparent.as_deref().unwrap_or_default().as_bytes());
        field(&self.data);
        Hash(sha.finalize().into())
    }
}
