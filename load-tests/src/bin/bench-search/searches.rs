//! The project's 436 searches, asked again and again, each time in another repetition of the offers.

use anyhow::{Context, Result, ensure};
use palabre_load_tests::client::Api;
use palabre_load_tests::load::Outcome;
use palabre_load_tests::offers::Offers;
use palabre_load_tests::progress::bar;
use serde_json::Value;
use std::path::Path;

/// Where searches and what they must find lie.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data");

/// Searches that can be asked today.
pub struct Searches {
    /// For each search, what to ask in each repetition of the offers.
    paths: Vec<Vec<String>>,
    /// For each search, how many offers match it where there is one repetition.
    totals: Vec<u64>,
}

impl Searches {
    /// Reads the searches of `folder`, moved as `offers` were.
    pub fn read(folder: &Path, offers: &Offers, times: usize) -> Result<Self> {
        let searches = lines(&folder.join("searches.jsonl"))?;
        let expected = lines(&folder.join("expected-top20.jsonl"))?;
        let same = |(search, expected): (&Value, &Value)| search["id"] == expected["search"];
        ensure!(
            searches.len() == expected.len() && searches.iter().zip(&expected).all(same),
            "the files belong together"
        );
        let path = |search| (0..times as i64).map(|time| path(search, offers.later_s + time * offers.span_s)).collect();
        let total = |expected: &Value| expected["total"].as_u64().context("a total is a number");
        Ok(Self {
            paths: searches.iter().map(path).collect::<Result<_>>()?,
            totals: expected.iter().map(total).collect::<Result<_>>()?,
        })
    }

    /// Asks each search once, and compares how many it finds with what an exhaustive scan finds, where that is known;
    /// answers how many were compared.
    pub async fn prove(&self, api: &Api, known: bool) -> Result<usize> {
        let bar = bar(self.paths.len(), "searches are proved")?;
        for (paths, total) in self.paths.iter().zip(&self.totals) {
            let found = total_of(&api.get(&paths[0]).await?)?;
            ensure!(!known || found == *total, "{}: {found} offers instead of {total}", paths[0]);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(if known { self.paths.len() } else { 0 })
    }

    /// Asks the search whose turn it is.
    pub async fn ask(&self, api: &Api, number: u64) -> Result<Outcome> {
        let (search, round) = (number as usize % self.paths.len(), number as usize / self.paths.len());
        let times = &self.paths[search];
        total_of(&api.try_get(&times[round % times.len()]).await??)?;
        Ok(Outcome::Done)
    }
}

fn total_of(answer: &Value) -> Result<u64> {
    answer["total"].as_u64().with_context(|| format!("an answer to a search has a total: {answer}"))
}

fn path(search: &Value, later_s: i64) -> Result<String> {
    let point = |field: &str| {
        let point = search[field].as_array().filter(|point| point.len() == 2);
        point.map(|point| format!("{},{}", point[0], point[1])).with_context(|| format!("{field} is a point: {search}"))
    };
    let at = search["time"].as_i64().context("a search has a time")? + later_s;
    let (from, to) = (point("pickup")?, point("dropoff")?);
    let [tolerance_min, radius_km, seats] = ["tolerance_min", "radius_km", "seats"].map(|field| &search[field]);
    Ok(format!(
        "searches?from={from}&to={to}&at={at}&tolerance_min={tolerance_min}&radius_km={radius_km}&seats={seats}"
    ))
}

fn lines(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}
