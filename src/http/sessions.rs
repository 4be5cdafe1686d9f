//! Sessions: sign in, see where one is signed in, sign out here or everywhere.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accounts::{Me, SignedInAnswer, signed_in};
use super::answer::ok;
use super::body::Body;
use super::freshness::Fresh;
use super::identity::{Identity, MaybeIdentity, Newcomer, no_cookie};
use super::problem::Problem;
use super::query::Query;
use crate::clock;
use crate::platform::Platform;

/// Somebody who signs in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Their e-mail address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Whether to answer the session's token, for apps; browsers have the cookie.
    #[serde(default)]
    pub token: bool,
}

/// Sign in
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = SignIn, security(()),
    responses((status = 201, description = "Signed in; sets the session's cookie", body = SignedInAnswer)))]
pub async fn sign_in(
    platform: web::Data<Platform>,
    newcomer: Newcomer,
    body: Body<SignIn>,
) -> Result<HttpResponse, Problem> {
    let SignIn { email, password, token } = body.0;
    let made = platform.accounts.sign_in(&email, &password, newcomer.address, clock::now()).await?;
    Ok(signed_in(StatusCode::CREATED, &platform, &made, token))
}

/// Where somebody is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SessionShown {
    /// Names the session; opens nothing.
    pub session: Uuid,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it was last used, to the hour.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: Timestamp,
    /// When it ends unless it is used before.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Your sessions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SessionsShown {
    /// Last used first.
    pub sessions: Vec<SessionShown>,
}

/// Where you are signed in
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions",
    responses((status = 200, description = "Your sessions", body = SessionsShown)))]
pub async fn list(platform: web::Data<Platform>, who: Identity, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let sessions = platform.accounts.sessions(who.account(), clock::now()).await?;
    let show = |session: crate::vault::Session| SessionShown {
        session: session.id.0,
        current: session.id == who.session.session,
        made_at: session.made_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
    };
    Ok(ok(SessionsShown { sessions: sessions.into_iter().map(show).collect() }))
}

/// Who asks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CurrentSession {
    /// Whoever is signed in; absent for guests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub me: Option<Me>,
}

/// Who is signed in here, if anybody: for pages that start, to whom a guest is no error
#[utoipa::path(get, path = "/api/v1/sessions/current", tag = "sessions", security(()),
    responses((status = 200, description = "You, or nobody", body = CurrentSession)))]
pub async fn current(
    platform: web::Data<Platform>,
    who: MaybeIdentity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    let Some(identity) = who.0 else { return Ok(ok(CurrentSession { me: None })) };
    Ok(ok(CurrentSession { me: Some(Me::of(&platform, &identity).await?) }))
}

/// Sign out here
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "sessions",
    responses((status = 204, description = "Signed out")))]
pub async fn sign_out(platform: web::Data<Platform>, who: Identity) -> Result<HttpResponse, Problem> {
    platform.accounts.sign_out(&who.session).await?;
    Ok(gone(&platform))
}

/// Sign out everywhere
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions",
    responses((status = 204, description = "Signed out everywhere, here included")))]
pub async fn sign_out_everywhere(platform: web::Data<Platform>, who: Identity) -> Result<HttpResponse, Problem> {
    platform.accounts.sign_out_everywhere(who.account(), None).await?;
    Ok(gone(&platform))
}

fn gone(platform: &Platform) -> HttpResponse {
    HttpResponse::NoContent().cookie(no_cookie(&platform.config)).finish()
}
