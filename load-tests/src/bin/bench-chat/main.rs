//! `bench-chat`: how fast the chat is, how long it takes, and what it costs beside a broadcaster that keeps nothing.
//!
//! Everything is measured in one run on one machine: server, broadcaster (a process of this program) and load generator
//! share its processors. How to read the report: `docs/LOAD-TESTS.md`.

mod broadcaster;
mod cast;
mod figures;
mod fleet;
mod phases;
mod seats;
mod wire;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

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
            raise_open_files()?;
            runtime.block_on(phases::run(&arguments.bench))
        }
    }
}

/// Lets this process, and those it starts, open as many files as the system allows: each connection is one.
fn raise_open_files() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
