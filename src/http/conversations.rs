//! Conversations: open, list, look at. What is said in them is in [`super::talk`].

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::try_join_all;
use palabre_events::conversation::ConversationKind;
use palabre_events::ride::Side;
use palabre_events::{
    AccountId, ConversationId, ProposalId, RequestId, ReservationId, RideId, Timestamp, ride::RefusalReason,
};
use palabre_projections::conversations::inbox::{ConversationHead, InboxEntry};
use palabre_projections::conversations::{BookingHead, BookingState, OpenProposal};
use palabre_projections::offers::OfferedRide;
use palabre_projections::{Paging, ViewError, ViewsReader};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

use super::answer::{Listed, People, ask, created, ok, paging, place};
use super::at::At;
use super::body::Body;
use super::freshness::Fresh;
use super::identity::Identity;
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use super::query::{PageParameters, Query};
use crate::audit::state::{PersonShown, stage_name};
use crate::chat::frames::Told;
use crate::chat::frames::negotiation::{WirePlace, WirePrice};
use crate::chat::history::{self, CannotRead, Span};
use crate::commands::input::OpenConversation;
use crate::commands::talk;
use crate::platform::Platform;
use crate::wire::words;

/// A conversation that is open.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConversationMade {
    /// The conversation.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// The `seq` of its last event.
    pub seq: u64,
    /// For `min_position`; 0 when it was open already.
    pub position: u64,
}

/// A conversation as one of its members sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConversationShown {
    /// The conversation.
    #[schema(value_type = Uuid)]
    pub conversation: ConversationId,
    /// `ride`: a driver and one passenger; `group`: everyone in the car.
    #[schema(value_type = words::ConversationKind)]
    pub kind: ConversationKind,
    /// The ride that it is about.
    pub ride: RideBrief,
    /// Who drives.
    pub driver: PersonShown,
    /// Who may ride along; absent in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passenger: Option<PersonShown>,
    /// The request that the driver answers with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub in_answer_to: Option<RequestId>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// The first event that you see.
    pub from_seq: u64,
    /// The last event that you see.
    pub seq: u64,
    /// Its position in the log: `before` of the page that follows it in the inbox.
    pub position: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Up to which event you have read.
    pub read_seq: u64,
    /// How many messages, proposals and bookings of others you have not read.
    pub unread: u64,
    /// Everyone who takes part now.
    pub participants: Vec<PersonShown>,
    /// The latest booking, if anything was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingShown>,
    /// Proposals that wait for an answer.
    pub open_proposals: Vec<OpenProposalShown>,
    /// The last message as it was posted, if anything was said that you see.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Told>)]
    pub last_message: Option<Box<RawValue>>,
    /// What corrected that message last, or took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Told>)]
    pub last_correction: Option<Box<RawValue>>,
    /// How far the others who take part now have read.
    pub marks: Vec<MarkShown>,
}

/// How far somebody has read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MarkShown {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// Up to and with this `seq`.
    pub up_to: u64,
}

/// What a conversation is about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RideBrief {
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
}

/// A booking in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BookingShown {
    /// `under_way`, `confirmed`, `changing`, `refused` or `cancelled`.
    #[schema(value_type = words::BookingState)]
    pub state: BookingState,
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: WirePrice,
    /// When the passenger is picked up: as agreed, moved by as much as the ride was since.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// Why the ride refused what was agreed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::RefusalReason>)]
    pub refused: Option<RefusalReason>,
    /// Which side cancelled: `driver` or `passenger`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Side>)]
    pub cancelled_by: Option<Side>,
    /// Whether the passenger is asked again, because the ride was rescheduled.
    pub to_reconfirm: bool,
    /// Whether the driver said that the passenger did not come.
    pub no_show: bool,
}

/// A proposal that waits for an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OpenProposalShown {
    /// The proposal.
    #[schema(value_type = Uuid)]
    pub proposal: ProposalId,
    /// Who proposes; the other side answers.
    #[schema(value_type = Uuid)]
    pub by: AccountId,
    /// When it expires unless it is answered.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl BookingShown {
    fn of(booking: BookingHead, head: &ConversationHead) -> Self {
        let BookingHead { state, reservation, seats, price_per_seat, pickup_at, refused, cancelled_by, .. } = booking;
        let price_per_seat = price_per_seat.into();
        let (to_reconfirm, no_show) = (head.asked_again, head.no_show);
        let pickup_at = head.pickup_at.unwrap_or(pickup_at);
        Self { state, reservation, seats, price_per_seat, pickup_at, refused, cancelled_by, to_reconfirm, no_show }
    }
}

impl From<OpenProposal> for OpenProposalShown {
    fn from(open: OpenProposal) -> Self {
        Self { proposal: open.proposal, by: open.by, expires_at: open.expires_at }
    }
}

impl RideBrief {
    /// `ride` in short.
    pub fn of(ride: &OfferedRide) -> Self {
        Self {
            ride: ride.ride,
            stage: stage_name(ride.stage),
            stops: ride.stops.iter().cloned().map(place).collect(),
            departs_at: ride.departs_at,
            time_zone: ride.time_zone.clone(),
        }
    }
}

/// Open the conversation about a ride, or find it
#[utoipa::path(post, path = "/api/v1/conversations", tag = "conversations", request_body = OpenConversation,
    params(KeyHeader),
    responses((status = 201, description = "Opened", body = ConversationMade),
        (status = 200, description = "It was open already", body = ConversationMade)))]
pub async fn open(
    platform: web::Data<Platform>,
    asking: Asking,
    body: Body<OpenConversation>,
) -> Result<HttpResponse, Problem> {
    let made = talk::open_conversation(&platform, asking.0, body.0).await?;
    let conversation = ConversationId(made.id);
    let answer = ConversationMade { conversation, seq: made.done.seq, position: made.done.position };
    if made.done.unchanged {
        return Ok(ok(answer));
    }
    Ok(created(format!("/api/v1/conversations/{conversation}"), answer))
}

/// Your conversations, the one with the latest event first
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations",
    params(PageParameters),
    responses((status = 200, description = "A page of the inbox", body = Listed<ConversationShown>)))]
pub async fn inbox(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let paging = paging(&mut query);
    query.finish()?;
    let account = who.account();
    let (entries, next) = ask(&platform, move |views| page_of(views, account, paging)).await?;
    let items = try_join_all(entries.into_iter().map(|entry| entry.show(&platform, account))).await?;
    Ok(ok(Listed { items, next }))
}

/// One of your conversations
#[utoipa::path(get, path = "/api/v1/conversations/{conversation}", tag = "conversations",
    params(("conversation" = Uuid, Path)),
    responses((status = 200, description = "The conversation", body = ConversationShown)))]
pub async fn show(
    platform: web::Data<Platform>,
    who: Identity,
    at: At<ConversationId>,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let (account, conversation) = (who.account(), at.0);
    let entry = ask(&platform, move |views| {
        let Some(entry) = views.inbox_entry(account, conversation)? else { return Ok(None) };
        Ok(in_context(views, vec![entry])?.pop())
    });
    let entry = entry.await?.ok_or_else(no_such_conversation)?;
    Ok(ok(entry.show(&platform, account).await?))
}

/// An entry of the inbox with what it mentions.
struct InContext {
    entry: InboxEntry,
    ride: OfferedRide,
    people: People,
}

fn page_of(
    views: &ViewsReader,
    account: AccountId,
    paging: Paging,
) -> Result<(Vec<InContext>, Option<u64>), ViewError> {
    let page = views.inbox(account, paging)?;
    Ok((in_context(views, page.items)?, page.next))
}

fn in_context(views: &ViewsReader, entries: Vec<InboxEntry>) -> Result<Vec<InContext>, ViewError> {
    let rides: Vec<_> = entries.iter().map(|entry| entry.conversation.ride).collect();
    let rides: HashMap<_, _> = views.rides(&rides)?.into_iter().map(|ride| (ride.ride, ride)).collect();
    let members = entries.iter().flat_map(|entry| entry.conversation.members.iter().map(|member| member.account));
    let people = People::of(views, members)?;
    // A ride comes before its conversations in the log, so only a view that is parked can lack it.
    let known = entries.into_iter().filter_map(|entry| {
        let ride = rides.get(&entry.conversation.ride)?.clone();
        Some(InContext { entry, ride, people: people.clone() })
    });
    Ok(known.collect())
}

impl InContext {
    async fn show(self, platform: &Platform, account: AccountId) -> Result<ConversationShown, Problem> {
        let Self { entry: InboxEntry { own, conversation: head }, ride, people } = self;
        let seen = |seq: Option<u64>| seq.filter(|seq| own.sees(*seq));
        let last = [head.last_message_seq, head.last_correction_seq].map(seen);
        let [last_message, last_correction] = events_at(platform, head.conversation, account, last).await?;
        let present: Vec<_> = head.members.iter().filter(|member| member.is_present()).collect();
        let others = present.iter().filter(|member| member.account != account);
        Ok(ConversationShown {
            conversation: head.conversation,
            kind: head.kind,
            ride: RideBrief::of(&ride),
            driver: people.show(head.driver),
            passenger: head.passenger.map(|passenger| people.show(passenger)),
            in_answer_to: head.in_answer_to,
            opened_at: head.opened_at,
            from_seq: own.stays.iter().map(|stay| stay.from_seq).min().unwrap_or(1),
            seq: own.head_seq,
            position: own.head_position,
            at: own.head_at,
            read_seq: own.read_seq,
            unread: own.unread,
            participants: present.iter().map(|member| people.show(member.account)).collect(),
            marks: others.map(|member| MarkShown { account: member.account, up_to: member.read_seq }).collect(),
            booking: head.booking.map(|booking| BookingShown::of(booking, &head)),
            open_proposals: head.open_proposals.into_iter().map(OpenProposalShown::from).collect(),
            last_message,
            last_correction,
        })
    }
}

/// Events of a conversation, where there are any, as `account` sees them.
async fn events_at<const N: usize>(
    platform: &Platform,
    conversation: ConversationId,
    account: AccountId,
    seqs: [Option<u64>; N],
) -> Result<[Option<Box<RawValue>>; N], Problem> {
    let mut events = [const { None }; N];
    if seqs.iter().all(Option::is_none) {
        return Ok(events);
    }
    let (log, keyring) = (&*platform.log, &platform.keyring);
    let Some(roster) = history::roster(log, conversation).await? else { return Ok(events) };
    for (event, seq) in events.iter_mut().zip(seqs) {
        if let Some(seq) = seq {
            let span = Span::After(seq - 1);
            *event = history::page(log, keyring, conversation, &roster, account, span, 1).await?.pop();
        }
    }
    Ok(events)
}

/// Whether there is a conversation between two others is nobody's business, so both cases are one.
pub(super) fn no_such_conversation() -> Problem {
    Problem::not_found("no_such_conversation", "there is no such conversation of yours")
}

impl From<CannotRead> for Problem {
    fn from(_: CannotRead) -> Self {
        Self::unavailable()
    }
}
