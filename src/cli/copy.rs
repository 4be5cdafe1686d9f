//! `palabre copy [log|vault] --from URL --to URL`.

use clap::{Args, ValueEnum};
use std::process::ExitCode;
use std::time::Instant;

use super::{Settings, in_system, progress_bar};
use crate::clock;
use crate::demo::marker::Marker;
use crate::store::copy::{Contents, Copied, Extent, Progress, Stage, copy};
use crate::store::open::{self, Access, StoreUrl};
use crate::telemetry::traces;
use crate::vault::open::VaultUrl;
use crate::vault::{self, copy::Copied as CopiedVault};

#[derive(Args)]
pub(super) struct Copy {
    /// What to copy.
    #[arg(default_value = "log")]
    what: What,
    /// What is copied, `sqlite:…`, `postgres://…` or, for a log, `esdb://…`. Its nodes must be stopped, unless --ahead is
    /// given.
    #[arg(long, value_name = "URL", env = "PALABRE_COPY_FROM", hide_env_values = true)]
    from: String,
    /// Where to, told alike: an empty place, or one with an unfinished copy, of the same where it is a log's.
    #[arg(long, value_name = "URL", env = "PALABRE_COPY_TO", hide_env_values = true)]
    to: String,
    /// Copy what is in the log while it goes on, and leave the copy unfinished, so that a later run without this takes
    /// but a moment.
    #[arg(long)]
    ahead: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Everything that happened.
    Log,
    /// The keys that open it, people, roles and open sessions.
    Vault,
}

impl Copy {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        traces::begin_lines(&settings.config()?);
        match self.what {
            What::Log => self.copy_log()?,
            What::Vault => self.copy_vault()?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn copy_log(&self) -> anyhow::Result<()> {
        let (from, to): (StoreUrl, StoreUrl) = (self.from.parse()?, self.to.parse()?);
        let (extent, access) = if self.ahead { (Extent::Ahead, Access::Read) } else { (Extent::Whole, Access::Write) };
        let original = open::original(&from, access)?;
        if let StoreUrl::Sqlite(folder) = &from
            && Marker::read(folder, original.log_id())?.is_some()
        {
            // Its copy would pass for a real log, with people whose passwords were shown.
            anyhow::bail!("{} is a demo; make another one where it is wanted: palabre demo", folder.display());
        }
        let mut target = open::target(&to, original.log_id())?;
        let bar = progress_bar(*original.head().borrow(), "copying");
        let started = Instant::now();
        let Copied { events: copied_now, finished } =
            copy(&*original, &mut *target, extent, |Progress { stage, done, of }| {
                bar.set_message(match stage {
                    Stage::Copying => "copying",
                    Stage::Proving => "proving",
                    Stage::Comparing => "comparing",
                });
                bar.set_length(of);
                bar.set_position(done);
            })?;
        bar.finish_and_clear();
        let per_s = copied_now as f64 / started.elapsed().as_secs_f64().max(1e-9);
        if self.json {
            let (events, keys) = finished.map(|Contents { events, keys }| (events, keys)).unzip();
            let summary = serde_json::json!({
                "events": events, "copied_now": copied_now, "keys": keys, "per_s": per_s.round(),
                "finished": finished.is_some()
            });
            println!("{summary}");
        } else if let Some(Contents { events, keys }) = finished {
            println!("{events} events and {keys} keys, {copied_now} events of them now ({per_s:.0}/s): all proved");
        } else {
            println!("{copied_now} events now ({per_s:.0}/s); run it again without --ahead to finish");
        }
        Ok(())
    }

    fn copy_vault(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.ahead, "only a log can be copied ahead; a vault takes but a moment");
        let (from, to): (VaultUrl, VaultUrl) = (self.from.parse()?, self.to.parse()?);
        let (original, target) = (vault::open::original(&from)?, vault::open::target(&to)?);
        let copied = in_system(async { vault::copy::copy(&*original, &*target, clock::now()).await })?;
        let CopiedVault { keys, destroyed, people, sessions } = copied;
        if self.json {
            let summary = serde_json::json!({
                "keys": keys, "destroyed": destroyed, "people": people, "sessions": sessions
            });
            println!("{summary}");
        } else {
            println!("{keys} keys, {destroyed} destroyed ones, {people} people and {sessions} open sessions are there");
        }
        Ok(())
    }
}
