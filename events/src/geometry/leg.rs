//! One leg of a path: the shorter arc of the great circle between two stops.

use super::EARTH_RADIUS_KM;
use super::vector::{UnitVector, Vector};

/// The shorter great-circle arc between two stops. Between antipodes, where all are equally short, one that depends
/// on the stops alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub(super) from: UnitVector,
    pub(super) to: UnitVector,
    /// At a right angle to the plane of the arc; none where both stops are one place.
    normal: Option<UnitVector>,
    length_km: f64,
}

/// The point of a leg that is nearest to some place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Great-circle distance from the place, in km.
    pub distance_km: f64,
    /// Position along the leg, in km from its start: 0 to the leg's length, both exact at the ends.
    pub along_km: f64,
}

/// Stops closer together than this, in radii of the earth (6 mm), are one place: rounding would turn the arc between
/// them anywhere.
const ONE_PLACE: f64 = 1e-9;

impl Leg {
    /// The leg from one stop to the next.
    pub fn new(from: UnitVector, to: UnitVector) -> Self {
        let (difference, sum) = (to.0 - from.0, to.0 + from.0);
        let normal = if difference.length() < ONE_PLACE {
            None
        } else if sum.length() < ONE_PLACE {
            Some(from.0.any_perpendicular())
        } else {
            // Twice `from × to`, but exact for short legs too: the difference loses nothing to rounding.
            Some(sum.cross(difference).normalised())
        };
        Self { from, to, normal, length_km: from.distance_km(to) }
    }

    /// Its length in km.
    pub fn length_km(&self) -> f64 {
        self.length_km
    }

    /// Its length in whole metres.
    pub fn length_m(&self) -> u32 {
        (self.length_km * 1000.0).round() as u32
    }

    /// Where it starts.
    pub fn from(&self) -> UnitVector {
        self.from
    }

    /// Where it ends.
    pub fn to(&self) -> UnitVector {
        self.to
    }

    /// The point nearest to `place`.
    pub fn nearest(&self, place: UnitVector) -> Nearest {
        let (start, end) = ((place.0 - self.from.0).length(), (place.0 - self.to.0).length());
        let at_end = if start <= end {
            Nearest { distance_km: place.distance_km(self.from), along_km: 0.0 }
        } else {
            Nearest { distance_km: place.distance_km(self.to), along_km: self.length_km }
        };
        match self.foot(place) {
            // An end wins a tie, so that a place which is a stop has distance 0 whatever the rounding.
            Some(foot) if foot.distance_km < at_end.distance_km => foot,
            _ => at_end,
        }
    }

    /// The foot of the perpendicular from `place`, where it falls between the stops.
    fn foot(&self, place: UnitVector) -> Option<Nearest> {
        let normal = self.normal?;
        let (ahead, aside) = (place.0.dot(self.from.0), place.0.dot(self.heading(normal)));
        let along_km = aside.atan2(ahead) * EARTH_RADIUS_KM;
        let distance_km = place.0.dot(normal.0).abs().atan2(ahead.hypot(aside)) * EARTH_RADIUS_KM;
        (0.0 < along_km && along_km < self.length_km).then_some(Nearest { distance_km, along_km })
    }

    /// The direction in which the leg leaves its start.
    fn heading(&self, normal: UnitVector) -> Vector {
        normal.0.cross(self.from.0)
    }

    /// Whether `place` is surely further away than the angle whose sine is `sine`: its great circle already is. One
    /// multiplication instead of the trigonometry of [`Leg::nearest`].
    pub fn surely_beyond(&self, place: UnitVector, sine: f64) -> bool {
        self.normal.is_some_and(|normal| place.0.dot(normal.0).abs() > sine)
    }

    /// The point `along_km` from its start; positions beyond an end are that end.
    pub fn at(&self, along_km: f64) -> UnitVector {
        match self.normal {
            Some(normal) if 0.0 < along_km && along_km < self.length_km => {
                let (sine, cosine) = (along_km / EARTH_RADIUS_KM).sin_cos();
                (self.from.0 * cosine + self.heading(normal) * sine).normalised()
            }
            Some(_) if along_km >= self.length_km => self.to,
            _ => self.from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Point;
    use proptest::prelude::*;

    fn at(lat: f64, lon: f64) -> UnitVector {
        Point::new(lat, lon).unwrap().into()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn the_foot_lies_between_and_the_ends_hold_what_lies_beyond() {
        let leg = Leg::new(at(0.0, 0.0), at(0.0, 10.0));
        let degree = EARTH_RADIUS_KM * 1_f64.to_radians();
        let beside = leg.nearest(at(1.0, 4.0));
        assert!(close(beside.distance_km, degree) && close(beside.along_km, 4.0 * degree), "{beside:?}");
        let before = leg.nearest(at(0.0, -2.0));
        assert!(close(before.distance_km, 2.0 * degree) && before.along_km == 0.0, "{before:?}");
        let after = leg.nearest(at(0.0, 13.0));
        assert!(close(after.distance_km, 3.0 * degree) && after.along_km == leg.length_km(), "{after:?}");
    }

    #[test]
    fn a_stop_is_at_distance_zero_of_its_leg() {
        for (a, b) in [((43.34, -4.07), (42.35, -3.69)), ((90.0, 0.0), (45.0, 170.0)), ((10.0, 180.0), (11.0, -179.0))]
        {
            let leg = Leg::new(at(a.0, a.1), at(b.0, b.1));
            assert_eq!(leg.nearest(leg.from()), Nearest { distance_km: 0.0, along_km: 0.0 });
            assert_eq!(leg.nearest(leg.to()), Nearest { distance_km: 0.0, along_km: leg.length_km() });
        }
    }

    #[test]
    fn a_leg_without_length_is_a_point() {
        let leg = Leg::new(at(48.0, 2.0), at(48.0, 2.0));
        assert_eq!(leg.length_m(), 0);
        assert!(close(leg.nearest(at(48.0, 3.0)).distance_km, at(48.0, 2.0).distance_km(at(48.0, 3.0))));
        assert_eq!(leg.nearest(at(48.0, 3.0)).along_km, 0.0);
        assert!(!leg.surely_beyond(at(-48.0, 3.0), 0.001));
        assert_eq!(leg.at(5.0), leg.from());
    }

    #[test]
    fn a_leg_to_the_antipodes_is_half_a_great_circle() {
        let leg = Leg::new(at(20.0, 30.0), at(-20.0, -150.0));
        assert!(close(leg.length_km(), EARTH_RADIUS_KM * std::f64::consts::PI));
        let middle = leg.at(leg.length_km() / 2.0);
        let found = leg.nearest(middle);
        assert!(close(found.distance_km, 0.0) && close(found.along_km, leg.length_km() / 2.0), "{found:?}");
    }

    fn places() -> impl Strategy<Value = UnitVector> {
        prop_oneof![
            (-90.0..=90.0, -180.0..=180.0),
            (44.0..46.0, 3.0..5.0),
            (85.0..=90.0, -180.0..=180.0),
            (-1.0..1.0, prop_oneof![179.0..=180.0, -180.0..=-179.0]),
        ]
        .prop_map(|(lat, lon)| at(lat, lon))
    }

    proptest! {
        #[test]
        fn no_sample_of_the_leg_is_nearer(from in places(), to in places(), place in places()) {
            const SAMPLES: u32 = 2000;
            let leg = Leg::new(from, to);
            let found = leg.nearest(place);
            let step = leg.length_km() / f64::from(SAMPLES);
            let sampled = (0..=SAMPLES)
                .map(|i| leg.at(step * f64::from(i)).distance_km(place))
                .fold(f64::INFINITY, f64::min);
            prop_assert!(found.distance_km <= sampled + 1e-7, "{:?} but sampled {}", found, sampled);
            // No sample is further than half a step from the nearest point.
            prop_assert!(found.distance_km >= sampled - step / 2.0 - 1e-7, "{:?} but sampled {}", found, sampled);
            prop_assert!((leg.at(found.along_km).distance_km(place) - found.distance_km).abs() < 1e-6);
            prop_assert!((0.0..=leg.length_km()).contains(&found.along_km));
            let sine = (found.distance_km / EARTH_RADIUS_KM).min(std::f64::consts::FRAC_PI_2).sin();
            prop_assert!(!leg.surely_beyond(place, sine + 1e-12));
        }

        #[test]
        fn a_position_along_the_leg_is_found_again(from in places(), to in places(), part in 0.0..=1.0) {
            let leg = Leg::new(from, to);
            let along_km = leg.length_km() * part;
            let found = leg.nearest(leg.at(along_km));
            prop_assert!(found.distance_km < 1e-6, "{:?}", found);
            prop_assert!((found.along_km - along_km).abs() < 1e-5, "{:?} for {}", found, along_km);
        }
    }
}
