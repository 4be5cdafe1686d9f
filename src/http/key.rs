//! The key of a write: `Idempotency-Key`, a UUIDv7 that makes it safe to repeat. Without one the server makes one, and
//! the write is then not safe to repeat.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use palabre_events::CommandKey;
use uuid::Uuid;

use super::identity::Identity;
use super::problem::Problem;
use crate::clock;
use crate::commands::Asked;

/// The header that holds the key.
pub const HEADER: &str = "Idempotency-Key";

/// The header, as the OpenAPI document tells it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct KeyHeader {
    /// A UUIDv7 that makes it safe to repeat: the same key after a timeout or a temporary error, a new one otherwise.
    #[param(rename = "Idempotency-Key")]
    pub key: Option<Uuid>,
}

/// A write: who asks, under which key.
#[derive(Clone, Debug)]
pub struct Asking(pub Asked);

impl FromRequest for Asking {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let identity = Identity::from_request(request, payload);
        let (key, traceparent) = (key_of(request), traceparent(request));
        async move {
            let identity = identity.await?;
            let asked = Asked::new(identity.account(), key?, clock::now())?;
            Ok(Self(Asked { traceparent, ..asked }))
        }
        .boxed_local()
    }
}

fn key_of(request: &HttpRequest) -> Result<CommandKey, Problem> {
    let Some(said) = request.headers().get(HEADER) else { return Ok(CommandKey(Uuid::now_v7())) };
    let key = said.to_str().ok().and_then(|said| Uuid::try_parse(said.trim_matches('"')).ok());
    key.map(CommandKey).ok_or_else(|| Problem::field(HEADER, "not_a_key", "is a UUID of version 7"))
}

/// The W3C trace context, where it is in the form that the standard gives it.
fn traceparent(request: &HttpRequest) -> Option<String> {
    let said = request.headers().get("traceparent")?.to_str().ok()?;
    let fits = said.len() == 55 && said.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    fits.then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_key_is_read_or_made() {
        let key = Uuid::now_v7();
        for said in [key.to_string(), format!("\"{key}\""), key.simple().to_string()] {
            let request = TestRequest::post().insert_header((HEADER, said)).to_http_request();
            assert_eq!(key_of(&request), Ok(CommandKey(key)));
        }
        assert!(key_of(&TestRequest::post().to_http_request()).is_ok_and(|key| key.made_at().is_some()));
        let request = TestRequest::post().insert_header((HEADER, "again")).to_http_request();
        assert_eq!(key_of(&request).unwrap_err().fields()[0].code, "not_a_key");
    }

    #[test]
    fn only_a_well_formed_trace_is_taken_along() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let of = |said: &str| traceparent(&TestRequest::post().insert_header(("traceparent", said)).to_http_request());
        assert_eq!(of(trace).as_deref(), Some(trace));
        assert_eq!(of("<script>"), None);
    }
}
