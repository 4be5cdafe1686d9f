//! What may be asked of a conversation, and why it may say no.

use crate::aggregate::Rejection;
use crate::conversation::event::{ConversationOpened, RideNotice};
use crate::ride::{RefusalReason, Side};
use crate::sealed::{MessageText, Reason};
use crate::terms::{Nonce, Terms};
use crate::{AccountId, Price, ProposalId, ReservationId, RideId, Sealed, TermsHash, Timestamp};

/// How a conversation is opened.
pub type Opening = ConversationOpened;

/// What may be asked of a conversation.
#[derive(Clone, Debug)]
pub enum ConversationCommand {
    /// Open it, between a driver and a passenger; groups open by themselves. Opening it again changes nothing. The
    /// caller has checked that the ride is the driver's, and that a request to answer is the passenger's.
    Open(Box<Opening>),
    /// Say something.
    PostMessage {
        /// What.
        text: Sealed<MessageText>,
        /// The `seq` of the message that it answers.
        in_reply_to: Option<u64>,
    },
    /// Correct a message of one's own.
    EditMessage {
        /// The `seq` of the message.
        message: u64,
        /// The new text.
        text: Sealed<MessageText>,
    },
    /// Take a message of one's own back.
    RetractMessage {
        /// The `seq` of the message.
        message: u64,
    },
    /// Propose terms, or counter a proposal.
    MakeProposal(Box<MakeProposal>),
    /// Agree to a proposal of the other side.
    AcceptProposal {
        /// The proposal.
        proposal: ProposalId,
        /// The hash of the terms that were seen.
        terms_hash: TermsHash,
    },
    /// Decline a proposal of the other side.
    DeclineProposal {
        /// The proposal.
        proposal: ProposalId,
        /// Why.
        reason: Option<Sealed<Reason>>,
    },
    /// Take a proposal of one's own back.
    WithdrawProposal {
        /// The proposal.
        proposal: ProposalId,
    },
    /// The hour of expiry has come (platform only).
    ExpireProposal {
        /// The proposal.
        proposal: ProposalId,
    },
    /// The ride's outcome for an accepted proposal (platform only).
    Settle {
        /// The proposal.
        proposal: ProposalId,
        /// The outcome.
        outcome: Outcome,
    },
    /// The ride has cancelled a reservation (platform only).
    NoteCancelled {
        /// The reservation.
        reservation: ReservationId,
        /// Which side cancelled.
        by: Side,
        /// Whether that side is free of blame.
        blameless: bool,
        /// Why.
        reason: Option<Sealed<Reason>>,
    },
    /// Something happened to the ride (platform only).
    NoticeRide {
        /// The version of the ride's event.
        ride_version: u64,
        /// What happened.
        notice: RideNotice,
    },
    /// Let a passenger into the ride's group, which is opened by the first (platform only).
    Admit {
        /// The ride.
        ride: RideId,
        /// Who drives.
        driver: AccountId,
        /// The version of the ride stream when seats were reserved.
        ride_version: u64,
        /// Who joins.
        passenger: AccountId,
        /// Because of this reservation.
        reservation: ReservationId,
    },
    /// A passenger leaves the ride's group (platform only).
    Dismiss {
        /// The ride.
        ride: RideId,
        /// Who drives.
        driver: AccountId,
        /// The version of the ride stream when the reservation was cancelled.
        ride_version: u64,
        /// Who leaves.
        passenger: AccountId,
        /// Because this reservation was cancelled.
        reservation: ReservationId,
    },
}

/// A proposal to make.
#[derive(Clone, Debug)]
pub struct MakeProposal {
    /// Its id, derived from account and key.
    pub proposal: ProposalId,
    /// What is proposed.
    pub terms: Terms,
    /// Sixteen random bytes.
    pub nonce: Nonce,
    /// When it expires unless it is answered.
    pub expires_at: Timestamp,
    /// The proposal that it counters.
    pub in_reply_to: Option<ProposalId>,
    /// The reservation whose terms it would replace.
    pub replaces: Option<ReservationId>,
    /// The ride's instant offer, when these terms are its list terms. The ride checks it again.
    pub standing: Option<StandingOffer>,
}

/// What an instant offer accepts beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingOffer {
    /// The version of the ride's terms.
    pub ride_terms_version: u32,
    /// The list price of one seat.
    pub price_per_seat: Price,
}

/// The ride's outcome for an accepted proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Reserved, or changed where the proposal replaces a reservation.
    Reserved,
    /// Refused.
    Refused(RefusalReason),
}

/// Why a conversation says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversationRejection {
    /// Nothing was ever opened under this id.
    #[error("there is no such conversation")]
    NoSuchConversation,
    /// Whoever asks is not, or no longer, part of it.
    #[error("only participants may do this")]
    NotAParticipant,
    /// Only the platform itself may do this.
    #[error("only the platform itself does this")]
    NotYours,
    /// There is no such message.
    #[error("there is no such message here")]
    NoSuchMessage,
    /// It is somebody else's message.
    #[error("only its author may change a message")]
    NotTheAuthor,
    /// The message was taken back.
    #[error("the message was taken back")]
    MessageRetracted,
    /// Groups talk; they do not negotiate.
    #[error("proposals are made between a driver and one passenger")]
    NoProposalsInGroups,
    /// Two people cannot be the same.
    #[error("a driver cannot be a passenger of the same ride")]
    OwnRide,
    /// Not 1 to [`Terms::SEATS_MAX`] seats.
    #[error("a proposal is for 1 to 8 seats")]
    SeatsOutOfRange,
    /// The price is beyond what a seat may cost.
    #[error("a seat costs at most 1,000")]
    PriceOutOfRange,
    /// The passenger would get out before getting in.
    #[error("the drop-off must lie further along the way than the pickup")]
    StretchOutOfRange,
    /// A proposal was made under this id already.
    #[error("this proposal was made already")]
    AlreadyProposed,
    /// It would expire before it is made, or too late.
    #[error("a proposal expires between one minute and thirty days from now")]
    ExpiryOutOfRange,
    /// Too many proposals wait for an answer.
    #[error("too many proposals wait for an answer; withdraw one first")]
    TooManyProposals,
    /// There is no such proposal.
    #[error("there is no such proposal here")]
    NoSuchProposal,
    /// One's own proposal cannot be answered by oneself.
    #[error("only the other side answers a proposal")]
    OwnProposal,
    /// The proposal of the other side is not one's own to withdraw.
    #[error("only whoever made a proposal may withdraw it")]
    NotTheProposer,
    /// The acceptance names other terms.
    #[error("these are not the terms that were proposed")]
    TermsDiffer,
    /// The proposal was accepted already.
    #[error("the proposal was accepted already")]
    ProposalAccepted,
    /// The proposal was declined.
    #[error("the proposal was declined")]
    ProposalDeclined,
    /// The proposal was withdrawn.
    #[error("the proposal was withdrawn")]
    ProposalWithdrawn,
    /// Another proposal has taken its place.
    #[error("another proposal has taken its place")]
    ProposalCountered,
    /// The proposal has expired.
    #[error("the proposal has expired")]
    ProposalExpired,
    /// Something else made the proposal pointless.
    #[error("the proposal no longer stands, because the ride or the booking changed")]
    ProposalVoided,
    /// The ride has changed since, so the terms no longer fit.
    #[error("the ride has changed since; propose again")]
    TermsOutdated,
    /// There is a booking; only a change of it can be proposed.
    #[error("there is a booking already; propose a change of it")]
    AlreadyBooked,
    /// A booking is being made or changed at this moment.
    #[error("a booking is being made at this moment")]
    BookingUnderWay,
    /// There is no such booking.
    #[error("there is no such booking here")]
    NoSuchBooking,
    /// The ride was cancelled.
    #[error("the ride was cancelled")]
    RideCancelled,
    /// The ride has left.
    #[error("the ride has left")]
    RideDeparted,
}

impl Rejection for ConversationRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchConversation => "no_such_conversation",
            Self::NotAParticipant => "not_a_participant",
            Self::NotYours => "not_yours",
            Self::NoSuchMessage => "no_such_message",
            Self::NotTheAuthor => "not_the_author",
            Self::MessageRetracted => "message_retracted",
            Self::NoProposalsInGroups => "no_proposals_in_groups",
            Self::OwnRide => "own_ride",
            Self::SeatsOutOfRange => "seats_out_of_range",
            Self::PriceOutOfRange => "price_out_of_range",
            Self::StretchOutOfRange => "stretch_out_of_range",
            Self::AlreadyProposed => "already_proposed",
            Self::ExpiryOutOfRange => "expiry_out_of_range",
            Self::TooManyProposals => "too_many_proposals",
            Self::NoSuchProposal => "no_such_proposal",
            Self::OwnProposal => "own_proposal",
            Self::NotTheProposer => "not_the_proposer",
            Self::TermsDiffer => "terms_differ",
            Self::ProposalAccepted => "proposal_accepted",
            Self::ProposalDeclined => "proposal_declined",
            Self::ProposalWithdrawn => "proposal_withdrawn",
            Self::ProposalCountered => "proposal_countered",
            Self::ProposalExpired => "proposal_expired",
            Self::ProposalVoided => "proposal_voided",
            Self::TermsOutdated => "terms_outdated",
            Self::AlreadyBooked => "already_booked",
            Self::BookingUnderWay => "booking_under_way",
            Self::NoSuchBooking => "no_such_booking",
            Self::RideCancelled => "ride_cancelled",
            Self::RideDeparted => "ride_departed",
        }
    }

    fn explain(&self) -> String {
        self.to_string()
    }
}
