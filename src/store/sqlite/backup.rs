//! A backup of a log in a folder, taken while a server writes to it.
//!
//! It is a folder like any other log's, as of one moment, but without a name: whoever first opens it to write, each
//! time it is restored, gives it a new one, so that clients of the log that was lost start afresh.

use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;

use super::folder::Folder;
use super::{OpenFailure, schema};

/// Copies the log in `folder` into the folder `into`, which has none. Blocks for as long as reading and writing it
/// takes; the server goes on meanwhile, but cannot cut its WAL.
pub fn back_up(folder: &Path, into: &Path) -> anyhow::Result<()> {
    let connection = schema::open_to_read(&Folder::existing(folder)?)?;
    schema::demand_finished(&connection)?;
    let target = Folder::make(into)?;
    let _lock = target.lock()?;
    let file = target.database();
    anyhow::ensure!(file.metadata()?.len() == 0, "there is a log in {} already", into.display());
    let path = file.to_str().ok_or_else(|| anyhow::anyhow!("{} is not a path in UTF-8", file.display()))?;
    connection.execute("VACUUM INTO ?1", [path])?;
    unname(&file)?;
    File::open(&file)?.sync_all()?;
    File::open(into)?.sync_all()?;
    Ok(())
}

/// The copy is nobody's yet, and has no WAL.
fn unname(file: &Path) -> Result<(), OpenFailure> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute("UPDATE log SET log_id = zeroblob(16)", [])?;
    Ok(())
}
