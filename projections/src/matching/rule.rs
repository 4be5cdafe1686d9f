//! The baseline rule for one ride and one search: whether they match, how well, and why. Nothing here is approximate.

use palabre_events::geometry::{EARTH_RADIUS_KM, SECONDS_PER_KM, Spot, UnitVector, time_along};
use palabre_events::ride::Audience;
use palabre_events::seats::highest_overlap;
use palabre_events::{Stretch, Timestamp};

use super::{Entry, Match, Search};

const DETOUR_WEIGHT: f64 = 0.4;
const WALK_WEIGHT: f64 = 0.3;
const GAP_WEIGHT: f64 = 0.3;

/// Slack for rounding in tests that only spare work, as an angle: 6 µm.
const ROUNDING: f64 = 1e-12;

/// How the ride of `entry` answers `search`; `None` when it does not match. The search's limit plays no part.
pub fn matches(entry: &Entry, search: &Search) -> Option<Match> {
    let wanted = Wanted::new(search);
    wanted.best_pair(entry).map(|pair| pair.explain(entry))
}

/// A search, prepared to be held against many rides.
pub(super) struct Wanted<'a> {
    pub(super) search: &'a Search,
    pub(super) pickup: UnitVector,
    drop_off: UnitVector,
    /// Sine of the radius as an angle, rounded up.
    radius_sine: f64,
}

/// A pair of legs that matches: where the passenger gets in and out.
pub(super) struct Pair {
    pub(super) score: f64,
    pickup: Spot,
    drop_off: Spot,
    stretch: Stretch,
    seats_left: u8,
    gap_s: f64,
    detour_km: f64,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(search: &'a Search) -> Self {
        let radius = (search.radius_km / EARTH_RADIUS_KM).clamp(0.0, std::f64::consts::FRAC_PI_2);
        Self {
            search,
            pickup: search.pickup.into(),
            drop_off: search.drop_off.into(),
            radius_sine: radius.sin() + ROUNDING,
        }
    }

    /// The pair of legs with the highest score, the first of equals.
    pub(super) fn best_pair(&self, entry: &Entry) -> Option<Pair> {
        if !self.may_see(entry.audience)
            || entry.seats < self.search.seats
            || self.search.excluding_driver == Some(entry.driver)
        {
            return None;
        }
        let legs = entry.path.legs();
        // Most rides near the pickup go elsewhere: this asks for no trigonometry.
        if legs.iter().all(|leg| leg.surely_beyond(self.drop_off, self.radius_sine)) {
            return None;
        }
        let mut best: Option<Pair> = None;
        for first in 0..legs.len() {
            let Some((pickup, gap_s)) = self.pickup_on(entry, first) else { continue };
            for last in first..legs.len() {
                let Some(drop_off) = self.near(entry, last, self.drop_off) else { continue };
                let Some(pair) = self.pair(entry, pickup, drop_off, gap_s) else { continue };
                if best.as_ref().is_none_or(|best| pair.score > best.score) {
                    best = Some(pair);
                }
            }
        }
        best
    }

    /// Where a leg passes the pickup, near enough and in time; with the seconds that this is later than wished.
    fn pickup_on(&self, entry: &Entry, leg: usize) -> Option<(Spot, f64)> {
        let spot = self.near(entry, leg, self.pickup)?;
        let gap_s = seconds_between(self.search.at, entry.departs_at) + SECONDS_PER_KM * spot.along_km;
        (gap_s.abs() <= f64::from(self.search.tolerance_s)).then_some((spot, gap_s))
    }

    /// The point of a leg nearest to `place`, if within the radius.
    fn near(&self, entry: &Entry, leg: usize, place: UnitVector) -> Option<Spot> {
        if entry.path.legs()[leg].surely_beyond(place, self.radius_sine) {
            return None;
        }
        let spot = entry.path.spot(leg, place);
        (spot.distance_km <= self.search.radius_km).then_some(spot)
    }

    fn pair(&self, entry: &Entry, pickup: Spot, drop_off: Spot, gap_s: f64) -> Option<Pair> {
        let stretch = entry.path.stretch(&pickup, &drop_off)?;
        let taken = highest_overlap(stretch, entry.taken.iter().copied());
        let seats_left = entry.seats.saturating_sub(u8::try_from(taken).unwrap_or(u8::MAX));
        if seats_left < self.search.seats {
            return None;
        }
        let detour_km = entry.path.detour_km((self.pickup, &pickup), (self.drop_off, &drop_off));
        if entry.detour_min_max.is_some_and(|max| minutes(detour_km) > f64::from(max)) {
            return None;
        }
        let score = self.score(detour_km, pickup.distance_km + drop_off.distance_km, gap_s);
        Some(Pair { score, pickup, drop_off, stretch, seats_left, gap_s, detour_km })
    }

    fn score(&self, detour_km: f64, walk_km: f64, gap_s: f64) -> f64 {
        let radius_km = self.search.radius_km;
        DETOUR_WEIGHT * (1.0 - fraction(detour_km, 4.0 * radius_km))
            + WALK_WEIGHT * (1.0 - fraction(walk_km, 2.0 * radius_km))
            + GAP_WEIGHT * (1.0 - fraction(gap_s.abs(), f64::from(self.search.tolerance_s)))
    }

    fn may_see(&self, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => true,
        }
    }
}

/// `part` of `whole`; 0 where the whole is.
fn fraction(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.millis_since(from) as f64 / 1000.0
}

fn minutes(straight_km: f64) -> f64 {
    straight_km * SECONDS_PER_KM / 60.0
}

fn metres(km: f64) -> u32 {
    (km * 1000.0).round() as u32
}

impl Pair {
    /// The pair as an answer.
    pub(super) fn explain(&self, entry: &Entry) -> Match {
        Match {
            ride: entry.ride,
            driver: entry.driver,
            import_reference: entry.import_reference.clone(),
            score: self.score,
            walk_to_pickup_m: metres(self.pickup.distance_km),
            walk_from_drop_off_m: metres(self.drop_off.distance_km),
            gap_s: self.gap_s.round() as i64,
            detour_km: self.detour_km,
            detour_min: minutes(self.detour_km),
            pickup_at: time_along(entry.departs_at, self.pickup.along_km),
            drop_off_at: time_along(entry.departs_at, self.drop_off.along_km),
            stretch: self.stretch,
            seats_left: self.seats_left,
            legs: (self.pickup.leg, self.drop_off.leg),
            pickup_on_path: entry.path.point_at(&self.pickup),
            drop_off_on_path: entry.path.point_at(&self.drop_off),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::geometry::{Path, distance_km};
    use palabre_events::{AccountId, Point, RideId};
    use uuid::Uuid;

    const GRENOBLE: Point = Point { lat: 45.1885, lon: 5.7245 };
    const VOIRON: Point = Point { lat: 45.3667, lon: 5.5833 };
    const BOURGOIN: Point = Point { lat: 45.5860, lon: 5.2736 };
    const LYON: Point = Point { lat: 45.7640, lon: 4.8357 };
    /// A town north of the road from Voiron to Bourgoin.
    const LA_TOUR_DU_PIN: Point = Point { lat: 45.5660, lon: 5.4440 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_799_000_000 + seconds).unwrap()
    }

    fn ride(stops: &[Point]) -> Entry {
        Entry {
            ride: RideId(Uuid::from_u128(1)),
            driver: AccountId(Uuid::from_u128(2)),
            audience: Audience::Everyone,
            path: Path::new(stops).unwrap(),
            departs_at: at(0),
            seats: 3,
            taken: vec![],
            detour_min_max: None,
            offered_position: 1,
            import_reference: None,
        }
    }

    fn search(pickup: Point, drop_off: Point) -> Search {
        Search {
            pickup,
            drop_off,
            at: at(0),
            tolerance_s: 7200,
            radius_km: 10.0,
            seats: 1,
            limit: Search::LIMIT,
            excluding_driver: None,
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_ride_that_passes_by_is_found_and_says_why() {
        let entry = ride(&[GRENOBLE, VOIRON, BOURGOIN, LYON]);
        let found = matches(&entry, &search(LA_TOUR_DU_PIN, LYON)).unwrap();
        let legs_km = [distance_km(GRENOBLE, VOIRON), distance_km(VOIRON, BOURGOIN)];
        assert_eq!(found.legs, (1, 2));
        assert_eq!(found.stretch.to_m, entry.path.length_m());
        let along_km = f64::from(found.stretch.from_m) / 1000.0;
        assert!(legs_km[0] < along_km && along_km < legs_km[0] + legs_km[1]);
        assert_eq!(found.gap_s, (along_km * SECONDS_PER_KM).round() as i64);
        assert_eq!(found.pickup_at, at(found.gap_s));
        assert_eq!((found.walk_from_drop_off_m, found.seats_left), (0, 3));
        let walk_km = distance_km(LA_TOUR_DU_PIN, found.pickup_on_path);
        assert_eq!(found.walk_to_pickup_m, (walk_km * 1000.0).round() as u32);
        let detour_km = distance_km(VOIRON, LA_TOUR_DU_PIN) + distance_km(LA_TOUR_DU_PIN, BOURGOIN) - legs_km[1];
        assert!((found.detour_km - detour_km).abs() < 1e-6);
        assert!(close(found.detour_min, found.detour_km * 1.3 / 70.0 * 60.0));
        let expected = 0.4 * (1.0 - detour_km / 40.0)
            + 0.3 * (1.0 - walk_km / 20.0)
            + 0.3 * (1.0 - along_km * SECONDS_PER_KM / 7200.0);
        assert!((found.score - expected).abs() < 1e-5, "{} {expected}", found.score);
    }

    #[test]
    fn the_way_back_is_another_ride() {
        assert_eq!(matches(&ride(&[GRENOBLE, LYON]), &search(LYON, GRENOBLE)), None);
        assert_eq!(matches(&ride(&[GRENOBLE, LYON]), &search(GRENOBLE, GRENOBLE)), None);
    }

    #[test]
    fn a_perfect_match_scores_one_even_where_nothing_is_tolerated() {
        let wish = search(GRENOBLE, LYON);
        for wish in [Search { radius_km: 0.0, tolerance_s: 0, ..wish.clone() }, wish] {
            let found = matches(&ride(&[GRENOBLE, LYON]), &wish).unwrap();
            assert!(close(found.score, 1.0), "{}", found.score);
            assert_eq!((found.gap_s, found.walk_to_pickup_m, found.walk_from_drop_off_m), (0, 0, 0));
        }
    }

    #[test]
    fn the_hour_counts_at_the_pickup_earlier_and_later_alike() {
        let entry = ride(&[GRENOBLE, VOIRON, LYON]);
        let passes_s = (entry.path.start_km(1) * SECONDS_PER_KM).round() as i64;
        let wish = Search { at: at(passes_s), tolerance_s: 600, ..search(VOIRON, LYON) };
        assert_eq!(matches(&entry, &wish).unwrap().gap_s, 0);
        let leaving = |later_s| Entry { departs_at: at(later_s), ..entry.clone() };
        let (early, late) = (matches(&leaving(-500), &wish).unwrap(), matches(&leaving(500), &wish).unwrap());
        assert_eq!((early.gap_s, late.gap_s), (-500, 500));
        assert!((early.score - late.score).abs() < 1e-3);
        assert_eq!(matches(&leaving(602), &wish), None);
        assert_eq!(matches(&leaving(-602), &wish), None);
    }

    #[test]
    fn seats_taken_elsewhere_on_the_way_are_free_here() {
        let mut entry = ride(&[GRENOBLE, VOIRON, LYON]);
        let via_m = entry.path.legs()[0].length_m();
        entry.taken = vec![(Stretch::new(0, via_m).unwrap(), 2)];
        let wish = |pickup, seats| Search { seats, ..search(pickup, LYON) };
        assert_eq!(matches(&entry, &wish(VOIRON, 3)).map(|found| found.seats_left), Some(3));
        assert_eq!(matches(&entry, &wish(GRENOBLE, 1)).map(|found| found.seats_left), Some(1));
        assert_eq!(matches(&entry, &wish(GRENOBLE, 2)), None);
        assert_eq!(matches(&entry, &wish(VOIRON, 4)), None);
    }

    #[test]
    fn when_the_first_passage_is_full_the_second_one_matches() {
        let mut entry = ride(&[GRENOBLE, LYON, GRENOBLE, LYON]);
        let wish = Search { tolerance_s: 86_400, ..search(GRENOBLE, LYON) };
        assert_eq!(matches(&entry, &wish).unwrap().legs.0, 0);
        entry.taken = vec![(Stretch::new(0, 10_000).unwrap(), 3)];
        assert_eq!(matches(&entry, &wish).unwrap().legs.0, 1);
    }

    #[test]
    fn a_driver_need_not_go_further_than_allowed() {
        let mut entry = ride(&[GRENOBLE, LYON]);
        let wish = Search { radius_km: 20.0, ..search(BOURGOIN, LYON) };
        let detour_min = matches(&entry, &wish).unwrap().detour_min;
        entry.detour_min_max = Some(detour_min.ceil() as u16);
        assert!(matches(&entry, &wish).is_some());
        entry.detour_min_max = Some(detour_min.floor() as u16);
        assert_eq!(matches(&entry, &wish), None);
    }

    #[test]
    fn nobody_finds_their_own_ride() {
        let entry = ride(&[GRENOBLE, LYON]);
        let wish = Search { excluding_driver: Some(entry.driver), ..search(GRENOBLE, LYON) };
        assert_eq!(matches(&entry, &wish), None);
    }
}
