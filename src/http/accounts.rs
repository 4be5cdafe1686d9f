//! Accounts: sign up, have a new password set, look at and change oneself.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use palabre_events::AccountId;
use palabre_events::account::Language;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answer::{Written, ask, ok, written};
use super::body::Body;
use super::freshness::Fresh;
use super::identity::{Identity, Newcomer, cookie};
use super::key::{Asking, KeyHeader};
use super::problem::Problem;
use super::query::Query;
use crate::accounts::{SignUp, SignedIn};
use crate::clock;
use crate::commands::profile::{self, ChangeProfile};
use crate::platform::Platform;
use crate::vault::Role;
use crate::wire::words;

/// Somebody who signs up.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// An e-mail address.
    pub email: String,
    /// 10 to 200 characters.
    pub password: String,
    /// The name that others see, 1 to 80 characters.
    pub name: String,
    /// In which language to write to them: `fr` or `en`.
    #[serde(default)]
    #[schema(value_type = words::Language, example = "fr")]
    pub language: Language,
    /// Whether to answer the session's token, for apps; browsers have the cookie.
    #[serde(default)]
    pub token: bool,
}

/// Somebody is signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SignedInAnswer {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The session's token, where it was asked for: send it as `Authorization: Bearer TOKEN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// For `min_position`; 0 when nothing was appended.
    pub position: u64,
}

/// Answers a session that was just opened: its cookie, and its token to whoever asks for it.
pub fn signed_in(status: StatusCode, platform: &Platform, signed_in: &SignedIn, with_token: bool) -> HttpResponse {
    let token = with_token.then(|| signed_in.token.reveal().to_string());
    let (account, position) = (signed_in.account, signed_in.position);
    HttpResponse::build(status).cookie(cookie(signed_in, &platform.config, clock::now())).json(SignedInAnswer {
        account,
        token,
        position,
    })
}

/// Sign up
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = OpenAccount, security(()),
    responses((status = 201, description = "Signed up and in; sets the session's cookie", body = SignedInAnswer)))]
pub async fn sign_up(
    platform: web::Data<Platform>,
    newcomer: Newcomer,
    body: Body<OpenAccount>,
) -> Result<HttpResponse, Problem> {
    let OpenAccount { email, password, name, language, token } = body.0;
    let sign_up = SignUp { email, password, name, language };
    let made = platform.accounts.sign_up(&sign_up, newcomer.address, clock::now()).await?;
    Ok(signed_in(StatusCode::CREATED, &platform, &made, token))
}

/// Whose password is to be set anew.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskReset {
    /// Their e-mail address.
    pub email: String,
}

/// Have a link to set a new password sent
#[utoipa::path(post, path = "/api/v1/password-resets", tag = "accounts", request_body = AskReset, security(()),
    responses((status = 202, description = "Sent, if somebody has that address")))]
pub async fn ask_reset(
    platform: web::Data<Platform>,
    newcomer: Newcomer,
    body: Body<AskReset>,
) -> Result<HttpResponse, Problem> {
    platform.accounts.request_reset(&body.0.email, newcomer.address, clock::now())?;
    Ok(HttpResponse::Accepted().finish())
}

/// A new password, by the token of the link.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmReset {
    /// The token in the link.
    pub token: String,
    /// 10 to 200 characters.
    pub password: String,
}

/// Set a new password by the link; ends all sessions
#[utoipa::path(post, path = "/api/v1/password-resets/confirm", tag = "accounts", request_body = ConfirmReset, security(()),
    responses((status = 204, description = "Set")))]
pub async fn confirm_reset(
    platform: web::Data<Platform>,
    newcomer: Newcomer,
    body: Body<ConfirmReset>,
) -> Result<HttpResponse, Problem> {
    let ConfirmReset { token, password } = body.0;
    platform.accounts.reset_password(&token, &password, newcomer.address, clock::now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Yourself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    /// Your account.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The name that others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In which language you are written to.
    #[schema(value_type = words::Language)]
    pub language: Language,
    /// Your e-mail address, which nobody else sees.
    pub email: String,
    /// `support`, `admin`, or none.
    pub roles: Vec<&'static str>,
    /// Names the log; another one means that everything must be read afresh.
    pub log_id: Uuid,
    /// Up to which position the views are folded.
    pub position: u64,
}

impl Me {
    /// Whoever `who` is.
    pub async fn of(platform: &Platform, who: &Identity) -> Result<Self, Problem> {
        let account = who.account();
        let position = platform.views.position();
        let shown = ask(platform, move |views| views.person(account)).await?;
        let held = platform.vault.person(account).await.map_err(|_| Problem::unavailable())?;
        // A session outlives its person for a second at most.
        let held = held.ok_or_else(Problem::not_signed_in)?;
        let (name, language) = shown.map_or((None, held.language), |person| (person.name, person.language));
        let roles = Role::ALL.into_iter().filter(|role| match role {
            Role::Support => who.session.roles.support,
            Role::Admin => who.session.roles.admin,
        });
        Ok(Self {
            account,
            name,
            language,
            email: held.email.as_str().to_owned(),
            roles: roles.map(Role::name).collect(),
            log_id: platform.log.log_id(),
            position,
        })
    }
}

/// Look at yourself
#[utoipa::path(get, path = "/api/v1/me", tag = "accounts", responses((status = 200, description = "You", body = Me)))]
pub async fn me(
    platform: web::Data<Platform>,
    who: Identity,
    _fresh: Fresh,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Query::of(&request).finish()?;
    Ok(ok(Me::of(&platform, &who).await?))
}

/// Change your name or language
#[utoipa::path(patch, path = "/api/v1/me", tag = "accounts", request_body = ChangeProfile,
    params(KeyHeader),
    responses((status = 200, description = "Changed", body = Written)))]
pub async fn change_profile(
    platform: web::Data<Platform>,
    asking: Asking,
    body: Body<ChangeProfile>,
) -> Result<HttpResponse, Problem> {
    Ok(written(profile::change(&platform, asking.0, body.0).await?))
}

/// A change of password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    pub current: String,
    /// The new one, 10 to 200 characters.
    pub new: String,
}

/// Change your password; ends your other sessions
#[utoipa::path(post, path = "/api/v1/me/password", tag = "accounts", request_body = ChangePassword,
    responses((status = 204, description = "Changed")))]
pub async fn change_password(
    platform: web::Data<Platform>,
    who: Identity,
    newcomer: Newcomer,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let ChangePassword { current, new } = body.0;
    platform.accounts.change_password(&who.session, &current, &new, newcomer.address, clock::now()).await?;
    Ok(HttpResponse::NoContent().finish())
}
