//! Searches: which rides on offer suit, the best first, each with why; and what to give way on when none does.
//!
//! A search is a plain address that can be shared. Nobody needs a session for it, and nothing of it is kept.

use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::{RideId, Timestamp};
use palabre_projections::ViewError;
use palabre_projections::matching::{Found, Loosening, Match, Search};
use palabre_projections::offers::OfferedRide;
use palabre_projections::{ViewsReader, matching::MatchingIndex};
use serde::Serialize;
use std::collections::HashMap;

use super::answer::{People, SEATS_MAX, ask, ok, place};
use super::freshness::Fresh;
use super::identity::MaybeIdentity;
use super::problem::Problem;
use super::query::{Query, point, time, whole, within};
use crate::audit::state::PersonShown;
use crate::chat::frames::negotiation::{WirePlace, WirePrice};
use crate::clock;
use crate::commands::input::{RADIUS_KM_DEFAULT, TOLERANCE_MIN_DEFAULT};
use crate::platform::Platform;
use crate::wire::words;

/// The longest tolerance: two days.
const TOLERANCE_MIN_MAX: u32 = 2_880;
/// The widest radius, in km.
const RADIUS_KM_MAX: f64 = 100.0;
/// How long ago the wished hour may lie: a day, since somebody may still look for a ride of this morning.
const PAST_S_MAX: i64 = 24 * 3600;

/// What a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SearchAnswer {
    /// How many rides match.
    pub total: usize,
    /// The best 20, the best first.
    pub offers: Vec<OfferFound>,
    /// What to give way on, where nothing matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loosen: Vec<Loosened>,
}

/// A ride that matches.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OfferFound {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// The id that another system gave it, where it was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
    /// Who drives.
    pub driver: PersonShown,
    /// How well it suits, 0 to 1, to 4 decimals.
    pub score: f64,
    /// Why.
    pub explain: Explanation,
    /// When the ride passes nearest to the wished pickup.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// When it leaves.
    #[schema(value_type = String, format = DateTime)]
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    pub time_zone: String,
    /// Origin, via points, destination.
    pub stops: Vec<WirePlace>,
    /// Seats for passengers, taken or not.
    pub seats: u8,
    /// Seats left on the stretch that was searched for.
    pub seats_left: u8,
    /// List price of one seat.
    pub price_per_seat: WirePrice,
    /// `approval` or `instant`.
    #[schema(value_type = words::BookingMode)]
    pub booking_mode: palabre_events::ride::BookingMode,
}

/// Why a ride matches.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// How far the passenger walks to the ride's way, in metres.
    pub walk_to_pickup_m: u32,
    /// How far the passenger walks from the ride's way, in metres.
    pub walk_from_drop_off_m: u32,
    /// How much later (negative: earlier) than wished the ride passes, in seconds.
    pub gap_s: i64,
    /// How much further the driver would go to the door, in km.
    pub detour_km: f64,
    /// How much longer that takes, in minutes.
    pub detour_min: f64,
}

impl Explanation {
    /// Why `found` matches.
    pub fn of(found: &Match) -> Self {
        Self {
            walk_to_pickup_m: found.walk_to_pickup_m,
            walk_from_drop_off_m: found.walk_from_drop_off_m,
            gap_s: found.gap_s,
            detour_km: to_decimals(found.detour_km, 2),
            detour_min: to_decimals(found.detour_min, 1),
        }
    }
}

/// A search loosened just enough to find something, all other wishes as they were.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Loosened {
    /// Which parameters to change, and to what: one, or tolerance and radius together where no single one helps.
    pub change: LooserWishes,
    /// How many rides match then.
    pub total: usize,
}

/// Parameters of a search and their looser values; those that stay are absent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct LooserWishes {
    /// More minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_min: Option<u32>,
    /// A wider radius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius_km: Option<f64>,
    /// Fewer seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<u8>,
}

impl From<Loosening> for Loosened {
    fn from(loosening: Loosening) -> Self {
        let (tolerance_s, radius_km, seats, total) = match loosening {
            Loosening::Tolerance { tolerance_s, total } => (Some(tolerance_s), None, None, total),
            Loosening::Radius { radius_km, total } => (None, Some(radius_km), None, total),
            Loosening::ToleranceAndRadius { tolerance_s, radius_km, total } => {
                (Some(tolerance_s), Some(radius_km), None, total)
            }
            Loosening::Seats { seats, total } => (None, None, Some(seats), total),
        };
        let tolerance_min = tolerance_s.map(|tolerance_s| tolerance_s / 60);
        Self { change: LooserWishes { tolerance_min, radius_km, seats }, total }
    }
}

/// Search for rides
#[utoipa::path(get, path = "/api/v1/searches", tag = "searches", security(()),
    params(("from" = String, Query, description = "LAT,LON in degrees", example = "45.188,5.724"),
        ("to" = String, Query, description = "LAT,LON in degrees", example = "45.764,4.836"),
        ("at" = String, Query, description = "The wished hour at the pickup: RFC 3339 or Unix seconds"),
        ("tolerance_min" = Option<u32>, Query, description = "0 to 2,880, default 60"),
        ("radius_km" = Option<f64>, Query, description = "0 to 100, default 5"),
        ("seats" = Option<u8>, Query, description = "1 to 8, default 1")),
    responses((status = 200, description = "The best 20, and how many there are", body = SearchAnswer)))]
pub async fn search(
    platform: web::Data<Platform>,
    who: MaybeIdentity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut search = read(Query::of(&request), clock::now())?;
    search.excluding_driver = who.0.map(|identity| identity.account());
    let views = platform.views.clone();
    let answer = ask(&platform, move |reader| answer(&search, views.index(), reader)).await?;
    Ok(ok(answer))
}

fn read(mut query: Query, now: Timestamp) -> Result<Search, Problem> {
    let from = query.required("from", point);
    let to = query.required("to", point);
    let at = query.required("at", time);
    let tolerance_min = query.optional("tolerance_min", whole(0..=TOLERANCE_MIN_MAX)).unwrap_or(TOLERANCE_MIN_DEFAULT);
    let radius_km = query.optional("radius_km", within(0.0..=RADIUS_KM_MAX)).unwrap_or(RADIUS_KM_DEFAULT);
    let seats = query.optional("seats", whole(1..=SEATS_MAX)).unwrap_or(1);
    if at.is_some_and(|at| now.millis_since(at) > PAST_S_MAX * 1000) {
        query.refuse("at", "in_the_past", "lies more than a day in the past");
    }
    query.finish()?;
    let required = "a search without it was refused";
    Ok(Search {
        pickup: from.expect(required),
        drop_off: to.expect(required),
        at: at.expect(required),
        tolerance_s: tolerance_min * 60,
        radius_km,
        seats: u8::try_from(seats).expect("at most eight"),
        limit: Search::LIMIT,
        excluding_driver: None,
    })
}

/// Blocks: searches, and reads what the best rides look like.
fn answer(search: &Search, index: &MatchingIndex, reader: &ViewsReader) -> Result<SearchAnswer, ViewError> {
    let Found { total, best } = index.search(search);
    let rides: Vec<_> = best.iter().map(|found| found.ride).collect();
    let rides: HashMap<_, _> = reader.rides(&rides)?.into_iter().map(|ride| (ride.ride, ride)).collect();
    let people = People::of(reader, best.iter().map(|found| found.driver))?;
    let offers = best.iter().filter_map(|found| Some(offer(found, rides.get(&found.ride)?, &people))).collect();
    let loosen = if total == 0 { index.explain_none(search) } else { Vec::new() };
    Ok(SearchAnswer { total, offers, loosen: loosen.into_iter().map(Loosened::from).collect() })
}

fn offer(found: &Match, ride: &OfferedRide, people: &People) -> OfferFound {
    OfferFound {
        ride: found.ride,
        import_reference: found.import_reference.clone(),
        driver: people.show(found.driver),
        score: to_decimals(found.score, 4),
        explain: Explanation::of(found),
        pickup_at: found.pickup_at,
        departs_at: ride.departs_at,
        time_zone: ride.time_zone.clone(),
        stops: ride.stops.iter().cloned().map(place).collect(),
        seats: ride.seats,
        seats_left: found.seats_left,
        price_per_seat: ride.price_per_seat.into(),
        booking_mode: ride.booking_mode,
    }
}

/// Rounds to so many decimals.
pub fn to_decimals(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2027-01-04T12:00:00Z".parse().unwrap()
    }

    fn read_text(text: &str) -> Result<Search, Problem> {
        read(Query::read(text), now())
    }

    #[test]
    fn what_is_not_said_has_defaults() {
        let search = read_text("from=45.188,5.724&to=45.764,4.836&at=2027-01-04T18:25:00Z").unwrap();
        assert_eq!((search.tolerance_s, search.radius_km, search.seats, search.limit), (3600, 5.0, 1, 20));
    }

    #[test]
    fn zero_is_a_tolerance_and_a_radius() {
        let search = read_text("from=45,5&to=46,5&at=1799087100&tolerance_min=0&radius_km=0&seats=8").unwrap();
        assert_eq!((search.tolerance_s, search.radius_km, search.seats), (0, 0.0, 8));
    }

    #[test]
    fn yesterday_may_be_searched_and_the_day_before_not() {
        assert!(read_text("from=45,5&to=46,5&at=2027-01-03T12:00:00Z").is_ok());
        let problem = read_text("from=45,5&to=46,5&at=2027-01-03T11:59:59Z").unwrap_err();
        assert_eq!((problem.fields()[0].field.as_str(), problem.fields()[0].code), ("at", "in_the_past"));
    }

    #[test]
    fn every_limit_is_held() {
        let good = "from=45,5&to=46,5&at=1799087100";
        for more in ["tolerance_min=2881", "radius_km=100.1", "radius_km=-1", "seats=0", "seats=9", "page=2"] {
            let problem = read_text(&format!("{good}&{more}")).unwrap_err();
            assert_eq!(problem.fields().len(), 1, "{more}");
            assert!(more.starts_with(&problem.fields()[0].field));
        }
        assert_eq!(read_text("").unwrap_err().fields().len(), 3);
    }

    #[test]
    fn scores_have_four_decimals() {
        assert_eq!(to_decimals(0.867_049, 4).to_string(), "0.867");
        assert_eq!(to_decimals(0.632_149_9, 4).to_string(), "0.6321");
    }
}
