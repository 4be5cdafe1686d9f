//! When the server dies: at any moment, right after somebody accepted a proposal, or while it still starts.

use anyhow::Result;
use palabre_load_tests::crowd::Crowd;
use palabre_load_tests::progress;
use palabre_load_tests::server::Server;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::time::{Duration, Instant};

/// How long to wait for an acceptance, when one was chosen as the moment.
const ACCEPTANCE_BOUND: Duration = Duration::from_secs(3);

/// The starts after kills.
#[derive(Default)]
pub struct Restarts {
    /// How long each start took that was let to become ready, in ms.
    pub ready_ms: Vec<f64>,
    /// Kills right after somebody had accepted a proposal.
    pub at_acceptance: u32,
    /// Kills before the server was ready.
    pub while_starting: u32,
    /// When the last start was ready.
    pub last_ready: Option<Instant>,
}

/// Kills and restarts `server`, `kills` times.
pub async fn kill(server: &mut Server, kills: u32, seed: u64, crowd: &Crowd) -> Result<Restarts> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x6b69_6c6c);
    let bar = progress::bar(kills as usize, "kills")?;
    let mut restarts = Restarts::default();
    for _ in 0..kills {
        match rng.random_range(0..10) {
            0..4 => {
                if crowd.next_acceptance(ACCEPTANCE_BOUND).await {
                    restarts.at_acceptance += 1;
                }
                tokio::time::sleep(Duration::from_micros(rng.random_range(0..8_000))).await;
            }
            4 => {
                server.kill()?;
                server.spawn()?;
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..150))).await;
                restarts.while_starting += 1;
            }
            _ => tokio::time::sleep(Duration::from_millis(rng.random_range(20..700))).await,
        }
        server.kill()?;
        restarts.ready_ms.push(server.start().await?.as_secs_f64() * 1000.0);
        restarts.last_ready = Some(Instant::now());
        crowd.check()?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(restarts)
}
