//! The town of a point: the one whose edge is nearest, within a bounded distance.
//!
//! Nearest by the middles alone would give the station of a city to the village across the river. So a town is taken as a
//! disc, as large as its people need.

use palabre_events::Point;
use palabre_events::geometry::distance_km;

use super::grid::{KM_PER_DEGREE, cells_around};
use super::layout::Layout;

/// How many people live on a square km where a town is dense, as in the middles of French cities.
pub(super) const PEOPLE_PER_KM2: f64 = 15_000.0;

/// The place of `layout` whose edge is nearest to `point`, its middle no farther than `within_km`; the larger one where two
/// are equally near.
pub fn nearest(layout: &Layout<'_>, point: Point, within_km: f64) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for cells in cells_around(point, within_km) {
        let first = first_cell(layout, *cells.start());
        let touched = (first..layout.cell_count()).take_while(|cell| layout.cell(*cell) <= *cells.end());
        for place in touched.flat_map(|cell| layout.places_in(cell)) {
            let (middle, radius_km) = (layout.point(place), radius_km(layout.population(place)));
            // Nothing is nearer than it is north or south, by a little less than that.
            let north_south_km = (middle.lat - point.lat).abs() * KM_PER_DEGREE * 0.999_999;
            if best.is_some_and(|(best_km, _)| north_south_km - radius_km > best_km) {
                continue;
            }
            let km = distance_km(point, middle);
            let edge_km = km - radius_km;
            // Places are numbered by population, the largest first.
            if km <= within_km && best.is_none_or(|(best_km, of)| (edge_km, place) < (best_km, of)) {
                best = Some((edge_km, place));
            }
        }
    }
    best.map(|(_, place)| place)
}

fn radius_km(population: u32) -> f64 {
    (f64::from(population) / PEOPLE_PER_KM2 / std::f64::consts::PI).sqrt()
}

/// The first cell that is not before `number`.
fn first_cell(layout: &Layout<'_>, number: u32) -> usize {
    let (mut from, mut to) = (0, layout.cell_count());
    while from < to {
        let middle = from.midpoint(to);
        if layout.cell(middle) < number { from = middle + 1 } else { to = middle }
    }
    from
}
