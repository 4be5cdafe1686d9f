//! How fast the matching index answers, and how large it is: `cargo bench -p palabre-projections --bench matching`.
//!
//! Measured over `tests/data`, and over ten times as many offers in the same days: the same ones again every hundred
//! minutes. Memory is what the process grew by (Linux).

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use palabre_events::RideId;
use palabre_projections::matching::{Change, Entry, MatchingIndex, Search, matches};

const LATER_S: i64 = 100 * 60;
const ROUNDS: usize = 50;

fn main() {
    let searches: Vec<Search> = common::searches().into_iter().map(|(_, search)| search).collect();
    for copies in [1, 10] {
        let before = resident_bytes();
        let index = MatchingIndex::new();
        let mut spent = Duration::ZERO;
        for copy in 0..copies {
            let changes = common::offers().into_iter().map(|entry| Change::Upsert(Box::new(later(entry, copy))));
            let changes: Vec<Change> = changes.collect();
            let start = Instant::now();
            index.apply(changes);
            spent += start.elapsed();
        }
        let offers = index.len() as f64;
        let grown = resident_bytes().zip(before).map(|(after, before)| after.saturating_sub(before) as f64 / offers);
        println!("{offers} offers");
        println!("  taken in      {:>7.0} offers/s", offers / spent.as_secs_f64());
        println!("  memory        {:>7} bytes/offer", grown.map_or("?".to_owned(), |bytes| format!("{bytes:.0}")));
        report("search", &searches, |search| index.search(search).total);
        report("count only", &searches, |search| index.search(&Search { limit: 0, ..search.clone() }).total);
        let none: Vec<Search> = searches.iter().filter(|search| index.search(search).total == 0).cloned().collect();
        report("explain none", &none, |search| index.explain_none(search).len());
    }
    let entries = common::offers();
    let start = Instant::now();
    let totals: usize =
        searches.iter().map(|search| entries.iter().filter(|entry| matches(entry, search).is_some()).count()).sum();
    let each = start.elapsed() / u32::try_from(searches.len()).expect("436 searches");
    println!("plain scan of {} offers: {:.1} µs a search ({totals} matches)", entries.len(), micros(each));
}

/// The same offer again, later.
fn later(entry: Entry, copy: i64) -> Entry {
    let reference = entry.import_reference.map(|reference| format!("{reference}-{copy}"));
    Entry {
        ride: RideId::imported(common::DRIVER, reference.as_deref().expect("all were imported")),
        departs_at: entry.departs_at.plus_seconds(copy * LATER_S),
        import_reference: reference,
        ..entry
    }
}

/// Times every search in each of the rounds. A search's time is the median of its rounds, which leaves out when the
/// machine did something else; the percentiles are over the searches.
fn report(what: &str, searches: &[Search], answer: impl Fn(&Search) -> usize) {
    let mut rounds = vec![Vec::with_capacity(ROUNDS); searches.len()];
    let mut answered = 0;
    for _ in 0..ROUNDS {
        for (search, times) in searches.iter().zip(&mut rounds) {
            let start = Instant::now();
            answered += std::hint::black_box(answer(search));
            times.push(start.elapsed());
        }
    }
    let mut medians: Vec<Duration> = rounds.iter_mut().map(|times| median(times)).collect();
    medians.sort_unstable();
    let at = |part: f64| micros(medians[((medians.len() - 1) as f64 * part) as usize]);
    let (p50, p99, max, answers) = (at(0.5), at(0.99), at(1.0), answered / ROUNDS);
    println!("  {what:<13} p50 {p50:>7.1} µs   p99 {p99:>7.1} µs   max {max:>7.1} µs   ({answers} answers a round)");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Memory of this process that is in use, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
