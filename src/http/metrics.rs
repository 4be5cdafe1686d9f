//! `/metrics`: what this node counted and measured, for Prometheus; and who may read it.
//!
//! It says how much goes on here, so it is not for everybody: programs on this machine may read it, and those at the
//! addresses of `metrics_readers`. Who asks through a proxy counts with their own address, never with the proxy's.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};

use super::origin::address_of;
use super::problem::Problem;
use crate::platform::Platform;
use crate::telemetry::metrics::{self, State};

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Headers by which a proxy says that it asks for somebody else.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// What this node measured
#[utoipa::path(get, path = "/metrics", tag = "operating", security(()),
    responses((status = 200, description = "In the text format of Prometheus", body = String, content_type = "text/plain"), (status = 403, description = "Not for everybody")))]
pub async fn metrics(platform: web::Data<Platform>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if !may_read(&platform, &request) {
        let detail = "metrics are for this machine and for the addresses in the setting `metrics_readers`";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_a_reader", detail));
    }
    look(&platform);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, PROMETHEUS_TEXT));
    Ok(answer.body(metrics::render()))
}

fn may_read(platform: &Platform, request: &HttpRequest) -> bool {
    let trusted = &platform.config.trusted_proxies;
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return false };
    let address = address_of(request, trusted).unwrap_or(peer);
    // Who asks for somebody else must be believed in that, and must say for whom.
    let is_forwarded = FORWARDED.iter().any(|name| request.headers().contains_key(*name));
    let is_known = !is_forwarded || (trusted.contains(&peer) && address != peer);
    is_known && (address.is_loopback() || platform.config.metrics_readers.contains(&address))
}

/// Notes what has a state.
fn look(platform: &Platform) {
    let (log, views) = (platform.log_position(), platform.views.position());
    let feed = platform.feed_state();
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let waiting = platform.peers().map_or(0, crate::fanout::Peers::waiting);
    for (state, value) in [
        (State::SocketsOpen, count(platform.hub.connection_count())),
        (State::LogPosition, log),
        (State::ViewsPosition, views),
        (State::ViewsLagPositions, log.saturating_sub(views)),
        (State::EffectsWaiting, count(platform.effects_waiting())),
        (State::FanoutWaiting, count(waiting)),
        (State::FanoutUp, platform.link_state().is_some_and(|link| link.is_up()).into()),
        (State::LogSilent, feed.log_is_silent.into()),
        (State::ViewsFailing, feed.folding_fails.into()),
        (State::FeedStopped, feed.stopped.is_some().into()),
        (State::ViewsParked, count(feed.parked.len())),
    ] {
        state.set(value);
    }
}
