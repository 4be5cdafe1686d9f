//! The facts of a conversation as viewers see them: one enum, tagged by `type`, with the shape in `data`.

use palabre_events::conversation::ConversationEvent;
use palabre_events::sealed::{CannotOpen, Sealable};
use palabre_events::{Opener, Sealed};
use serde::Serialize;

use super::CannotShow;
use super::booking::{BookingCancelled, BookingChanged, BookingConfirmed, BookingRefused, RideNoticed};
use super::negotiation::{
    ProposalAccepted, ProposalDeclined, ProposalExpired, ProposalMade, ProposalVoided, ProposalWithdrawn,
};
use super::talk::{
    ConversationOpened, MessageEdited, MessagePosted, MessageRetracted, ParticipantJoined, ParticipantLeft,
};

/// What happened in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant holds the documented struct of its name")]
pub enum Fact {
    ConversationOpened(ConversationOpened),
    MessagePosted(MessagePosted),
    MessageEdited(MessageEdited),
    MessageRetracted(MessageRetracted),
    ProposalMade(ProposalMade),
    ProposalAccepted(ProposalAccepted),
    ProposalDeclined(ProposalDeclined),
    ProposalWithdrawn(ProposalWithdrawn),
    ProposalExpired(ProposalExpired),
    ProposalVoided(ProposalVoided),
    BookingConfirmed(BookingConfirmed),
    BookingRefused(BookingRefused),
    BookingChanged(BookingChanged),
    BookingCancelled(BookingCancelled),
    RideNoticed(RideNoticed),
    ParticipantJoined(ParticipantJoined),
    ParticipantLeft(ParticipantLeft),
}

impl Fact {
    /// `event` with its sealed values opened.
    pub fn of(event: ConversationEvent, opener: &dyn Opener) -> Result<Self, CannotShow> {
        use ConversationEvent as E;
        let open = Opening { opener };
        Ok(match event {
            E::ConversationOpened(event) => Self::ConversationOpened(event.into()),
            E::MessagePosted(event) => Self::MessagePosted(MessagePosted {
                author: event.author,
                text: open.value(&event.text)?.map(|text| text.0),
                in_reply_to: event.in_reply_to,
            }),
            E::MessageEdited(event) => Self::MessageEdited(MessageEdited {
                message: event.message,
                text: open.value(&event.text)?.map(|text| text.0),
            }),
            E::MessageRetracted(event) => Self::MessageRetracted(MessageRetracted { message: event.message }),
            E::ProposalMade(event) => Self::ProposalMade(ProposalMade {
                proposal: event.proposal,
                by: event.by,
                terms: open.terms(event.terms)?,
                terms_hash: event.terms_hash,
                expires_at: event.expires_at,
                in_reply_to: event.in_reply_to,
                replaces: event.replaces,
            }),
            E::ProposalAccepted(event) => Self::ProposalAccepted(ProposalAccepted {
                proposal: event.proposal,
                acceptance: event.acceptance.into(),
                terms_hash: event.terms_hash,
                terms: open.terms(event.terms)?,
                replaces: event.replaces,
            }),
            E::ProposalDeclined(event) => Self::ProposalDeclined(ProposalDeclined {
                proposal: event.proposal,
                by: event.by,
                reason: open.optional(event.reason.as_ref())?.map(|reason| reason.0),
            }),
            E::ProposalWithdrawn(event) => Self::ProposalWithdrawn(ProposalWithdrawn { proposal: event.proposal }),
            E::ProposalExpired(event) => Self::ProposalExpired(ProposalExpired { proposal: event.proposal }),
            E::ProposalVoided(event) => {
                Self::ProposalVoided(ProposalVoided { proposal: event.proposal, reason: event.reason })
            }
            E::BookingConfirmed(event) => Self::BookingConfirmed(event.into()),
            E::BookingRefused(event) => {
                Self::BookingRefused(BookingRefused { proposal: event.proposal, reason: event.reason })
            }
            E::BookingChanged(event) => Self::BookingChanged(event.into()),
            E::BookingCancelled(event) => Self::BookingCancelled(BookingCancelled {
                reservation: event.reservation,
                by: event.by,
                blameless: event.blameless,
                reason: open.optional(event.reason.as_ref())?.map(|reason| reason.0),
            }),
            E::RideNoticed(event) => Self::RideNoticed(RideNoticed { ride: event.ride, notice: event.notice.into() }),
            E::ParticipantJoined(event) => {
                Self::ParticipantJoined(ParticipantJoined { account: event.account, reservation: event.reservation })
            }
            E::ParticipantLeft(event) => {
                Self::ParticipantLeft(ParticipantLeft { account: event.account, reservation: event.reservation })
            }
        })
    }
}

/// Opens sealed values for viewers.
pub(super) struct Opening<'a> {
    pub(super) opener: &'a dyn Opener,
}

impl Opening<'_> {
    /// What is in the box; nothing when its person was erased.
    pub(super) fn value<T: Sealable>(&self, sealed: &Sealed<T>) -> Result<Option<T>, CannotShow> {
        match sealed.open(self.opener) {
            Ok(value) => Ok(Some(value)),
            Err(CannotOpen::Erased) => Ok(None),
            Err(CannotOpen::Unavailable) => Err(CannotShow),
            Err(CannotOpen::Forged) => {
                tracing::error!(key = %sealed.key, purpose = T::PURPOSE, "a sealed value does not match its key");
                Ok(None)
            }
        }
    }

    fn optional<T: Sealable>(&self, sealed: Option<&Sealed<T>>) -> Result<Option<T>, CannotShow> {
        sealed.map_or(Ok(None), |sealed| self.value(sealed))
    }
}
