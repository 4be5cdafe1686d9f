//! What is said in a conversation: page through it, say something, correct it, take it back, mark it as read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::ConversationId;
use palabre_events::conversation::Conversation;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{Written, ok, written};
use super::at::At;
use super::body::Body;
use super::conversations::no_such_conversation;
use super::identity::Identity;
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use super::query::{Query, count};
use crate::chat::frames::SeenEvent;
use crate::chat::history::{self, Span};
use crate::commands::input::{EditMessage, PostMessage};
use crate::commands::talk;
use crate::platform::Platform;

/// A page of a conversation: the frames that the socket pushes, in order of `seq`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventsPage {
    /// In order of `seq`; what you may not see comes as `{conversation, seq, type: "hidden"}`.
    #[schema(value_type = Vec<SeenEvent>)]
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
    let head = match reach.to_seq {
        Some(left) => left,
        None => platform.inspect::<Conversation>(conversation).await?.1,
    };
    // Whoever names a `seq` that is still to come asks for the end.
    let span = before.map_or(Span::After(after.unwrap_or(0)), |before| Span::Before(before.min(head + 1)));
    let events = history::page(&*platform.log, &platform.keyring, conversation, &roster, account, span, limit).await?;
    Ok(ok(EventsPage { events, head }))
}

/// Say something
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/messages", tag = "conversations", request_body = PostMessage,
    params(("conversation" = Uuid, Path), KeyHeader),
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
        KeyHeader),
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
        KeyHeader),
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
    params(("conversation" = Uuid, Path), KeyHeader),
    responses((status = 200, description = "Noted; `seq` is that of your marks", body = Written)))]
pub async fn mark_read(
    platform: web::Data<Platform>,
    asking: Asking,
    at: At<ConversationId>,
    body: Body<MarkRead>,
) -> Result<HttpResponse, Problem> {
    Ok(written(talk::mark_read(&platform, asking.0, at.0, body.0.up_to).await?))
}
