//! A grid on the map: which cell a point lies in, and which cells a circle touches.

use palabre_events::Point;
use palabre_events::geometry::EARTH_RADIUS_KM;
use std::ops::RangeInclusive;

/// Cells of a degree, either way.
const PER_DEGREE: f64 = 8.0;
/// Cells around the earth.
const AROUND: u32 = 360 * PER_DEGREE as u32;
/// Cells from pole to pole.
const UP: u32 = 180 * PER_DEGREE as u32;
/// Km of a degree of latitude.
pub const KM_PER_DEGREE: f64 = EARTH_RADIUS_KM * std::f64::consts::PI / 180.0;

/// The number of the cell that `point` lies in.
pub fn cell_of(point: Point) -> u32 {
    row(point.lat) * AROUND + column(point.lon)
}

/// Every cell that a circle of `radius_km` around `centre` touches, and perhaps more: stretches of numbers, none twice.
pub fn cells_around(centre: Point, radius_km: f64) -> impl Iterator<Item = RangeInclusive<u32>> {
    // A little more than the circle, since cells and circles are computed differently.
    let reach = radius_km / KM_PER_DEGREE * 1.000_001 + 1e-9;
    let (south, north) = (centre.lat - reach, centre.lat + reach);
    let columns = columns_around(centre.lon, widest(reach, south, north));
    (row(south)..=row(north)).flat_map(move |row| {
        let begin = row * AROUND;
        columns.into_iter().flatten().map(move |(from, to)| begin + from..=begin + to)
    })
}

/// How many degrees of longitude a circle reaches, where it reaches farthest; half around at a pole.
fn widest(reach: f64, south: f64, north: f64) -> f64 {
    let nearest_to_pole = south.abs().max(north.abs());
    if nearest_to_pole >= 89.9 { 180.0 } else { (reach / nearest_to_pole.to_radians().cos()).min(180.0) }
}

/// The columns within `reach` degrees of `lon`, in one stretch or, over the date line, in two.
fn columns_around(lon: f64, reach: f64) -> [Option<(u32, u32)>; 2] {
    let (west, east) = (lon - reach, lon + reach);
    let last = AROUND - 1;
    if reach >= 179.0 {
        [Some((0, last)), None]
    } else if west < -180.0 {
        [Some((0, column(east))), Some((column(west + 360.0), last))]
    } else if east >= 180.0 {
        [Some((0, column(east - 360.0))), Some((column(west), last))]
    } else {
        [Some((column(west), column(east))), None]
    }
}

fn row(lat: f64) -> u32 {
    (((lat + 90.0) * PER_DEGREE).floor().max(0.0) as u32).min(UP - 1)
}

fn column(lon: f64) -> u32 {
    (((lon + 180.0) * PER_DEGREE).floor().max(0.0) as u32).min(AROUND - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::geometry::distance_km;
    use proptest::prelude::*;

    fn point() -> impl Strategy<Value = Point> {
        // Near the poles and the date line as often as elsewhere.
        let lat = prop_oneof![-90.0..=90.0, 89.0..=90.0, -90.0..=-89.0];
        let lon = prop_oneof![-180.0..=180.0, 179.5..=180.0, -180.0..=-179.5];
        (lat, lon).prop_map(|(lat, lon)| Point { lat, lon })
    }

    proptest! {
        #[test]
        fn whatever_lies_in_the_circle_lies_in_its_cells(
            centre in point(), north in -0.3..0.3_f64, east in -4.0..4.0_f64, radius_km in 0.0..30.0_f64,
        ) {
            let lat = (centre.lat + north).clamp(-90.0, 90.0);
            let lon = (centre.lon + east + 540.0).rem_euclid(360.0) - 180.0;
            let other = Point { lat, lon };
            prop_assume!(distance_km(centre, other) <= radius_km);
            let cell = cell_of(other);
            prop_assert_eq!(cells_around(centre, radius_km).filter(|cells| cells.contains(&cell)).count(), 1);
        }
    }

    #[test]
    fn a_circle_across_the_date_line_has_cells_on_both_sides() {
        let fiji = Point { lat: -16.8, lon: 179.99 };
        let cells: Vec<_> = cells_around(fiji, 10.0).collect();
        for lon in [179.95, -179.98] {
            let cell = cell_of(Point { lat: -16.8, lon });
            assert!(cells.iter().any(|cells| cells.contains(&cell)), "{lon}");
        }
    }
}
