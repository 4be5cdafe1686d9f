//! The path of a ride: its legs, measured once, and positions along the whole of it.

use super::{Leg, UnitVector};
use crate::{Point, Stretch};

/// Great-circle legs from the origin over the via points to the destination, measured once.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    legs: Box<[Leg]>,
    /// Where each leg starts, in km from the origin; ends with the length of the whole path.
    starts_km: Box<[f64]>,
}

/// The point of one leg of a path that is nearest to some place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Which leg, from 0.
    pub leg: usize,
    /// Great-circle distance from the place, in km.
    pub distance_km: f64,
    /// Position along the leg, in km from its start.
    pub leg_km: f64,
    /// Position along the path, in km from the origin.
    pub along_km: f64,
}

impl Path {
    /// The path over `stops`, or `None` with fewer than two.
    pub fn new(stops: &[Point]) -> Option<Self> {
        let vectors: Vec<UnitVector> = stops.iter().map(|stop| (*stop).into()).collect();
        let legs: Box<[Leg]> = vectors.windows(2).map(|ends| Leg::new(ends[0], ends[1])).collect();
        let mut starts_km = vec![0.0];
        for leg in &legs {
            starts_km.push(starts_km[starts_km.len() - 1] + leg.length_km());
        }
        (!legs.is_empty()).then(|| Self { legs, starts_km: starts_km.into() })
    }

    /// Its legs, at least one.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// Length of the whole path, in km.
    pub fn length_km(&self) -> f64 {
        self.starts_km[self.legs.len()]
    }

    /// Length of the whole path in metres: the sum of its legs in whole metres, as [`crate::Route::length_m`].
    pub fn length_m(&self) -> u32 {
        self.start_m(self.legs.len())
    }

    /// Where a leg starts, in km from the origin.
    pub fn start_km(&self, leg: usize) -> f64 {
        self.starts_km[leg]
    }

    /// The point of `leg` that is nearest to `place`.
    pub fn spot(&self, leg: usize, place: UnitVector) -> Spot {
        let nearest = self.legs[leg].nearest(place);
        Spot {
            leg,
            distance_km: nearest.distance_km,
            leg_km: nearest.along_km,
            along_km: self.starts_km[leg] + nearest.along_km,
        }
    }

    /// The point itself.
    pub fn point_at(&self, spot: &Spot) -> Point {
        self.legs[spot.leg].at(spot.leg_km).into()
    }

    /// The stretch from where a passenger gets in to where the passenger gets out. Always a metre long at least, even
    /// where both round to the same metre; `None` when it would not go forward.
    pub fn stretch(&self, pickup: &Spot, drop_off: &Spot) -> Option<Stretch> {
        if pickup.along_km >= drop_off.along_km {
            return None;
        }
        let (from_m, to_m) = (self.metre(pickup), self.metre(drop_off));
        Stretch::new(from_m, to_m)
            .or_else(|| Stretch::new(from_m, from_m + 1).filter(|stretch| stretch.to_m <= self.length_m()))
            .or_else(|| Stretch::new(to_m.checked_sub(1)?, to_m))
    }

    /// A position in whole metres from the origin.
    fn metre(&self, spot: &Spot) -> u32 {
        let along_leg_m = (spot.leg_km * 1000.0).round() as u32;
        self.start_m(spot.leg) + along_leg_m.min(self.legs[spot.leg].length_m())
    }

    /// Where a leg starts, in whole metres; never later than the rounded legs before it add up to.
    fn start_m(&self, leg: usize) -> u32 {
        self.legs[..leg].iter().map(Leg::length_m).sum()
    }

    /// Straight-line km that a driver drives more to fetch a passenger at `pickup`, inserted into the leg of
    /// `pickup_spot`, and to drop them at `drop_off`, inserted into the leg of `drop_off_spot`, which is not earlier.
    pub fn detour_km(
        &self,
        (pickup, pickup_spot): (UnitVector, &Spot),
        (drop_off, drop_off_spot): (UnitVector, &Spot),
    ) -> f64 {
        let (first, last) = (&self.legs[pickup_spot.leg], &self.legs[drop_off_spot.leg]);
        if pickup_spot.leg == drop_off_spot.leg {
            first.from().distance_km(pickup) + pickup.distance_km(drop_off) + drop_off.distance_km(first.to())
                - first.length_km()
        } else {
            inserted_km(first, pickup) + inserted_km(last, drop_off)
        }
    }
}

fn inserted_km(leg: &Leg, place: UnitVector) -> f64 {
    leg.from().distance_km(place) + place.distance_km(leg.to()) - leg.length_km()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::legs_m;
    use proptest::prelude::*;

    fn points() -> impl Strategy<Value = Point> {
        prop_oneof![(-90.0..=90.0, -180.0..=180.0), (44.0..46.0, 3.0..5.0), (45.0..45.0001, 4.0..4.0001)]
            .prop_map(|(lat, lon)| Point { lat, lon })
    }

    #[test]
    fn one_stop_is_no_path() {
        assert_eq!(Path::new(&[]), None);
        assert_eq!(Path::new(&[Point { lat: 1.0, lon: 1.0 }]), None);
        assert!(legs_m(&[Point { lat: 1.0, lon: 1.0 }]).is_empty());
    }

    proptest! {
        #[test]
        fn positions_grow_along_the_path_and_stretches_stay_on_it(
            stops in prop::collection::vec(points(), 2..6),
            pickup in points(),
            drop_off in points(),
        ) {
            let path = Path::new(&stops).unwrap();
            prop_assert_eq!(path.length_m(), legs_m(&stops).iter().sum::<u32>());
            for i in 0..path.legs().len() {
                for j in i..path.legs().len() {
                    let (get_in, get_out) = (path.spot(i, pickup.into()), path.spot(j, drop_off.into()));
                    let stretch = path.stretch(&get_in, &get_out);
                    if get_in.along_km < get_out.along_km && path.length_m() > 0 {
                        let stretch = stretch.unwrap();
                        prop_assert!(stretch.from_m < stretch.to_m && stretch.to_m <= path.length_m());
                        prop_assert!((f64::from(stretch.from_m) / 1000.0 - get_in.along_km).abs() < 0.01);
                        prop_assert!((f64::from(stretch.to_m) / 1000.0 - get_out.along_km).abs() < 0.01);
                    } else {
                        prop_assert_eq!(stretch, None);
                    }
                }
            }
        }

        #[test]
        fn a_detour_is_at_most_twice_the_walk(
            stops in prop::collection::vec(points(), 2..6),
            pickup in points(),
            drop_off in points(),
        ) {
            let path = Path::new(&stops).unwrap();
            for i in 0..path.legs().len() {
                for j in i..path.legs().len() {
                    let (get_in, get_out) = (path.spot(i, pickup.into()), path.spot(j, drop_off.into()));
                    let detour_km = path.detour_km((pickup.into(), &get_in), (drop_off.into(), &get_out));
                    prop_assert!(detour_km > -1e-6);
                    if get_in.along_km <= get_out.along_km {
                        prop_assert!(detour_km <= 2.0 * (get_in.distance_km + get_out.distance_km) + 1e-6);
                    }
                }
            }
        }
    }
}
