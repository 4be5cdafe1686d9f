//! The body of a write: strict JSON of a bounded size and depth, with a message for the field that is wrong.
//!
//! It checks form alone. What the values may be is for `commands` to say.

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use std::time::Duration;

use super::problem::Problem;
use crate::commands::FieldError;
use crate::commands::words::wrong_field;

/// The longest body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How deep a body may nest; ours need four.
pub const JSON_DEPTH_MAX: usize = 16;
/// How long a body may take to come.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A JSON body of form `T`. No body at all is an empty object where `T` needs nothing.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let head = check_head(request);
        let payload = payload.take();
        async move {
            let is_json = head?;
            let bytes = tokio::time::timeout(BODY_WITHIN, gather(payload)).await.map_err(|_| {
                Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body took longer than 10 seconds")
            })??;
            if bytes.is_empty() {
                return read(b"{}").map(Self);
            }
            if !is_json {
                return Err(unsupported("a body here is application/json"));
            }
            read(&bytes).map(Self)
        }
        .boxed_local()
    }
}

/// Refuses by the headers what need not be read, and says whether the body claims to be JSON.
fn check_head(request: &HttpRequest) -> Result<bool, Problem> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()) > Some(BODY_BYTES_MAX) {
        return Err(too_large());
    }
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(unsupported("bodies are not taken compressed"));
    }
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    Ok(essence.eq_ignore_ascii_case("application/json"))
}

async fn gather(mut payload: Payload) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| malformed("the body broke off"))?;
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads `bytes` as `T`: 400 when they are not JSON, 422 with the field when the JSON is not a `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("the body is not UTF-8"))?;
    if depth(text) > JSON_DEPTH_MAX {
        return Err(malformed("the body nests too deep"));
    }
    // Serde would take a list for an object, field by field; nobody means that.
    if text.trim_start().starts_with('[') {
        return Err(Problem::field("body", "wrong_type", "should be an object"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| explain(&error))?;
    json.end().map_err(|error| malformed(format!("there is more after the JSON, in line {}", error.line())))?;
    Ok(value)
}

/// How deep brackets nest, outside of strings. Counts rightly in whatever is JSON, which is all that matters.
fn depth(text: &str) -> usize {
    let (mut deepest, mut open, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        return malformed(format!("not JSON, in line {}, column {}", inner.line(), inner.column()));
    }
    let FieldError { field, code, message } = wrong_field(error);
    Problem::field(if field.is_empty() { "body".to_owned() } else { field }, code, message)
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "a body has at most 65,536 bytes")
}

fn unsupported(detail: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::input::{ChangeRide, OfferRide, OpenConversation, WithReason};
    use serde_json::json;

    fn offer() -> serde_json::Value {
        json!({
            "stops": [{"lat": 45.18, "lon": 5.72}, {"lat": 45.76, "lon": 4.83, "label": "Part-Dieu"}],
            "departs_at": "2027-01-04T18:25:00Z",
            "seats": 3,
            "price_per_seat": {"cents": 1200, "currency": "EUR"},
        })
    }

    #[test]
    fn a_good_body_is_read() {
        let read: OfferRide = read(offer().to_string().as_bytes()).unwrap();
        assert_eq!(read.seats, 3);
        assert_eq!(read.time_zone, "Europe/Paris");
    }

    #[test]
    fn nothing_is_an_empty_object_where_that_will_do() {
        assert_eq!(read::<WithReason>(b"{}").unwrap(), WithReason::default());
        assert_eq!(read::<OpenConversation>(b"{}").unwrap_err().fields()[0].field, "ride");
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        let cases: [(&str, serde_json::Value, &str, &str, &str); 11] = [
            (
                "/seats",
                json!("three"),
                "seats",
                "wrong_type",
                "should be a whole number that is not negative or too large",
            ),
            (
                "/seats",
                json!(-1),
                "seats",
                "out_of_range",
                "should be a whole number that is not negative or too large",
            ),
            (
                "/seats",
                json!(300),
                "seats",
                "out_of_range",
                "should be a whole number that is not negative or too large",
            ),
            ("/stops", json!("here"), "stops", "wrong_type", "should be a list"),
            ("/stops/1/lat", json!("north"), "stops[1].lat", "wrong_type", "should be a number"),
            ("/stops/0", json!({"lat": 1.0}), "stops[0].lon", "missing", "is missing"),
            (
                "/stops/0",
                json!({"lat": 1.0, "lon": 1.0, "alt": 3}),
                "stops[0].alt",
                "unknown_field",
                "is not a field of this",
            ),
            (
                "/departs_at",
                json!("tomorrow"),
                "departs_at",
                "invalid",
                "not a date and time such as 2027-01-04T18:25:00Z",
            ),
            (
                "/departs_at",
                json!(12),
                "departs_at",
                "wrong_type",
                "should be a date and time such as 2027-01-04T18:25:00Z",
            ),
            ("/price_per_seat", json!(12), "price_per_seat", "wrong_type", "should be an object"),
            ("/price_per_seat/currency", json!(12), "price_per_seat.currency", "wrong_type", "should be a text"),
        ];
        for (place, value, field, code, message) in cases {
            let mut body = offer();
            *body.pointer_mut(place).unwrap() = value;
            let problem = read::<OfferRide>(body.to_string().as_bytes()).unwrap_err();
            let wrong = &problem.fields()[0];
            assert_eq!((wrong.field.as_str(), wrong.code, wrong.message.as_str()), (field, code, message), "{body}");
        }
    }

    #[test]
    fn missing_unknown_and_doubled_fields_are_named() {
        for (body, field, code) in [
            (r#"{"booking_mode":"sometimes"}"#, "booking_mode", "unknown_value"),
            (r#"{"seat":2}"#, "seat", "unknown_field"),
            (r#"{"seats":2,"seats":3}"#, "seats", "duplicate_field"),
            (r#"[]"#, "body", "wrong_type"),
            (r#"null"#, "body", "wrong_type"),
        ] {
            let problem = read::<ChangeRide>(body.as_bytes()).unwrap_err();
            assert_eq!((problem.fields()[0].field.as_str(), problem.fields()[0].code), (field, code), "{body}");
        }
        let problem = read::<OpenConversation>(br#"{"ride":"r-1"}"#).unwrap_err();
        assert_eq!(
            (problem.fields()[0].field.as_str(), problem.fields()[0].message.as_str()),
            ("ride", "is not a UUID")
        );
    }

    #[test]
    fn what_is_not_json_says_where() {
        let deep = format!("{{\"seats\":{}1{}}}", "[".repeat(16), "]".repeat(16));
        let bombs = "{\"a\":".repeat(10_000);
        for body in ["", "{", "{'a':1}", "{\"seats\":1,}", "{} {}", "\u{feff}{}", "NaN", &deep, &bombs] {
            let problem = read::<ChangeRide>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), "malformed_json", "{body}");
        }
        assert_eq!(read::<ChangeRide>(b"{\"vehicle\":\"\xff\"}").unwrap_err().code(), "malformed_json");
        assert!(read::<ChangeRide>(br#"{"comment":"[[[[[[[[[[[[[[[[[[[[ \" [[[["}"#).is_ok());
    }

    #[test]
    fn nothing_of_our_types_is_told() {
        for body in [r#"{"seats":1e3}"#, r#"{"seats":null}"#, r#"{"price_per_seat":[]}"#, r#"{"preferences":3}"#, "7"] {
            if let Err(problem) = read::<ChangeRide>(body.as_bytes()) {
                let told = serde_json::to_string(&problem).unwrap();
                for internal in ["struct", "Input", "Option", "u8", "serde", "ChangeRide", "Preferences"] {
                    assert!(!told.contains(internal), "{body}: {told}");
                }
            }
        }
    }
}
