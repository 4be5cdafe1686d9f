//! Answers that lie there compressed: which of them whoever asks would take.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptEncoding, ContentEncoding, Encoding, Header as _};

/// The encoding among `there` that `request` likes best; none where it wants none of them.
pub fn liked<const N: usize>(request: &HttpRequest, there: [ContentEncoding; N]) -> Option<ContentEncoding> {
    let accepted = AcceptEncoding::parse(request).ok()?;
    match accepted.negotiate(there.map(Encoding::Known).iter())? {
        // Uncompressed is always there.
        Encoding::Known(liked) => there.contains(&liked).then_some(liked),
        Encoding::Unknown(_) => None,
    }
}
