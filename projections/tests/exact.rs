//! The matching index finds what holding the rule against every ride finds, wherever on earth and however rides change.

use std::collections::BTreeMap;

use palabre_events::geometry::Path;
use palabre_events::ride::Audience;
use palabre_events::{AccountId, Point, RideId, Stretch, Timestamp};
use palabre_projections::matching::{Change, Entry, Found, Loosening, MatchingIndex, Search, matches};
use palabre_projections::matching::{RADIUS_STEPS_KM, TOLERANCE_STEPS_S};
use proptest::prelude::*;
use uuid::Uuid;

const START_S: i64 = 1_799_000_000;

/// What a plain scan over all rides answers.
fn scan(rides: &BTreeMap<RideId, Entry>, search: &Search) -> Found {
    let mut found: Vec<_> =
        rides.values().filter_map(|entry| Some((matches(entry, search)?, entry.offered_position))).collect();
    found.sort_by(|(a, a_position), (b, b_position)| b.score.total_cmp(&a.score).then(a_position.cmp(b_position)));
    let total = found.len();
    Found { total, best: found.into_iter().take(search.limit).map(|(found, _)| found).collect() }
}

/// A part of the earth, a few degrees wide: one ordinary, others where degrees play tricks.
#[derive(Clone, Copy, Debug)]
struct Region {
    lat: f64,
    lon: f64,
    width: f64,
}

const REGIONS: [Region; 7] = [
    Region { lat: 45.0, lon: 5.0, width: 2.0 },
    Region { lat: 45.0, lon: 5.0, width: 0.2 },
    Region { lat: -17.0, lon: 180.0, width: 3.0 },
    Region { lat: 90.0, lon: 0.0, width: 3.0 },
    Region { lat: -89.5, lon: 77.0, width: 3.0 },
    Region { lat: 0.0, lon: 0.0, width: 30.0 },
    Region { lat: 0.0, lon: 0.0, width: 180.0 },
];

impl Region {
    /// The point at `east` and `north` of the way from one border of the region to the other.
    fn point(self, (east, north): (f64, f64)) -> Point {
        let lat = self.lat + (north - 0.5) * self.width;
        let over_the_pole = lat.abs() > 90.0;
        let lat = if over_the_pole { lat.signum() * 180.0 - lat } else { lat };
        let half_turn = if over_the_pole { 180.0 } else { 0.0 };
        let lon = self.lon + half_turn + (east - 0.5) * self.width / lat.to_radians().cos().max(0.01);
        Point::new(lat, (lon + 180.0).rem_euclid(360.0) - 180.0).unwrap()
    }
}

fn spot() -> impl Strategy<Value = (f64, f64)> {
    // Rides share places, so that some points are stops and some scores are equal.
    prop_oneof![(0.0..1.0, 0.0..1.0), prop::sample::select(vec![(0.2, 0.2), (0.5, 0.5), (0.8, 0.3), (0.4, 0.9)])]
}

fn taken() -> impl Strategy<Value = Vec<(Stretch, u8)>> {
    prop::collection::vec((0_u32..400_000, 1_u32..200_000, 1_u8..4), 0..3).prop_map(|taken| {
        taken
            .into_iter()
            .map(|(from_m, length_m, seats)| (Stretch::new(from_m, from_m + length_m).unwrap(), seats))
            .collect()
    })
}

fn ride(number: u128) -> RideId {
    RideId(Uuid::from_u128(number))
}

fn entry(region: Region) -> impl Strategy<Value = Entry> {
    let stops = prop::collection::vec(spot(), 2..5);
    let hours = prop_oneof![4 => 0_i64..24, 4 => Just(12), 1 => -1000_i64..1000];
    (0_u128..30, stops, hours, 1_u8..5, taken(), prop::option::weighted(0.2, 0_u16..60)).prop_map(
        move |(number, stops, hour, seats, taken, detour_min_max)| {
            let stops: Vec<Point> = stops.into_iter().map(|spot| region.point(spot)).collect();
            Entry {
                ride: ride(number),
                driver: AccountId(Uuid::from_u128(number % 3)),
                audience: Audience::Everyone,
                path: Path::new(&stops).unwrap(),
                departs_at: Timestamp::from_seconds(START_S + hour * 3600).unwrap(),
                seats,
                taken,
                detour_min_max,
                // Falls while the number grows, so that neither is taken for the other.
                offered_position: 1000 - number as u64,
                import_reference: None,
            }
        },
    )
}

fn change(region: Region) -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => entry(region).prop_map(|entry| Change::Upsert(Box::new(entry))),
        1 => (0_u128..30).prop_map(|number| Change::Remove(ride(number))),
        1 => (0_u128..30, 1_u8..5, taken())
            .prop_map(|(number, seats, taken)| Change::Seats { ride: ride(number), seats, taken }),
    ]
}

fn search(region: Region) -> impl Strategy<Value = Search> {
    let radii = prop_oneof![1 => Just(0.0), 1 => 0.0..5.0, 5 => 5.0..100.0, 1 => 100.0..30_000.0];
    let tolerances = prop_oneof![1 => Just(0_u32), 2 => 1..3600_u32, 5 => 3600..172_800_u32];
    (spot(), spot(), 0_i64..24, tolerances, radii, 1_u8..4, 0_usize..8, prop::option::weighted(0.2, 0_u128..3))
        .prop_map(move |(pickup, drop_off, hour, tolerance_s, radius_km, seats, limit, excluded)| Search {
            pickup: region.point(pickup),
            drop_off: region.point(drop_off),
            at: Timestamp::from_seconds(START_S + hour * 3600).unwrap(),
            tolerance_s,
            radius_km,
            seats,
            limit,
            excluding_driver: excluded.map(|number| AccountId(Uuid::from_u128(number))),
        })
}

type World = (Vec<Change>, Vec<Search>);

fn world() -> impl Strategy<Value = World> {
    prop::sample::select(REGIONS.to_vec()).prop_flat_map(|region| {
        (prop::collection::vec(change(region), 0..60), prop::collection::vec(search(region), 1..12))
    })
}

/// The same changes, folded the plain way.
fn fold(changes: &[Change]) -> BTreeMap<RideId, Entry> {
    let mut rides = BTreeMap::new();
    for change in changes.iter().cloned() {
        match change {
            Change::Upsert(entry) => {
                rides.insert(entry.ride, *entry);
            }
            Change::Remove(ride) => {
                rides.remove(&ride);
            }
            Change::Seats { ride, seats, taken } => {
                if let Some(entry) = rides.get_mut(&ride) {
                    (entry.seats, entry.taken) = (seats, taken);
                }
            }
        }
    }
    rides
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_finds_what_a_plain_scan_finds((changes, searches) in world()) {
        let index = MatchingIndex::new();
        index.apply(changes.clone());
        let rides = fold(&changes);
        prop_assert_eq!(index.len(), rides.len());
        for search in &searches {
            prop_assert_eq!(index.search(search), scan(&rides, search));
        }
    }

    /// The radius and the tolerance are exactly what one ride needs, and then a hair less.
    #[test]
    fn it_is_exact_at_the_borders((changes, searches) in world()) {
        let index = MatchingIndex::new();
        index.apply(changes.clone());
        let rides = fold(&changes);
        for search in &searches {
            for entry in rides.values().take(5) {
                let (first, last) = (entry.path.spot(0, search.pickup.into()), entry.path.spot(0, search.drop_off.into()));
                let radius_km = first.distance_km.max(last.distance_km);
                for radius_km in [radius_km, radius_km.next_down()] {
                    let search = Search { radius_km, ..search.clone() };
                    prop_assert_eq!(index.search(&search), scan(&rides, &search));
                }
            }
        }
    }

    #[test]
    fn what_it_says_to_loosen_is_the_first_step_that_helps((changes, searches) in world()) {
        let index = MatchingIndex::new();
        index.apply(changes);
        for search in searches.iter().filter(|search| index.search(search).total == 0) {
            let found = |search: Search| index.search(&search).total;
            let mut expected = vec![];
            let tolerances = TOLERANCE_STEPS_S.into_iter().filter(|step| *step > search.tolerance_s);
            expected.extend(tolerances
                .map(|tolerance_s| (tolerance_s, found(Search { tolerance_s, ..search.clone() })))
                .find(|(_, total)| *total > 0)
                .map(|(tolerance_s, total)| Loosening::Tolerance { tolerance_s, total }));
            let radii = RADIUS_STEPS_KM.into_iter().filter(|step| *step > search.radius_km);
            expected.extend(radii
                .map(|radius_km| (radius_km, found(Search { radius_km, ..search.clone() })))
                .find(|(_, total)| *total > 0)
                .map(|(radius_km, total)| Loosening::Radius { radius_km, total }));
            expected.extend((1..search.seats).rev()
                .map(|seats| (seats, found(Search { seats, ..search.clone() })))
                .find(|(_, total)| *total > 0)
                .map(|(seats, total)| Loosening::Seats { seats, total }));
            if expected.is_empty() {
                let pairs = (0..TOLERANCE_STEPS_S.len() + RADIUS_STEPS_KM.len()).flat_map(|steps| {
                    let radii = RADIUS_STEPS_KM.into_iter().filter(|step| *step > search.radius_km).enumerate();
                    let tolerances = TOLERANCE_STEPS_S.into_iter().filter(|step| *step > search.tolerance_s);
                    radii.filter_map(move |(at, radius_km)| {
                        let tolerance_s = tolerances.clone().nth(steps.checked_sub(at)?)?;
                        Some((tolerance_s, radius_km))
                    }).collect::<Vec<_>>()
                });
                expected.extend(pairs
                    .map(|(tolerance_s, radius_km)| {
                        (tolerance_s, radius_km, found(Search { tolerance_s, radius_km, ..search.clone() }))
                    })
                    .find(|(_, _, total)| *total > 0)
                    .map(|(tolerance_s, radius_km, total)| {
                        Loosening::ToleranceAndRadius { tolerance_s, radius_km, total }
                    }));
            }
            prop_assert_eq!(index.explain_none(search), expected);
        }
    }

    #[test]
    fn when_every_ride_is_gone_nothing_is_found((changes, searches) in world()) {
        let index = MatchingIndex::new();
        index.apply(changes);
        index.apply((0..30).map(|number| Change::Remove(ride(number))));
        prop_assert!(index.is_empty());
        for search in &searches {
            prop_assert_eq!(index.search(search), Found::default());
        }
    }
}
