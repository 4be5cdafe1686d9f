//! The facts of a conversation. Shapes are for ever: add optional fields or new variants, never change a meaning.

use serde::{Deserialize, Serialize};

use crate::ride::{RefusalReason, Side};
use crate::sealed::{MessageText, Reason};
use crate::terms::{Nonce, Terms};
use crate::{AccountId, Price, ProposalId, RequestId, ReservationId, RideId, Sealed, TermsHash, Timestamp, events};

events! {
    /// What happens in a conversation.
    ConversationEvent {
        ConversationOpened = 1,
        MessagePosted = 1,
        MessageEdited = 1,
        MessageRetracted = 1,
        ProposalMade = 1,
        ProposalAccepted = 1,
        ProposalDeclined = 1,
        ProposalWithdrawn = 1,
        ProposalExpired = 1,
        ProposalVoided = 1,
        BookingConfirmed = 1,
        BookingRefused = 1,
        BookingChanged = 1,
        BookingCancelled = 1,
        RideNoticed = 1,
        ParticipantJoined = 1,
        ParticipantLeft = 1,
    }
}

/// A conversation begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationOpened {
    /// What kind it is.
    pub kind: ConversationKind,
    /// The ride that it is about.
    pub ride: RideId,
    /// The ride stream's version when it was opened: what happened to the ride later is noticed here.
    pub ride_version: u64,
    /// Who drives.
    pub driver: AccountId,
    /// Who may ride along; absent in a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passenger: Option<AccountId>,
    /// The request that the driver answers with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_answer_to: Option<RequestId>,
}

/// The kinds of conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// A driver and one passenger, about one ride.
    Ride,
    /// The driver and the passengers of a ride.
    Group,
}

/// Somebody says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePosted {
    /// Who.
    pub author: AccountId,
    /// What; sealed with the author's key.
    pub text: Sealed<MessageText>,
    /// The `seq` of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<u64>,
}

/// An author corrects a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEdited {
    /// The `seq` of the message.
    pub message: u64,
    /// The new text.
    pub text: Sealed<MessageText>,
}

/// An author takes a message back. The log keeps that there was one; people see that it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRetracted {
    /// The `seq` of the message.
    pub message: u64,
}

/// Somebody proposes terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalMade {
    /// The proposal.
    pub proposal: ProposalId,
    /// Who proposes.
    pub by: AccountId,
    /// What is proposed.
    pub terms: Terms,
    /// Keeps the hash from being guessed.
    pub nonce: Nonce,
    /// What an acceptance must name.
    pub terms_hash: TermsHash,
    /// When it expires unless it is answered.
    pub expires_at: Timestamp,
    /// The proposal that it counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<ProposalId>,
    /// The reservation whose terms it would replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ReservationId>,
}

/// The other side agrees; the ride is asked to reserve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalAccepted {
    /// The proposal.
    pub proposal: ProposalId,
    /// Who agreed, or what agreed beforehand.
    pub acceptance: Acceptance,
    /// The hash that the acceptance named.
    pub terms_hash: TermsHash,
    /// The ride to reserve on.
    pub ride: RideId,
    /// Who rides along.
    pub passenger: AccountId,
    /// What was agreed, as proposed.
    pub terms: Terms,
    /// The reservation whose terms these replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ReservationId>,
}

/// How a proposal was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceptance {
    /// By a person.
    Person(AccountId),
    /// By the driver's instant offer, which accepts its list terms beforehand.
    Standing {
        /// The version of the ride's terms that stood.
        ride_terms_version: u32,
    },
}

/// The other side does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalDeclined {
    /// The proposal.
    pub proposal: ProposalId,
    /// Who declined.
    pub by: AccountId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sealed<Reason>>,
}

/// Whoever proposed takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalWithdrawn {
    /// The proposal.
    pub proposal: ProposalId,
}

/// Nobody answered in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalExpired {
    /// The proposal.
    pub proposal: ProposalId,
}

/// Something else made the proposal pointless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalVoided {
    /// The proposal.
    pub proposal: ProposalId,
    /// What it was.
    pub reason: VoidReason,
}

/// What makes a proposal pointless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// Another proposal of this conversation was accepted.
    AnotherAccepted,
    /// The ride's terms changed.
    RideChanged,
    /// The ride was cancelled.
    RideCancelled,
    /// The ride has left.
    RideDeparted,
    /// The reservation that it would have changed was cancelled.
    BookingCancelled,
}

/// The seats are reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingConfirmed {
    /// The proposal that was agreed.
    pub proposal: ProposalId,
    /// The reservation.
    pub reservation: ReservationId,
    /// The ride.
    pub ride: RideId,
    /// Who rides along.
    pub passenger: AccountId,
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: Price,
    /// When the passenger is picked up.
    pub pickup_at: Timestamp,
    /// The request that this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_answer_to: Option<RequestId>,
}

/// The ride could not reserve what was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingRefused {
    /// The proposal that was agreed.
    pub proposal: ProposalId,
    /// Why not.
    pub reason: RefusalReason,
}

/// The booking has new terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingChanged {
    /// The proposal with the new terms.
    pub proposal: ProposalId,
    /// The reservation; its id stays.
    pub reservation: ReservationId,
    /// How many seats now.
    pub seats: u8,
    /// Price of one seat now.
    pub price_per_seat: Price,
    /// When the passenger is picked up now.
    pub pickup_at: Timestamp,
}

/// The booking was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingCancelled {
    /// The reservation.
    pub reservation: ReservationId,
    /// Which side cancelled.
    pub by: Side,
    /// Whether that side is free of blame: the other side had rescheduled the ride, or the platform's operator
    /// cancelled it.
    pub blameless: bool,
    /// Why, in a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sealed<Reason>>,
}

/// Something happened to the ride that this conversation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideNoticed {
    /// The ride.
    pub ride: RideId,
    /// The version of the ride's event that is noticed.
    pub ride_version: u64,
    /// What happened.
    pub notice: RideNotice,
}

/// What a conversation is told about its ride.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RideNotice {
    /// It leaves at another time, or goes another way. Booked passengers are asked again.
    Rescheduled {
        /// When it leaves now.
        departs_at: Timestamp,
        /// Whether the way changed.
        route_changed: bool,
        /// The version of the ride's terms from here on.
        terms_version: u32,
    },
    /// Its terms changed. Bookings keep what was agreed.
    TermsChanged {
        /// The version of the ride's terms from here on.
        terms_version: u32,
        /// The new list price, where it changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price_per_seat: Option<Price>,
        /// The new number of seats, where it changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seats: Option<u8>,
    },
    /// It was cancelled.
    Cancelled,
    /// It has left.
    Departed,
    /// The passenger of this conversation said that the changed ride still suits.
    Reconfirmed {
        /// The reservation.
        reservation: ReservationId,
    },
    /// The driver said that the passenger of this conversation did not come.
    NoShow {
        /// The reservation.
        reservation: ReservationId,
    },
}

/// Somebody joins a group, because of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantJoined {
    /// Who.
    pub account: AccountId,
    /// The reservation.
    pub reservation: ReservationId,
}

/// Somebody leaves a group, because the reservation was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantLeft {
    /// Who.
    pub account: AccountId,
    /// The reservation.
    pub reservation: ReservationId,
}
