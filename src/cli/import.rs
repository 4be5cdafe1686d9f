//! `palabre import offers|requests FILE`.

use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use super::offline::Offline;
use super::{Settings, in_system, progress_bar};
use crate::config::Config;
use crate::import::{Kind, Owners, import};
use crate::telemetry::traces;

#[derive(Args)]
pub(super) struct Import {
    /// What the lines are.
    what: What,
    /// The file, one JSON object a line.
    file: PathBuf,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Offers,
    Requests,
}

/// Bad lines that are printed; the rest is only counted.
const BAD_LINES_SHOWN: u64 = 50;

impl Import {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config()?;
        traces::begin_lines(&config);
        in_system(self.import(config))
    }

    async fn import(&self, config: Config) -> anyhow::Result<ExitCode> {
        let file =
            File::open(&self.file).map_err(|error| anyhow::anyhow!("cannot open {}: {error}", self.file.display()))?;
        let length = file.metadata()?.len();
        let offline = Offline::open(&config)?;
        let mut owners = Owners::new(&offline.accounts, &offline.keyring);
        let kind = match self.what {
            What::Offers => Kind::Offers,
            What::Requests => Kind::Requests,
        };

        let bar = progress_bar(length, "importing");
        let started = Instant::now();
        let mut shown = 0;
        let bad = |number: u64, fault: &str| {
            shown += 1;
            if shown <= BAD_LINES_SHOWN {
                bar.suspend(|| eprintln!("line {number}: {fault}; skipped"));
            }
        };
        let lines = BufReader::with_capacity(1 << 20, file);
        let imported =
            import(kind, lines, &*offline.log, &offline.keyring, &mut owners, bad, |bytes| bar.set_position(bytes))
                .await?;
        bar.finish_and_clear();

        let took_s = started.elapsed().as_secs_f64();
        let per_s = (imported.new + imported.known) as f64 / took_s.max(1e-9);
        if self.json {
            let (new, known, bad) = (imported.new, imported.known, imported.bad);
            println!("{}", serde_json::json!({"new": new, "known": known, "bad": bad, "per_s": per_s.round()}));
        } else {
            println!(
                "{} new, {} known before, {} bad lines skipped; {per_s:.0} lines/s",
                imported.new, imported.known, imported.bad
            );
        }
        Ok(if imported.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
