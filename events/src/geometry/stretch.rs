//! Which part of a path a passenger rides, from pickup and drop-off alone: what a proposal's stretch is made of.

use super::{Path, SECONDS_PER_KM};
use crate::{Point, Stretch};

/// Where a passenger gets in and out of a ride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The part of the path in between.
    pub stretch: Stretch,
    /// Great-circle metres from the pickup to the path.
    pub pickup_distance_m: u32,
    /// Great-circle metres from the path to the drop-off.
    pub drop_off_distance_m: u32,
    /// Seconds from the departure to the pickup, by the baseline speed.
    pub pickup_at_offset_s: i64,
}

/// Places `pickup` and `drop_off` on `path`: of all pairs of a leg for the pickup and the same or a later leg for the
/// drop-off, the one that the baseline score likes best when the hour is left aside; its first on a tie. With the hour
/// and the radius aside, that is the least of `0.1 · detour + 0.15 · (dp + dd)`. Distances have no limit here.
///
/// `None` when the path never goes from the pickup towards the drop-off.
pub fn stretch_between(path: &Path, pickup: Point, drop_off: Point) -> Option<Placed> {
    let (pickup, drop_off) = (pickup.into(), drop_off.into());
    let legs = path.legs().len();
    let mut best: Option<(f64, Placed)> = None;
    for first in 0..legs {
        let get_in = path.spot(first, pickup);
        for last in first..legs {
            let get_out = path.spot(last, drop_off);
            let Some(stretch) = path.stretch(&get_in, &get_out) else { continue };
            let detour_km = path.detour_km((pickup, &get_in), (drop_off, &get_out));
            let cost = 0.1 * detour_km + 0.15 * (get_in.distance_km + get_out.distance_km);
            if best.is_none_or(|(least, _)| cost < least) {
                let placed = Placed {
                    stretch,
                    pickup_distance_m: (get_in.distance_km * 1000.0).round() as u32,
                    drop_off_distance_m: (get_out.distance_km * 1000.0).round() as u32,
                    pickup_at_offset_s: (get_in.along_km * SECONDS_PER_KM).round() as i64,
                };
                best = Some((cost, placed));
            }
        }
    }
    best.map(|(_, placed)| placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRENOBLE: Point = Point { lat: 45.1885, lon: 5.7245 };
    const VOIRON: Point = Point { lat: 45.3667, lon: 5.5833 };
    const BOURGOIN: Point = Point { lat: 45.5860, lon: 5.2736 };
    const LYON: Point = Point { lat: 45.7640, lon: 4.8357 };

    #[test]
    fn a_passenger_who_joins_at_a_via_point_rides_from_there() {
        let path = Path::new(&[GRENOBLE, VOIRON, BOURGOIN, LYON]).unwrap();
        let placed = stretch_between(&path, VOIRON, LYON).unwrap();
        let first_m = path.legs()[0].length_m();
        assert_eq!(placed.stretch, Stretch::new(first_m, path.length_m()).unwrap());
        assert_eq!((placed.pickup_distance_m, placed.drop_off_distance_m), (0, 0));
        assert_eq!(placed.pickup_at_offset_s, (f64::from(first_m) / 1000.0 * SECONDS_PER_KM).round() as i64);
    }

    #[test]
    fn the_whole_way_is_a_stretch_and_the_way_back_is_none() {
        let path = Path::new(&[GRENOBLE, LYON]).unwrap();
        let placed = stretch_between(&path, GRENOBLE, LYON).unwrap();
        assert_eq!(placed.stretch, Stretch::new(0, path.length_m()).unwrap());
        assert_eq!(stretch_between(&path, LYON, GRENOBLE), None);
        assert_eq!(stretch_between(&path, VOIRON, VOIRON), None);
    }

    #[test]
    fn on_the_way_there_and_back_the_drop_off_comes_after_the_pickup() {
        let path = Path::new(&[GRENOBLE, LYON, GRENOBLE]).unwrap();
        let half_m = path.legs()[0].length_m();
        let there = stretch_between(&path, BOURGOIN, LYON).unwrap();
        assert!(there.stretch.to_m == half_m && there.stretch.from_m < half_m);
        let back = stretch_between(&path, LYON, BOURGOIN).unwrap();
        assert!(back.stretch.from_m == half_m && half_m < back.stretch.to_m);
    }

    #[test]
    fn places_a_step_apart_still_share_a_metre() {
        let path = Path::new(&[GRENOBLE, LYON]).unwrap();
        let near = |lat: f64| Point { lat, lon: GRENOBLE.lon };
        let placed = stretch_between(&path, near(45.300_000_0), near(45.300_001_0)).unwrap();
        assert_eq!(placed.stretch.to_m - placed.stretch.from_m, 1);
    }
}
