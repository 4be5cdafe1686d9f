//! Rides: offer, look at, change, reschedule, cancel; their record; and the requests that they would suit.

use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::{ConversationId, Point, RequestId, RideId, Timestamp};
use palabre_projections::matching::{self, Change, Match, Search};
use palabre_projections::offers::OfferedRide;
use palabre_projections::requests::WantedRide;
use serde::Serialize;

use super::answer::{People, Written, ask, created, ok, rough_place, written};
use super::at::At;
use super::body::Body;
use super::freshness::Fresh;
use super::identity::{Identity, MaybeIdentity};
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use super::query::{PAGE_MAX, Query, count, time};
use super::searches::Explanation;
use crate::audit::state::PersonShown;
use crate::audit::{AuditFailure, Report, RideState, Sources, Span, Viewer, ride_at, ride_report};
use crate::chat::frames::negotiation::{WirePlace, WirePrice};
use crate::commands::input::{ChangeRide, OfferRide, RescheduleRide, WithReason};
use crate::commands::rides;
use crate::platform::Platform;

/// The most requests that a driver is shown for one ride, the best first.
const SUITED_MAX: usize = 50;

/// A ride that was offered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RideMade {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// For `min_position`.
    pub position: u64,
}

/// Offer a ride
#[utoipa::path(post, path = "/api/v1/rides", tag = "rides", request_body = OfferRide,
    params(KeyHeader),
    responses((status = 201, description = "It is on offer", body = RideMade)))]
pub async fn offer(
    platform: web::Data<Platform>,
    asking: Asking,
    body: Body<OfferRide>,
) -> Result<HttpResponse, Problem> {
    let made = rides::offer(&platform, asking.0, body.0).await?;
    let ride = RideId(made.id);
    Ok(created(format!("/api/v1/rides/{ride}"), RideMade { ride, position: made.done.position }))
}

/// Look at a ride, now or as it stood at a time
#[utoipa::path(get, path = "/api/v1/rides/{ride}", tag = "rides",
    params(("ride" = Uuid, Path), ("at" = Option<String>, Query, description = "RFC 3339 or Unix seconds; by the time of recording")),
    responses((status = 200, description = "The ride; reservations as far as they are yours to see", body = RideState)))]
pub async fn show(
    platform: web::Data<Platform>,
    who: MaybeIdentity,
    at: At<RideId>,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let until = query.optional("at", time);
    query.finish()?;
    let state = ride_at(&*platform.log, &platform.keyring, at.0, until, who.viewer()).await?;
    state.map(ok).ok_or_else(no_such_ride)
}

/// Change what is offered
#[utoipa::path(patch, path = "/api/v1/rides/{ride}", tag = "rides", request_body = ChangeRide,
    params(("ride" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Changed", body = Written)))]
pub async fn change(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<RideId>,
    body: Body<ChangeRide>,
) -> Result<HttpResponse, Problem> {
    Ok(written(rides::change(&platform, asking.0, at.0, body.0).await?))
}

/// Leave at another hour, or go another way
#[utoipa::path(post, path = "/api/v1/rides/{ride}/reschedule", tag = "rides", request_body = RescheduleRide,
    params(("ride" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Rescheduled; whoever has booked is asked again", body = Written)))]
pub async fn reschedule(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<RideId>,
    body: Body<RescheduleRide>,
) -> Result<HttpResponse, Problem> {
    Ok(written(rides::reschedule(&platform, asking.0, at.0, body.0).await?))
}

/// Cancel a ride and every reservation
#[utoipa::path(post, path = "/api/v1/rides/{ride}/cancel", tag = "rides", request_body = WithReason,
    params(("ride" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Cancelled", body = Written)))]
pub async fn cancel(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<RideId>,
    body: Body<WithReason>,
) -> Result<HttpResponse, Problem> {
    Ok(written(rides::cancel(&platform, asking.0, at.0, body.0).await?))
}

/// The record of a ride: who did what, when and why, as far as it is yours to see
#[utoipa::path(get, path = "/api/v1/rides/{ride}/events", tag = "rides",
    params(("ride" = Uuid, Path), ("at" = Option<String>, Query, description = "Only what was recorded by then"),
        ("after" = Option<u64>, Query, description = "After this position: `next_after` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50")),
    responses((status = 200, description = "The record, in the order of the log", body = Report)))]
pub async fn record(
    platform: web::Data<Platform>,
    who: MaybeIdentity,
    at: At<RideId>,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let until = query.optional("at", time);
    let after = query.optional("after", count).unwrap_or(0);
    let limit = usize::try_from(query.limit().min(PAGE_MAX)).expect("a page is small");
    query.finish()?;
    let (ride, viewer) = (at.0, who.viewer());
    let conversations = conversations_of(&platform, ride, viewer).await?;
    let sources = Sources { log: &*platform.log, opener: &platform.keyring, conversations: &conversations };
    let report = ride_report(sources, ride, viewer, Span { until, after, limit }).await?;
    report.map(ok).ok_or_else(no_such_ride)
}

/// The conversations of a ride, for those who may read more than their own.
async fn conversations_of(platform: &Platform, ride: RideId, viewer: Viewer) -> Result<Vec<ConversationId>, Problem> {
    let account = match viewer {
        Viewer::Anyone => return Ok(Vec::new()),
        Viewer::Person(account) => Some(account),
        Viewer::Support(_) | Viewer::Operator => None,
    };
    ask(platform, move |views| {
        if let Some(account) = account
            && views.ride(ride)?.is_none_or(|ride| ride.driver != account)
        {
            return Ok(Vec::new());
        }
        let heads = views.conversations_of_ride(ride)?;
        Ok(heads.into_iter().map(|head| head.conversation).collect())
    })
    .await
}

/// Open requests that a ride would suit, the best first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SuitedRequests {
    /// How many there are.
    pub total: usize,
    /// The best of them, at most 50.
    pub requests: Vec<SuitedRequest>,
}

/// An open request that a ride would suit. Its places are cut to about a kilometre; the exact ones come up in talk.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SuitedRequest {
    /// The request.
    #[schema(value_type = Uuid)]
    pub request: RequestId,
    /// Who looks.
    pub passenger: PersonShown,
    /// From where.
    pub from: WirePlace,
    /// To where.
    pub to: WirePlace,
    /// The wished hour at the pickup.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// How many seats.
    pub seats: u8,
    /// The highest price of one seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_seat_max: Option<WirePrice>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How well it suits, 0 to 1, to 4 decimals.
    pub score: f64,
    /// Why.
    pub explain: Explanation,
}

/// The open requests that this ride would suit; for its driver
#[utoipa::path(get, path = "/api/v1/rides/{ride}/requests", tag = "rides", params(("ride" = Uuid, Path)),
    responses((status = 200, description = "Requests, the best first", body = SuitedRequests)))]
pub async fn suited_requests(
    platform: web::Data<Platform>,
    who: Identity,
    at: At<RideId>,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let (ride, account) = (at.0, who.account());
    let suited = ask(&platform, move |views| {
        let Some(ride) = views.ride(ride)? else { return Ok(None) };
        if ride.driver != account {
            return Ok(Some(Err(())));
        }
        let (total, best) = suited_to(&ride, |visit| {
            let until = ride.departs_at.plus_seconds(i64::from(ride.length_m()));
            views.each_open_request(ride.departs_at, until, visit)
        })?;
        let people = People::of(views, best.iter().map(|(wanted, _)| wanted.passenger))?;
        let requests = best.into_iter().map(|(wanted, found)| suited_request(wanted, &found, &people)).collect();
        Ok(Some(Ok(SuitedRequests { total, requests })))
    });
    match suited.await? {
        None => Err(no_such_ride()),
        Some(Err(())) => {
            Err(Problem::new(actix_web::http::StatusCode::FORBIDDEN, "not_yours", "only its driver may ask this"))
        }
        Some(Ok(suited)) => Ok(ok(suited)),
    }
}

type Suited = (WantedRide, Match);

/// How many of the requests that `each` visits `ride` would suit, and the best of them.
fn suited_to<E>(
    ride: &OfferedRide,
    each: impl FnOnce(&mut dyn FnMut(WantedRide)) -> Result<(), E>,
) -> Result<(usize, Vec<Suited>), E> {
    let Change::Upsert(entry) = ride.index_change() else { return Ok((0, Vec::new())) };
    let (mut total, mut best): (usize, Vec<Suited>) = (0, Vec::new());
    each(&mut |wanted| {
        let found = search_of(&wanted).and_then(|search| matching::matches(&entry, &search));
        let Some(found) = found.filter(|_| wanted.passenger != ride.driver) else { return };
        total += 1;
        best.push((wanted, found));
        // Twice as many are kept as are told, so that sorting is rare.
        if best.len() >= 2 * SUITED_MAX {
            keep_best(&mut best);
        }
    })?;
    keep_best(&mut best);
    Ok((total, best))
}

fn keep_best(suited: &mut Vec<Suited>) {
    let older_first = |a: &Suited, b: &Suited| a.0.posted_position.cmp(&b.0.posted_position);
    suited.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then_with(|| older_first(a, b)));
    suited.truncate(SUITED_MAX);
}

/// The search that a request stands for; none where its places were erased.
fn search_of(wanted: &WantedRide) -> Option<Search> {
    let point = |place: &palabre_projections::places::OpenPlace| -> Option<Point> {
        place.exact.as_ref().map(|exact| exact.point)
    };
    Some(Search {
        pickup: point(&wanted.from)?,
        drop_off: point(&wanted.to)?,
        at: wanted.pickup_at,
        tolerance_s: wanted.tolerance_s,
        radius_km: f64::from(wanted.radius_m) / 1000.0,
        seats: wanted.seats,
        limit: 1,
        excluding_driver: None,
    })
}

fn suited_request(wanted: WantedRide, found: &Match, people: &People) -> SuitedRequest {
    SuitedRequest {
        request: wanted.request,
        passenger: people.show(wanted.passenger),
        from: rough_place(wanted.from),
        to: rough_place(wanted.to),
        pickup_at: wanted.pickup_at,
        seats: wanted.seats,
        price_per_seat_max: wanted.price_per_seat_max.map(WirePrice::from),
        comment: wanted.comment,
        score: super::searches::to_decimals(found.score, 4),
        explain: Explanation::of(found),
    }
}

fn no_such_ride() -> Problem {
    Problem::not_found("no_such_ride", "there is no such ride")
}

impl From<AuditFailure> for Problem {
    fn from(failure: AuditFailure) -> Self {
        match failure {
            AuditFailure::Unavailable => Self::unavailable(),
            AuditFailure::Damaged(why) => {
                tracing::error!(why, "the log is damaged");
                Self::internal()
            }
        }
    }
}
