//! Says what a run has shown, for people and for programs.

use anyhow::Result;
use palabre_load_tests::judge::Verdict;
use palabre_load_tests::report::{self, Table, thousands};
use serde_json::{Value, json};
use std::time::Duration;

use crate::fault::{Fault, Part};
use crate::injector::Delivery;

/// Prints the report and writes `chaos.json` and `chaos.md` into the build directory.
pub fn tell(verdict: &Verdict, delivery: &Delivery, nodes: usize, duration: Duration, seed: u64) -> Result<()> {
    let mut table = Table::new(["fault", "times", "until told, ms: median", "p99", "longest"]);
    let mut figures = Vec::new();
    let mut row = |name: &str, times: &[f64]| {
        if times.is_empty() {
            return;
        }
        let [median, p99, longest] = [0.5, 0.99, 1.0].map(|share| quantile(times, share));
        let cells = [times.len() as f64, median, p99, longest].map(thousands);
        table.row([name.to_owned()].into_iter().chain(cells));
        figures.push(
            json!({"fault": name, "times": times.len(), "median_ms": median, "p99_ms": p99, "longest_ms": longest}),
        );
    };
    for (fault, times) in &delivery.after {
        row(&fault.to_string(), times);
    }
    row("two at once", &delivery.after_two);
    row("**a node dies**", &of(delivery, |fault| fault == Fault::NodeKilled));
    row("**Redis is back**", &of(delivery, |fault| fault.part() == Part::Redis));
    row("**any fault**", &of(delivery, |_| true));
    let settled = delivery.last.map(|last| verdict.settled.saturating_duration_since(last)).unwrap_or_default();
    let markdown = format!(
        "# chaos, seed {seed}\n\n\
         {} faults in {} s over {nodes} nodes, PostgreSQL and Redis. The times are the longest that anything known \
         waited until everybody had been told it: of a node that dies from its death on, of all else from when it was over. Everything was settled {:.0} ms after the last.\n\n{table}\n{}",
        delivery.after.values().map(Vec::len).sum::<usize>() + delivery.after_two.len(),
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

fn of(delivery: &Delivery, is: impl Fn(Fault) -> bool) -> Vec<f64> {
    delivery.after.iter().filter(|(fault, _)| is(**fault)).flat_map(|(_, times)| times.iter().copied()).collect()
}

/// The value that `share` of all do not exceed.
fn quantile(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_values() {
        let times: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| quantile(&times, share)), [100.0, 198.0, 200.0]);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
    }
}
