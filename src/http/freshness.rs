//! Reading what one has just written: a read names the position of the write, and waits for this node's views.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::identity::platform_of;
use super::problem::Problem;
use super::query::{Query, count};
use crate::feed::FRESH_WITHIN;

/// The query parameter that names the position.
pub const MIN_POSITION: &str = "min_position";
/// After how long to ask again when the views were not there in time, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// The views have seen the position that the request names.
#[derive(Clone, Copy, Debug)]
pub struct Fresh;

impl FromRequest for Fresh {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let platform = platform_of(request);
        let asked = Query::min_position(request);
        async move {
            match asked? {
                Some(position) if !platform.views.wait_for(position, FRESH_WITHIN).await => Err(behind()),
                _ => Ok(Self),
            }
        }
        .boxed_local()
    }
}

impl Query {
    /// The position that a read must have seen, where it names one.
    fn min_position(request: &HttpRequest) -> Result<Option<u64>, Problem> {
        let said = form_urlencoded::parse(request.query_string().as_bytes()).find(|(name, _)| name == MIN_POSITION);
        let position = said.map(|(_, value)| count(&value)).transpose();
        position.map_err(|message| Problem::field(MIN_POSITION, "invalid", message))
    }
}

fn behind() -> Problem {
    let detail = "this node has not seen that position yet; try again";
    Problem::new(actix_web::http::StatusCode::SERVICE_UNAVAILABLE, "behind", detail).retry_after(RETRY_AFTER_MS)
}
