//! Great circles: the one place that measures the earth, for rides, proposals and the matching index alike.
//!
//! The earth is a sphere; roads and speed are the baseline profile of `docs/MATCHING.md`. Roads and traffic are not
//! known here. A [`Path`] is made of [`Leg`]s between [`UnitVector`]s; [`stretch_between`] says which part of it a
//! passenger rides.

mod leg;
mod path;
mod stretch;
mod vector;

use geo::{Distance, Haversine};

use crate::{Point, Timestamp};

pub use leg::{Leg, Nearest};
pub use path::{Path, Spot};
pub use stretch::{Placed, stretch_between};
pub use vector::UnitVector;

/// Mean radius of the earth in km, as the baseline has it.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Seconds that a car takes for one km of great circle: roads 1.3 times longer, at 70 km/h.
pub const SECONDS_PER_KM: f64 = 1.3 * 3600.0 / 70.0;

/// Great-circle distance in km. `geo` measures on the mean radius 6371.0088 km of the baseline.
pub fn distance_km(a: Point, b: Point) -> f64 {
    Haversine.distance(geo::Point::new(a.lon, a.lat), geo::Point::new(b.lon, b.lat)) / 1000.0
}

/// When a ride that leaves at `departs_at` has gone `along_km` of its way.
pub fn time_along(departs_at: Timestamp, along_km: f64) -> Timestamp {
    departs_at.plus_seconds((along_km * SECONDS_PER_KM).round() as i64)
}

/// Lengths of the legs between `stops`, in whole metres.
pub fn legs_m(stops: &[Point]) -> Vec<u32> {
    Path::new(stops).map_or_else(Vec::new, |path| path.legs().iter().map(Leg::length_m).collect())
}
