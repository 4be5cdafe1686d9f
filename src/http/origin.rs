//! Where a request comes from: the page that made it, and the address that sent it.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use std::net::{IpAddr, Ipv6Addr};

use super::problem::Problem;

/// The most addresses of `X-Forwarded-For` that are looked at.
const FORWARDERS_MAX: usize = 16;

/// Refuses what a page of another origin sends. For what uses or sets a browser's cookie: `Origin` must be exactly
/// `public_origin`; without one, the browser must say that its own page asks.
pub fn check_own_page(headers: &HeaderMap, public_origin: &str) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own = match headers.get(header::ORIGIN) {
        Some(origin) => origin.as_bytes() == public_origin.as_bytes(),
        None => text("sec-fetch-site") == Some("same-origin"),
    };
    if own { Ok(()) } else { Err(Problem::foreign_origin()) }
}

/// Like [`check_own_page`], but programs that are no browser, which say nothing of pages, may pass. For what takes no
/// cookie and yet may not be done by foreign pages, such as signing in.
pub fn check_no_foreign_page(headers: &HeaderMap, public_origin: &str) -> Result<(), Problem> {
    let says_nothing = headers.get(header::ORIGIN).is_none() && headers.get("sec-fetch-site").is_none();
    if says_nothing { Ok(()) } else { check_own_page(headers, public_origin) }
}

/// The origin of a URL: scheme, host and port.
pub fn origin_of(url: &str) -> &str {
    let host_from = url.find("://").map_or(0, |place| place + 3);
    url[host_from..].find('/').map_or(url, |place| &url[..host_from + place])
}

/// The address of whoever asks: that of the connection or, through proxies that are trusted, the last one before them.
pub fn address_of(request: &HttpRequest, trusted_proxies: &[IpAddr]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let forwarded: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    Some(before_proxies(peer, &forwarded, trusted_proxies))
}

fn before_proxies(peer: IpAddr, forwarded: &[&str], trusted_proxies: &[IpAddr]) -> IpAddr {
    let mut address = peer.to_canonical();
    for said in forwarded.iter().rev().take(FORWARDERS_MAX) {
        if !trusted_proxies.contains(&address) {
            break;
        }
        let Ok(before) = said.parse::<IpAddr>() else { break };
        address = before.to_canonical();
    }
    address
}

/// What counts as one address: with IPv6, the /64 that one household or server has.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    const OWN: &str = "https://palabre.example";

    fn headers(said: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = said.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        HeaderMap::from_iter(pairs)
    }

    #[test]
    fn only_the_own_page_may_use_the_cookie() {
        for said in [&[("origin", OWN)][..], &[("sec-fetch-site", "same-origin")]] {
            assert_eq!(check_own_page(&headers(said), OWN), Ok(()), "{said:?}");
        }
        for said in [
            &[][..],
            &[("origin", "https://palabre.example.evil")],
            &[("origin", "http://palabre.example")],
            &[("origin", "https://palabre.example:8443")],
            &[("origin", "null")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("referer", "https://palabre.example/")],
        ] {
            assert_eq!(check_own_page(&headers(said), OWN), Err(Problem::foreign_origin()), "{said:?}");
        }
    }

    #[test]
    fn programs_that_are_no_browser_may_sign_in() {
        assert_eq!(check_no_foreign_page(&headers(&[]), OWN), Ok(()));
        assert_eq!(check_no_foreign_page(&headers(&[("origin", OWN)]), OWN), Ok(()));
        for said in [&[("origin", "https://evil.example")][..], &[("sec-fetch-site", "cross-site")]] {
            assert_eq!(check_no_foreign_page(&headers(said), OWN), Err(Problem::foreign_origin()), "{said:?}");
        }
    }

    #[test]
    fn a_url_has_an_origin() {
        assert_eq!(origin_of("https://palabre.example/app/"), OWN);
        assert_eq!(origin_of("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        for (peer, forwarded, expected) in [
            ("10.0.0.1", &["198.51.100.7"][..], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["not an address"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("192.0.2.5", &["198.51.100.7"], "192.0.2.5"),
        ] {
            assert_eq!(before_proxies(ip(peer), forwarded, &trusted), ip(expected), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn an_ipv6_household_counts_as_one() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(neighbourhood(ip("2001:db8:1:2:aaaa::1")), neighbourhood(ip("2001:db8:1:2:bbbb::2")));
        assert_ne!(neighbourhood(ip("2001:db8:1:2::1")), neighbourhood(ip("2001:db8:1:3::1")));
        assert_eq!(neighbourhood(ip("192.0.2.5")), ip("192.0.2.5"));
    }
}
