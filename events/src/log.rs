//! The vocabulary of the log: streams, envelopes, appends and their answers; the chain of hashes.
//!
//! Event stores implement it, the aggregate shell speaks it. No I/O here.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr, sync::Arc};
use uuid::Uuid;

use crate::{AccountId, Actor, CommandKey, ConversationId, RequestId, RideId, Timestamp};

/// The kinds of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named after its aggregate")]
pub enum StreamKind {
    Account,
    Conversation,
    Marks,
    Request,
    Ride,
}

impl StreamKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Account, Self::Conversation, Self::Marks, Self::Request, Self::Ride];

    /// The first half of a stream's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Conversation => "conversation",
            Self::Marks => "marks",
            Self::Request => "request",
            Self::Ride => "ride",
        }
    }
}

/// A stream: one aggregate's events, versions dense from 1. Written `kind-uuid`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId {
    /// What it is the stream of.
    pub kind: StreamKind,
    /// The aggregate's id.
    pub id: Uuid,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.name(), self.id)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What names no stream.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a stream's name such as ride-0190…")]
pub struct NotAStream;

impl FromStr for StreamId {
    type Err = NotAStream;
    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let (kind, id) = text.split_once('-').ok_or(NotAStream)?;
        let kind = StreamKind::ALL.into_iter().find(|known| known.name() == kind).ok_or(NotAStream)?;
        Ok(Self { kind, id: Uuid::try_parse(id).map_err(|_| NotAStream)? })
    }
}

impl TryFrom<String> for StreamId {
    type Error = NotAStream;
    fn try_from(text: String) -> Result<Self, NotAStream> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> Self {
        stream.to_string()
    }
}

macro_rules! stream_of {
    ($($id:ident => $kind:ident),+ $(,)?) => {$(
        impl From<$id> for StreamId {
            fn from(id: $id) -> Self {
                Self { kind: StreamKind::$kind, id: id.0 }
            }
        }
    )+};
}

stream_of! { ConversationId => Conversation, RequestId => Request, RideId => Ride }

impl StreamId {
    /// The stream of a person's account.
    pub fn account(account: AccountId) -> Self {
        Self { kind: StreamKind::Account, id: account.0 }
    }

    /// The stream of a person's read marks.
    pub fn marks(account: AccountId) -> Self {
        Self { kind: StreamKind::Marks, id: account.0 }
    }
}

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

/// A keyed digest of a command's body, so that a key which comes back with another body is noticed.
/// It is an HMAC with a secret key of the person, since commands hold text that could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// The client's key of a command, and what is needed to recognise the same command again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyedCommand {
    /// Whose key it is; keys are unique per account.
    pub account: AccountId,
    /// The key.
    pub key: CommandKey,
    /// Digest of the command's body.
    pub fingerprint: Fingerprint,
}

/// The events of one command.
#[derive(Clone, Debug)]
pub struct AppendItem {
    /// The command's key; commands of the platform itself have none, they are idempotent by their content.
    pub key: Option<KeyedCommand>,
    /// At least one and at most [`AppendItem::EVENTS_MAX`] events.
    pub events: Vec<NewEvent>,
}

impl AppendItem {
    /// The most events that one command may make.
    pub const EVENTS_MAX: usize = 256;
}

impl NewEvent {
    /// The longest [`NewEvent::data`], in bytes. So many bytes in every item of an append still fit it.
    pub const DATA_BYTES_MAX: usize = 64 * 1024;
    /// The longest [`NewEvent::traceparent`], in bytes; W3C's own is 55.
    pub const TRACEPARENT_BYTES_MAX: usize = 128;
}

/// Events for one stream: the items of commands that were decided one after the other on the same state.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The stream's version that the first item was decided on; 0 for a new stream.
    pub expected_version: u64,
    /// 1 to [`Append::ITEMS_MAX`] items.
    pub items: Vec<AppendItem>,
}

impl Append {
    /// The most items in one append.
    pub const ITEMS_MAX: usize = 64;
    /// The most bytes of [`NewEvent::data`] in one append.
    pub const DATA_BYTES_MAX: usize = Self::ITEMS_MAX * NewEvent::DATA_BYTES_MAX;

    /// Bytes of [`NewEvent::data`] in all its events.
    pub fn data_bytes(&self) -> usize {
        self.items.iter().flat_map(|item| &item.events).map(|event| event.data.len()).sum()
    }

    /// Whether it keeps every limit, no item is empty, and no key comes twice in it. A store answers any other append
    /// with [`AppendFailure::Malformed`].
    pub fn is_well_formed(&self) -> bool {
        let event_fits = |event: &NewEvent| {
            event.data.len() <= NewEvent::DATA_BYTES_MAX
                && event.traceparent.as_ref().is_none_or(|text| text.len() <= NewEvent::TRACEPARENT_BYTES_MAX)
        };
        let item_fits = |item: &AppendItem| {
            (1..=AppendItem::EVENTS_MAX).contains(&item.events.len()) && item.events.iter().all(event_fits)
        };
        let key_of = |item: &AppendItem| item.key.map(|keyed| (keyed.account, keyed.key));
        let comes_again = |(place, item): (usize, &AppendItem)| {
            item.key.is_some() && self.items[..place].iter().any(|before| key_of(before) == key_of(item))
        };
        (1..=Self::ITEMS_MAX).contains(&self.items.len())
            && self.items.iter().all(item_fits)
            && self.data_bytes() <= Self::DATA_BYTES_MAX
            && !self.items.iter().enumerate().any(comes_again)
    }
}

/// What the store says of one item. An append is all or nothing: when any item is a duplicate, the items beside it
/// answer [`ItemAnswer::Conflict`], because they were decided on a state that counted the duplicate twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemAnswer {
    /// On disk.
    Committed(Vec<Arc<Envelope>>),
    /// The key was committed before; nothing was appended.
    Duplicate(FirstAnswer),
    /// The stream is not at the expected version, or the item stood beside a duplicate; nothing was appended.
    Conflict {
        /// The stream's version now.
        actual: u64,
    },
}

/// What a key committed when it came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Where: the stream of the first command.
    pub stream: StreamId,
    /// Version of the last event that it made.
    pub version: u64,
    /// Position of that event.
    pub position: u64,
    /// The body that came with it.
    pub fingerprint: Fingerprint,
}

/// Why an append has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendFailure {
    /// Nothing was appended; the same may be tried again.
    #[error("the log cannot take more at present")]
    Unavailable,
    /// Nothing was appended, nor will it ever be: see [`Append::is_well_formed`]. Whoever asked has a bug.
    #[error("the append is empty, breaks a limit or holds a key twice")]
    Malformed,
    /// It may have been appended or not. Whoever decided on it must rebuild from the log.
    #[error("the outcome of the append is unknown")]
    Unknown,
}
