//! Who may open a socket, and how fast. Browsers cannot read the status of a refused upgrade, so what they must learn
//! is told by a close code after a handshake that succeeds.

use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use palabre_events::KeyId;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::RawFd;
use std::sync::Arc;

use super::close::Close;
use super::connection::{Connection, Holder};
use super::frames;
use super::frames::answer::{Welcome, WelcomeLimits};
use super::socket::FRAME_BYTES_MAX;
use crate::clock;
use crate::commands::MESSAGE_CHARS_MAX;
use crate::gates::Unrecognised;
use crate::http::identity::COOKIE;
use crate::http::origin;
use crate::http::problem::Problem;
use crate::platform::Platform;
use crate::vault::Token;

/// The subprotocol that is spoken here.
pub const PROTOCOL: &str = "palabre.v1";
/// What every version of it begins with.
const PROTOCOL_FAMILY: &str = "palabre.v";

/// How a handshake ends.
pub(super) enum Entry {
    /// The hub knows the connection, and a welcome waits in its outbox.
    Open(Arc<Connection>),
    /// To be closed at once.
    Shut {
        /// Why.
        why: Close,
        /// A subprotocol that the client offers, so that it hears why.
        protocol: String,
    },
}

impl Entry {
    pub(super) fn protocol(&self) -> &str {
        match self {
            Self::Open(_) => PROTOCOL,
            Self::Shut { protocol, .. } => protocol,
        }
    }

    /// To be closed at once, in our protocol.
    fn shut(why: Close) -> Self {
        Self::Shut { why, protocol: PROTOCOL.to_owned() }
    }
}

/// Decides about a request to open a socket by which `descriptor` came. Ends in an answer that is no upgrade only where
/// no browser of ours could have asked.
pub(super) async fn enter(
    platform: &Arc<Platform>,
    request: &HttpRequest,
    descriptor: Option<RawFd>,
) -> Result<Entry, Problem> {
    let address = origin::address_of(request, &platform.config.trusted_proxies);
    let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), origin::neighbourhood);
    let token = match shown(request, &platform.config.public_url()) {
        Ok(token) => token.hash(),
        Err(answer) => {
            platform.gates.addresses.take(&address)?;
            return answer;
        }
    };
    let known = match platform.gates.recognise(&platform.accounts, Some(token), address, clock::now()).await {
        Ok(Some(known)) => known,
        Ok(None) => return Ok(Entry::shut(Close::NotSignedIn)),
        // Somebody who is signed in may ask, whom this node does not remember: they are told when to come back.
        Err(Unrecognised::TooFast(_)) => return Ok(Entry::shut(Close::Overloaded)),
        Err(Unrecognised::Refused(_)) => return Err(Problem::unavailable()),
    };
    // So that the first commands need not wait for the key, each for itself, and keep their order.
    platform.keyring.ready(&[KeyId::Person(known.account)]).await.map_err(|_| Problem::unavailable())?;

    let hub = &platform.hub;
    let (number, now_ms) = (hub.next_number(), hub.elapsed_ms());
    let holder = Holder { account: known.account, session: known.session, token };
    let connection = Arc::new(Connection::new(number, holder, address, descriptor, now_ms));
    connection.outbox.push(frames::text(&Welcome {
        log_id: platform.log.log_id(),
        account: known.account,
        position: *platform.log.head().borrow(),
        now: clock::now(),
        limits: WelcomeLimits { frame_bytes: FRAME_BYTES_MAX, message_chars: MESSAGE_CHARS_MAX },
    }));
    match hub.connect(&connection) {
        Ok(()) => Ok(Entry::Open(connection)),
        Err(why) => Ok(Entry::shut(why)),
    }
}

/// The token of a request that speaks our protocol, or how any other request ends.
fn shown(request: &HttpRequest, public_url: &str) -> Result<Token, Result<Entry, Problem>> {
    let Some(protocol) = offered(request) else { return Err(Err(no_protocol())) };
    if protocol != PROTOCOL {
        return Err(Ok(Entry::Shut { why: Close::Version, protocol }));
    }
    match token(request, public_url) {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(Ok(Entry::shut(Close::NotSignedIn))),
        Err(foreign) => Err(Err(foreign)),
    }
}

/// Ours when it is offered, else another version of it.
fn offered(request: &HttpRequest) -> Option<String> {
    let headers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    let offers: Vec<_> = headers.flat_map(|value| value.split(',')).map(str::trim).collect();
    let ours = offers.iter().find(|offer| **offer == PROTOCOL);
    let offer = ours.or_else(|| offers.iter().find(|offer| offer.starts_with(PROTOCOL_FAMILY)))?;
    Some((*offer).to_owned())
}

fn no_protocol() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "no_protocol", "offer the WebSocket subprotocol palabre.v1")
}

/// The token of an app or bot or, of a page of our own origin alone, that of its cookie.
fn token(request: &HttpRequest, public_url: &str) -> Result<Option<Token>, Problem> {
    if let Some(authorization) = request.headers().get(header::AUTHORIZATION) {
        let said = authorization.to_str().ok().and_then(|said| said.split_once(' '));
        let bearer = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        return Ok(bearer.and_then(|(_, token)| token.trim().parse().ok()));
    }
    let Some(cookie) = request.cookie(COOKIE) else { return Ok(None) };
    let own = origin::origin_of(public_url);
    if request.headers().get(header::ORIGIN).is_none_or(|origin| origin.as_bytes() != own.as_bytes()) {
        return Err(Problem::foreign_origin());
    }
    Ok(cookie.value().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::cookie::Cookie;
    use actix_web::test::TestRequest;

    const OWN: &str = "https://palabre.example";

    fn secret() -> String {
        Token::generate().reveal().to_string()
    }

    #[test]
    fn our_protocol_is_found_among_others() {
        for (offers, expected) in [
            (&["palabre.v1"][..], Some("palabre.v1")),
            (&["chat, palabre.v1"], Some("palabre.v1")),
            (&["palabre.v2", "palabre.v1"], Some("palabre.v1")),
            (&["palabre.v2"], Some("palabre.v2")),
            (&["chat"], None),
            (&["PALABRE.V1"], None),
            (&[], None),
        ] {
            let request = offers.iter().fold(TestRequest::get(), |request, offer| {
                request.append_header((header::SEC_WEBSOCKET_PROTOCOL, *offer))
            });
            assert_eq!(offered(&request.to_http_request()).as_deref(), expected, "{offers:?}");
        }
    }

    #[test]
    fn a_cookie_counts_from_our_own_pages_alone() {
        let with = |origin: Option<&str>| {
            let request = TestRequest::get().cookie(Cookie::new(COOKIE, secret()));
            let request = origin
                .into_iter()
                .fold(request, |request, origin| request.insert_header((header::ORIGIN, origin.to_owned())));
            token(&request.to_http_request(), &format!("{OWN}/app"))
        };
        assert!(with(Some(OWN)).unwrap().is_some());
        for foreign in [None, Some("https://palabre.example.evil"), Some("http://palabre.example"), Some("null")] {
            assert_eq!(with(foreign).map(drop), Err(Problem::foreign_origin()), "{foreign:?}");
        }
    }

    #[test]
    fn a_bearer_may_come_from_anywhere() {
        let with = |authorization: String| {
            let request = TestRequest::get().insert_header((header::AUTHORIZATION, authorization));
            let request = request.insert_header((header::ORIGIN, "https://bots.example"));
            token(&request.to_http_request(), OWN).unwrap().is_some()
        };
        assert!(with(format!("Bearer {}", secret())) && with(format!("bearer {}", secret())));
        for no_token in ["Bearer x".to_owned(), format!("Basic {}", secret()), secret(), String::new()] {
            assert!(!with(no_token.clone()), "{no_token}");
        }
    }

    #[test]
    fn without_anything_nobody_is_signed_in() {
        assert!(token(&TestRequest::get().to_http_request(), OWN).unwrap().is_none());
    }
}
