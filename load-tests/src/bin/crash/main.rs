//! `crash`: kills the server at random moments under load and checks what it had promised.
//!
//! A killed process shows what the server forgets, not what a disk forgets when the power fails: that acknowledgements
//! leave after the flush is the matter of a test of its own. The seed fixes what people try and when the server is
//! killed, but not how their actions interleave.

mod killer;
mod report;

use anyhow::Result;
use clap::Parser;
use palabre_load_tests::crowd::Crowd;
use palabre_load_tests::judge::Verdict;
use palabre_load_tests::server::{self, Server};
use std::path::PathBuf;
use std::process::ExitCode;

/// Kills the server at random moments under load, and checks that nothing it promised is lost.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// How many times to kill it.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// What the random choices begin with; default: another each time.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let mut server = Server::new(server::binary(arguments.palabre.as_deref())?)?;
    let violations = match run(&mut server, arguments.kills, seed).await {
        Ok(violations) => violations,
        Err(error) => vec![format!("the run could not be finished: {error:#}")],
    };
    if violations.is_empty() {
        println!("Nothing that was acknowledged is lost, doubled, out of order or oversold.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{} violations:", violations.len());
    violations.iter().for_each(|sentence| println!("  ✗ {sentence}"));
    println!("\nThe last that the server said:\n{}", server.log_tail().unwrap_or_default());
    println!("Its directory is kept: {}\nseed {seed}", server.keep()?.display());
    Ok(ExitCode::FAILURE)
}

async fn run(server: &mut Server, kills: u32, seed: u64) -> Result<Vec<String>> {
    server.lift_limits();
    server.start().await?;
    let crowd = Crowd::begin(server.address(), seed).await?;
    let restarts = killer::kill(server, kills, seed, &crowd).await?;
    let ended = crowd.end().await;
    let mut verdict = Verdict::of(&ended).await?;
    // The last kill: what lies on the disk must do.
    server.kill()?;
    verdict.prove(server, &[&["verify"], &["rebuild", "--check"]])?;
    report::tell(&verdict, &restarts, kills, seed)?;
    Ok(verdict.violations)
}
