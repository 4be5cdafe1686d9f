//! What is stored is for ever: golden files of every event's shape, vectors of the chain of hashes, and the document
//! that describes both.
//!
//! With `PALABRE_WRITE_GOLDEN=1` the tests write what is missing, and never touch what is there.

mod chain;
mod document;
mod shapes;

use std::path::{Path, PathBuf};

/// `events/golden/` and what is in it.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// Whether missing golden files are to be written.
fn writes_missing() -> bool {
    std::env::var_os("PALABRE_WRITE_GOLDEN").is_some_and(|value| value == "1")
}

/// The text of a golden file; `missing` is written first when there is none and [`writes_missing`].
fn golden_text(name: &str, missing: impl FnOnce() -> String) -> String {
    let path = golden(name);
    if writes_missing() && !path.exists() {
        std::fs::write(&path, missing()).expect("the golden folder can be written");
    }
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; a new shape gets its golden file with PALABRE_WRITE_GOLDEN=1"))
}
