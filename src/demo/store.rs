//! The folder of a demo: whether it may become one, and how one is wiped. Whatever holds real data is left alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use uuid::Uuid;

use super::DemoFailure;
use super::marker::{self, Marker};
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::store::EventStore;
use crate::store::sqlite::{OpenFailure, SqliteStore, files};
use crate::vault::open::VaultUrl;

/// What SQLite keeps beside a file.
const SQLITE_SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// Makes sure that the folder of `config` is a demo's, and answers its marker. An empty one becomes a demo of `seed`; one
/// that was not filled to its end, or that is to be `renew`ed, is wiped first. Nothing else is touched.
pub fn ensure(config: &Config, seed: u64, renew: bool) -> Result<Marker, DemoFailure> {
    if config.store.is_some() || config.vault.is_some() {
        return Err(DemoFailure::NotEmbedded);
    }
    let Ok(VaultUrl::Sqlite(vault)) = config.vault_url() else { return Err(DemoFailure::NotEmbedded) };
    // Held to the end: a node whose log is elsewhere has no lock of a log here.
    let _data = DataFolder::claim(&config.data).map_err(DemoFailure::Claim)?;
    match look(config, &vault)? {
        Some(marker) if marker.filled && !renew => return Ok(marker),
        Some(marker) => wipe(config, &vault, &marker)?,
        None => {}
    }
    let log = SqliteStore::open(&config.data)?;
    let marker = Marker::new(log.log_id(), seed);
    marker.write(&config.data)?;
    Ok(marker)
}

/// The marker of the demo that is there; none where there is nothing yet.
fn look(config: &Config, vault: &Path) -> Result<Option<Marker>, DemoFailure> {
    let real = || DemoFailure::RealData(config.data.clone());
    let (log_id, head) = match SqliteStore::open_read_only(&config.data) {
        Ok(log) => (log.log_id(), *log.head().borrow()),
        // A vault whose log has gone is somebody's loss already; views and mails without a log are a node's whose log is
        // elsewhere.
        Err(OpenFailure::NoLog(_))
            if [vault, &config.views_file(), &config.mail_folder()].iter().any(|it| it.exists()) =>
        {
            return Err(real());
        }
        Err(OpenFailure::NoLog(_)) => return Ok(None),
        Err(failure) => return Err(failure.into()),
    };
    match Marker::read(&config.data, log_id)? {
        Some(marker) => Ok(Some(marker)),
        None if head == 0 && !vault.exists() => Ok(None),
        None => Err(real()),
    }
}

/// Removes the files of a demo, and none but those. Refused while a server has them.
fn wipe(config: &Config, vault: &Path, marker: &Marker) -> Result<(), DemoFailure> {
    // Held to the end, so that no server starts meanwhile.
    let log = SqliteStore::open(&config.data)?;
    is_still(log.log_id(), marker, config)?;
    // If this is cut short, the next start wipes what is left.
    Marker { filled: false, ..marker.clone() }.write(&config.data)?;
    for file in [vault, &config.views_file()] {
        for suffix in SQLITE_SUFFIXES {
            remove(&with_suffix(file, suffix))?;
        }
    }
    let mails = config.mail_folder();
    if mails.is_dir() {
        fs::remove_dir_all(&mails).map_err(|error| DemoFailure::Io(mails, error))?;
    }
    for file in files(&config.data) {
        for suffix in SQLITE_SUFFIXES {
            remove(&with_suffix(&file, suffix))?;
        }
    }
    remove(&marker::path(&config.data))
}

fn is_still(log_id: Uuid, marker: &Marker, config: &Config) -> Result<(), DemoFailure> {
    if log_id == marker.log_id { Ok(()) } else { Err(DemoFailure::RealData(config.data.clone())) }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(file: &Path) -> Result<(), DemoFailure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(DemoFailure::Io(file.to_owned(), error)),
        _ => Ok(()),
    }
}
