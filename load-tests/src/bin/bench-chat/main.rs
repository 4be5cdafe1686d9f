//! `bench-chat`: how fast the chat is, how long it takes, and what it costs beside a broadcaster that keeps nothing.
//!
//! Everything is measured in one run on one machine: server, broadcaster (a process of this program) and load generator
//! share its processors. How to read the report: `docs/LOAD-TESTS.md`.

mod broadcaster;
mod figures;
mod idle;
mod nodes;
mod phases;
mod talk;

use anyhow::Result;
use clap::{Parser, Subcommand};
use palabre_load_tests::server;
use palabre_load_tests::talk::rooms::PEOPLE_MAX;
use std::path::PathBuf;
use std::str::FromStr;

/// Measures the chat, beside a bare broadcaster that keeps nothing, in one run.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Role {
    /// Be the broadcaster. The benchmark starts it itself.
    Broadcast {
        /// The port of 127.0.0.1 on which to listen.
        #[arg(long)]
        port: u16,
    },
}

/// How many people of a group talk, and on how many devices each.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    people: usize,
    devices: usize,
}

impl Group {
    /// Connections that each message reaches.
    pub fn readers(self) -> usize {
        self.people * self.devices
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('x').and_then(|(people, devices)| Some((people.parse().ok()?, devices.parse().ok()?)));
        match numbers {
            Some((people @ 2..=PEOPLE_MAX, devices @ 1..)) => Ok(Self { people, devices }),
            _ => Err(format!("PEOPLExDEVICES, of 2 to {PEOPLE_MAX} people")),
        }
    }
}

/// What to measure.
#[derive(clap::Args)]
pub struct Bench {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// Seconds that each phase is measured.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Numbers of conversations, each measured on its own.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 1000])]
    conversations: Vec<usize>,
    /// Messages a second in open loop, over the largest number of conversations.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Groups of a ride, as PEOPLExDEVICES: each message goes to all devices of all people.
    #[arg(long, value_delimiter = ',', num_args = 0.., default_values = ["129x1", "125x4"])]
    groups: Vec<Group>,
    /// Nodes on one log in PostgreSQL with Redis between them; 1 is a server on the embedded store.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    nodes: u8,
    /// Numbers of idle connections whose memory is measured, rising.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    idle: Vec<usize>,
    /// Measure only the broadcaster, to see what the load generator itself can do.
    #[arg(long)]
    only_broadcaster: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match arguments.role {
        Some(Role::Broadcast { port }) => runtime.block_on(broadcaster::serve(port)),
        None => {
            server::raise_open_files()?;
            runtime.block_on(phases::run(&arguments.bench))
        }
    }
}
