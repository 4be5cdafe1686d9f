//! `docs/OPERATING.md` names every setting and every metric, and nothing else.

use palabre::config::Config;
use palabre::telemetry::metrics;
use std::collections::BTreeSet;
use std::process::Command;

const PAGE: &str = include_str!("../../docs/OPERATING.md");

/// What stands in the first column of the tables under a heading.
fn first_column(heading: &str) -> BTreeSet<String> {
    let section = PAGE.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")).1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).collect()
}

fn settings() -> BTreeSet<String> {
    let settings = serde_json::to_value(Config::default()).unwrap();
    settings.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_page_has_every_setting() {
    assert_eq!(first_column("Settings"), settings());
}

#[test]
fn every_setting_is_an_option_and_a_variable() {
    let help = Command::new(env!("CARGO_BIN_EXE_palabre")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for setting in settings() {
        assert!(help.contains(&format!("--{} ", setting.replace('_', "-"))), "{setting}");
        assert!(help.contains(&format!("[env: PALABRE_{}", setting.to_uppercase())), "{setting}");
    }
}

#[test]
fn the_page_has_every_metric() {
    let metrics: BTreeSet<_> = metrics::ALL.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(first_column("Metrics"), metrics);
}
