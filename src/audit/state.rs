//! A ride as a viewer sees it, in the shapes of the API.

use palabre_events::ride::state::Stage;
use palabre_events::ride::{BookingMode, Preferences};
use palabre_events::{AccountId, ConversationId, ReservationId, RideId, Timestamp};
use serde::Serialize;

use super::names::Names;
use crate::chat::frames::negotiation::{WirePlace, WirePrice};
use crate::wire::words;

/// A ride as a viewer sees it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RideState {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// The version of its stream that this shows.
    pub version: u64,
    /// The position of the last event that is folded in.
    pub position: u64,
    /// Up to which time of recording events are folded in, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub recorded_until: Option<Timestamp>,
    /// How far along its life it is: `offered`, `departed`, `completed` or `cancelled`.
    #[schema(value_type = words::Stage)]
    pub stage: &'static str,
    /// Who drives.
    pub driver: PersonShown,
    /// Origin, via points, destination.
    pub stops: Vec<WirePlace>,
    /// Length of each leg between two stops, in metres of great circle.
    pub legs_m: Vec<u32>,
    /// When it leaves.
    #[schema(value_type = String, format = DateTime)]
    pub departs_at: Timestamp,
    /// When it arrives, by the reckoning of the matching profile.
    #[schema(value_type = String, format = DateTime)]
    pub arrives_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    pub time_zone: String,
    /// Seats for passengers, taken or not.
    pub seats: u8,
    /// Seats left on the whole way.
    pub seats_left: u32,
    /// Seats left on each leg.
    pub seats_left_by_leg: Vec<u32>,
    /// List price of one seat.
    pub price_per_seat: WirePrice,
    /// `approval` or `instant`.
    #[schema(value_type = words::BookingMode)]
    pub booking_mode: BookingMode,
    /// What the driver likes and allows.
    #[schema(value_type = words::Preferences)]
    pub preferences: Preferences,
    /// The vehicle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The version of its terms, which proposals build on.
    pub terms_version: u32,
    /// The id that another system gave it, where it was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
    /// The active reservations that the viewer may see: all of them for the driver, a passenger's own.
    pub reservations: Vec<ReservationShown>,
}

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PersonShown {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// Their name; absent when they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl PersonShown {
    /// `account` under its name.
    pub fn of(account: AccountId, names: &Names) -> Self {
        Self { account, name: names.get(account).map(str::to_owned) }
    }
}

/// An active reservation.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReservationShown {
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// Where it was agreed.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// Who rides along.
    pub passenger: PersonShown,
    /// How many seats.
    pub seats: u8,
    /// Price of one seat, as agreed.
    pub price_per_seat: WirePrice,
    /// Where the passenger gets in.
    pub pickup: WirePlace,
    /// Where the passenger gets out.
    pub drop_off: WirePlace,
    /// When the passenger is picked up.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// Whether the ride changed since, so that the passenger is asked again.
    pub to_reconfirm: bool,
    /// Whether the driver said that the passenger did not come.
    pub no_show: bool,
}

/// How the API calls a stage.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Offered => "offered",
        Stage::Departed => "departed",
        Stage::Completed => "completed",
        Stage::Cancelled => "cancelled",
    }
}
