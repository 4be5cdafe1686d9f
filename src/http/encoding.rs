//! Answers that lie there compressed: which of them whoever asks would take.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptEncoding, ContentEncoding, Encoding, Header as _};

/// The encoding that `request` likes best, of those that are `there` and of none at all, which always is. To be said in
/// the answer also where it is none: otherwise the answer is compressed on its way.
pub fn liked<const N: usize>(request: &HttpRequest, there: [ContentEncoding; N]) -> ContentEncoding {
    let known: Vec<_> = there.into_iter().chain([ContentEncoding::Identity]).map(Encoding::Known).collect();
    let accepted = AcceptEncoding::parse(request).ok();
    match accepted.and_then(|accepted| accepted.negotiate(known.iter())) {
        Some(Encoding::Known(liked)) => liked,
        Some(Encoding::Unknown(_)) | None => ContentEncoding::Identity,
    }
}
