//! Where the pictures of maps come from, when whoever operates the platform has chosen a source.

use serde::Serialize;
use std::fmt;

use crate::http::origin::origin_of;

/// The longest address and the longest attribution, in characters.
const CHARS_MAX: usize = 500;

/// A source of map tiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TileSource)]
pub struct Tiles {
    /// Their address, with `{z}`, `{x}` and `{y}` in it.
    url: String,
    /// Whom to name on the map.
    attribution: String,
}

/// Why an address is no source of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTiles(&'static str);

impl fmt::Display for NoTiles {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "the tiles cannot come from there: {}", self.0)
    }
}

impl std::error::Error for NoTiles {}

impl Tiles {
    /// Checks an address, such as `https://tiles.example/{z}/{x}/{y}.png`, and whom to name.
    pub fn read(url: &str, attribution: &str) -> Result<Self, NoTiles> {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = host.ok_or(NoTiles("the address must begin with https:// or http://"))?;
        let host = host.split('/').next().unwrap_or_default();
        // The host goes into a header as it is.
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(NoTiles("the host must be one plain name, without {s} and without a password"));
        }
        if !["{z}", "{x}", "{y}"].iter().all(|part| url.contains(part)) {
            return Err(NoTiles("the address must have {z}, {x} and {y} in it"));
        }
        if url.chars().count() > CHARS_MAX || attribution.chars().count() > CHARS_MAX {
            return Err(NoTiles("address and attribution have at most 500 characters"));
        }
        if attribution.trim().is_empty() {
            return Err(NoTiles("say whom to name on the map, with the setting tiles_attribution"));
        }
        Ok(Self { url: url.to_owned(), attribution: attribution.to_owned() })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        origin_of(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_host_and_names_somebody() {
        let tiles = Tiles::read("https://tiles.example:8443/a/{z}/{x}/{y}.png?key=1", "© Somebody").unwrap();
        assert_eq!(tiles.origin(), "https://tiles.example:8443");
        for (url, attribution) in [
            ("tiles.example/{z}/{x}/{y}.png", "©"),
            ("ftp://tiles.example/{z}/{x}/{y}.png", "©"),
            ("https:///{z}/{x}/{y}.png", "©"),
            ("https://{s}.tiles.example/{z}/{x}/{y}.png", "©"),
            ("https://me:secret@tiles.example/{z}/{x}/{y}.png", "©"),
            ("https://tiles.example; script-src */{z}/{x}/{y}.png", "©"),
            ("https://tiles.example/{z}/{x}.png", "©"),
            ("https://tiles.example/{z}/{x}/{y}.png", " "),
        ] {
            assert!(Tiles::read(url, attribution).is_err(), "{url}");
        }
    }
}
