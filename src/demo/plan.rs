//! The rides and requests that fill a demo, drawn from a seed: ways to work and back at the hours at which people drive
//! there, and longer ways around the weekend. Nothing here is written anywhere; [`super::fill`] does that.

use chacha20::ChaCha8Rng;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Weekday};
use chrono_tz::{Europe::Paris, Tz};
use palabre_events::Timestamp;
use palabre_events::ride::{BookingMode, Luggage, Preferences};
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{RngExt, SeedableRng};

use super::map::{Map, Town};
use super::words::{DAILY_REMARKS, FIRST_NAMES, INITIALS, LONG_REMARKS, VEHICLES, WISHES};
use crate::commands::input::{OfferRide, PlaceInput, PostRequest, PriceInput, RADIUS_KM_DEFAULT};

/// The time zone in which the demo lives.
pub const TIME_ZONE: Tz = Paris;
/// How many drive to work.
const COMMUTERS: usize = 36;
/// How many go farther.
const TRAVELLERS: usize = 60;
/// How many look for a ride.
const SEEKERS: usize = 24;
/// How many days ahead the demo reaches.
pub const DAYS: u64 = 7;
/// How many of those who drive to work drive to another city, in percent.
const FAR_PERCENT: u32 = 40;
/// What a seat costs per km of great circle, in cents.
const CENTS_PER_KM: std::ops::RangeInclusive<f64> = 5.5..=8.5;
/// What one goes for at least, in cents.
const CENTS_MIN: f64 = 150.0;
/// Of how many the home is anywhere in the country, in percent.
const ANYWHERE_PERCENT: u32 = 35;

/// What fills a demo.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Who drives, with their rides.
    pub drivers: Vec<Driver>,
    /// Who looks for a ride, with the request.
    pub seekers: Vec<Seeker>,
}

/// Somebody who drives.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// Their name.
    pub name: String,
    /// Their rides.
    pub rides: Vec<OfferRide>,
}

/// Somebody who looks for a ride.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeker {
    /// Their name.
    pub name: String,
    /// What they look for.
    pub request: PostRequest,
}

impl Plan {
    /// The plan of `seed` for the days after `now`. The same seed and hour give the same plan.
    pub fn draw(seed: u64, now: Timestamp, map: &Map) -> Self {
        let today = local(now).date_naive();
        let mut draw = Draw { rng: ChaCha8Rng::seed_from_u64(seed), today, map };
        let mut drivers: Vec<Driver> = (0..COMMUTERS).map(|_| draw.commuter()).collect();
        drivers.extend((0..TRAVELLERS).map(|_| draw.traveller()));
        let seekers = (0..SEEKERS).map(|_| draw.seeker(&drivers)).collect();
        Self { drivers, seekers }
    }

    /// How many rides there are.
    pub fn rides(&self) -> usize {
        self.drivers.iter().map(|driver| driver.rides.len()).sum()
    }
}

struct Draw<'a> {
    rng: ChaCha8Rng,
    today: NaiveDate,
    map: &'a Map,
}

/// What the rides of one driver have in common.
struct Habits {
    seats: u8,
    vehicle: String,
    preferences: Preferences,
    booking_mode: BookingMode,
    cents_per_km: f64,
}

impl Draw<'_> {
    /// Somebody who drives to work and back on some of the coming days.
    fn commuter(&mut self) -> Driver {
        let habits = self.habits(1..=3);
        let home = self.home();
        let is_far = self.rng.random_range(0..100) < FAR_PERCENT;
        let work = self.destination(home, if is_far { &[45.0..120.0, 8.0..150.0] } else { &[8.0..55.0, 55.0..150.0] });
        let (there, back) = (self.stops(home, work, 1), self.stops(work, home, 1));
        let (leaves, returns) = (self.around(7.4, 0.7), self.around(17.5, 0.8));
        let remark = self.remark(&DAILY_REMARKS);
        let weekdays: Vec<NaiveDate> = self.days().filter(|day| day.weekday().number_from_monday() <= 5).collect();
        let count = self.rng.random_range(2..=weekdays.len());
        let mut days = weekdays.into_iter().sample(&mut self.rng, count);
        days.sort();
        let mut rides = Vec::new();
        for day in days {
            rides.push(self.ride(&habits, &there, day, leaves, remark.clone()));
            rides.push(self.ride(&habits, &back, day, returns, remark.clone()));
        }
        Driver { name: self.name(), rides }
    }

    /// Somebody who goes farther, most often around the weekend, and most often comes back.
    fn traveller(&mut self) -> Driver {
        let habits = self.habits(2..=4);
        let home = self.home();
        let away = self.destination(home, &[75.0..450.0, 20.0..700.0]);
        let days: Vec<NaiveDate> = self.days().collect();
        let busy = |day: &&NaiveDate| matches!(day.weekday(), Weekday::Fri | Weekday::Sat | Weekday::Sun);
        let at_weekend = self.rng.random_range(0..100) < 65;
        let candidates: Vec<NaiveDate> = days.iter().filter(|day| !at_weekend || busy(day)).copied().collect();
        let day = *candidates.choose(&mut self.rng).expect("every week has a weekend");
        let hour = match day.weekday() {
            Weekday::Fri => self.around(17.0, 1.5),
            Weekday::Sat => self.around(9.0, 1.5),
            Weekday::Sun => self.around(16.0, 2.0),
            _ => self.around(11.0, 4.0),
        };
        let (there, remark) = (self.stops(home, away, 2), self.remark(&LONG_REMARKS));
        let mut rides = vec![self.ride(&habits, &there, day, hour, remark.clone())];
        if self.rng.random_range(0..100) < 70 {
            let (back, hour) = (self.stops(away, home, 2), self.around(16.0, 2.5));
            let returns = day + Days::new(self.rng.random_range(1..=3));
            rides.push(self.ride(&habits, &back, returns, hour, remark));
        }
        Driver { name: self.name(), rides }
    }

    /// Somebody who looks for a ride of which there is about one.
    fn seeker(&mut self, drivers: &[Driver]) -> Seeker {
        let rides = drivers.iter().flat_map(|driver| &driver.rides);
        let ride = rides.choose(&mut self.rng).expect("there are rides");
        let ends = [ride.stops.first(), ride.stops.last()].map(|stop| stop.expect("a ride has stops").clone());
        let [from, to] = ends.map(|stop| self.near(&stop));
        let shift_min = i64::from(self.rng.random_range(-3..=6_i32)) * 15;
        let price = ride.price_per_seat.cents + 100 * self.rng.random_range(0..=3);
        let comment = WISHES.choose(&mut self.rng).map(|wish| (*wish).to_owned());
        let request = PostRequest {
            from,
            to,
            pickup_at: ride.departs_at.plus_seconds(shift_min * 60),
            tolerance_min: [60, 90, 120].choose(&mut self.rng).copied().expect("there are some"),
            radius_km: RADIUS_KM_DEFAULT,
            seats: if self.rng.random_range(0..5) == 0 { 2 } else { 1 },
            price_per_seat_max: Some(PriceInput { cents: price, currency: "EUR".to_owned() }),
            comment: comment.filter(|_| self.rng.random_range(0..3) > 0),
        };
        Seeker { name: self.name(), request }
    }

    fn ride(
        &mut self,
        habits: &Habits,
        stops: &[PlaceInput],
        day: NaiveDate,
        hour: f64,
        comment: Option<String>,
    ) -> OfferRide {
        let points: Vec<_> = stops.iter().map(|stop| palabre_events::Point { lat: stop.lat, lon: stop.lon }).collect();
        let km: f64 = points.windows(2).map(|leg| palabre_events::geometry::distance_km(leg[0], leg[1])).sum();
        // Nobody leaves at the very same minute every day.
        let minute = (hour * 60.0 + f64::from(self.rng.random_range(-5..=5_i32))) / 5.0;
        OfferRide {
            stops: stops.to_vec(),
            departs_at: moment(day, minute.round() as i64 * 5),
            time_zone: TIME_ZONE.name().to_owned(),
            seats: habits.seats,
            price_per_seat: price(km * habits.cents_per_km),
            booking_mode: habits.booking_mode,
            preferences: habits.preferences.clone(),
            vehicle: Some(habits.vehicle.clone()),
            comment,
        }
    }

    fn habits(&mut self, seats: std::ops::RangeInclusive<u8>) -> Habits {
        let mut perhaps =
            |percent: u32| (self.rng.random_range(0..100) < 60).then(|| self.rng.random_range(0..100) < percent);
        let preferences = Preferences {
            smoking: perhaps(4),
            animals: perhaps(40),
            music: perhaps(75),
            talk: perhaps(70),
            luggage: [Luggage::Small, Luggage::Medium, Luggage::Large].choose(&mut self.rng).copied(),
            detour_min_max: [None, Some(5), Some(10), Some(15)].choose(&mut self.rng).copied().flatten(),
        };
        Habits {
            seats: self.rng.random_range(seats),
            vehicle: (*VEHICLES.choose(&mut self.rng).expect("there are some")).to_owned(),
            preferences,
            booking_mode: if self.rng.random_range(0..10) < 3 { BookingMode::Instant } else { BookingMode::Approval },
            cents_per_km: self.rng.random_range(CENTS_PER_KM),
        }
    }

    fn home(&mut self) -> Town {
        let anywhere = self.rng.random_range(0..100) < ANYWHERE_PERCENT;
        self.map.home(&mut self.rng, anywhere)
    }

    /// A destination in the first of these ranges of km that has a town.
    fn destination(&mut self, from: Town, ranges: &[std::ops::Range<f64>]) -> Town {
        let found = ranges.iter().find_map(|km| self.map.destination(&mut self.rng, from, km.clone()));
        found.expect("every town has another one within reach")
    }

    fn stops(&mut self, from: Town, to: Town, vias_max: usize) -> Vec<PlaceInput> {
        let count = self.rng.random_range(0..=vias_max);
        let vias = self.map.vias(&mut self.rng, from, to, count);
        let towns = [from].into_iter().chain(vias).chain([to]);
        towns.map(|town| self.map.stop(&mut self.rng, town)).collect()
    }

    /// A place a walk away.
    fn near(&mut self, place: &PlaceInput) -> PlaceInput {
        let mut moved = |degrees: f64| ((degrees + self.rng.random_range(-0.012..0.012)) * 1e5).round() / 1e5;
        PlaceInput { lat: moved(place.lat), lon: moved(place.lon), label: None }
    }

    /// An hour around `middle`, nearly all within twice `spread`.
    fn around(&mut self, middle: f64, spread: f64) -> f64 {
        let bell: f64 = (0..3).map(|_| self.rng.random_range(-1.0..1.0)).sum();
        middle + bell * spread
    }

    /// The days that the demo reaches, from tomorrow on.
    fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let today = self.today;
        (1..=DAYS).map(move |ahead| today + Days::new(ahead))
    }

    fn remark(&mut self, remarks: &[&str]) -> Option<String> {
        let remark = remarks.choose(&mut self.rng).map(|remark| (*remark).to_owned());
        remark.filter(|_| self.rng.random_range(0..100) < 60)
    }

    fn name(&mut self) -> String {
        let first = FIRST_NAMES.choose(&mut self.rng).expect("there are some");
        let initial = *INITIALS.choose(&mut self.rng).expect("there are some");
        format!("{first} {}.", char::from(initial))
    }
}

/// The price of a seat, to half a euro.
pub fn price(cents: f64) -> PriceInput {
    let halves = (cents.max(CENTS_MIN) / 50.0).round();
    PriceInput { cents: halves as u32 * 50, currency: "EUR".to_owned() }
}

/// So many minutes after midnight of `day`, as clocks show them in the demo's time zone.
pub fn moment(day: NaiveDate, minute: i64) -> Timestamp {
    let shown = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute);
    // In the hour that summer time leaves out, it is an hour later.
    let at = TIME_ZONE.from_local_datetime(&shown).earliest();
    let at = at.or_else(|| TIME_ZONE.from_local_datetime(&(shown + TimeDelta::hours(1))).earliest());
    let at = at.expect("no two hours are left out");
    Timestamp::from_millis(at.timestamp_millis()).expect("the coming days are times")
}

/// `at` as clocks show it in the demo's time zone.
pub fn local(at: Timestamp) -> DateTime<Tz> {
    TIME_ZONE.timestamp_millis_opt(at.as_millis()).single().expect("a timestamp is one moment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Places;
    use palabre_events::Point;
    use palabre_events::geometry::distance_km;

    fn now() -> Timestamp {
        "2027-01-04T12:00:00Z".parse().unwrap()
    }

    fn plan(seed: u64) -> Plan {
        Plan::draw(seed, now(), &Map::new(Places::embedded()))
    }

    #[test]
    fn the_same_seed_gives_the_same_rides_and_another_one_others() {
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn there_are_a_few_hundred_rides_in_the_coming_days() {
        let plan = plan(1);
        assert!((200..500).contains(&plan.rides()), "{}", plan.rides());
        for ride in plan.drivers.iter().flat_map(|driver| &driver.rides) {
            let days = (local(ride.departs_at).date_naive() - local(now()).date_naive()).num_days();
            assert!((1..=10).contains(&days), "{ride:?}");
            assert_eq!(ride.departs_at.as_millis() % 300_000, 0, "to five minutes: {ride:?}");
            assert!((2..=4).contains(&ride.stops.len()) && (1..=4).contains(&ride.seats), "{ride:?}");
        }
    }

    #[test]
    fn prices_follow_the_way() {
        for ride in plan(2).drivers.iter().flat_map(|driver| &driver.rides) {
            let points: Vec<Point> = ride.stops.iter().map(|stop| Point { lat: stop.lat, lon: stop.lon }).collect();
            let km: f64 = points.windows(2).map(|leg| distance_km(leg[0], leg[1])).sum();
            let cents = f64::from(ride.price_per_seat.cents);
            assert!(
                cents >= CENTS_MIN && (cents <= CENTS_MIN || (cents - km * 7.0).abs() <= km * 1.5 + 25.0),
                "{km} km: {ride:?}"
            );
        }
    }

    #[test]
    fn people_drive_to_work_in_the_morning_and_home_in_the_evening() {
        let plan = plan(3);
        let hours = |of: fn(usize) -> bool| -> Vec<f64> {
            let commuters = plan.drivers.iter().take(COMMUTERS);
            let rides = commuters.flat_map(|driver| driver.rides.iter().enumerate().filter(|(ride, _)| of(*ride)));
            rides
                .map(|(_, ride)| {
                    f64::from(chrono::Timelike::num_seconds_from_midnight(&local(ride.departs_at))) / 3600.0
                })
                .collect()
        };
        let mean = |hours: Vec<f64>| hours.iter().sum::<f64>() / hours.len() as f64;
        assert!((6.9..7.9).contains(&mean(hours(|ride| ride % 2 == 0))));
        assert!((17.0..18.0).contains(&mean(hours(|ride| ride % 2 == 1))));
    }

    #[test]
    fn an_hour_that_is_left_out_is_the_next_one() {
        let day = NaiveDate::from_ymd_opt(2027, 3, 28).unwrap();
        assert_eq!(moment(day, 2 * 60 + 30).to_string(), "2027-03-28T01:30:00.000Z");
        assert_eq!(moment(day, 8 * 60).to_string(), "2027-03-28T06:00:00.000Z");
    }
}
