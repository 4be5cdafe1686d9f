//! A search, and what it finds: each match says why it is one.

use palabre_events::{AccountId, Point, RideId, Stretch, Timestamp};

/// What a passenger looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// From where.
    pub pickup: Point,
    /// To where.
    pub drop_off: Point,
    /// The wished hour at the pickup.
    pub at: Timestamp,
    /// How much earlier or later suits, in seconds.
    pub tolerance_s: u32,
    /// How far from the path pickup and drop-off may lie, in km.
    pub radius_km: f64,
    /// How many seats, on the whole stretch.
    pub seats: u8,
    /// How many of the best matches to describe.
    pub limit: usize,
    /// A driver whose rides are left out: whoever searches need not find their own.
    pub excluding_driver: Option<AccountId>,
}

impl Search {
    /// How many matches the baseline answers with.
    pub const LIMIT: usize = 20;
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// How many rides match.
    pub total: usize,
    /// The best of them, best first; between equal scores the one offered first. At most the search's limit.
    pub best: Vec<Match>,
}

/// A ride that matches, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The ride.
    pub ride: RideId,
    /// Who drives.
    pub driver: AccountId,
    /// The id that another system gave the ride, where it was imported.
    pub import_reference: Option<String>,
    /// How well it suits, 0 to 1.
    pub score: f64,
    /// Great-circle metres from the wished pickup to the path: the walk when the driver stays on the path.
    pub walk_to_pickup_m: u32,
    /// Great-circle metres from the path to the wished drop-off.
    pub walk_from_drop_off_m: u32,
    /// Seconds by which the ride passes the pickup later than wished (negative: earlier).
    pub gap_s: i64,
    /// Straight-line km more for a driver who fetches and drops at the door.
    pub detour_km: f64,
    /// The same in minutes, by the baseline speed.
    pub detour_min: f64,
    /// When the ride passes the pickup.
    pub pickup_at: Timestamp,
    /// When the ride passes the drop-off.
    pub drop_off_at: Timestamp,
    /// The part of the way that the passenger rides.
    pub stretch: Stretch,
    /// Seats left on that stretch.
    pub seats_left: u8,
    /// Legs of the path, from 0, with the pickup and with the drop-off.
    pub legs: (usize, usize),
    /// The point of the path nearest to the pickup.
    pub pickup_on_path: Point,
    /// The point of the path nearest to the drop-off.
    pub drop_off_on_path: Point,
}
