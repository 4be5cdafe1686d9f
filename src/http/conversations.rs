//! Conversations: open, list, look at, page through; say, correct and take back; mark as read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::try_join_all;
use palabre_events::conversation::ConversationKind;
use palabre_events::ride::Side;
use palabre_events::{
    AccountId, ConversationId, ProposalId, RequestId, ReservationId, RideId, Timestamp, ride::RefusalReason,
};
use palabre_projections::conversations::inbox::InboxEntry;
use palabre_projections::conversations::{BookingHead, BookingState, OpenProposal};
use palabre_projections::offers::OfferedRide;
use palabre_projections::{Paging, ViewError, ViewsReader};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;

use super::answer::{Listed, People, Written, ask, created, ok, paging, place, written};
use super::at::At;
use super::body::Body;
use super::freshness::Fresh;
use super::identity::Identity;
use super::key::Asking;
use super::problem::Problem;
use super::query::{Query, count};
use crate::audit::state::{PersonShown, stage_name};
use crate::chat::frames::Told;
use crate::chat::frames::negotiation::{WirePlace, WirePrice};
use crate::chat::history::{self, CannotRead, Span};
use crate::commands::input::{EditMessage, OpenConversation, PostMessage};
use crate::commands::talk;
use crate::platform::Platform;

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
    #[schema(value_type = String)]
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
}

/// What a conversation is about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RideBrief {
    /// The ride.
    #[schema(value_type = Uuid)]
    pub ride: RideId,
    /// `offered`, `departed`, `completed` or `cancelled`.
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
    #[schema(value_type = String)]
    pub state: BookingState,
    /// The reservation.
    #[schema(value_type = Uuid)]
    pub reservation: ReservationId,
    /// How many seats.
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: WirePrice,
    /// When the passenger is picked up, as agreed.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// Why the ride refused what was agreed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub refused: Option<RefusalReason>,
    /// Which side cancelled: `driver` or `passenger`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub cancelled_by: Option<Side>,
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

impl From<BookingHead> for BookingShown {
    fn from(head: BookingHead) -> Self {
        Self {
            state: head.state,
            reservation: head.reservation,
            seats: head.seats,
            price_per_seat: head.price_per_seat.into(),
            pickup_at: head.pickup_at,
            refused: head.refused,
            cancelled_by: head.cancelled_by,
        }
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
    params(("Idempotency-Key" = Option<Uuid>, Header, description = "A UUIDv7 that makes it safe to repeat")),
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
    params(("before" = Option<u64>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50")),
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
        let last_message = match head.last_message_seq.filter(|seq| own.sees(*seq)) {
            Some(seq) => event_at(platform, head.conversation, account, seq).await?,
            None => None,
        };
        let present = head.members.iter().filter(|member| member.is_present());
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
            participants: present.map(|member| people.show(member.account)).collect(),
            booking: head.booking.map(BookingShown::from),
            open_proposals: head.open_proposals.into_iter().map(OpenProposalShown::from).collect(),
            last_message,
        })
    }
}

/// One event of a conversation as `account` sees it.
async fn event_at(
    platform: &Platform,
    conversation: ConversationId,
    account: AccountId,
    seq: u64,
) -> Result<Option<Box<RawValue>>, Problem> {
    let Some(roster) = history::roster(&*platform.log, conversation).await? else { return Ok(None) };
    let span = Span::After(seq - 1);
    let mut events = history::page(&*platform.log, &platform.keyring, conversation, &roster, account, span, 1).await?;
    Ok(events.pop())
}

/// A page of a conversation: the frames that the socket pushes, in order of `seq`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventsPage {
    /// In order of `seq`; what you may not see comes as `{conversation, seq, type: "hidden"}`.
    #[schema(value_type = Vec<Told>)]
    pub events: Vec<Box<RawValue>>,
    /// The last event that you see.
    pub head: u64,
}

/// A page of one of your conversations
#[utoipa::path(get, path = "/api/v1/conversations/{conversation}/events", tag = "conversations",
    params(("conversation" = Uuid, Path),
        ("after" = Option<u64>, Query, description = "Events after this `seq`; default 0"),
        ("before" = Option<u64>, Query, description = "The last events before this `seq`, instead of `after`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50")),
    responses((status = 200, description = "The frames that the socket pushes", body = EventsPage)))]
pub async fn events(
    platform: web::Data<Platform>,
    who: Identity,
    at: At<ConversationId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let (after, before) = (query.optional("after", count), query.optional("before", count));
    let limit = usize::try_from(query.limit()).expect("a page is small");
    if after.is_some() && before.is_some() {
        query.refuse("before", "one_too_many", "goes without `after`");
    }
    query.finish()?;
    let (conversation, account) = (at.0, who.account());
    let roster = history::roster(&*platform.log, conversation).await?.ok_or_else(no_such_conversation)?;
    let reach = roster.reach(account).ok_or_else(no_such_conversation)?;
    let span = before.map_or(Span::After(after.unwrap_or(0)), Span::Before);
    let events = history::page(&*platform.log, &platform.keyring, conversation, &roster, account, span, limit).await?;
    let head = match reach.to_seq {
        Some(left) => left,
        None => platform.inspect::<palabre_events::conversation::Conversation>(conversation).await?.1,
    };
    Ok(ok(EventsPage { events, head }))
}

/// Say something
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/messages", tag = "conversations", request_body = PostMessage,
    params(("conversation" = Uuid, Path), ("Idempotency-Key" = Option<Uuid>, Header, description = "A UUIDv7 that makes it safe to repeat")),
    responses((status = 201, description = "Said", body = Written)))]
pub async fn post_message(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ConversationId>,
    body: Body<PostMessage>,
) -> Result<HttpResponse, Problem> {
    let done = talk::post_message(&platform, asking.0, at.0, body.0).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(Written::from(done)))
}

/// Correct a message of one's own
#[utoipa::path(patch, path = "/api/v1/conversations/{conversation}/messages/{message}", tag = "conversations", request_body = EditMessage,
    params(("conversation" = Uuid, Path), ("message" = u64, Path, description = "Its `seq`"),
        ("Idempotency-Key" = Option<Uuid>, Header, description = "A UUIDv7 that makes it safe to repeat")),
    responses((status = 200, description = "Corrected", body = Written)))]
pub async fn edit_message(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<(ConversationId, u64)>,
    body: Body<EditMessage>,
) -> Result<HttpResponse, Problem> {
    let (conversation, message) = at.0;
    Ok(written(talk::edit_message(&platform, asking.0, conversation, message, body.0).await?))
}

/// Take a message of one's own back
#[utoipa::path(delete, path = "/api/v1/conversations/{conversation}/messages/{message}", tag = "conversations",
    params(("conversation" = Uuid, Path), ("message" = u64, Path, description = "Its `seq`"),
        ("Idempotency-Key" = Option<Uuid>, Header, description = "A UUIDv7 that makes it safe to repeat")),
    responses((status = 200, description = "Taken back", body = Written)))]
pub async fn retract_message(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<(ConversationId, u64)>,
) -> Result<HttpResponse, Problem> {
    let (conversation, message) = at.0;
    Ok(written(talk::retract_message(&platform, asking.0, conversation, message).await?))
}

/// How far one has read.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// Up to and with this `seq`.
    pub up_to: u64,
}

/// Say how far one has read
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/marks", tag = "conversations", request_body = MarkRead,
    params(("conversation" = Uuid, Path), ("Idempotency-Key" = Option<Uuid>, Header, description = "A UUIDv7 that makes it safe to repeat")),
    responses((status = 200, description = "Noted; `seq` is that of your marks", body = Written)))]
pub async fn mark_read(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ConversationId>,
    body: Body<MarkRead>,
) -> Result<HttpResponse, Problem> {
    Ok(written(talk::mark_read(&platform, asking.0, at.0, body.0.up_to).await?))
}

/// Whether there is a conversation between two others is nobody's business, so both cases are one.
fn no_such_conversation() -> Problem {
    Problem::not_found("no_such_conversation", "there is no such conversation of yours")
}

impl From<CannotRead> for Problem {
    fn from(_: CannotRead) -> Self {
        Self::unavailable()
    }
}
