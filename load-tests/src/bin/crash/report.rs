//! Says what a run has shown, for people and for programs.

use anyhow::Result;
use palabre_load_tests::report::{self, Table, thousands};
use serde_json::json;

use crate::verdict::Verdict;

/// Prints the report and writes `crash.json` and `crash.md` into the build directory.
pub fn tell(verdict: &Verdict, kills: u32, seed: u64) -> Result<()> {
    let markdown = markdown(verdict, kills, seed);
    println!("{markdown}");
    let answers: Vec<_> = verdict
        .answers
        .iter()
        .map(|((command, answer), count)| json!({"command": command, "answer": answer, "count": count}))
        .collect();
    let figures = json!({
        "seed": seed,
        "kills": kills,
        "kills_after_an_acceptance": verdict.chosen_moments.0,
        "kills_while_starting": verdict.chosen_moments.1,
        "start_ms": verdict.ready_ms,
        "answers": answers,
        "events": verdict.events,
        "bookings": verdict.bookings.0,
        "bookings_refused": verdict.bookings.1,
        "most_seats_taken": verdict.most_taken,
        "connections": verdict.tally.connections,
        "events_resumed": verdict.tally.resumed,
        "commands_repeated": verdict.tally.repeated,
        "duplicates_answered": verdict.tally.duplicates,
        "settled_ms": verdict.settled_ms,
        "violations": verdict.violations,
    });
    report::write("crash", &figures, &markdown)
}

fn markdown(verdict: &Verdict, kills: u32, seed: u64) -> String {
    let mut table = Table::new(["command", "answer", "times"]);
    for ((command, answer), count) in &verdict.answers {
        table.row([command.clone(), answer.clone(), thousands(*count as f64)]);
    }
    let median = verdict.ready_ms.get(verdict.ready_ms.len() / 2).copied().unwrap_or_default();
    let longest = verdict.ready_ms.last().copied().unwrap_or_default();
    let (tally, (after_acceptance, while_starting)) = (verdict.tally, verdict.chosen_moments);
    format!(
        "# crash, seed {seed}\n\n\
         {kills} kills, {after_acceptance} right after an acceptance was sent, {while_starting} once more while starting; \
         starts took {median:.0} ms (median), {longest:.0} ms (longest).\n\
         {} connections; {} events came late by resuming; {} commands were repeated, {} of them had been committed.\n\
         {} events in all conversations; {} bookings made or changed, {} refused; at most {} seats taken at once.\n\
         Everything was settled {:.0} ms after the last restart.\n\n{table}\n{}{} violations\n",
        thousands(tally.connections as f64),
        thousands(tally.resumed as f64),
        thousands(tally.repeated as f64),
        thousands(tally.duplicates as f64),
        thousands(verdict.events as f64),
        thousands(verdict.bookings.0 as f64),
        thousands(verdict.bookings.1 as f64),
        verdict.most_taken,
        verdict.settled_ms,
        verdict.printed,
        verdict.violations.len(),
    )
}
