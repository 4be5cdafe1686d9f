//! `palabre verify`.

use clap::Args;
use std::process::ExitCode;
use std::time::Instant;

use super::{Settings, in_system, progress_bar};
use crate::store::open::{Access, open};
use crate::store::verify::{NotProved, Proof, verify};
use crate::telemetry::traces;

#[derive(Args)]
pub(super) struct Verify {
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config()?;
        traces::begin_lines(&config);
        let store = open(&config.store_url()?, Access::Read)?;
        let bar = progress_bar(*store.head().borrow(), "verifying");
        let started = Instant::now();
        let proved = in_system(async { Ok(verify(&*store, |position, _| bar.set_position(position)).await) })?;
        bar.finish_and_clear();
        match proved {
            Ok(Proof { events, streams }) => {
                let per_s = events as f64 / started.elapsed().as_secs_f64().max(1e-9);
                if self.json {
                    println!("{}", serde_json::json!({"events": events, "streams": streams, "wrong": null}));
                } else {
                    println!("{events} events in {streams} streams: all proved ({per_s:.0} events/s)");
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(NotProved::Wrong(fault)) => {
                if self.json {
                    println!("{}", serde_json::json!({"wrong": fault.to_string()}));
                } else {
                    println!("WRONG: {fault}");
                }
                Ok(ExitCode::FAILURE)
            }
            Err(unread) => Err(unread.into()),
        }
    }
}
