//! Which fact causes which further command: the booking's steps between conversation and ride, as pure functions.
//!
//! The node that commits a cause runs its [`Effect`]s at once. A view keeps every effect until an event [`fulfils`] it,
//! so that any node can finish what a crash interrupted. Every effect can be repeated: its command changes nothing
//! when it was done already. What happens to a ride goes to all its conversations, which only a view can list:
//! [`notice_of`].

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::conversation::{Acceptance, ConversationCommand, ConversationEvent, Outcome, RideNotice};
use crate::domain::Recorded;
use crate::request::{RequestCommand, RequestEvent};
use crate::ride::{Reserve, RideCommand, RideEvent, Side};
use crate::sealed::Reason;
use crate::terms::Terms;
use crate::{
    AccountId, ConversationId, DomainEvent, ProposalId, RequestId, ReservationId, RideId, Sealed, StreamId, TermsHash,
};

#[cfg(test)]
mod tests;

/// A command that a fact causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the events and commands they come from")]
pub enum Effect {
    /// A proposal was accepted: the ride reserves.
    Reserve {
        ride: RideId,
        proposal: ProposalId,
        conversation: ConversationId,
        passenger: AccountId,
        terms: Box<Terms>,
        terms_hash: TermsHash,
        acceptance: Acceptance,
        replaces: Option<ReservationId>,
    },
    /// The ride has an outcome: the conversation hears of it.
    Settle { conversation: ConversationId, proposal: ProposalId, outcome: Outcome },
    /// The ride cancelled a reservation: the conversation hears of it.
    NoteCancelled {
        conversation: ConversationId,
        reservation: ReservationId,
        by: Side,
        blameless: bool,
        reason: Option<Sealed<Reason>>,
    },
    /// Something happened to the ride: one conversation hears of it.
    Notice { conversation: ConversationId, ride_version: u64, notice: RideNotice },
    /// Seats were reserved: the passenger joins the ride's group.
    Admit { ride: RideId, driver: AccountId, ride_version: u64, passenger: AccountId, reservation: ReservationId },
    /// A reservation was cancelled: the passenger leaves the ride's group.
    Dismiss { ride: RideId, driver: AccountId, ride_version: u64, passenger: AccountId, reservation: ReservationId },
    /// A booking answers a request.
    Fulfil { request: RequestId, ride: RideId, reservation: ReservationId },
}

/// Names an effect, so that it is known again when it is fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named after the effects")]
pub enum EffectKey {
    Reserve(ProposalId),
    Settle(ProposalId),
    NoteCancelled(ReservationId),
    Notice(ConversationId, u64),
    Admit(ReservationId),
    Dismiss(ReservationId),
    Fulfil(ReservationId),
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserve(id) => write!(f, "reserve:{id}"),
            Self::Settle(id) => write!(f, "settle:{id}"),
            Self::NoteCancelled(id) => write!(f, "note_cancelled:{id}"),
            Self::Notice(id, version) => write!(f, "notice:{id}:{version}"),
            Self::Admit(id) => write!(f, "admit:{id}"),
            Self::Dismiss(id) => write!(f, "dismiss:{id}"),
            Self::Fulfil(id) => write!(f, "fulfil:{id}"),
        }
    }
}

/// A command for the aggregate that an effect concerns.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is named after its aggregate")]
pub enum EffectCommand {
    Ride(RideId, RideCommand),
    Conversation(ConversationId, ConversationCommand),
    Request(RequestId, RequestCommand),
}

impl Effect {
    /// Its name.
    pub fn key(&self) -> EffectKey {
        match self {
            Self::Reserve { proposal, .. } => EffectKey::Reserve(*proposal),
            Self::Settle { proposal, .. } => EffectKey::Settle(*proposal),
            Self::NoteCancelled { reservation, .. } => EffectKey::NoteCancelled(*reservation),
            Self::Notice { conversation, ride_version, .. } => EffectKey::Notice(*conversation, *ride_version),
            Self::Admit { reservation, .. } => EffectKey::Admit(*reservation),
            Self::Dismiss { reservation, .. } => EffectKey::Dismiss(*reservation),
            Self::Fulfil { reservation, .. } => EffectKey::Fulfil(*reservation),
        }
    }

    /// The command that it is.
    pub fn into_command(self) -> EffectCommand {
        match self {
            Self::Reserve { ride, proposal, conversation, passenger, terms, terms_hash, acceptance, replaces } => {
                let terms = *terms;
                let reserve = Reserve { proposal, conversation, passenger, terms, terms_hash, acceptance, replaces };
                EffectCommand::Ride(ride, RideCommand::Reserve(Box::new(reserve)))
            }
            Self::Settle { conversation, proposal, outcome } => {
                EffectCommand::Conversation(conversation, ConversationCommand::Settle { proposal, outcome })
            }
            Self::NoteCancelled { conversation, reservation, by, blameless, reason } => EffectCommand::Conversation(
                conversation,
                ConversationCommand::NoteCancelled { reservation, by, blameless, reason },
            ),
            Self::Notice { conversation, ride_version, notice } => {
                EffectCommand::Conversation(conversation, ConversationCommand::NoticeRide { ride_version, notice })
            }
            Self::Admit { ride, driver, ride_version, passenger, reservation } => EffectCommand::Conversation(
                ConversationId::group_of(ride),
                ConversationCommand::Admit { ride, driver, ride_version, passenger, reservation },
            ),
            Self::Dismiss { ride, driver, ride_version, passenger, reservation } => EffectCommand::Conversation(
                ConversationId::group_of(ride),
                ConversationCommand::Dismiss { ride, driver, ride_version, passenger, reservation },
            ),
            Self::Fulfil { request, ride, reservation } => {
                EffectCommand::Request(request, RequestCommand::Fulfil { ride, reservation })
            }
        }
    }
}

/// Whether an event of this type may cause anything, so that the many which cannot need not be decoded.
pub fn may_cause(event_type: &str) -> bool {
    const CAUSES: [&str; 12] = [
        "ProposalAccepted",
        "BookingConfirmed",
        "SeatsReserved",
        "ReservationChanged",
        "ReservationRefused",
        "ReservationCancelled",
        "ReservationReconfirmed",
        "PassengerNoShow",
        "RideRescheduled",
        "RideTermsChanged",
        "RideCancelled",
        "RideDeparted",
    ];
    CAUSES.contains(&event_type)
}

/// The effects that `recorded` causes by itself, in the order in which to run them.
pub fn effects_of(recorded: &Recorded) -> Vec<Effect> {
    match &recorded.event {
        DomainEvent::Conversation(event) => effects_of_conversation(ConversationId(recorded.stream.id), event),
        DomainEvent::Ride(event) => effects_of_ride(RideId(recorded.stream.id), recorded.version, event),
        DomainEvent::Account(_) | DomainEvent::Marks(_) | DomainEvent::Request(_) => vec![],
    }
}

fn effects_of_conversation(conversation: ConversationId, event: &ConversationEvent) -> Vec<Effect> {
    match event {
        ConversationEvent::ProposalAccepted(event) => vec![Effect::Reserve {
            ride: event.ride,
            proposal: event.proposal,
            conversation,
            passenger: event.passenger,
            terms: Box::new(event.terms.clone()),
            terms_hash: event.terms_hash,
            acceptance: event.acceptance,
            replaces: event.replaces,
        }],
        ConversationEvent::BookingConfirmed(event) => event
            .in_answer_to
            .map(|request| Effect::Fulfil { request, ride: event.ride, reservation: event.reservation })
            .into_iter()
            .collect(),
        _ => vec![],
    }
}

fn effects_of_ride(ride: RideId, version: u64, event: &RideEvent) -> Vec<Effect> {
    match event {
        RideEvent::SeatsReserved(event) => {
            let (reservation, passenger) = (event.reservation, event.passenger);
            let proposal = ProposalId(reservation.0);
            vec![
                Effect::Settle { conversation: event.conversation, proposal, outcome: Outcome::Reserved },
                Effect::Admit { ride, driver: event.driver, ride_version: version, passenger, reservation },
            ]
        }
        RideEvent::ReservationChanged(event) => vec![Effect::Settle {
            conversation: event.conversation,
            proposal: event.proposal,
            outcome: Outcome::Reserved,
        }],
        RideEvent::ReservationRefused(event) => vec![Effect::Settle {
            conversation: event.conversation,
            proposal: event.proposal,
            outcome: Outcome::Refused(event.reason),
        }],
        RideEvent::ReservationCancelled(event) => vec![
            Effect::NoteCancelled {
                conversation: event.conversation,
                reservation: event.reservation,
                by: event.by,
                blameless: event.blameless,
                reason: event.reason.clone(),
            },
            Effect::Dismiss {
                ride,
                driver: event.driver,
                ride_version: version,
                passenger: event.passenger,
                reservation: event.reservation,
            },
        ],
        RideEvent::ReservationReconfirmed(event) => vec![Effect::Notice {
            conversation: event.conversation,
            ride_version: version,
            notice: RideNotice::Reconfirmed { reservation: event.reservation },
        }],
        RideEvent::PassengerNoShow(event) => vec![Effect::Notice {
            conversation: event.conversation,
            ride_version: version,
            notice: RideNotice::NoShow { reservation: event.reservation },
        }],
        _ => vec![],
    }
}

/// What every conversation of the ride must hear of `event`, its group included.
pub fn notice_of(event: &RideEvent) -> Option<RideNotice> {
    match event {
        RideEvent::RideRescheduled(event) => Some(RideNotice::Rescheduled {
            departs_at: event.departs_at,
            route_changed: event.route.is_some(),
            terms_version: event.terms_version,
        }),
        RideEvent::RideTermsChanged(event) => Some(RideNotice::TermsChanged {
            terms_version: event.terms_version,
            price_per_seat: event.price_per_seat,
            seats: event.seats,
        }),
        RideEvent::RideCancelled(_) => Some(RideNotice::Cancelled),
        RideEvent::RideDeparted(_) => Some(RideNotice::Departed),
        _ => None,
    }
}

/// The effects that need not be run any more once `recorded` has happened.
pub fn fulfils(recorded: &Recorded) -> Vec<EffectKey> {
    match &recorded.event {
        DomainEvent::Ride(event) => match event {
            RideEvent::SeatsReserved(event) => vec![EffectKey::Reserve(ProposalId(event.reservation.0))],
            RideEvent::ReservationRefused(event) => vec![EffectKey::Reserve(event.proposal)],
            RideEvent::ReservationChanged(event) => vec![EffectKey::Reserve(event.proposal)],
            _ => vec![],
        },
        DomainEvent::Conversation(event) => fulfilled_by_conversation(recorded.stream, event),
        DomainEvent::Request(RequestEvent::RequestFulfilled(event)) => vec![EffectKey::Fulfil(event.reservation)],
        DomainEvent::Request(_) | DomainEvent::Account(_) | DomainEvent::Marks(_) => vec![],
    }
}

fn fulfilled_by_conversation(stream: StreamId, event: &ConversationEvent) -> Vec<EffectKey> {
    match event {
        ConversationEvent::BookingConfirmed(event) => settled(event.proposal),
        ConversationEvent::BookingChanged(event) => settled(event.proposal),
        ConversationEvent::BookingRefused(event) => settled(event.proposal),
        ConversationEvent::BookingCancelled(event) => vec![EffectKey::NoteCancelled(event.reservation)],
        ConversationEvent::RideNoticed(event) => {
            vec![EffectKey::Notice(ConversationId(stream.id), event.ride_version)]
        }
        ConversationEvent::ParticipantJoined(event) => vec![EffectKey::Admit(event.reservation)],
        // Also ends a joining that it overtook.
        ConversationEvent::ParticipantLeft(event) => {
            vec![EffectKey::Dismiss(event.reservation), EffectKey::Admit(event.reservation)]
        }
        _ => vec![],
    }
}

/// The ride has given its outcome, and the conversation has heard of it. Ends the reserving too: a cancellation may have
/// overtaken the acceptance, so that the ride's outcome stands in the log before its cause.
fn settled(proposal: ProposalId) -> Vec<EffectKey> {
    vec![EffectKey::Settle(proposal), EffectKey::Reserve(proposal)]
}
