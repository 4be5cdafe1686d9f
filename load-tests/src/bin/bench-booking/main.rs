//! `bench-booking`: how many bookings a second, how long until each is confirmed, and what it costs; and that no seat is
//! ever sold twice while everybody wants one.
//!
//! Everything is measured in one run on one machine, which server and load generator share. How to read the report:
//! `docs/LOAD-TESTS.md`.

mod booking;
mod market;
mod proof;

use anyhow::Result;
use clap::Parser;
use palabre_load_tests::load::Load;
use palabre_load_tests::report::{self, thousands};
use palabre_load_tests::server::{self, Server};
use palabre_load_tests::timed::{self, Timed};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

use crate::booking::Way;
use crate::market::Market;
use crate::proof::Proof;

/// Measures bookings, by reservation of instant rides and by proposal and acceptance.
#[derive(Parser)]
#[command(version)]
struct Bench {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// Seconds that each phase is measured, at most.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How often a booking is asked for in one phase, at most.
    #[arg(long, default_value_t = 4000)]
    asks: u64,
    /// Bookings under way in closed loop.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    in_flight: Vec<usize>,
    /// Bookings that are begun in a second in open loop.
    #[arg(long, default_value_t = 30)]
    rate: u32,
}

/// Everything that one run measured.
#[derive(Serialize)]
struct Figures {
    /// When the run began, RFC 3339.
    begun_at: String,
    /// Processors of the machine, which server and load generator share.
    processors: usize,
    /// Appends of 4 KiB with a flush each that the disk takes in a second.
    flushes_per_s: f64,
    /// All phases.
    bookings: Vec<Timed>,
    /// What the records of the rides say in the end.
    proof: Proof,
}

#[tokio::main]
async fn main() -> Result<()> {
    let bench = Bench::parse();
    let mut server = Server::new(server::binary(bench.palabre.as_deref())?)?;
    match measure(&bench, &mut server).await {
        Ok(figures) => {
            let markdown = figures.markdown();
            println!("\n{markdown}");
            report::write("bench-booking", &figures, &markdown)
        }
        Err(error) => {
            println!("{}", server.log_tail()?);
            println!("the server's directory is kept: {}", server.keep()?.display());
            Err(error)
        }
    }
}

async fn measure(bench: &Bench, server: &mut Server) -> Result<Figures> {
    let begun_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let flushes_per_s = server::flushes_per_second(server.dir())?;
    server.lift_limits();
    server.start().await?;
    let market = Market::gather(server.address()).await?;
    let (mut bookings, mut proof) = (Vec::new(), Proof::default());
    let closed = bench.in_flight.iter().map(|flights| Load::InFlight(*flights));
    let loads: Vec<_> = closed.chain([Load::PerSecond(bench.rate)]).collect();
    let span = Duration::from_secs(bench.seconds);
    for way in [Way::Instant, Way::Negotiated] {
        for load in &loads {
            let most = match load {
                Load::InFlight(_) => bench.asks,
                Load::PerSecond(rate) => bench.asks.min(u64::from(*rate) * bench.seconds),
            };
            let rides = market.offer(way, most).await?;
            let ask = |number| market.book(way, &rides, number);
            bookings.push(Timed::measure(way.name(), server, *load, (span, most), ask).await?);
            proof.check(&rides).await?;
        }
    }
    server.stop().await?;
    Ok(Figures { begun_at, processors, flushes_per_s, bookings, proof })
}

impl Figures {
    /// The report for people.
    fn markdown(&self) -> String {
        format!(
            "# bench-booking, {}\n\n{} processors, shared by server and load generator; the disk takes {} flushes of 4 KiB a second.\n\n{}\n{}",
            self.begun_at,
            self.processors,
            thousands(self.flushes_per_s),
            timed::table("bookings", "confirmed", &self.bookings),
            self.proof.sentence(),
        )
    }
}
