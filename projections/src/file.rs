//! The file that holds the views. It is disposable: when it was folded by another version of the folds, or from
//! another log, it is deleted and begun anew.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

use crate::columns;

/// Rises whenever the meaning of a fold changes; files of another version are folded anew. A change of the tables is
/// noticed by itself.
pub const FOLD_VERSION: u32 = 1;

/// Page cache of the connection that writes, in KiB: holds the hot pages of a replay.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Page cache of each connection that reads, in KiB.
const READER_CACHE_KIB: i64 = 4 * 1024;
/// Statements that a connection keeps prepared; there are fewer.
const STATEMENTS_KEPT: usize = 128;
/// How long a connection waits for another's lock. Readers never wait for the writer; this is for the file's opening.
const LOCK_WAIT_MS: u32 = 5_000;

const OWNER_ONLY: u32 = 0o600;

const TABLES: [&str; 10] = [
    include_str!("../../migrations/views/checkpoints.sql"),
    include_str!("../../migrations/views/offers.sql"),
    include_str!("../../migrations/views/requests.sql"),
    include_str!("../../migrations/views/conversations.sql"),
    include_str!("../../migrations/views/proposals.sql"),
    include_str!("../../migrations/views/reservations.sql"),
    include_str!("../../migrations/views/people.sql"),
    include_str!("../../migrations/views/history.sql"),
    include_str!("../../migrations/views/pending.sql"),
    include_str!("../../migrations/views/timers.sql"),
];

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// SQLite says no.
    #[error("the views cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be made.
    #[error("the views cannot be made: {0}")]
    Make(#[source] io::Error),
    /// An outdated file cannot be deleted.
    #[error("outdated views cannot be deleted: {0}")]
    Delete(#[source] io::Error),
}

/// Opens the file to write; it is begun anew unless it is whole, and was folded by this version of the folds from the
/// log `log_id`. A new one is not marked as folded; see `filling`.
pub(crate) fn open_to_write(path: &Path, log_id: Uuid) -> Result<Connection, OpenFailure> {
    make(path)?;
    match open_folded(path, log_id) {
        Ok(Some(db)) => return Ok(db),
        Ok(None) => tracing::info!(fold_version = FOLD_VERSION, "no views of this version and log; they begin anew"),
        Err(error) if is_damage(&error) => tracing::error!(%error, "the views are damaged; they begin anew"),
        Err(error) => return Err(error.into()),
    }
    delete(path).map_err(OpenFailure::Delete)?;
    make(path)?;
    let db = connect(path)?;
    create_tables(&db, log_id)?;
    Ok(db)
}

/// The file, when it is what its reader wants.
fn open_folded(path: &Path, log_id: Uuid) -> rusqlite::Result<Option<Connection>> {
    let db = connect(path)?;
    Ok((folded_from(&db)? == Some(log_id)).then_some(db))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Opens the file to read only.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(std::time::Duration::from_millis(LOCK_WAIT_MS.into()))?;
    db.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    keep_temporary_in_memory(&db)?;
    keep_statements(&db)?;
    Ok(db)
}

/// Deletes the file and what SQLite keeps beside it.
pub fn delete(path: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the file, for its owner's eyes alone: views hold names and places in the clear. What SQLite keeps beside it
/// gets the same permissions.
fn make(path: &Path) -> Result<(), OpenFailure> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(OWNER_ONLY).open(path);
    file.map(drop).map_err(OpenFailure::Make)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(std::time::Duration::from_millis(LOCK_WAIT_MS.into()))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // What is erased leaves no trace in freed pages.
    db.pragma_update(None, "secure_delete", "on")?;
    db.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    keep_temporary_in_memory(&db)?;
    keep_statements(&db)?;
    Ok(db)
}

/// What is sorted or may be undone waits in memory: files elsewhere would hold names in the clear, and a container may
/// have no place for them.
fn keep_temporary_in_memory(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "temp_store", "memory")
}

fn keep_statements(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Otherwise a statement with `LIMIT ?` is compiled anew each time that it is used.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The log that the file is folded from; `None` when it is new, incomplete or of another version.
fn folded_from(db: &Connection) -> rusqlite::Result<Option<Uuid>> {
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != file_version() {
        return Ok(None);
    }
    db.query_row("SELECT id FROM folded_log", [], |row| columns::uuid(row, 0)).map(Some)
}

fn create_tables(db: &Connection, log_id: Uuid) -> rusqlite::Result<()> {
    let all = db.unchecked_transaction()?;
    for tables in TABLES {
        all.execute_batch(tables)?;
    }
    all.execute("INSERT INTO folded_log (id) VALUES (?1)", [log_id.as_bytes()])?;
    all.commit()
}

/// What the file says of the folds and tables that it was made with: an FNV-1a hash of both.
pub(crate) fn file_version() -> i32 {
    let version = FOLD_VERSION.to_be_bytes();
    let bytes = version.iter().chain(TABLES.iter().flat_map(|tables| tables.as_bytes()));
    bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)).cast_signed()
}
