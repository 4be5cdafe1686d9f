//! What to give way on when a search finds nothing: one wish at a time, in steps that people would try; and hour and way
//! together where neither helps alone.

use palabre_events::terms::Terms;

use super::Search;

/// Tolerances that are tried, in seconds: half an hour to two days.
pub const TOLERANCE_STEPS_S: [u32; 8] = [1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800];

/// Radii that are tried, in km.
pub const RADIUS_STEPS_KM: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// A search loosened just enough to find something, all other wishes as they were.
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
    /// Both, where no single wish helps.
    ToleranceAndRadius {
        /// The tolerance that finds something with the radius, in seconds.
        tolerance_s: u32,
        /// The radius that finds something with the tolerance, in km.
        radius_km: f64,
        /// How many rides they find.
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
/// less: 22 at most. Where none does, a pair of tolerance and radius, which takes 56 more at most.
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
    let alone: Vec<_> = [tolerance, radius, seats].into_iter().flatten().collect();
    if alone.is_empty() { together(search, found).into_iter().collect() } else { alone }
}

/// The first pair of tolerance and radius that finds something: of those with the fewest steps in all, the one with the
/// smallest radius.
fn together(search: &Search, found: impl Fn(&Search) -> Option<usize>) -> Option<Loosening> {
    let tolerances: Vec<_> = TOLERANCE_STEPS_S.into_iter().filter(|step| *step > search.tolerance_s).collect();
    let radii: Vec<_> = RADIUS_STEPS_KM.into_iter().filter(|step| *step > search.radius_km).collect();
    let looser = |tolerance_s, radius_km| Search { tolerance_s, radius_km, ..search.clone() };
    // Most searches without a match have none however far one looks; that takes a single count.
    found(&looser(*tolerances.last()?, *radii.last()?))?;
    (0..tolerances.len() + radii.len() - 1).find_map(|steps| {
        (0..=steps.min(radii.len() - 1)).find_map(|at| {
            let (tolerance_s, radius_km) = (*tolerances.get(steps - at)?, radii[at]);
            let total = found(&looser(tolerance_s, radius_km))?;
            Some(Loosening::ToleranceAndRadius { tolerance_s, radius_km, total })
        })
    })
}
