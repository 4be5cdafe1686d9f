//! Figures of asking a server for something many times, and the table that people read.

use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

use crate::load::{Load, Outcome};
use crate::procfs;
use crate::progress;
use crate::report::{Table, thousands};
use crate::server::Server;
use crate::talk::measured::quantile_ms;

/// One phase of asking.
#[derive(Clone, Debug, Serialize)]
pub struct Timed {
    /// What was asked for.
    pub what: String,
    /// `closed` or `open` loop.
    pub mode: &'static str,
    /// How many in flight, or how many in a second.
    pub load: String,
    /// How many were done.
    pub done: u64,
    /// How many were refused, as they may be.
    pub refused: u64,
    /// Done in a second.
    pub per_s: f64,
    /// Milliseconds from asking or appointment to the answer: half of them within so many.
    pub p50_ms: f64,
    /// All but one of a hundred.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Processor milliseconds of the server for each answer, refusals included.
    pub cpu_ms_each: f64,
    /// Processors that the server used.
    pub server_cpus: f64,
    /// Processors that the load generator used.
    pub generator_cpus: f64,
    /// Resident bytes of the server at the end.
    pub resident_bytes: u64,
}

impl Timed {
    /// Asks `server` for `what` under `load`, for `span` and at most `most` times, and says on the terminal what it came to.
    pub async fn measure<F: Future<Output = Result<Outcome>>>(
        what: &str,
        server: &Server,
        load: Load,
        (span, most): (Duration, u64),
        ask: impl Fn(u64) -> F,
    ) -> Result<Self> {
        let cpu = || Ok::<_, anyhow::Error>((server.cpu_seconds()?, procfs::cpu_seconds(std::process::id())?));
        let before = cpu()?;
        let asked = progress::for_a_while(format!("{what}, {load}"), span, load.run(span, most, ask)).await?;
        let after = cpu()?;
        let (server_s, generator_s) = (after.0 - before.0, after.1 - before.1);
        let done = asked.latency_us.len();
        let timed = Self {
            what: what.to_owned(),
            mode: load.mode(),
            load: load.to_string(),
            done,
            refused: asked.refused,
            per_s: done as f64 / asked.seconds,
            p50_ms: quantile_ms(&asked.latency_us, 0.5),
            p99_ms: quantile_ms(&asked.latency_us, 0.99),
            max_ms: quantile_ms(&asked.latency_us, 1.0),
            cpu_ms_each: server_s / (done + asked.refused).max(1) as f64 * 1000.0,
            server_cpus: server_s / asked.seconds,
            generator_cpus: generator_s / asked.seconds,
            resident_bytes: server.resident_bytes()?,
        };
        println!(
            "{what}, {load}: {:.0} a second, p50 {:.1} ms, p99 {:.1} ms, {:.2} ms of processor time each",
            timed.per_s, timed.p50_ms, timed.p99_ms, timed.cpu_ms_each
        );
        Ok(timed)
    }
}

/// The table of all phases; `what` heads its first column, `each` is what is counted.
pub fn table(what: &str, each: &str, phases: &[Timed]) -> Table {
    let mut table = Table::new([
        what.to_owned(),
        "load".to_owned(),
        format!("{each}/s"),
        "p50 ms".to_owned(),
        "p99 ms".to_owned(),
        "max ms".to_owned(),
        "CPU ms each".to_owned(),
        "CPUs server + generator".to_owned(),
        "server MB".to_owned(),
    ]);
    for phase in phases {
        let refused =
            if phase.refused > 0 { format!(" ({} refused)", thousands(phase.refused as f64)) } else { String::new() };
        table.row([
            phase.what.clone(),
            phase.load.clone(),
            format!("{:.0}{refused}", phase.per_s),
            format!("{:.1}", phase.p50_ms),
            format!("{:.1}", phase.p99_ms),
            format!("{:.1}", phase.max_ms),
            format!("{:.2}", phase.cpu_ms_each),
            format!("{:.2} + {:.2}", phase.server_cpus, phase.generator_cpus),
            format!("{:.0}", phase.resident_bytes as f64 / 1e6),
        ]);
    }
    table
}
