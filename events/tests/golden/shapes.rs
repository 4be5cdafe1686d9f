//! One golden file per event type and version, `<EventType>.v<version>.json`: an array with one example a line, byte for
//! byte as the log stores it.

use palabre_events::account::AccountEvent;
use palabre_events::conversation::ConversationEvent;
use palabre_events::marks::MarksEvent;
use palabre_events::request::RequestEvent;
use palabre_events::ride::RideEvent;
use palabre_events::testing::examples::written;
use palabre_events::testing::{examples, now};
use palabre_events::{Actor, DomainEvent, Envelope, StreamId, StreamKind, log::Hash};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::{golden, golden_text};

/// Every event type, with its aggregate and the version that is written now.
pub fn all_types() -> Vec<(StreamKind, &'static str, u16)> {
    let of =
        |kind, types: &'static [(&'static str, u16)]| types.iter().map(move |(name, version)| (kind, *name, *version));
    of(StreamKind::Account, AccountEvent::TYPES)
        .chain(of(StreamKind::Conversation, ConversationEvent::TYPES))
        .chain(of(StreamKind::Marks, MarksEvent::TYPES))
        .chain(of(StreamKind::Request, RequestEvent::TYPES))
        .chain(of(StreamKind::Ride, RideEvent::TYPES))
        .collect()
}

fn file_of(name: &str, version: u16) -> String {
    format!("{name}.v{version}.json")
}

/// The examples made in code, by type, in order.
fn examples_by_type() -> BTreeMap<(&'static str, u16), Vec<String>> {
    let mut by_type: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for event in examples() {
        let (name, version, data) = written(&event);
        by_type.entry((name, version)).or_default().push(String::from_utf8(data).expect("JSON is UTF-8"));
    }
    by_type
}

/// The examples kept in a golden file, as stored.
pub fn kept(name: &str, version: u16) -> Vec<String> {
    let missing = || {
        let lines = examples_by_type().remove(&(name, version)).unwrap_or_default();
        format!("[\n{}\n]\n", lines.join(",\n"))
    };
    let text = golden_text(&file_of(name, version), missing);
    let lines = text.strip_prefix("[\n").and_then(|rest| rest.strip_suffix("\n]\n"));
    let lines = lines.unwrap_or_else(|| panic!("{name}: an array with one example a line"));
    lines.lines().map(|line| line.strip_suffix(',').unwrap_or(line).to_owned()).collect()
}

fn read(kind: StreamKind, name: &str, version: u16, data: &str) -> DomainEvent {
    let envelope = Envelope {
        event_id: Uuid::nil(),
        stream: StreamId { kind, id: Uuid::nil() },
        version: 1,
        position: 1,
        event_type: name.to_owned(),
        schema_version: version,
        occurred_at: now(),
        recorded_at: now(),
        actor: Actor::System,
        key: None,
        correlation_id: Uuid::nil(),
        causation_id: Uuid::nil(),
        traceparent: None,
        data: data.as_bytes().to_vec(),
        hash: Hash::START,
    };
    DomainEvent::read(&envelope).unwrap_or_else(|error| panic!("{data}: {error}"))
}

#[test]
fn every_version_of_every_type_has_a_golden_file() {
    for (_, name, current) in all_types() {
        for version in 1..=current {
            assert!(!kept(name, version).is_empty(), "{name} v{version}");
        }
    }
}

#[test]
fn every_kept_example_of_an_older_version_is_read() {
    for (kind, name, current) in all_types() {
        for version in 1..current {
            kept(name, version).iter().for_each(|line| drop(read(kind, name, version, line)));
        }
    }
}

#[test]
fn every_kept_example_is_read_and_written_byte_for_byte() {
    for (kind, name, version) in all_types() {
        for line in kept(name, version) {
            let (same_name, same_version, again) = written(&read(kind, name, version, &line));
            assert_eq!((same_name, same_version), (name, version));
            assert_eq!(String::from_utf8(again).expect("JSON is UTF-8"), line);
        }
    }
}

#[test]
fn every_example_in_code_is_kept() {
    for ((name, version), lines) in examples_by_type() {
        let kept = kept(name, version);
        for line in lines {
            assert!(kept.contains(&line), "add this line to {}:\n{line}", file_of(name, version));
        }
    }
}

#[test]
fn every_type_has_an_example_in_code() {
    let examples = examples_by_type();
    for (_, name, version) in all_types() {
        assert!(examples.contains_key(&(name, version)), "{name} v{version}");
    }
}

#[test]
fn nothing_else_lies_among_the_golden_files() {
    let versions = |(_, name, current): &(_, &str, u16)| (1..=*current).map(|version| file_of(name, version)).collect();
    let known: Vec<String> = all_types().iter().flat_map::<Vec<_>, _>(versions).collect();
    for entry in std::fs::read_dir(golden("")).expect("there are golden files") {
        let name = entry.expect("the folder can be read").file_name().into_string().expect("plain names");
        assert!(name == "chain.json" || known.contains(&name), "{name} is the file of no event type");
    }
}
