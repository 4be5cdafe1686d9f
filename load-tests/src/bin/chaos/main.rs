//! `chaos`: lets everything go wrong that goes wrong in data centres, under load, and checks what the platform had promised.
//!
//! Real processes: several nodes, PostgreSQL, Redis. The seed fixes what people try and which faults come in which order, not how all of
//! it interleaves. What is checked, and how to read the report: `docs/LOAD-TESTS.md`.

mod cluster;
mod fault;
mod injector;
mod plant;
mod report;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum as _};
use palabre_load_tests::crowd::Crowd;
use palabre_load_tests::judge::Verdict;
use palabre_load_tests::server;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::fault::Fault;
use crate::injector::NotTold;
use crate::plant::Plant;

/// Ends with this when a run could not be finished, which is neither yes nor no.
const UNFINISHED: u8 = 2;

/// Lets faults happen to several nodes under load, and checks that nothing they promised is lost. Ends with 1 when something is
/// violated, with 2 when the run could not be finished.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// Seconds during which faults happen.
    #[arg(long, default_value_t = 60)]
    duration: u64,
    /// How many nodes there are.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// What the random choices begin with; default: another each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Only these faults; default: all.
    #[arg(long, value_delimiter = ',', default_values_t = Fault::value_variants().iter().copied())]
    faults: Vec<Fault>,
    /// Instead of faults that the platform must bear, one that the checks must find.
    #[arg(long)]
    plant: Option<Plant>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    run(&arguments, seed).await.unwrap_or_else(|error| {
        println!("\nThe run could not be finished: {error:#}\nseed {seed}");
        ExitCode::from(UNFINISHED)
    })
}

/// The whole run, and its verdict. Of one that went wrong the nodes' directories are kept.
async fn run(arguments: &Arguments, seed: u64) -> Result<ExitCode> {
    let binary = server::binary(arguments.palabre.as_deref())?;
    let cluster = Cluster::start(&binary, arguments.nodes.max(1), arguments.plant.map(plant::filters)).await?;
    let found = violations(&cluster, arguments, seed).await.or_else(|error| {
        // Whoever waits too long has not been told, whatever else there is to say.
        let told = error.downcast::<NotTold>()?;
        anyhow::Ok(vec![told.to_string()])
    });
    if found.as_ref().is_ok_and(Vec::is_empty) {
        println!("Nothing that was acknowledged is lost, doubled, out of order or oversold.");
        return Ok(ExitCode::SUCCESS);
    }
    if let Ok(violations) = &found {
        println!("\n{} violations:", violations.len());
        violations.iter().for_each(|sentence| println!("  ✗ {sentence}"));
    }
    println!("\n{}seed {seed}", cluster.last_words().await);
    for node in cluster.nodes {
        println!("a node's directory is kept: {}", node.into_inner().server.keep()?.display());
    }
    found.map(|_| ExitCode::FAILURE)
}

/// What was promised and is not so.
async fn violations(cluster: &Cluster, arguments: &Arguments, seed: u64) -> Result<Vec<String>> {
    let duration = Duration::from_secs(arguments.duration);
    let crowd = Crowd::begin(cluster.balancer.address(), seed).await.context("the crowd gathers")?;
    let delivery = match arguments.plant {
        None => injector::inject(cluster, &crowd, &arguments.faults, duration, seed).await?,
        Some(_) => {
            tokio::time::sleep(duration).await;
            injector::Delivery::new()
        }
    };
    let ended = crowd.end().await;
    let mut verdict = Verdict::of(&ended).await?;
    for number in 0..cluster.nodes.len() {
        let mut node = cluster.node(number).await;
        node.server.stop().await?;
        // One log is proved once; every node has views of its own.
        let commands: &[&[&str]] =
            if number == 0 { &[&["verify"], &["rebuild", "--check"]] } else { &[&["rebuild", "--check"]] };
        verdict.prove(&node.server, commands)?;
    }
    report::tell(&verdict, &delivery, cluster.nodes.len(), duration, seed)?;
    Ok(verdict.violations)
}
