//! Keeps `docs/EVENTS.md` true: every type, every field, every variant and every example of it comes from the golden
//! files, and nothing in it is invented.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::shapes::{all_types, kept};

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/EVENTS.md");
    std::fs::read_to_string(path).expect("docs/EVENTS.md is there")
}

/// The text under each heading of a level, by heading.
fn sections(document: &str, level: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    for part in document.split(&format!("\n{level} ")).skip(1) {
        let (heading, rest) = part.split_once('\n').unwrap_or((part, ""));
        let end = rest.find("\n## ").unwrap_or(rest.len());
        sections.insert(heading.trim().to_owned(), rest[..end].to_owned());
    }
    sections
}

/// The names in the first column of a section's table, `?` for what may be absent.
fn rows(section: &str) -> Vec<(String, bool)> {
    let row = |line: &str| {
        let cell = line.strip_prefix("| `")?.split(" |").next()?.to_owned();
        let (name, rest) = cell.split_once('`')?;
        Some((name.to_owned(), rest == "?"))
    };
    section.lines().filter_map(row).collect()
}

fn examples(name: &str, version: u16) -> Vec<serde_json::Map<String, Value>> {
    let parsed = |line: String| match serde_json::from_str(&line) {
        Ok(Value::Object(fields)) => fields,
        other => panic!("{name}: an event is an object, not {other:?}"),
    };
    kept(name, version).into_iter().map(parsed).collect()
}

/// Every name and every word in small letters inside `value`: fields of nested objects, and variants of enums.
fn words_inside(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                words.insert(name.clone());
                words_inside(inner, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| words_inside(item, words)),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            words.insert(text.clone());
        }
        _ => {}
    }
}

#[test]
fn every_type_has_a_section_and_every_section_a_type() {
    let written: BTreeSet<String> = sections(&document(), "###").into_keys().collect();
    let known: BTreeSet<String> = all_types().into_iter().map(|(_, name, _)| name.to_owned()).collect();
    assert_eq!(written, known);
}

#[test]
fn every_type_lists_its_fields_and_which_may_be_absent() {
    let sections = sections(&document(), "###");
    for (_, name, version) in all_types() {
        let examples = examples(name, version);
        let fields: BTreeSet<&String> = examples.iter().flat_map(|example| example.keys()).collect();
        let optional = |field: &String| examples.iter().any(|example| !example.contains_key(field));
        let expected: Vec<(String, bool)> = fields.iter().map(|field| ((*field).clone(), optional(field))).collect();
        let mut listed = rows(&sections[name]);
        listed.sort();
        assert_eq!(listed, expected, "{name}");
    }
}

#[test]
fn every_nested_field_and_every_variant_is_explained() {
    let document = document();
    let shapes = &sections(&document, "##")["Shapes inside events"];
    let sections = sections(&document, "###");
    for (_, name, version) in all_types() {
        let mut words = BTreeSet::new();
        examples(name, version).iter().flat_map(|example| example.values()).for_each(|v| words_inside(v, &mut words));
        for word in words {
            let word = format!("`{word}`");
            assert!(shapes.contains(&word) || sections[name].contains(&word), "{name}: {word} is not explained");
        }
    }
}

#[test]
fn every_example_is_what_the_log_stores() {
    let sections = sections(&document(), "###");
    for (_, name, version) in all_types() {
        let shown = sections[name].split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next());
        let shown = shown.unwrap_or_else(|| panic!("{name} has no example")).to_owned();
        assert!(kept(name, version).contains(&shown), "{name}: not an example of its golden file:\n{shown}");
    }
}

#[test]
fn every_kind_of_sealed_content_is_named() {
    use palabre_events::ExactPlace;
    use palabre_events::sealed::{Comment, DisplayName, MessageText, Reason, Sealable, Vehicle};
    let sealed = &sections(&document(), "##")["What is sealed"];
    let purposes = [
        Comment::PURPOSE,
        DisplayName::PURPOSE,
        ExactPlace::PURPOSE,
        MessageText::PURPOSE,
        Reason::PURPOSE,
        Vehicle::PURPOSE,
    ];
    for purpose in purposes {
        assert!(sealed.contains(&format!("`{purpose}`")), "{purpose}");
    }
}

#[test]
fn what_holds_a_box_is_called_sealed_and_nothing_else_is() {
    fn holds_box(value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.contains_key("box") || fields.values().any(holds_box),
            Value::Array(items) => items.iter().any(holds_box),
            _ => false,
        }
    }
    let sections = sections(&document(), "###");
    for (_, name, version) in all_types() {
        let examples = examples(name, version);
        for (field, _) in rows(&sections[name]) {
            let line = sections[name].lines().find(|line| line.starts_with(&format!("| `{field}`")));
            let says_sealed = line.is_some_and(|line| line.contains("**sealed**"));
            let is_sealed = examples.iter().filter_map(|example| example.get(&field)).any(holds_box);
            assert_eq!(says_sealed, is_sealed, "{name}.{field}");
        }
    }
}
