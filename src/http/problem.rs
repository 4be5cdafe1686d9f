//! The one shape of every error: problem details (RFC 9457), with a stable code and a message per field.
//!
//! Details are sentences for developers, in English; clients translate the codes. Nothing internal is ever told: what
//! broke is in the log of the node, under the request's id.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use std::fmt;

use super::headers::protect;
use crate::accounts::AccountRefusal;
use crate::commands::{FieldError, Refusal};
use crate::gates::TooFast;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request has no better answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Details>);

/// What a problem says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct Details {
    /// Always `about:blank`: `code` says what happened, `title` what the status means.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the status means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened: stable, in snake_case, for clients to translate.
    code: &'static str,
    /// One plain English sentence.
    detail: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldError>,
    /// After how long the same may be tried again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// The methods that this resource understands, for status 405.
    #[serde(skip)]
    allow: Option<&'static str>,
}

impl Problem {
    /// A problem with a status, a stable code and a sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after_ms: None,
            allow: None,
        }))
    }

    /// 404: nothing is there, or nothing that this person may know of.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 404: the API has no such address.
    pub fn no_such_route() -> Self {
        Self::not_found("no_such_route", "there is nothing at this address")
    }

    /// 405: the address is right, the method is not.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this address understands {allow}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).with(|told| told.allow = Some(allow))
    }

    /// 401: nobody, or nobody known, asks.
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in first: there is no session, or it has ended")
    }

    /// 403: a page of another origin would write with this browser's cookie.
    pub fn foreign_origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign_origin", "a page of another origin may not write here")
    }

    /// 422: fields, parameters or headers are wrong.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let detail = match fields.as_slice() {
            [] => "the request is not acceptable".to_owned(),
            [one] => format!("{}: {}", one.field, one.message),
            [first, others @ ..] => format!("{}: {}, and {} more", first.field, first.message, others.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).with(|told| told.fields = fields)
    }

    /// 422: one field, parameter or header is wrong.
    pub fn field(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), code, message: message.into() }])
    }

    /// 429: too many, too fast.
    pub fn too_many_requests(retry_after_ms: u64) -> Self {
        let detail = "too many requests; wait a moment";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(retry_after_ms)
    }

    /// 503: what is needed does not answer at present.
    pub fn unavailable() -> Self {
        Refusal::Unavailable.into()
    }

    /// 500: a bug of ours, which the node's log tells about.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something broke here; the same key makes it safe to repeat",
        )
    }

    /// Says after how long the same may be tried again.
    #[must_use]
    pub fn retry_after(self, retry_after_ms: u64) -> Self {
        self.with(|told| told.retry_after_ms = Some(retry_after_ms))
    }

    fn with(mut self, say: impl FnOnce(&mut Details)) -> Self {
        say(&mut self.0);
        self
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What is wrong with which field.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }
}

/// The status of a rejection's code: rules are conflicts, but for those about who may and what exists.
fn status_of(code: &str) -> StatusCode {
    match code {
        "not_yours" | "not_a_participant" | "not_the_author" => StatusCode::FORBIDDEN,
        _ if code.starts_with("no_such_") => StatusCode::NOT_FOUND,
        _ if code.ends_with("_out_of_range") => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, message, retry_after_ms) = (refusal.code(), refusal.message(), refusal.retry_after_ms());
        let status = match refusal {
            Refusal::Invalid(fields) => return Self::invalid(fields),
            Refusal::Rejected(code, _) => status_of(code),
            Refusal::KeyReused | Refusal::KeyTooOld => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Busy | Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, code, message).with(|told| told.retry_after_ms = retry_after_ms)
    }
}

impl From<AccountRefusal> for Problem {
    fn from(refusal: AccountRefusal) -> Self {
        let (code, message, retry_after_ms) = (refusal.code(), refusal.message().to_owned(), refusal.retry_after_ms());
        let status = match refusal {
            AccountRefusal::Invalid(fields) => return Self::invalid(fields),
            AccountRefusal::EmailTaken => StatusCode::CONFLICT,
            AccountRefusal::WrongCredentials => StatusCode::UNAUTHORIZED,
            AccountRefusal::ResetOver => StatusCode::GONE,
            AccountRefusal::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            AccountRefusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, code, message).with(|told| told.retry_after_ms = retry_after_ms)
    }
}

impl From<TooFast> for Problem {
    fn from(too_fast: TooFast) -> Self {
        Self::too_many_requests(too_fast.retry_after_ms)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status, self.0.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).expect("it was made from a status")
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        if let Some(retry_after_ms) = self.0.retry_after_ms {
            response.insert_header((header::RETRY_AFTER, retry_after_ms.div_ceil(1_000)));
        }
        if let Some(allow) = self.0.allow {
            response.insert_header((header::ALLOW, allow));
        }
        if self.0.status == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let mut response = response.body(serde_json::to_vec(self).expect("a problem is plain data"));
        protect(response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::MessageBody;
    use serde_json::{Value, json};

    fn written(problem: &Problem) -> (HttpResponse, Value) {
        let response = problem.error_response();
        let body = serde_json::to_value(problem).unwrap();
        (response, body)
    }

    #[test]
    fn a_rejection_says_its_code_and_its_status() {
        for (code, status) in [
            ("no_seats_left", 409),
            ("not_yours", 403),
            ("not_a_participant", 403),
            ("no_such_ride", 404),
            ("seats_out_of_range", 422),
        ] {
            let (response, body) = written(&Refusal::Rejected(code, "so it is".to_owned()).into());
            assert_eq!(response.status().as_u16(), status, "{code}");
            assert_eq!(body["code"], code);
            assert_eq!(body["detail"], "so it is");
            assert_eq!(response.headers().get("content-type").unwrap(), MEDIA_TYPE);
        }
    }

    #[test]
    fn what_is_temporary_says_when_to_come_back() {
        let (response, body) = written(&Refusal::Busy.into());
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "1");
        assert_eq!(body["retry_after_ms"], 500);
    }

    #[test]
    fn every_wrong_field_has_its_message() {
        let field =
            |field: &str| FieldError { field: field.to_owned(), code: "missing", message: "is missing".to_owned() };
        let (response, body) = written(&Problem::invalid(vec![field("seats"), field("stops[1].lat")]));
        assert_eq!(response.status().as_u16(), 422);
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["title"], "Unprocessable Entity");
        assert_eq!(body["detail"], "seats: is missing, and 1 more");
        assert_eq!(body["fields"][1], json!({"field": "stops[1].lat", "code": "missing", "message": "is missing"}));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let (response, body) = written(&Problem::method_not_allowed("GET, POST"));
        assert_eq!(response.headers().get("allow").unwrap(), "GET, POST");
        assert_eq!(body.get("allow"), None);
        assert!(matches!(response.into_body().size(), actix_web::body::BodySize::Sized(1..)));
    }
}
