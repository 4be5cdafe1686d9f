//! What every answer of the API says to browsers, and what becomes of one that takes too long or breaks.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use super::problem::{MEDIA_TYPE, Problem};
use crate::tcp::Refused;

/// How long an answer may take.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Data: nothing in it may be run, framed or fetched from.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// The page that reads the OpenAPI document: its own scripts, and the styles that it writes into itself.
pub const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const DEFAULTS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, API_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the security headers on every answer, and turns whatever is no proper answer into a problem.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.conn_data::<Refused>().is_some() {
        return Err(Problem::unavailable().into());
    }
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let answer = AssertUnwindSafe(tokio::time::timeout(ANSWER_WITHIN, next.call(request))).catch_unwind().await;
    // Errors need no request: a problem brings its headers along.
    match answer {
        Ok(Ok(Ok(response))) => {
            let mut response = mend(response.map_into_boxed_body());
            protect(response.headers_mut());
            Ok(response)
        }
        Ok(Ok(Err(error))) if error.as_error::<Problem>().is_some() => Err(error),
        Ok(Ok(Err(error))) => Err(plain(error.as_response_error().status_code()).into()),
        Ok(Err(_late)) => {
            tracing::warn!(%method, path, "an answer took too long");
            Err(Problem::unavailable().into())
        }
        Err(_panic) => {
            tracing::error!(%method, path, "a handler panicked");
            Err(Problem::internal().into())
        }
    }
}

/// Puts the security headers on an answer, where it does not say otherwise itself.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in DEFAULTS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// Errors that the framework answers by itself have no shape of ours, and are no JSON, as the answer of `/healthz` is
/// when it is not ready.
fn mend(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let is_ours = |told: &HeaderValue| told == MEDIA_TYPE || told == "application/json";
    if response.headers().get(header::CONTENT_TYPE).is_some_and(is_ours)
        || !(status.is_client_error() || status.is_server_error())
    {
        return response;
    }
    let (head, _) = response.into_parts();
    ServiceResponse::new(head, plain(status).error_response())
}

fn plain(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::no_such_route(),
        status if status.is_client_error() => Problem::new(status, "bad_request", "the request is not acceptable"),
        _ => Problem::internal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse, error, web};

    async fn breaks() -> HttpResponse {
        panic!("a bug")
    }

    async fn fails() -> Result<HttpResponse, Error> {
        Err(error::ErrorInternalServerError("table accounts has no column secret"))
    }

    async fn answer(path: &str) -> HttpResponse {
        let app = App::new().service(
            web::scope("")
                .wrap(from_fn(guard))
                .route("/fine", web::get().to(|| async { HttpResponse::Ok().json(1) }))
                .route("/unwell", web::get().to(|| async { HttpResponse::ServiceUnavailable().json(1) }))
                .route("/breaks", web::get().to(breaks))
                .route("/fails", web::get().to(fails))
                .route("/bare", web::get().to(|| async { HttpResponse::BadRequest().body("internal words") })),
        );
        let app = init_service(app).await;
        match try_call_service(&app, TestRequest::get().uri(path).to_request()).await {
            Ok(response) => response.into_parts().1,
            Err(error) => error.error_response(),
        }
    }

    #[actix_web::test]
    async fn every_answer_has_the_headers() {
        for path in ["/fine", "/unwell", "/breaks", "/fails", "/bare", "/nowhere"] {
            let response = answer(path).await;
            for name in ["content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"] {
                assert!(response.headers().contains_key(name), "{path} has no {name}");
            }
        }
    }

    #[actix_web::test]
    async fn what_a_handler_says_of_its_own_state_is_left() {
        let response = answer("/unwell").await;
        assert_eq!(
            (response.status(), response.headers().contains_key(header::RETRY_AFTER)),
            (StatusCode::SERVICE_UNAVAILABLE, false)
        );
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), "1");
    }

    #[actix_web::test]
    async fn whatever_breaks_is_a_problem_without_internals() {
        for (path, status, code) in [
            ("/breaks", 500, "internal"),
            ("/fails", 500, "internal"),
            ("/bare", 400, "bad_request"),
            ("/nowhere", 404, "no_such_route"),
        ] {
            let response = answer(path).await;
            assert_eq!(response.status().as_u16(), status, "{path}");
            let told = String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap();
            assert!(told.contains(&format!("\"code\":\"{code}\"")), "{told}");
            assert!(!told.contains("column") && !told.contains("internal words"), "{told}");
        }
    }
}
