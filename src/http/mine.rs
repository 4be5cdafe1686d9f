//! What is one's own: rides, requests, reservations, what waits for an answer, and one's history.

use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::ride::Side;
use palabre_events::{ConversationId, ProposalId, RequestId, ReservationId, RideId, TermsHash, Timestamp};
use palabre_projections::history::{HistoryEntry, HistoryWhat};
use palabre_projections::offers::OfferedRide;
use palabre_projections::proposals::MadeProposal;
use palabre_projections::reservations::When;
use serde::Serialize;

use super::answer::{Listed, People, ask, ok, paging, place, terms};
use super::freshness::Fresh;
use super::identity::Identity;
use super::problem::Problem;
use super::query::{PageParameters, Query, whole};
use super::requests::RequestShown;
use super::reservations::ReservationDetails;
use crate::audit::Viewer;
use crate::audit::state::{PersonShown, stage_name};
use crate::chat::frames::negotiation::{WirePlace, WirePrice, WireTerms};
use crate::clock;
use crate::platform::Platform;
use crate::wire::words;

/// How far into a list of reservations one may page.
const SKIP_MAX: u32 = 100_000;

/// A ride of one's own, in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OwnRide {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// `offered`, `departed`, `completed` or `cancelled`.
    #[schema(value_type = words::Stage)]
    pub stage: &'static str,
    /// Origin, via points, destination.
    pub stops: Vec<WirePlace>,
    /// When it leaves.
    #[schema(value_type = String, format = DateTime)]
    pub departs_at: Timestamp,
    /// IANA name of the zone in which people read the departure.
    pub time_zone: String,
    /// Seats for passengers, taken or not.
    pub seats: u8,
    /// Seats left on the whole way.
    pub seats_left: u32,
    /// List price of one seat.
    pub price_per_seat: WirePrice,
    /// How many reservations there are.
    pub reservations: usize,
    /// When it was offered.
    #[schema(value_type = String, format = DateTime)]
    pub offered_at: Timestamp,
}

impl From<OfferedRide> for OwnRide {
    fn from(ride: OfferedRide) -> Self {
        let whole_way = palabre_events::Stretch { from_m: 0, to_m: ride.length_m() };
        Self {
            ride: ride.ride,
            stage: stage_name(ride.stage),
            departs_at: ride.departs_at,
            seats: ride.seats,
            seats_left: ride.seats_left(whole_way),
            price_per_seat: ride.price_per_seat.into(),
            reservations: ride.reservations.len(),
            offered_at: ride.offered_at,
            stops: ride.stops.into_iter().map(place).collect(),
            time_zone: ride.time_zone,
        }
    }
}

/// The rides that you offer, the newest offer first
#[utoipa::path(get, path = "/api/v1/me/rides", tag = "mine",
    params(PageParameters),
    responses((status = 200, description = "A page", body = Listed<OwnRide>)))]
pub async fn rides(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let paging = paging(&mut query);
    query.finish()?;
    let account = who.account();
    let page = ask(&platform, move |views| views.rides_of_driver(account, paging)).await?;
    Ok(ok(Listed::of(page, OwnRide::from)))
}

/// Your requests, the newest first
#[utoipa::path(get, path = "/api/v1/me/requests", tag = "mine",
    params(PageParameters),
    responses((status = 200, description = "A page", body = Listed<RequestShown>)))]
pub async fn requests(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let paging = paging(&mut query);
    query.finish()?;
    let account = who.account();
    let answer = ask(&platform, move |views| {
        let people = People::of(views, [account])?;
        let page = views.requests_of_passenger(account, paging)?;
        Ok(Listed::of(page, |wanted| RequestShown::of(wanted, Viewer::Person(account), &people)))
    });
    Ok(ok(answer.await?))
}

/// Reservations, as a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReservationsListed {
    /// Upcoming: the next one first. Past: the latest first.
    pub items: Vec<ReservationDetails>,
    /// The `skip` of the next page, where there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// Your reservations
#[utoipa::path(get, path = "/api/v1/me/reservations", tag = "mine",
    params(("when" = Option<String>, Query, description = "`upcoming` (default) or `past`"),
        ("side" = Option<String>, Query, description = "As `passenger` (default) or as `driver`"),
        ("skip" = Option<u32>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50")),
    responses((status = 200, description = "A page", body = ReservationsListed)))]
pub async fn reservations(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let now = clock::now();
    let when = query.optional("when", |text| match text {
        "upcoming" => Ok(When::UpcomingFrom(now)),
        "past" => Ok(When::PastBefore(now)),
        _ => Err("is `upcoming` or `past`".to_owned()),
    });
    let side = query.optional("side", |text| match text {
        "passenger" => Ok(Side::Passenger),
        "driver" => Ok(Side::Driver),
        _ => Err("is `passenger` or `driver`".to_owned()),
    });
    let skip = query.optional("skip", whole(0..=SKIP_MAX)).unwrap_or(0);
    let limit = query.limit();
    query.finish()?;
    let (when, side) = (when.unwrap_or(When::UpcomingFrom(now)), side.unwrap_or(Side::Passenger));
    let account = who.account();
    let answer = ask(&platform, move |views| {
        let booked = views.reservations_of_person(account, side, when, skip as usize, limit as usize)?;
        let people = People::of(views, booked.iter().flat_map(|booked| [booked.driver, booked.passenger]))?;
        let next = (booked.len() == limit as usize).then_some(skip + limit);
        let show = |booked| ReservationDetails::of(booked, Viewer::Person(account), &people);
        Ok(ReservationsListed { items: booked.into_iter().map(show).collect(), next })
    });
    Ok(ok(answer.await?))
}

/// What waits for your answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ToHandleShown {
    /// Open proposals of the other side, the oldest first.
    pub proposals: Vec<ProposalToAnswer>,
    /// Your reservations whose ride was rescheduled: does it still suit?
    pub to_reconfirm: Vec<ReservationDetails>,
}

/// A proposal that waits for your answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProposalToAnswer {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// Where to answer.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// Who proposes.
    pub by: PersonShown,
    /// What is proposed.
    pub terms: WireTerms,
    /// What an acceptance must name.
    #[schema(value_type = String)]
    pub terms_hash: TermsHash,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it expires unless it is answered.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The reservation whose terms it would replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub replaces: Option<ReservationId>,
}

impl ProposalToAnswer {
    fn of(made: MadeProposal, people: &People) -> Self {
        Self {
            proposal: made.proposal,
            conversation: made.conversation,
            ride: made.ride,
            by: people.show(made.by),
            terms: terms(made.terms),
            terms_hash: made.terms_hash,
            made_at: made.made_at,
            expires_at: made.expires_at,
            replaces: made.replaces,
        }
    }
}

/// What waits for your answer
#[utoipa::path(get, path = "/api/v1/me/to-handle", tag = "mine",
    responses((status = 200, description = "Proposals and reservations to reconfirm", body = ToHandleShown)))]
pub async fn to_handle(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let account = who.account();
    let answer = ask(&platform, move |views| {
        let waiting = views.to_handle(account)?;
        let proposers = waiting.proposals.iter().map(|made| made.by);
        let sides = waiting.asked_again.iter().flat_map(|booked| [booked.driver, booked.passenger]);
        let people = People::of(views, proposers.chain(sides))?;
        let show = |booked| ReservationDetails::of(booked, Viewer::Person(account), &people);
        Ok(ToHandleShown {
            proposals: waiting.proposals.into_iter().map(|made| ProposalToAnswer::of(made, &people)).collect(),
            to_reconfirm: waiting.asked_again.into_iter().map(show).collect(),
        })
    });
    Ok(ok(answer.await?))
}

/// Something that happened to you, or that you did.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryShown {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its place in the log.
    pub position: u64,
    /// What.
    pub what: HistoryWord,
    /// Which side cancelled: `driver` or `passenger`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Side>)]
    pub cancelled_by: Option<Side>,
    /// Whether that side is free of blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blameless: Option<bool>,
    /// The ride.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub ride: Option<RideId>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub request: Option<RequestId>,
    /// The reservation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub reservation: Option<ReservationId>,
    /// Where it was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub conversation: Option<ConversationId>,
    /// The other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_party: Option<PersonShown>,
}

impl HistoryShown {
    fn of(entry: &HistoryEntry, people: &People) -> Self {
        let cancelled = match entry.what {
            HistoryWhat::ReservationCancelled { by, blameless } => Some((by, blameless)),
            _ => None,
        };
        Self {
            at: entry.at,
            position: entry.position,
            what: entry.what.into(),
            cancelled_by: cancelled.map(|(by, _)| by),
            blameless: cancelled.map(|(_, blameless)| blameless),
            ride: entry.ride,
            request: entry.request,
            reservation: entry.reservation,
            conversation: entry.conversation,
            other_party: entry.other_party.map(|account| people.show(account)),
        }
    }
}

/// What happened to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named after what happened")]
pub enum HistoryWord {
    RideOffered,
    RideCancelled,
    RideCompleted,
    RequestPosted,
    RequestFulfilled,
    RequestWithdrawn,
    RequestExpired,
    ReservationMade,
    ReservationChanged,
    ReservationCancelled,
    NoShow,
}

impl From<HistoryWhat> for HistoryWord {
    fn from(what: HistoryWhat) -> Self {
        match what {
            HistoryWhat::RideOffered => Self::RideOffered,
            HistoryWhat::RideCancelled => Self::RideCancelled,
            HistoryWhat::RideCompleted => Self::RideCompleted,
            HistoryWhat::RequestPosted => Self::RequestPosted,
            HistoryWhat::RequestFulfilled => Self::RequestFulfilled,
            HistoryWhat::RequestWithdrawn => Self::RequestWithdrawn,
            HistoryWhat::RequestExpired => Self::RequestExpired,
            HistoryWhat::ReservationMade => Self::ReservationMade,
            HistoryWhat::ReservationChanged => Self::ReservationChanged,
            HistoryWhat::ReservationCancelled { .. } => Self::ReservationCancelled,
            HistoryWhat::NoShow => Self::NoShow,
        }
    }
}

/// Your history, the newest first
#[utoipa::path(get, path = "/api/v1/me/history", tag = "mine",
    params(PageParameters),
    responses((status = 200, description = "A page", body = Listed<HistoryShown>)))]
pub async fn history(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let paging = paging(&mut query);
    query.finish()?;
    let account = who.account();
    let answer = ask(&platform, move |views| {
        let page = views.history(account, paging)?;
        let people = People::of(views, page.items.iter().filter_map(|entry| entry.other_party))?;
        Ok(Listed::of(page, |entry| HistoryShown::of(&entry, &people)))
    });
    Ok(ok(answer.await?))
}
