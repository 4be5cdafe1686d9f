//! `palabre demo`: fills a folder of its own with made-up people and rides, says how to sign in, and serves.

use clap::Args;
use std::process::ExitCode;

use super::serve::serve_on;
use super::{ServerSettings, Settings, in_system, progress_bar};
use crate::clock;
use crate::config::Config;
use crate::demo::cast::CAST;
use crate::demo::marker::Marker;
use crate::demo::{fill, store};
use crate::platform::Platform;
use crate::telemetry::traces;

/// The seed of a demo unless another one is said.
const SEED: u64 = 1;

#[derive(Args)]
pub(super) struct Demo {
    /// Wipe the demo that is there, and make a new one with rides of the coming days. Wipes nothing else than a demo.
    #[arg(long)]
    renew: bool,
    /// Draw the rides of a new demo from this number: the same one gives the same rides.
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
    #[command(flatten)]
    server: ServerSettings,
}

impl Demo {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config_with(&self.server)?;
        traces::begin_lines(&config);
        let marker = store::ensure(&config, self.seed, self.renew)?;
        in_system(demo(config, marker))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn demo(config: Config, marker: Marker) -> anyhow::Result<()> {
    let platform = Platform::start(config).await?;
    if marker.filled {
        let notes = notes(&marker, "There was a demo here already; it is served as it is.");
        return serve_on(platform, &notes).await;
    }
    let bar = progress_bar(0, "filling the demo");
    let filled = fill::fill(&platform, marker, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let filled = filled.await;
    bar.finish_and_clear();
    match filled {
        Ok(marker) => serve_on(platform, &notes(&marker, "The demo is new.")).await,
        Err(failure) => {
            platform.stop().await;
            Err(failure.into())
        }
    }
}

/// What whoever looks around must know.
fn notes(marker: &Marker, beginning: &str) -> Vec<String> {
    let mut notes = vec![format!("{beginning} Its people and rides are made up. Sign in as one of them, or sign up:")];
    notes.extend(CAST.map(|person| {
        format!("  {:22} {}  {}: {}", person.email(), person.password(&marker.secret), person.name(), person.shows())
    }));
    let have_left = marker.lasts_until.is_some_and(|until| until < clock::now());
    notes.push(if have_left {
        "All rides of this demo have left. `palabre demo --renew` makes a new one, of the coming days.".to_owned()
    } else {
        "Search for a ride from Grenoble to Lyon in two days at half past seven, for instance.".to_owned()
    });
    notes
}
