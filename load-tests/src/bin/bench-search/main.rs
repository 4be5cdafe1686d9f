//! `bench-search`: how many searches a second, how long each takes, and what it costs, among 10,000 offers and more.
//!
//! Everything is measured in one run on one machine, which server and load generator share. How to read the report:
//! `docs/LOAD-TESTS.md`.

mod searches;

use anyhow::{Context, Result};
use clap::Parser;
use palabre_load_tests::client::Api;
use palabre_load_tests::load::Load;
use palabre_load_tests::offers::{self, Offers};
use palabre_load_tests::report::{self, Table, thousands};
use palabre_load_tests::server::{self, Server};
use palabre_load_tests::timed::{self, Timed};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::searches::Searches;

/// Measures searches, among the project's 10,000 offers and among more of them.
#[derive(Parser)]
#[command(version)]
struct Bench {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// Seconds that each phase is measured.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How many times over the 10,000 offers are imported, one repetition after the other; each is measured on its own.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10])]
    times: Vec<usize>,
    /// Searches in flight in closed loop.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    in_flight: Vec<usize>,
    /// Searches a second in open loop.
    #[arg(long, default_value_t = 100)]
    rate: u32,
}

/// Everything that one run measured.
#[derive(Serialize)]
struct Figures {
    /// When the run began, RFC 3339.
    begun_at: String,
    /// Processors of the machine, which server and load generator share.
    processors: usize,
    /// By how many offers there are.
    filled: Vec<Filled>,
    /// All phases.
    searches: Vec<Timed>,
}

/// A server that holds offers.
#[derive(Serialize)]
struct Filled {
    /// How many.
    offers: usize,
    /// Seconds that the import took.
    import_s: f64,
    /// Seconds from starting the server to its being ready, the index folded from the log.
    ready_s: f64,
    /// Resident bytes of the server then.
    resident_bytes: u64,
    /// Searches that were compared with what an exhaustive scan finds.
    proved: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let bench = Bench::parse();
    let begun_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut figures = Figures { begun_at, processors, filled: Vec::new(), searches: Vec::new() };
    let binary = server::binary(bench.palabre.as_deref())?;
    for times in &bench.times {
        let mut server = Server::new(binary.clone())?;
        if let Err(error) = measure(&bench, *times, &mut server, &mut figures).await {
            println!("{}", server.log_tail()?);
            println!("the server's directory is kept: {}", server.keep()?.display());
            return Err(error);
        }
    }
    let markdown = figures.markdown();
    println!("\n{markdown}");
    report::write("bench-search", &figures, &markdown)
}

async fn measure(bench: &Bench, times: usize, server: &mut Server, figures: &mut Figures) -> Result<()> {
    let offers = fill(times, server, figures).await?;
    let searches = Searches::read(Path::new(searches::FOLDER), &offers, times)?;
    let api = Api::new(server.address(), None);
    // Also warms the server up.
    let proved = searches.prove(&api, times == 1).await?;
    figures.filled.last_mut().context("the server was filled")?.proved = proved;
    let (what, span) = (format!("among {} offers", thousands(offers.count as f64)), Duration::from_secs(bench.seconds));
    let closed = bench.in_flight.iter().map(|flights| Load::InFlight(*flights));
    for load in closed.chain([Load::PerSecond(bench.rate)]) {
        let ask = |number| searches.ask(&api, number);
        figures.searches.push(Timed::measure(&what, server, load, (span, u64::MAX), ask).await?);
    }
    server.stop().await
}

async fn fill(times: usize, server: &mut Server, figures: &mut Figures) -> Result<Offers> {
    server.lift_limits();
    let offers = Offers::repeated(&offers::file(None)?, server.dir(), times)?;
    let file = offers.file.to_str().context("the path of the offers is text")?.to_owned();
    let begun = Instant::now();
    server.run_well(&["import", "offers", &file])?;
    let import_s = begun.elapsed().as_secs_f64();
    let ready_s = server.start().await?.as_secs_f64();
    let resident_bytes = server.resident_bytes()?;
    println!("{} offers: imported in {import_s:.1} s, ready after {ready_s:.2} s", thousands(offers.count as f64));
    figures.filled.push(Filled { offers: offers.count, import_s, ready_s, resident_bytes, proved: 0 });
    Ok(offers)
}

impl Figures {
    /// The report for people.
    fn markdown(&self) -> String {
        let columns = ["offers", "imported in s", "ready after s", "resident MB", "searches proved"];
        let mut filled = Table::new(columns);
        for figure in &self.filled {
            filled.row([
                thousands(figure.offers as f64),
                format!("{:.1}", figure.import_s),
                format!("{:.2}", figure.ready_s),
                format!("{:.1}", figure.resident_bytes as f64 / 1e6),
                figure.proved.to_string(),
            ]);
        }
        let searches = timed::table("searches", "searches", &self.searches);
        format!(
            "# bench-search, {}\n\n{} processors, shared by server and load generator.\n\n{searches}\n{filled}",
            self.begun_at, self.processors
        )
    }
}
