//! Facts of a booking and news of its ride, as viewers see them.

use palabre_events::conversation;
use palabre_events::ride::{RefusalReason, Side};
use palabre_events::{AccountId, ProposalId, ReservationId, RideId, Timestamp};
use serde::Serialize;

use super::negotiation::WirePrice;
use crate::wire::words;

/// The seats are reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BookingConfirmed {
    /// The proposal that was agreed.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// Who rides along.
    #[schema(value_type = Uuid)]
    pub passenger: AccountId,
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: WirePrice,
    /// When the passenger is picked up.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
}

impl From<conversation::BookingConfirmed> for BookingConfirmed {
    fn from(event: conversation::BookingConfirmed) -> Self {
        Self {
            proposal: event.proposal,
            reservation: event.reservation,
            ride: event.ride,
            passenger: event.passenger,
            seats: event.seats,
            price_per_seat: event.price_per_seat.into(),
            pickup_at: event.pickup_at,
        }
    }
}

/// The ride could not reserve what was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BookingRefused {
    /// The proposal that was agreed.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// Why not: `no_seats_left`, `ride_cancelled`, `ride_departed`, `terms_outdated`, `cancelled_before`,
    /// `nothing_to_replace` or `no_such_ride`.
    #[schema(value_type = words::RefusalReason)]
    pub reason: RefusalReason,
}

/// The booking has new terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BookingChanged {
    /// The proposal with the new terms.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// The reservation; its id stays.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// How many seats now.
    pub seats: u8,
    /// Price of one seat now.
    pub price_per_seat: WirePrice,
    /// When the passenger is picked up now.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
}

impl From<conversation::BookingChanged> for BookingChanged {
    fn from(event: conversation::BookingChanged) -> Self {
        Self {
            proposal: event.proposal,
            reservation: event.reservation,
            seats: event.seats,
            price_per_seat: event.price_per_seat.into(),
            pickup_at: event.pickup_at,
        }
    }
}

/// The booking was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BookingCancelled {
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// Which side cancelled: `driver` or `passenger`.
    #[schema(value_type = words::Side)]
    pub by: Side,
    /// Whether that side is free of blame.
    pub blameless: bool,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Something happened to the ride that the conversation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RideNoticed {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// What happened.
    pub notice: WireNotice,
}

/// What happened to a ride; `what` says which of these it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum WireNotice {
    /// It leaves at another time, or goes another way. Whoever has booked is asked again.
    Rescheduled {
        /// When it leaves now.
        #[schema(value_type = String, format = DateTime)]
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
        #[serde(skip_serializing_if = "Option::is_none")]
        price_per_seat: Option<WirePrice>,
        /// The new number of seats, where it changed.
        #[serde(skip_serializing_if = "Option::is_none")]
        seats: Option<u8>,
    },
    /// It was cancelled.
    Cancelled,
    /// It has left.
    Departed,
    /// The passenger said that the changed ride still suits.
    Reconfirmed {
        /// The reservation.
        #[schema(value_type = Uuid)]
        reservation: ReservationId,
    },
    /// The driver said that the passenger did not come.
    NoShow {
        /// The reservation.
        #[schema(value_type = Uuid)]
        reservation: ReservationId,
    },
}

impl From<conversation::RideNotice> for WireNotice {
    fn from(notice: conversation::RideNotice) -> Self {
        use conversation::RideNotice as N;
        match notice {
            N::Rescheduled { departs_at, route_changed, terms_version } => {
                Self::Rescheduled { departs_at, route_changed, terms_version }
            }
            N::TermsChanged { terms_version, price_per_seat, seats } => {
                Self::TermsChanged { terms_version, price_per_seat: price_per_seat.map(WirePrice::from), seats }
            }
            N::Cancelled => Self::Cancelled,
            N::Departed => Self::Departed,
            N::Reconfirmed { reservation } => Self::Reconfirmed { reservation },
            N::NoShow { reservation } => Self::NoShow { reservation },
        }
    }
}
