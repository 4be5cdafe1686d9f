//! How answers are sent: compressed to their end before the first byte goes out, and then piece by piece.
//!
//! Whoever reads an answer slowly holds what is not sent of it. What compresses needs a megabyte while it is at it, and
//! the server keeps each piece of a body beside the body itself; so neither may be left to the reader's pace.

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::problem::Problem;

/// Bytes of a body that are sent at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Around [`actix_web::middleware::Compress`]. Every answer is bounded, and in memory as it is.
pub async fn whole(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    if matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0)) {
        return Ok(response.map_into_boxed_body());
    }
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(compressing) => to_bytes(compressing).await.map_err(|error| {
            let error: Box<dyn std::error::Error> = error.into();
            tracing::error!(error, "an answer cannot be compressed");
            Problem::internal()
        })?,
    };
    Ok(ServiceResponse::new(request, head.set_body(Pieces(body)).map_into_boxed_body()))
}

/// What is left of a body. It does not say that it is bytes, lest it be sent as one piece.
struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.0.len().min(PIECE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(self.0.split_to(length))))
    }
}
