//! What may be asked of a ride, and why it may say no.

use crate::aggregate::Rejection;
use crate::conversation::Acceptance;
use crate::ride::event::{BookingMode, Preferences, RideOffered, RideText};
use crate::sealed::{Comment, Reason, Vehicle};
use crate::terms::Terms;
use crate::{AccountId, ConversationId, Price, ProposalId, ReservationId, Route, Sealed, TermsHash, Timestamp};
use std::collections::BTreeSet;

/// What may be asked of a ride.
#[derive(Clone, Debug)]
pub enum RideCommand {
    /// Offer it. The driver must be whoever asks, or the operator for an import.
    Offer(Box<RideOffered>),
    /// Leave at another time, or go another way.
    Reschedule {
        /// When to leave.
        departs_at: Timestamp,
        /// IANA name of the zone in which people read the departure.
        time_zone: String,
        /// The new way; none keeps the present one.
        route: Option<Route>,
    },
    /// Change what is offered; `None` keeps what is.
    ChangeTerms {
        /// Seats for passengers.
        seats: Option<u8>,
        /// List price of one seat.
        price_per_seat: Option<Price>,
        /// Whether the list terms are accepted beforehand.
        booking_mode: Option<BookingMode>,
        /// What the driver likes and allows, all of it.
        preferences: Option<Preferences>,
        /// The vehicle.
        vehicle: Option<Sealed<Vehicle>>,
        /// The remark.
        comment: Option<Sealed<Comment>>,
        /// What is no longer said.
        cleared: BTreeSet<RideText>,
    },
    /// Cancel the ride and every reservation.
    Cancel {
        /// Why.
        reason: Option<Sealed<Reason>>,
    },
    /// The hour of departure has come (platform only).
    Depart,
    /// The hour of arrival has come (platform only).
    Complete,
    /// Reserve what a conversation agreed on (platform only). Always has an outcome, and the first is final.
    Reserve(Box<Reserve>),
    /// Cancel a reservation, or one that is still on its way here. The caller has checked that the conversation has
    /// accepted its proposal, which stays true for ever.
    CancelReservation {
        /// The reservation, by the proposal that made it.
        reservation: ReservationId,
        /// Where it was agreed.
        conversation: ConversationId,
        /// Whose reservation it is.
        passenger: AccountId,
        /// Why.
        reason: Option<Sealed<Reason>>,
    },
    /// The passenger says that the changed ride still suits.
    Reconfirm {
        /// The reservation.
        reservation: ReservationId,
        /// The version of the ride's terms that the passenger has seen.
        terms_version: u32,
    },
    /// The driver says that a passenger did not come.
    ReportNoShow {
        /// The reservation.
        reservation: ReservationId,
    },
}

/// An accepted proposal, for the ride to reserve.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// The proposal.
    pub proposal: ProposalId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who rides along.
    pub passenger: AccountId,
    /// What was agreed.
    pub terms: Terms,
    /// The hash that the acceptance named.
    pub terms_hash: TermsHash,
    /// How it was accepted.
    pub acceptance: Acceptance,
    /// The reservation whose terms these replace.
    pub replaces: Option<ReservationId>,
}

/// Why a ride says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RideRejection {
    /// Nothing was ever offered under this id.
    #[error("there is no such ride")]
    NoSuchRide,
    /// Something was offered under this id already.
    #[error("this ride was offered already")]
    AlreadyOffered,
    /// Whoever asks has no say in this.
    #[error("only the people concerned may do this")]
    NotYours,
    /// The ride was cancelled.
    #[error("the ride was cancelled")]
    RideCancelled,
    /// The ride has left.
    #[error("the ride has left")]
    RideDeparted,
    /// The hour has not come.
    #[error("the hour has not come yet")]
    TooEarly,
    /// The departure lies in the past.
    #[error("the departure lies in the past")]
    DepartureInThePast,
    /// Not 1 to [`Terms::SEATS_MAX`] seats.
    #[error("a ride has 1 to 8 seats for passengers")]
    SeatsOutOfRange,
    /// More seats are reserved than would be left.
    #[error("{reserved} seats are reserved already")]
    SeatsReserved {
        /// The most seats reserved at once.
        reserved: u32,
    },
    /// The way needs at least two stops and a length.
    #[error("a way has 2 to 12 stops that are not all the same")]
    RouteOutOfRange,
    /// The price is beyond what a seat may cost.
    #[error("a seat costs at most 1,000")]
    PriceOutOfRange,
    /// The ride changed again since.
    #[error("the ride has changed again")]
    TermsOutdated,
    /// There is no such reservation.
    #[error("there is no such reservation")]
    NoSuchReservation,
    /// The way cannot change while seats are reserved along it.
    #[error("the way cannot change while seats are reserved; change the hour, or agree with the passengers first")]
    RouteInUse,
}

impl Rejection for RideRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchRide => "no_such_ride",
            Self::AlreadyOffered => "already_offered",
            Self::NotYours => "not_yours",
            Self::RideCancelled => "ride_cancelled",
            Self::RideDeparted => "ride_departed",
            Self::TooEarly => "too_early",
            Self::DepartureInThePast => "departure_in_the_past",
            Self::SeatsOutOfRange => "seats_out_of_range",
            Self::SeatsReserved { .. } => "seats_reserved",
            Self::RouteOutOfRange => "route_out_of_range",
            Self::PriceOutOfRange => "price_out_of_range",
            Self::TermsOutdated => "terms_outdated",
            Self::NoSuchReservation => "no_such_reservation",
            Self::RouteInUse => "route_in_use",
        }
    }

    fn explain(&self) -> String {
        self.to_string()
    }
}
