//! Who asks: by the cookie of a browser, or by a bearer token. Checks on the way that nobody asks too fast and that no
//! foreign page uses a browser's cookie, so that no handler can forget it.

use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use palabre_events::{AccountId, Timestamp};
use std::net::IpAddr;

use super::origin::{address_of, check_no_foreign_page, check_own_page, neighbourhood, origin_of};
use super::problem::Problem;
use crate::accounts::{SessionInfo, SignedIn};
use crate::audit::Viewer;
use crate::clock;
use crate::config::Config;
use crate::gates::Unrecognised;
use crate::platform::Platform;
use crate::vault::{Role, Token};

/// The name of a browser's session cookie.
pub const COOKIE: &str = "palabre_session";

/// Somebody who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Their session.
    pub session: SessionInfo,
}

/// Somebody who may be signed in.
#[derive(Clone, Copy, Debug)]
pub struct MaybeIdentity(pub Option<Identity>);

/// Somebody who is about to be: a request that needs no session, but from no foreign page.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    /// The address that asks.
    pub address: IpAddr,
}

impl Identity {
    /// Who.
    pub fn account(&self) -> AccountId {
        self.session.account
    }

    /// As whom they read.
    pub fn viewer(&self) -> Viewer {
        let account = self.account();
        if self.session.roles.may_act_as(Role::Support) { Viewer::Support(account) } else { Viewer::Person(account) }
    }
}

impl MaybeIdentity {
    /// As whom they read.
    pub fn viewer(&self) -> Viewer {
        self.0.map_or(Viewer::Anyone, |identity| identity.viewer())
    }
}

/// What a request shows of itself.
enum Credential {
    Bearer(Option<Token>),
    Cookie(Option<Token>),
    None,
}

/// A header says more than a cookie, which a browser sends by itself.
fn credential(request: &HttpRequest) -> Credential {
    if let Some(said) = request.headers().get(header::AUTHORIZATION) {
        let said = said.to_str().unwrap_or_default();
        let (scheme, token) = said.split_once(' ').unwrap_or((said, ""));
        let token = scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().parse().ok()).flatten();
        return Credential::Bearer(token);
    }
    match request.cookie(COOKIE) {
        Some(cookie) => Credential::Cookie(cookie.value().parse().ok()),
        None => Credential::None,
    }
}

/// The identity behind a request; none when nobody known asks.
async fn identify(platform: &Platform, request: &HttpRequest) -> Result<Option<Identity>, Problem> {
    let (token, by_cookie) = match credential(request) {
        Credential::Bearer(token) => (token, false),
        Credential::Cookie(token) => (token, true),
        Credential::None => (None, false),
    };
    let token = token.map(|token| token.hash());
    let address = neighbourhood(address(platform, request));
    let known = platform.gates.recognise(&platform.accounts, token, address, clock::now()).await?;
    let Some(session) = known else { return Ok(None) };
    if by_cookie && !request.method().is_safe() {
        check_own_page(request.headers(), origin_of(&platform.config.public_url()))?;
    }
    Ok(Some(Identity { session }))
}

impl From<Unrecognised> for Problem {
    fn from(unrecognised: Unrecognised) -> Self {
        match unrecognised {
            Unrecognised::TooFast(too_fast) => too_fast.into(),
            Unrecognised::Refused(refusal) => refusal.into(),
        }
    }
}

fn address(platform: &Platform, request: &HttpRequest) -> IpAddr {
    // Only a socket that is no internet socket has no address: then everybody counts as one.
    address_of(request, &platform.config.trusted_proxies).unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

/// The node that serves `request`.
pub(super) fn platform_of(request: &HttpRequest) -> web::Data<Platform> {
    request.app_data::<web::Data<Platform>>().expect("every application is given its platform").clone()
}

impl FromRequest for Identity {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { identify(&platform_of(&request), &request).await?.ok_or_else(Problem::not_signed_in) }
            .boxed_local()
    }
}

impl FromRequest for MaybeIdentity {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { identify(&platform_of(&request), &request).await.map(Self) }.boxed_local()
    }
}

impl FromRequest for Newcomer {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let platform = platform_of(request);
        let address = address(&platform, request);
        let own = check_no_foreign_page(request.headers(), origin_of(&platform.config.public_url()));
        let asked = own.and_then(|()| Ok(platform.gates.addresses.take(&neighbourhood(address))?));
        std::future::ready(asked.map(|()| Self { address }))
    }
}

/// The cookie of a session that was just opened.
pub fn cookie(signed_in: &SignedIn, config: &Config, now: Timestamp) -> Cookie<'static> {
    let age_s = signed_in.session.expires_at.millis_since(now) / 1000;
    bare_cookie(signed_in.token.reveal().to_string(), config, age_s)
}

/// The cookie that makes a browser forget its session.
pub fn no_cookie(config: &Config) -> Cookie<'static> {
    bare_cookie(String::new(), config, 0)
}

fn bare_cookie(value: String, config: &Config, age_s: i64) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .secure(config.public_url().starts_with("https://"))
        .same_site(SameSite::Lax)
        .max_age(CookieDuration::seconds(age_s))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_s_cookie_is_for_the_own_pages_alone() {
        let config = Config { public_url: Some("https://palabre.example".to_owned()), ..Config::default() };
        let cookie = bare_cookie("secret".to_owned(), &config, 60).to_string();
        assert_eq!(cookie, "palabre_session=secret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        let config = Config::default();
        assert!(!bare_cookie("secret".to_owned(), &config, 60).to_string().contains("Secure"));
    }

    #[test]
    fn a_header_goes_before_a_cookie() {
        use actix_web::test::TestRequest;
        let token = Token::generate().reveal().to_string();
        let cookie = Cookie::new(COOKIE, token.clone());
        let both = TestRequest::get().cookie(cookie).insert_header(("authorization", "Bearer x")).to_http_request();
        assert!(matches!(credential(&both), Credential::Bearer(None)));
        let bearer = TestRequest::get().insert_header(("authorization", format!("bearer {token}"))).to_http_request();
        assert!(matches!(credential(&bearer), Credential::Bearer(Some(_))));
        let basic = TestRequest::get().insert_header(("authorization", format!("Basic {token}"))).to_http_request();
        assert!(matches!(credential(&basic), Credential::Bearer(None)));
    }
}
