//! The facts of a ride. Shapes are for ever: add optional fields or new variants, never change a meaning.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::sealed::{Comment, Reason, Vehicle};
use crate::terms::Terms;
use crate::{
    AccountId, ConversationId, Price, ProposalId, ReservationId, Route, Sealed, SeriesId, TermsHash, Timestamp, events,
};

events! {
    /// What happens to a ride.
    RideEvent {
        RideOffered = 1,
        RideRescheduled = 1,
        RideTermsChanged = 1,
        RideCancelled = 1,
        RideDeparted = 1,
        RideCompleted = 1,
        SeatsReserved = 1,
        ReservationRefused = 1,
        ReservationChanged = 1,
        ReservationReconfirmed = 1,
        ReservationCancelled = 1,
        PassengerNoShow = 1,
    }
}

/// A driver offers a ride.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideOffered {
    /// Who drives.
    pub driver: AccountId,
    /// Who may see it.
    pub audience: Audience,
    /// The way, with via points.
    pub route: Route,
    /// Counts the ways this ride has had, from 1.
    pub path_version: u32,
    /// When it leaves its origin.
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    pub time_zone: String,
    /// Seats for passengers.
    pub seats: u8,
    /// List price of one seat.
    pub price_per_seat: Price,
    /// Whether the list terms are accepted beforehand.
    pub booking_mode: BookingMode,
    /// What the driver likes and allows.
    pub preferences: Preferences,
    /// The vehicle, in the driver's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<Sealed<Vehicle>>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Sealed<Comment>>,
    /// The recurring ride that this is an occurrence of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesId>,
    /// The id that another system gave it, where it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
}

/// Who may see a ride or a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everyone who uses the platform.
    #[default]
    Everyone,
}

/// How a booking comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingMode {
    /// The driver accepts each proposal.
    #[default]
    Approval,
    /// The offer is the driver's standing acceptance of its list terms.
    Instant,
}

/// What a driver likes and allows; absent where nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// The longest detour, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detour_min_max: Option<u16>,
    /// Smoking allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoking: Option<bool>,
    /// Animals allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub animals: Option<bool>,
    /// Music played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub music: Option<bool>,
    /// Likes to talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk: Option<bool>,
    /// Luggage of each passenger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub luggage: Option<Luggage>,
}

/// The largest luggage of a passenger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "sizes speak for themselves")]
pub enum Luggage {
    Small,
    Medium,
    Large,
}

/// The ride leaves at another time or goes another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideRescheduled {
    /// When it leaves now.
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    pub time_zone: String,
    /// The new way, where it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Counts the ways this ride has had.
    pub path_version: u32,
    /// The version of the terms from here on.
    pub terms_version: u32,
}

/// The driver changes what is offered; absent fields stay as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideTermsChanged {
    /// The version of the terms from here on. It rises with price and booking mode, which proposals build on.
    pub terms_version: u32,
    /// Seats for passengers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<u8>,
    /// List price of one seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_seat: Option<Price>,
    /// Whether the list terms are accepted beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_mode: Option<BookingMode>,
    /// What the driver likes and allows, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Preferences>,
    /// The vehicle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<Sealed<Vehicle>>,
    /// The remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Sealed<Comment>>,
    /// What the driver no longer says.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cleared: BTreeSet<RideText>,
}

/// What a driver may say about a ride in words, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RideText {
    /// The vehicle.
    Vehicle,
    /// The remark.
    Comment,
}

/// The ride will not take place. Each reservation is cancelled by an event of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideCancelled {
    /// Why, in the driver's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sealed<Reason>>,
}

/// The hour of departure has come; nothing can be reserved any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideDeparted {}

/// The ride has arrived, by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RideCompleted {}

/// Seats were reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatsReserved {
    /// The id of the proposal that made it.
    pub reservation: ReservationId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who drives.
    pub driver: AccountId,
    /// Who rides along.
    pub passenger: AccountId,
    /// What was agreed, its stretch of the way included.
    pub terms: Terms,
    /// The hash that the acceptance named.
    pub terms_hash: TermsHash,
}

/// A proposal that was accepted could not be reserved; final for that proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRefused {
    /// The proposal.
    pub proposal: ProposalId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who wanted to ride along.
    pub passenger: AccountId,
    /// Why not.
    pub reason: RefusalReason,
}

/// Why a ride refuses a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Too few seats on that stretch.
    NoSeatsLeft,
    /// The ride was cancelled.
    RideCancelled,
    /// The ride has left.
    RideDeparted,
    /// The ride changed since the proposal.
    TermsOutdated,
    /// It was cancelled before it was reserved.
    CancelledBefore,
    /// The reservation that it should replace is gone.
    NothingToReplace,
    /// There is no such ride.
    NoSuchRide,
}

/// A reservation has new terms, from a proposal that replaces the old ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationChanged {
    /// The reservation; its id stays.
    pub reservation: ReservationId,
    /// The proposal with the new terms.
    pub proposal: ProposalId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who rides along.
    pub passenger: AccountId,
    /// What was agreed.
    pub terms: Terms,
    /// The hash that the acceptance named.
    pub terms_hash: TermsHash,
}

/// After the ride was rescheduled, the passenger says that it still suits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationReconfirmed {
    /// The reservation.
    pub reservation: ReservationId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// The version of the ride's terms that the passenger has seen.
    pub terms_version: u32,
}

/// A reservation was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationCancelled {
    /// The reservation.
    pub reservation: ReservationId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who drives.
    pub driver: AccountId,
    /// Who was to ride along.
    pub passenger: AccountId,
    /// Which side cancelled.
    pub by: Side,
    /// Whether the side that cancelled is free of blame: the other side had rescheduled the ride, or the platform's
    /// operator cancelled it.
    pub blameless: bool,
    /// Why, in a person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sealed<Reason>>,
}

/// A side of a ride.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "both are everyday words")]
pub enum Side {
    Driver,
    Passenger,
}

/// A passenger did not come, says the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassengerNoShow {
    /// The reservation.
    pub reservation: ReservationId,
    /// Where it was agreed.
    pub conversation: ConversationId,
    /// Who did not come.
    pub passenger: AccountId,
}
