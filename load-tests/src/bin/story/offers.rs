//! The 10,000 offers among which the story's ride must be found, moved into the future where they lie in the past.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const DAY_S: i64 = 24 * 3600;

/// Offers that can be imported today.
pub struct Offers {
    /// Where they are written.
    pub file: PathBuf,
    /// How many.
    pub count: usize,
    /// When the first day with offers begins, UTC.
    pub first_day: DateTime<Utc>,
}

impl Offers {
    /// Reads `file` and writes a copy into `folder`, later by whole days so that the first offer leaves after tomorrow.
    pub fn moved(file: &Path, folder: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("reading the offers in {}", file.display()))?;
        let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let departure = |line: &Value| line["departure"].as_i64().context("an offer has a departure");
        let departures: Vec<i64> = lines.iter().map(departure).collect::<Result<_>>()?;
        let first = departures.iter().copied().min().context("there are offers")?;
        let earliest = Utc::now().timestamp() + 2 * DAY_S;
        let later_s = if first < earliest { ((earliest - first) / DAY_S + 1) * DAY_S } else { 0 };
        let copy = folder.join("offers.jsonl");
        let moved = lines.iter().zip(&departures).map(|(line, departure)| {
            let mut line = line.clone();
            line["departure"] = (departure + later_s).into();
            line.to_string() + "\n"
        });
        fs::write(&copy, moved.collect::<String>())?;
        let begins = (first + later_s) / DAY_S * DAY_S;
        let first_day = DateTime::from_timestamp(begins, 0).context("the first departure is a time")?;
        Ok(Self { file: copy, count: lines.len(), first_day })
    }
}

/// The file of offers: what was asked for, or the project's.
pub fn file(asked: Option<PathBuf>) -> Result<PathBuf> {
    let path = asked.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/offers-10k.jsonl"));
    ensure!(path.is_file(), "there are no offers at {}; name a file with --offers", path.display());
    Ok(path)
}
