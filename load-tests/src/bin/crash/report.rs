//! Says what a run has shown, for people and for programs.

use anyhow::Result;
use palabre_load_tests::judge::Verdict;
use palabre_load_tests::report;
use serde_json::json;

use crate::killer::Restarts;

/// Prints the report and writes `crash.json` and `crash.md` into the build directory.
pub fn tell(verdict: &Verdict, restarts: &Restarts, kills: u32, seed: u64) -> Result<()> {
    let mut ready_ms = restarts.ready_ms.clone();
    ready_ms.sort_by(f64::total_cmp);
    let settled = restarts.last_ready.map(|ready| verdict.settled.saturating_duration_since(ready));
    let settled_ms = settled.unwrap_or_default().as_secs_f64() * 1000.0;
    let markdown = format!(
        "# crash, seed {seed}\n\n\
         {kills} kills, {} right after an acceptance was sent, {} once more while starting; \
         starts took {:.0} ms (median), {:.0} ms (longest).\n\
         Everything was settled {settled_ms:.0} ms after the last restart.\n{}",
        restarts.at_acceptance,
        restarts.while_starting,
        ready_ms.get(ready_ms.len() / 2).copied().unwrap_or_default(),
        ready_ms.last().copied().unwrap_or_default(),
        verdict.markdown(),
    );
    println!("{markdown}");
    let figures = json!({
        "seed": seed,
        "kills": kills,
        "kills_after_an_acceptance": restarts.at_acceptance,
        "kills_while_starting": restarts.while_starting,
        "start_ms": ready_ms,
        "settled_ms": settled_ms,
        "verdict": verdict.figures(),
    });
    report::write("crash", &figures, &markdown)
}
