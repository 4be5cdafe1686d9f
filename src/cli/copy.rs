//! `palabre copy --from URL --to URL`.

use clap::Args;
use std::process::ExitCode;
use std::time::Instant;

use super::{Settings, log_to_stderr, progress_bar};
use crate::store::copy::{Copied, Extent, Progress, copy};
use crate::store::open::{self, Access, StoreUrl};

#[derive(Args)]
pub(super) struct Copy {
    /// The log to copy, `sqlite:FOLDER` or `postgres://…`. Its nodes must be stopped, unless --ahead is given.
    #[arg(long, value_name = "URL", env = "PALABRE_COPY_FROM", hide_env_values = true)]
    from: StoreUrl,
    /// An empty place, or one with an unfinished copy of the same log.
    #[arg(long, value_name = "URL", env = "PALABRE_COPY_TO", hide_env_values = true)]
    to: StoreUrl,
    /// Copy what is there while the log goes on, and leave the copy unfinished, so that a later run without this takes
    /// but a moment.
    #[arg(long)]
    ahead: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

impl Copy {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        log_to_stderr(&settings.config()?);
        let (extent, access) = if self.ahead { (Extent::Ahead, Access::Read) } else { (Extent::Whole, Access::Write) };
        let original = open::original(&self.from, access)?;
        let mut target = open::target(&self.to, original.log_id())?;
        let bar = progress_bar(*original.head().borrow(), "copying");
        let started = Instant::now();
        let copied = copy(&*original, &mut *target, extent, |progress| match progress {
            Progress::Copying(events) => bar.set_position(events),
            Progress::Proving(events) => {
                bar.set_message("proving");
                bar.set_position(events);
            }
        })?;
        bar.finish_and_clear();
        let Copied { events, resumed_at, keys } = copied;
        let (copied_now, finished) = (events - resumed_at, extent == Extent::Whole);
        let per_s = copied_now as f64 / started.elapsed().as_secs_f64().max(1e-9);
        if self.json {
            let summary = serde_json::json!({
                "events": events, "copied_now": copied_now, "keys": keys, "per_s": per_s.round(), "finished": finished
            });
            println!("{summary}");
        } else if finished {
            println!("{events} events and {keys} keys, {copied_now} events of them now ({per_s:.0}/s): all proved");
        } else {
            println!(
                "{events} events, {copied_now} of them now ({per_s:.0}/s); run it again without --ahead to finish"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
