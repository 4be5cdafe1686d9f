//! `palabre backup log FOLDER` and `palabre backup vault FILE`.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Settings, in_system, progress_bar};
use crate::store::EventStore;
use crate::store::open::StoreUrl;
use crate::store::sqlite::{SqliteStore, backup};
use crate::store::verify::{Proof, verify};
use crate::telemetry::traces;
use crate::vault::open::VaultUrl;
use crate::vault::sqlite;

#[derive(Args)]
pub(super) struct Backup {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The log, into a new folder, and prove it there. Restored, it gets a new name, and clients start afresh.
    Log {
        /// The new folder.
        folder: PathBuf,
    },
    /// The vault, into a new file. It holds the keys of everybody who is not erased by now: keep it apart from the
    /// log's backups, and not for long.
    Vault {
        /// The new file.
        file: PathBuf,
    },
}

const ELSEWHERE: &str = "it is on a server, which has its own means of backup: see docs/OPERATING.md";

impl Backup {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config()?;
        traces::begin_lines(&config);
        match &self.what {
            What::Log { folder } => {
                let StoreUrl::Sqlite(log) = config.store_url()? else { anyhow::bail!(ELSEWHERE) };
                backup::back_up(&log, folder)?;
                let copy = SqliteStore::open_read_only(folder)?;
                let bar = progress_bar(*copy.head().borrow(), "proving");
                let proof = in_system(async { Ok(verify(&copy, |position, _| bar.set_position(position)).await?) });
                bar.finish_and_clear();
                let Proof { events, streams } = proof?;
                println!("{events} events in {streams} streams are in {}: all proved", folder.display());
            }
            What::Vault { file } => {
                let VaultUrl::Sqlite(vault) = config.vault_url()? else { anyhow::bail!(ELSEWHERE) };
                sqlite::back_up(&vault, file)?;
                println!("the vault is in {}; it opens everything: keep it apart, and not for long", file.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
