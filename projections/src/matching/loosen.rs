//! What to give way on when a search finds nothing: one wish at a time, in steps that people would try.

use palabre_events::terms::Terms;

use super::Search;

/// Tolerances that are tried, in seconds: half an hour to two days.
pub const TOLERANCE_STEPS_S: [u32; 8] = [1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800];

/// Radii that are tried, in km.
pub const RADIUS_STEPS_KM: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// One wish of a search loosened just enough to find something, all others as they were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loosening {
    /// An earlier or later hour.
    Tolerance {
        /// The tolerance that finds something, in seconds.
        tolerance_s: u32,
        /// How many rides it finds.
        total: usize,
    },
    /// A longer way to the pickup and from the drop-off.
    Radius {
        /// The radius that finds something, in km.
        radius_km: f64,
        /// How many rides it finds.
        total: usize,
    },
    /// Fewer seats.
    Seats {
        /// The most seats that find something.
        seats: u8,
        /// How many rides they find.
        total: usize,
    },
}

/// The loosenings that help, at most one of each kind, by one count for each step of the lists above and for each seat
/// less: 22 at most.
pub(super) fn loosenings(search: &Search, count: impl Fn(&Search) -> usize) -> Vec<Loosening> {
    let found = |search: &Search| Some(count(search)).filter(|total| *total > 0);
    let tolerance = TOLERANCE_STEPS_S.iter().filter(|step| **step > search.tolerance_s).find_map(|step| {
        let total = found(&Search { tolerance_s: *step, ..search.clone() })?;
        Some(Loosening::Tolerance { tolerance_s: *step, total })
    });
    let radius = RADIUS_STEPS_KM.iter().filter(|step| **step > search.radius_km).find_map(|step| {
        let total = found(&Search { radius_km: *step, ..search.clone() })?;
        Some(Loosening::Radius { radius_km: *step, total })
    });
    let seats = (1..search.seats.min(Terms::SEATS_MAX + 1)).rev().find_map(|seats| {
        let total = found(&Search { seats, ..search.clone() })?;
        Some(Loosening::Seats { seats, total })
    });
    [tolerance, radius, seats].into_iter().flatten().collect()
}
