//! `story`: one ride, two passengers and two power cuts, over the public API and the chat socket.
//!
//! Every step is asserted; the program ends with 1 where the server does not do what it tells. It tests one way through
//! the product as people go it. Faults at random moments are the matter of `crash`.

mod cast;
mod narrator;
mod scenes;

use anyhow::Result;
use clap::Parser;
use palabre_load_tests::offers;
use palabre_load_tests::server::{self, Server};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tells one ride from offer to audit, on a server of its own, and checks every step.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// The offers to import first, in JSON Lines; default: the project's 10,000.
    #[arg(long)]
    offers: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let offers = offers::file(arguments.offers)?;
    let mut server = Server::new(server::binary(arguments.palabre.as_deref())?)?;
    match scenes::play(&mut server, &offers).await {
        Ok(()) => {
            println!("\nThe story holds.");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("\n    ✗ {error:#}\n\nThe last that the server said:\n{}", server.log_tail().unwrap_or_default());
            println!("Its directory is kept: {}", server.keep()?.display());
            Ok(ExitCode::FAILURE)
        }
    }
}
