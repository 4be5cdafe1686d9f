//! The files that the page was built into. A debug build reads them from `web/dist` when they are asked for, so that a page
//! that was built again is there at once; a release build has them in it. Either compiles without them.

use actix_web::web::Bytes;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::fmt::Write as _;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Built;

/// A file of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What is in it.
    pub bytes: Bytes,
    /// Tells it from what was there before.
    pub hash: String,
    /// Its media type.
    pub content_type: &'static str,
}

/// The file of that name, below the folder of the page.
pub fn find(name: &str) -> Option<File> {
    let file = Built::get(name)?;
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let hash = file.metadata.sha256_hash().iter().take(16).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    });
    Some(File { bytes, hash, content_type: content_type(name) })
}

fn content_type(name: &str) -> &'static str {
    match mime_guess::from_path(name).first_raw() {
        Some("text/html") => "text/html; charset=utf-8",
        Some(kind) => kind,
        None => "application/octet-stream",
    }
}
