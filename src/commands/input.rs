//! The bodies of commands as clients write them: plain text and points, not yet validated, not yet sealed.
//!
//! The socket reads them from frames, the HTTP API from requests. Unknown fields are refused, so that a misspelt
//! optional field is not silently ignored.

use super::patch::Patch;
use crate::wire::words;
use palabre_events::ride::{BookingMode, Preferences};
use palabre_events::{ProposalId, RequestId, ReservationId, RideId, Timestamp};
use serde::{Deserialize, Serialize};

/// A place: a point, and what people call it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceInput {
    /// Latitude in degrees, WGS 84.
    pub lat: f64,
    /// Longitude in degrees, WGS 84.
    pub lon: f64,
    /// At most 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A price of one seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceInput {
    /// Whole cents, 0 to 100,000.
    pub cents: u32,
    /// ISO 4217 code, such as `EUR`.
    pub currency: String,
}

/// A ride to offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferRide {
    /// Origin, via points, destination: 2 to 12.
    pub stops: Vec<PlaceInput>,
    /// When it leaves its origin.
    #[schema(value_type = String, format = DateTime, example = "2027-01-04T18:25:00Z")]
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    #[serde(default = "default_time_zone")]
    #[schema(example = "Europe/Paris")]
    pub time_zone: String,
    /// Seats for passengers, 1 to 8.
    pub seats: u8,
    /// List price of one seat.
    pub price_per_seat: PriceInput,
    /// Whether the list terms are accepted beforehand.
    #[serde(default)]
    #[schema(value_type = words::BookingMode, example = "approval")]
    pub booking_mode: BookingMode,
    /// What the driver likes and allows: `detour_min_max` (minutes), `smoking`, `animals`, `music`, `talk` (booleans),
    /// `luggage` (`small`, `medium`, `large`); each may be absent.
    #[serde(default)]
    #[schema(value_type = words::Preferences)]
    pub preferences: Preferences,
    /// The vehicle, at most 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// A remark, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

fn default_time_zone() -> String {
    "Europe/Paris".to_owned()
}

/// A change of what is offered; absent fields stay as they are, and `null` clears what may be unsaid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeRide {
    /// Seats for passengers, 1 to 8.
    #[schema(required = false)]
    pub seats: Option<u8>,
    /// List price of one seat.
    #[schema(required = false)]
    pub price_per_seat: Option<PriceInput>,
    /// Whether the list terms are accepted beforehand.
    #[schema(value_type = Option<words::BookingMode>, example = "instant", required = false)]
    pub booking_mode: Option<BookingMode>,
    /// What the driver likes and allows, all of it.
    #[schema(value_type = Option<words::Preferences>, required = false)]
    pub preferences: Option<Preferences>,
    /// The vehicle, at most 120 characters; `null` or blank: not said any longer.
    #[serde(skip_serializing_if = "Patch::keeps")]
    #[schema(value_type = Option<String>, required = false)]
    pub vehicle: Patch<String>,
    /// A remark, at most 1,000 characters; `null` or blank: none any longer.
    #[serde(skip_serializing_if = "Patch::keeps")]
    #[schema(value_type = Option<String>, required = false)]
    pub comment: Patch<String>,
}

/// Another hour, or another way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleRide {
    /// When it leaves.
    #[schema(value_type = String, format = DateTime, example = "2027-01-04T18:25:00Z")]
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    #[serde(default = "default_time_zone")]
    #[schema(example = "Europe/Paris")]
    pub time_zone: String,
    /// The new way; absent keeps the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops: Option<Vec<PlaceInput>>,
}

/// Why, in a person's words: for what is cancelled or declined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WithReason {
    /// At most 1,000 characters.
    #[schema(required = false)]
    pub reason: Option<String>,
}

/// A wish for a ride.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostRequest {
    /// From where.
    pub from: PlaceInput,
    /// To where.
    pub to: PlaceInput,
    /// The wished hour at the pickup.
    #[schema(value_type = String, format = DateTime, example = "2027-01-04T18:25:00Z")]
    pub pickup_at: Timestamp,
    /// How much earlier or later suits, in minutes, at most 2,880.
    #[serde(default = "default_tolerance_min")]
    pub tolerance_min: u32,
    /// How far from `from` and `to` suits, in km, at most 100.
    #[serde(default = "default_radius_km")]
    pub radius_km: f64,
    /// How many seats, 1 to 8.
    pub seats: u8,
    /// The highest price of one seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_seat_max: Option<PriceInput>,
    /// A remark, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// An hour either way suits most.
pub const TOLERANCE_MIN_DEFAULT: u32 = 60;
/// Five km is a walk for nobody and a lift for most.
pub const RADIUS_KM_DEFAULT: f64 = 5.0;

fn default_tolerance_min() -> u32 {
    TOLERANCE_MIN_DEFAULT
}

fn default_radius_km() -> f64 {
    RADIUS_KM_DEFAULT
}

/// A conversation to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenConversation {
    /// About which ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// The request that the driver answers; passengers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub request: Option<RequestId>,
}

/// Something to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    /// 1 to 4,000 characters.
    pub text: String,
    /// The `seq` of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<u64>,
}

/// A corrected text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// 1 to 4,000 characters.
    pub text: String,
}

/// Terms to propose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeProposal {
    /// 1 to 8.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: PriceInput,
    /// Where the passenger gets in.
    pub pickup: PlaceInput,
    /// Where the passenger gets out.
    pub drop_off: PlaceInput,
    /// When the passenger is picked up; absent: when the ride passes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub pickup_at: Option<Timestamp>,
    /// How long it stands, in seconds: 60 to 2,592,000, default a day; never longer than until the departure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u32>,
    /// The proposal that it counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub in_reply_to: Option<ProposalId>,
    /// The reservation whose terms it would replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub replaces: Option<ReservationId>,
}

/// Seats to take on a ride's list terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeReservation {
    /// On which ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// 1 to 8.
    pub seats: u8,
    /// Where the passenger gets in.
    pub pickup: PlaceInput,
    /// Where the passenger gets out.
    pub drop_off: PlaceInput,
}
