//! What the image is built from: `.dockerignore` leaves everything out but what it names, and must name all that is needed.

use figment::Figment;
use figment::providers::{Format, Toml};
use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Whether `path` or a folder above it is let in.
fn is_sent(ignored: &str, path: &str) -> bool {
    let let_in = ignored.lines().filter_map(|line| line.strip_prefix('!'));
    let_in.into_iter().any(|entry| Path::new(path).starts_with(entry))
}

#[test]
fn every_member_of_the_workspace_and_what_the_program_holds_within_is_sent_to_the_build() {
    let ignored = read(".dockerignore");
    assert_eq!(ignored.lines().next(), Some("*"), "what is not named stays out");
    let manifest = Figment::from(Toml::string(&read("Cargo.toml")));
    let members: Vec<String> = manifest.extract_inner("workspace.members").unwrap();
    assert!(!members.is_empty());
    let needed = ["Cargo.toml", "Cargo.lock", "build.rs", "src", "benches", "tests", "migrations", "web"];
    for path in members.iter().map(String::as_str).chain(needed) {
        assert!(is_sent(&ignored, path), "{path} is needed to build the image");
    }
}

#[test]
fn whatever_the_image_copies_from_here_is_sent_to_the_build() {
    let (ignored, image) = (read(".dockerignore"), read("Dockerfile"));
    let copies =
        image.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from="));
    for copy in copies {
        let (sources, _to) = copy.rsplit_once(' ').unwrap();
        for source in sources.split(' ').filter(|source| *source != ".") {
            let is_there = Path::new(env!("CARGO_MANIFEST_DIR")).join(source).exists();
            assert!(is_there && is_sent(&ignored, source), "{source}");
        }
    }
}
