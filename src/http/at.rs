//! What a path names: ids and numbers, each by its name in the route.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use std::future::{Ready, ready};
use uuid::Uuid;

use super::problem::Problem;
use crate::commands::FieldError;

/// The parts of a path that vary, in their order.
#[derive(Debug)]
pub struct At<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for At<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = web::Path::<T>::from_request(request, payload).into_inner();
        ready(read.map(|path| Self(path.into_inner())).map_err(|_| explain(request)))
    }
}

/// Names the parts that are neither an id nor a number, whichever they should be.
fn explain(request: &HttpRequest) -> Problem {
    let wrong = |(name, value): (&str, &str)| {
        let (fits, code, message) = match name {
            "message" => (value.parse::<u64>().is_ok(), "not_a_number", "is the seq of a message"),
            _ => (Uuid::try_parse(value).is_ok(), "not_an_id", "is a UUID"),
        };
        (!fits).then(|| FieldError { field: name.to_owned(), code, message: message.to_owned() })
    };
    Problem::invalid(request.match_info().iter().filter_map(wrong).collect())
}
