//! What goes over the wire, in types of its own, apart from the stored events.
//!
//! [`Told`] is the one place that turns an event into what a viewer may see: it opens sealed texts and places, leaves out
//! those of erased people, gives the command's key to its author alone, and hides what a viewer may not see. The socket,
//! resuming and paging by HTTP all come through here. [`talk`], [`negotiation`] and [`booking`] hold the shapes of facts,
//! [`ephemeral`] what has no place in the log, [`answer`] what a command is told. Who may see what is for
//! [`super::roster`] to say.

pub mod answer;
pub mod booking;
pub mod ephemeral;
pub mod fact;
pub mod negotiation;
pub mod talk;
#[cfg(test)]
mod tests;

use bytestring::ByteString;
use palabre_events::aggregate::EventData;
use palabre_events::conversation::ConversationEvent;
use palabre_events::{AccountId, Actor, CommandKey, ConversationId, Envelope, Opener, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use super::roster::Roster;
pub use fact::Fact;

/// The version of the shapes in [`Fact`].
pub const SHAPES_VERSION: u16 = 1;

/// The vault does not answer, so what was said cannot be shown; try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vault does not answer")]
pub struct CannotShow;

/// An event of a conversation, as those who may see it are told it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Told {
    /// The conversation.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// Its place in the conversation, dense from 1.
    pub seq: u64,
    /// Its place in the log.
    pub position: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who did it: `person-UUID`, `system` or `operator`.
    #[schema(value_type = String)]
    pub by: Actor,
    /// What happened: `type` and `data`.
    #[serde(flatten)]
    pub fact: Fact,
    /// The version of the shape of `data`.
    pub v: u16,
    /// The key of the command that made it, for whoever gave the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub key: Option<CommandKey>,
}

/// Stands for an event that the viewer may not see, so that the sequence has no holes.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct Hidden {
    /// The conversation.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// The place of the event in it.
    pub seq: u64,
    /// Always `hidden`.
    #[serde(rename = "type")]
    pub kind: HiddenType,
}

/// An event of a conversation as a page of it has it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant holds the documented struct of its name")]
pub enum SeenEvent {
    Told(Box<Told>),
    Hidden(Hidden),
}

/// The type of [`Hidden`].
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "there is only one")]
pub enum HiddenType {
    Hidden,
}

impl Told {
    /// Opens the event in `envelope`; none when this program cannot read it, which is logged.
    pub fn open(envelope: &Envelope, opener: &dyn Opener) -> Result<Option<Self>, CannotShow> {
        let event = match ConversationEvent::from_json(&envelope.event_type, envelope.schema_version, &envelope.data) {
            Ok(event) => event,
            Err(unreadable) => {
                // A newer node may have written it. People see that there is something; nothing else stops.
                tracing::error!(stream = %envelope.stream, seq = envelope.version, %unreadable, "cannot show an event");
                return Ok(None);
            }
        };
        Ok(Some(Self {
            conversation: ConversationId(envelope.stream.id),
            seq: envelope.version,
            position: envelope.position,
            at: envelope.occurred_at,
            by: envelope.actor,
            fact: Fact::of(event, opener)?,
            v: SHAPES_VERSION,
            key: envelope.key,
        }))
    }

    /// Who alone is told the key.
    pub fn author(&self) -> Option<AccountId> {
        self.by.person()
    }

    /// The same for everybody else.
    #[must_use]
    pub fn without_key(self) -> Self {
        Self { key: None, ..self }
    }
}

impl Hidden {
    /// In place of the event in `envelope`.
    pub fn instead_of(envelope: &Envelope) -> Self {
        Self { conversation: ConversationId(envelope.stream.id), seq: envelope.version, kind: HiddenType::Hidden }
    }
}

/// The frame of the conversation event in `envelope` for `viewer`, by what `roster` says.
pub fn frame(
    envelope: &Envelope,
    viewer: AccountId,
    roster: &Roster,
    opener: &dyn Opener,
) -> Result<Box<RawValue>, CannotShow> {
    let told = if roster.sees(viewer, envelope.version) { Told::open(envelope, opener)? } else { None };
    Ok(match told {
        None => raw(&Hidden::instead_of(envelope)),
        Some(told) if told.author() == Some(viewer) => raw(&told),
        Some(told) => raw(&told.without_key()),
    })
}

/// Writes a frame to send.
pub fn text(frame: &impl Serialize) -> ByteString {
    serde_json::to_string(frame).expect("frames are plain data without maps of odd keys").into()
}

/// Writes a frame to put into another, or into the answer of a request.
fn raw(frame: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(frame).expect("frames are plain data without maps of odd keys")
}
