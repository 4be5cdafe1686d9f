//! Any event of any aggregate, decoded, with where and when it happened: what projections and policies read.

use crate::account::AccountEvent;
use crate::aggregate::{EventData, UnreadableEvent};
use crate::conversation::ConversationEvent;
use crate::marks::MarksEvent;
use crate::request::RequestEvent;
use crate::ride::RideEvent;
use crate::{Actor, Envelope, StreamId, StreamKind, Timestamp};

/// Any event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its aggregate")]
pub enum DomainEvent {
    Account(AccountEvent),
    Conversation(ConversationEvent),
    Marks(MarksEvent),
    Request(RequestEvent),
    Ride(RideEvent),
}

impl DomainEvent {
    /// Reads the event in `envelope`.
    pub fn read(envelope: &Envelope) -> Result<Self, UnreadableEvent> {
        let (name, version, data) = (envelope.event_type.as_str(), envelope.schema_version, envelope.data.as_slice());
        Ok(match envelope.stream.kind {
            StreamKind::Account => Self::Account(AccountEvent::from_json(name, version, data)?),
            StreamKind::Conversation => Self::Conversation(ConversationEvent::from_json(name, version, data)?),
            StreamKind::Marks => Self::Marks(MarksEvent::from_json(name, version, data)?),
            StreamKind::Request => Self::Request(RequestEvent::from_json(name, version, data)?),
            StreamKind::Ride => Self::Ride(RideEvent::from_json(name, version, data)?),
        })
    }
}

/// An event with what projections and policies need of its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The aggregate it belongs to.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: u64,
    /// Its place in the log.
    pub position: u64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: DomainEvent,
}

impl Recorded {
    /// Reads `envelope`.
    pub fn read(envelope: &Envelope) -> Result<Self, UnreadableEvent> {
        Ok(Self {
            stream: envelope.stream,
            version: envelope.version,
            position: envelope.position,
            occurred_at: envelope.occurred_at,
            actor: envelope.actor,
            event: DomainEvent::read(envelope)?,
        })
    }
}
