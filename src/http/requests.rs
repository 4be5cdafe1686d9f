//! Requests: post, look at, withdraw.

use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::{RequestId, ReservationId, RideId, Timestamp};
use palabre_projections::requests::{RequestState, WantedRide};
use serde::Serialize;

use super::answer::{People, Written, ask, created, ok, place, rough_place, written};
use super::at::At;
use super::body::Body;
use super::freshness::Fresh;
use super::identity::Identity;
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use super::query::Query;
use crate::audit::Viewer;
use crate::audit::state::PersonShown;
use crate::chat::frames::negotiation::{WirePlace, WirePrice};
use crate::commands::input::PostRequest;
use crate::commands::requests;
use crate::platform::Platform;
use crate::wire::words;

/// A request that was posted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RequestMade {
    /// The request.
    #[schema(value_type = Uuid)]
    pub request: RequestId,
    /// For `min_position`.
    pub position: u64,
}

/// A wish for a ride. To others than its passenger, places are cut to about a kilometre.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RequestShown {
    /// The request.
    #[schema(value_type = Uuid)]
    pub request: RequestId,
    /// Who looks.
    pub passenger: PersonShown,
    /// `open`, `fulfilled`, `withdrawn` or `expired`.
    #[schema(value_type = words::RequestState)]
    pub state: RequestState,
    /// From where.
    pub from: WirePlace,
    /// To where.
    pub to: WirePlace,
    /// The wished hour at the pickup.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// How much earlier or later suits, in minutes.
    pub tolerance_min: u32,
    /// How far from `from` and `to` suits, in km.
    pub radius_km: f64,
    /// How many seats.
    pub seats: u8,
    /// The highest price of one seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_seat_max: Option<WirePrice>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The id that another system gave it, where it was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_reference: Option<String>,
    /// When it was posted.
    #[schema(value_type = String, format = DateTime)]
    pub posted_at: Timestamp,
    /// The bookings that answer it; for its passenger alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<AnswerShown>,
}

/// A booking that answers a request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AnswerShown {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
}

impl RequestShown {
    /// `wanted` as `viewer` sees it.
    pub fn of(wanted: WantedRide, viewer: Viewer, people: &People) -> Self {
        let own = viewer == Viewer::Person(wanted.passenger) || viewer == Viewer::Support(wanted.passenger);
        let show = if own { place } else { rough_place };
        let answers = wanted.answers.into_iter().filter(|_| own);
        Self {
            request: wanted.request,
            passenger: people.show(wanted.passenger),
            state: wanted.state,
            from: show(wanted.from),
            to: show(wanted.to),
            pickup_at: wanted.pickup_at,
            tolerance_min: wanted.tolerance_s / 60,
            radius_km: f64::from(wanted.radius_m) / 1000.0,
            seats: wanted.seats,
            price_per_seat_max: wanted.price_per_seat_max.map(WirePrice::from),
            comment: wanted.comment,
            import_reference: wanted.import_reference,
            posted_at: wanted.posted_at,
            answers: answers.map(|answer| AnswerShown { ride: answer.ride, reservation: answer.reservation }).collect(),
        }
    }
}

/// Post a wish for a ride
#[utoipa::path(post, path = "/api/v1/requests", tag = "requests", request_body = PostRequest,
    params(KeyHeader),
    responses((status = 201, description = "Posted", body = RequestMade)))]
pub async fn post(
    platform: web::Data<Platform>,
    asking: Asking,
    body: Body<PostRequest>,
) -> Result<HttpResponse, Problem> {
    let made = requests::post(&platform, asking.0, body.0).await?;
    let request = RequestId(made.id);
    Ok(created(format!("/api/v1/requests/{request}"), RequestMade { request, position: made.done.position }))
}

/// Look at a request
#[utoipa::path(get, path = "/api/v1/requests/{request}", tag = "requests", params(("request" = Uuid, Path)),
    responses((status = 200, description = "The request", body = RequestShown)))]
pub async fn show(
    platform: web::Data<Platform>,
    who: Identity,
    at: At<RequestId>,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let (wanted, viewer) = (at.0, who.viewer());
    let shown = ask(&platform, move |views| {
        let Some(wanted) = views.request(wanted)? else { return Ok(None) };
        let people = People::of(views, [wanted.passenger])?;
        Ok(Some(RequestShown::of(wanted, viewer, &people)))
    });
    shown.await?.map(ok).ok_or_else(|| Problem::not_found("no_such_request", "there is no such request"))
}

/// Stop looking
#[utoipa::path(post, path = "/api/v1/requests/{request}/withdraw", tag = "requests",
    params(("request" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Withdrawn", body = Written)))]
pub async fn withdraw(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<RequestId>,
) -> Result<HttpResponse, Problem> {
    Ok(written(requests::withdraw(&platform, asking.0, at.0).await?))
}
