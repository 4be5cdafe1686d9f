//! Reservations: take seats on list terms, look at one, cancel, reconfirm, report a no-show.

use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::conversation::Conversation;
use palabre_events::ride::Side;
use palabre_events::{ConversationId, ProposalId, ReservationId, RideId, Timestamp};
use palabre_projections::reservations::{BookedSeats, ReservationState};
use serde::{Deserialize, Serialize};

use super::answer::{People, Written, ask, created, ok, terms, written};
use super::at::At;
use super::body::Body;
use super::freshness::Fresh;
use super::identity::Identity;
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use super::query::Query;
use crate::audit::Viewer;
use crate::audit::state::PersonShown;
use crate::chat::frames::negotiation::WireTerms;
use crate::commands::input::{MakeReservation, WithReason};
use crate::commands::{Refusal, bookings};
use crate::platform::Platform;
use crate::wire::words;

/// Seats asked for on list terms.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReservationAsked {
    /// Where the driver answers, or the platform confirms.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// The proposal of the list terms.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// The reservation, when the ride's offer accepted it at once. The conversation tells whether the seats were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub reservation: Option<ReservationId>,
    /// For `min_position`.
    pub position: u64,
}

/// A reservation as its driver and its passenger see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReservationDetails {
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// Where it was agreed.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// Who drives.
    pub driver: PersonShown,
    /// Who rides along.
    pub passenger: PersonShown,
    /// What was agreed last.
    pub terms: WireTerms,
    /// When the passenger is picked up: as agreed, moved by as much as the ride was since.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// `active`, `cancelled` or `no_show`.
    #[schema(value_type = words::ReservationState)]
    pub state: ReservationState,
    /// Whether the passenger is asked again, because the ride was rescheduled.
    pub to_reconfirm: bool,
    /// Who cancelled, and whether without blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<CancellationShown>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
}

/// How a reservation was cancelled.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CancellationShown {
    /// Which side cancelled: `driver` or `passenger`.
    #[schema(value_type = words::Side)]
    pub by: Side,
    /// Whether that side is free of blame: the other side had changed the ride.
    pub blameless: bool,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl ReservationDetails {
    /// `booked` as one of its sides sees it, or support, who reads neither words nor points.
    pub fn of(booked: BookedSeats, viewer: Viewer, people: &People) -> Self {
        let party = is_party(&booked, viewer);
        let mut terms = terms(booked.terms);
        if !party {
            for place in [&mut terms.pickup, &mut terms.drop_off] {
                (place.lat, place.lon, place.label) = (None, None, None);
            }
        }
        let cancelled = booked.cancelled.map(|cancelled| CancellationShown {
            by: cancelled.by,
            blameless: cancelled.blameless,
            reason: cancelled.reason.filter(|_| party),
            at: cancelled.at,
        });
        Self {
            reservation: booked.reservation,
            ride: booked.ride,
            conversation: booked.conversation,
            driver: people.show(booked.driver),
            passenger: people.show(booked.passenger),
            terms,
            pickup_at: booked.pickup_at,
            state: booked.state,
            to_reconfirm: booked.asked_again,
            cancelled,
            made_at: booked.made_at,
        }
    }
}

fn is_party(booked: &BookedSeats, viewer: Viewer) -> bool {
    match viewer {
        Viewer::Person(account) | Viewer::Support(account) => account == booked.driver || account == booked.passenger,
        Viewer::Operator => true,
        Viewer::Anyone => false,
    }
}

/// Take seats on a ride's list terms
#[utoipa::path(post, path = "/api/v1/reservations", tag = "reservations", request_body = MakeReservation,
    params(KeyHeader),
    responses((status = 201, description = "Proposed to the driver; accepted at once where the ride is instant", body = ReservationAsked)))]
pub async fn reserve(
    platform: web::Data<Platform>,
    asking: Asking,
    body: Body<MakeReservation>,
) -> Result<HttpResponse, Problem> {
    let made = bookings::reserve(&platform, asking.0, body.0).await?;
    let (conversation, _) = platform.inspect::<Conversation>(made.conversation).await?;
    let accepted = conversation.has_accepted(made.proposal).then(|| ReservationId::from(made.proposal));
    let (conversation, proposal, position) = (made.conversation, made.proposal, made.done.position);
    let location = match accepted {
        Some(reservation) => format!("/api/v1/reservations/{reservation}"),
        None => format!("/api/v1/conversations/{conversation}"),
    };
    Ok(created(location, ReservationAsked { conversation, proposal, reservation: accepted, position }))
}

/// Look at a reservation of one's own
#[utoipa::path(get, path = "/api/v1/reservations/{reservation}", tag = "reservations",
    params(("reservation" = Uuid, Path)),
    responses((status = 200, description = "The reservation", body = ReservationDetails)))]
pub async fn show(
    platform: web::Data<Platform>,
    who: Identity,
    at: At<ReservationId>,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let (reservation, viewer) = (at.0, who.viewer());
    let shown = ask(&platform, move |views| {
        let booked = views.reservation(reservation)?;
        // Whether there is one is nobody else's business.
        let booked = booked.filter(|booked| is_party(booked, viewer) || matches!(viewer, Viewer::Support(_)));
        let Some(booked) = booked else { return Ok(None) };
        let people = People::of(views, [booked.driver, booked.passenger])?;
        Ok(Some(ReservationDetails::of(booked, viewer, &people)))
    });
    shown.await?.map(ok).ok_or_else(no_such_reservation)
}

/// Cancel a reservation; either side may
#[utoipa::path(post, path = "/api/v1/reservations/{reservation}/cancel", tag = "reservations", request_body = WithReason,
    params(("reservation" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Cancelled", body = Written)))]
pub async fn cancel(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ReservationId>,
    body: Body<WithReason>,
) -> Result<HttpResponse, Problem> {
    let conversation = conversation_of(&platform, at.0).await?;
    Ok(written(bookings::cancel(&platform, asking.0, conversation, at.0, body.0).await?))
}

/// What the passenger has seen.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconfirm {
    /// The version of the ride's terms.
    pub terms_version: u32,
}

/// Say that the changed ride still suits
#[utoipa::path(post, path = "/api/v1/reservations/{reservation}/reconfirm", tag = "reservations", request_body = Reconfirm,
    params(("reservation" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Reconfirmed", body = Written)))]
pub async fn reconfirm(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ReservationId>,
    body: Body<Reconfirm>,
) -> Result<HttpResponse, Problem> {
    let conversation = conversation_of(&platform, at.0).await?;
    Ok(written(bookings::reconfirm(&platform, asking.0, conversation, at.0, body.0.terms_version).await?))
}

/// Say that a passenger did not come; for the driver
#[utoipa::path(post, path = "/api/v1/reservations/{reservation}/no-show", tag = "reservations",
    params(("reservation" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Noted", body = Written)))]
pub async fn no_show(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ReservationId>,
) -> Result<HttpResponse, Problem> {
    let conversation = conversation_of(&platform, at.0).await?;
    Ok(written(bookings::report_no_show(&platform, asking.0, conversation, at.0).await?))
}

/// Where a reservation was agreed. What was agreed a moment ago may not have reached the views yet.
async fn conversation_of(platform: &Platform, reservation: ReservationId) -> Result<ConversationId, Problem> {
    match bookings::conversation_of(platform, reservation).await {
        Err(Refusal::Rejected(..)) if platform.views.wait_for_head(&platform.log).await => {}
        answer => return Ok(answer?),
    }
    match bookings::conversation_of(platform, reservation).await {
        Err(Refusal::Rejected(..)) => Err(no_such_reservation()),
        answer => Ok(answer?),
    }
}

fn no_such_reservation() -> Problem {
    Problem::not_found("no_such_reservation", "there is no such reservation of yours")
}
