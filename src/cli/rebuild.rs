//! `palabre rebuild [--check]`.

use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Settings, progress_bar};
use crate::data_folder::DataFolder;
use crate::feed::rebuild::fold_up_to;
use crate::store::{self, open::Access};
use crate::telemetry::traces;
use crate::vault::{self, Keyring};

#[derive(Args)]
pub(super) struct Rebuild {
    /// Only compare a fresh fold with the live views; exit code 1 when they differ. Works while a server runs.
    #[arg(long)]
    check: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Differences that are printed; the rest is only counted.
const DIFFERENCES_SHOWN: usize = 20;

impl Rebuild {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config()?;
        traces::begin_lines(&config);
        let live = config.views_file();
        // A rebuild that replaces the views must be alone; a check only reads.
        let access = if self.check { Access::Read } else { Access::Write };
        let log = store::open::open(&config.store_url()?, access)?;
        let _alone = if self.check { None } else { Some(DataFolder::claim(&config.data)?) };
        let opener = Arc::new(Keyring::new(vault::open::open(&config.vault_url()?)?)?);

        let folder = tempfile::Builder::new().prefix("rebuild-").tempdir_in(&config.data)?;
        let snapshot = folder.path().join("live.db");
        let fresh = folder.path().join("fresh.db");
        let up_to = if self.check { palabre_projections::snapshot(&live, &snapshot)? } else { *log.head().borrow() };
        let bar = progress_bar(up_to, "folding");
        let (views, rebuilt) = fold_up_to(&fresh, &log, opener, up_to, |position| bar.set_position(position))?;
        bar.finish_and_clear();
        let parked: Vec<_> = views.health().into_iter().filter(|projection| projection.parked.is_some()).collect();
        drop(views);
        let (events, per_s) = (rebuilt.events, rebuilt.events_per_s());
        for projection in &parked {
            eprintln!("{} cannot be folded: {:?}", projection.name, projection.parked);
        }

        let differences = if self.check { palabre_projections::compare(&snapshot, &fresh)? } else { Vec::new() };
        for difference in differences.iter().take(DIFFERENCES_SHOWN) {
            eprintln!("differs: {}", serde_json::to_string(difference)?);
        }
        if !self.check {
            palabre_projections::replace(&fresh, &live)?;
        }
        let found = differences.len();
        if self.json {
            let summary = serde_json::json!({"events": events, "per_s": per_s.round(), "differences": found});
            println!("{summary}");
        } else if self.check {
            println!("folded {events} events anew at {per_s:.0} events/s; {found} differences with the live views");
        } else {
            println!("folded {events} events at {per_s:.0} events/s; the views are new");
        }
        Ok(if found == 0 && parked.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
