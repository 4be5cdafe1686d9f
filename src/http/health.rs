//! `/healthz`: whether this node lives, whether it should be sent requests, and what is not as it should be.

use actix_web::{HttpResponse, web};
use palabre_events::AccountId;
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

use crate::platform::Platform;

/// How many events the views may be behind the log before that is said.
const LAG_EVENTS: u64 = 10_000;
/// The same where positions are places in a file, in bytes: an event takes about a kilobyte there.
const LAG_BYTES: u64 = LAG_EVENTS * 1024;

/// How long the vault may take to answer here. It hangs where a person would wait; who asks for this does not wait as
/// long.
const VAULT_WITHIN: Duration = Duration::from_secs(1);

/// How a node is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// It answers, so it lives.
    pub live: bool,
    /// It can do its work; otherwise the status is 503.
    pub ready: bool,
    /// What is not as it should be.
    pub degraded: Vec<Degraded>,
    /// The last position of the log.
    pub log_position: u64,
    /// Up to which position the views are folded.
    pub views_position: u64,
    /// Whether people and rides here are made up.
    pub demo: bool,
}

/// A part that is not as it should be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Degraded {
    /// `node`, `log`, `vault`, `feed`, `views` or `redis`.
    pub part: String,
    /// One plain sentence; the node's log has the details.
    pub why: &'static str,
    /// Whether the node can do its work all the same.
    pub bearable: bool,
}

/// How this node is
#[utoipa::path(get, path = "/healthz", tag = "operating", security(()),
    responses((status = 200, description = "It is ready", body = Health), (status = 503, description = "It is not ready", body = Health)))]
pub async fn healthz(platform: web::Data<Platform>) -> HttpResponse {
    let mut degraded = Vec::new();
    let mut note = |part: &str, why, bearable| degraded.push(Degraded { part: part.to_owned(), why, bearable });
    let asked = tokio::time::timeout(VAULT_WITHIN, platform.vault.roles(AccountId(Uuid::nil()))).await;
    if !matches!(asked, Ok(Ok(_))) {
        note("vault", "it does not answer, so nobody can be recognised", false);
    }
    let feed = platform.feed_state();
    if feed.log_is_silent {
        note("log", "it does not answer; nothing can be done, and conversations cannot be read", false);
    } else if platform.directory.is_refused_by_the_log() {
        // Bearable, as only the next command tells that it is over.
        note("log", "it did not take the last command; is its disk full, or its database away?", true);
    }
    if feed.folding_fails {
        note("views", "they cannot be written, which is tried again; they are as of an earlier time", true);
    }
    if feed.stopped.is_some() {
        note("feed", "it does not follow the log; searches and lists are as of an earlier time", true);
    }
    if !feed.parked.is_empty() {
        note("views", "some stopped at an event that they cannot fold; they are as of an earlier time", true);
    }
    if platform.hub.is_shutting_down() {
        note("node", "it is stopping; send requests elsewhere", false);
    }
    if platform.link_state().is_some_and(|link| !link.is_up()) {
        note("redis", "it does not answer; what happens on other nodes comes from the log, a moment later", true);
    }
    let (log_position, views_position) = (platform.log_position(), platform.views.position());
    let lag = if platform.log.positions_are_dense() { LAG_EVENTS } else { LAG_BYTES };
    if log_position.saturating_sub(views_position) > lag {
        note("views", "they are far behind the log, and catching up", true);
    }
    let ready = degraded.iter().all(|part| part.bearable);
    let health = Health { live: true, ready, degraded, log_position, views_position, demo: platform.is_demo };
    if ready { HttpResponse::Ok().json(health) } else { HttpResponse::ServiceUnavailable().json(health) }
}
