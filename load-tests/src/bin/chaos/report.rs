//! Says what a run has shown, for people and for programs.

use anyhow::Result;
use hdrhistogram::Histogram;
use palabre_load_tests::judge::Verdict;
use palabre_load_tests::report::{self, Table, thousands};
use palabre_load_tests::talk::measured::{histogram, quantile_ms};
use serde_json::{Value, json};
use std::time::Duration;

use crate::fault::{Fault, Part};
use crate::injector::Delivery;

/// Prints the report and writes `chaos.json` and `chaos.md` into the build directory.
pub fn tell(verdict: &Verdict, delivery: &Delivery, nodes: usize, duration: Duration, seed: u64) -> Result<()> {
    let mut table = Table::new(["fault", "times", "until told, ms: median", "p99", "longest"]);
    let mut figures = Vec::new();
    let mut row = |name: &str, times: &Histogram<u64>| {
        if times.is_empty() {
            return;
        }
        let [median, p99, longest] = [0.5, 0.99, 1.0].map(|quantile| quantile_ms(times, quantile));
        table.row([name.to_owned()].into_iter().chain([times.len() as f64, median, p99, longest].map(thousands)));
        figures.push(
            json!({"fault": name, "times": times.len(), "median_ms": median, "p99_ms": p99, "longest_ms": longest}),
        );
    };
    for (fault, times) in &delivery.after {
        row(&fault.to_string(), times);
    }
    row("two at once", &delivery.after_two);
    row("**a node dies**", &of(delivery, |fault| fault == Fault::NodeKilled));
    row("**Redis is back**", &of(delivery, Fault::takes_redis_away));
    row("**any fault of Redis**", &of(delivery, |fault| fault.part() == Part::Redis));
    row("**any fault**", &of(delivery, |_| true));
    let settled = delivery.last.map(|last| verdict.settled.saturating_duration_since(last)).unwrap_or_default();
    let markdown = format!(
        "# chaos, seed {seed}\n\n\
         {} faults in {} s over {nodes} nodes, PostgreSQL and Redis. The times are the longest that anything known \
         waited until everybody had been told it: of a node that dies from its death on, of all else from when it was over. Everything was settled {:.0} ms after the last.\n\n{table}\n{}",
        of(delivery, |_| true).len() + delivery.after_two.len(),
        duration.as_secs(),
        settled.as_secs_f64() * 1000.0,
        verdict.markdown(),
    );
    println!("{markdown}");
    let figures: Value = json!({
        "seed": seed,
        "nodes": nodes,
        "duration_s": duration.as_secs(),
        "delivery": figures,
        "settled_ms": settled.as_secs_f64() * 1000.0,
        "verdict": verdict.figures(),
    });
    report::write("chaos", &figures, &markdown)
}

fn of(delivery: &Delivery, is: impl Fn(Fault) -> bool) -> Histogram<u64> {
    let mut all = histogram();
    for (_, times) in delivery.after.iter().filter(|(fault, _)| is(**fault)) {
        all.add(times).expect("all have the same bounds");
    }
    all
}
