//! Has a release program built anew when the page was, since `src/page/files.rs` takes the page's files in.

use std::path::Path;

fn main() {
    // Cargo would build for ever anew what waits for a folder that is not there; the folder above tells when it comes.
    let watched = if Path::new("web/dist").is_dir() { "web/dist" } else { "web" };
    println!("cargo::rerun-if-changed={watched}");
}
