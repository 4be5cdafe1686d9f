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
