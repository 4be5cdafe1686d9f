//! The project's 10,000 made-up offers for servers to be filled with, moved into the future where they lie in the past,
//! and as many times over as are wanted.

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
    /// By how many seconds they were moved, whole days.
    pub later_s: i64,
    /// The time from one repetition to the next, whole days in seconds.
    pub span_s: i64,
}

impl Offers {
    /// Reads `file` and writes a copy into `folder`, later by whole days so that the first offer leaves after tomorrow.
    pub fn moved(file: &Path, folder: &Path) -> Result<Self> {
        Self::repeated(file, folder, 1)
    }

    /// The same, `times` over: each repetition follows the one before, with ids of its own.
    pub fn repeated(file: &Path, folder: &Path, times: usize) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("reading the offers in {}", file.display()))?;
        let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let departure = |line: &Value| line["departure"].as_i64().context("an offer has a departure");
        let departures: Vec<i64> = lines.iter().map(departure).collect::<Result<_>>()?;
        let (first, last) =
            departures.iter().min().copied().zip(departures.iter().max().copied()).context("there are offers")?;
        let earliest = Utc::now().timestamp() + 2 * DAY_S;
        let later_s = if first < earliest { ((earliest - first) / DAY_S + 1) * DAY_S } else { 0 };
        let span_s = ((last - first) / DAY_S + 1) * DAY_S;
        let mut moved = String::new();
        for repetition in 0..times {
            for (line, departure) in lines.iter().zip(&departures) {
                let mut line = line.clone();
                line["departure"] = (departure + later_s + repetition as i64 * span_s).into();
                if repetition > 0 {
                    let id = line["id"].as_str().context("an offer has an id")?;
                    line["id"] = format!("{id}-{repetition}").into();
                }
                moved += &(line.to_string() + "\n");
            }
        }
        let copy = folder.join("offers.jsonl");
        fs::write(&copy, moved)?;
        let begins = (first + later_s) / DAY_S * DAY_S;
        let first_day = DateTime::from_timestamp(begins, 0).context("the first departure is a time")?;
        Ok(Self { file: copy, count: times * lines.len(), first_day, later_s, span_s })
    }
}

/// The file of offers: what was asked for, or the project's.
pub fn file(asked: Option<PathBuf>) -> Result<PathBuf> {
    let path = asked.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/offers-10k.jsonl"));
    ensure!(path.is_file(), "there are no offers at {}; name a file with --offers", path.display());
    Ok(path)
}
