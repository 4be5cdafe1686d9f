//! Opening the database: its settings, its shape and its name.

use palabre_events::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::time::Duration;
use uuid::Uuid;

use super::OpenFailure;
use super::folder::Folder;
use super::wal::WAL_KEPT_BYTES;

/// Marks the file as a log of palabre ("PLog").
const APPLICATION_ID: i64 = 0x504c_6f67;
/// The steps from an empty file to the present shape; the schema's version is how many were taken.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../../migrations/sqlite/0001_log.sql"),
    include_str!("../../../migrations/sqlite/0002_copying.sql"),
    include_str!("../../../migrations/sqlite/0003_stream_index.sql"),
];
/// The newest schema that this program knows.
pub(super) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;
/// How long a connection waits for another's lock. Only tools from outside ever hold one for long.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 32;
/// Size of a page of a new database.
pub(super) const PAGE_BYTES: u32 = 4096;
/// Page cache of the writer, in KiB; it holds the hot pages of the indexes.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Page cache of each reader, in KiB.
const READER_CACHE_KIB: i64 = 8 * 1024;

fn connect(folder: &Folder, flags: OpenFlags, cache_kib: i64) -> Result<Connection, OpenFailure> {
    if !folder.holds_a_database()? {
        return Err(OpenFailure::NotALog(folder.database()));
    }
    let connection = Connection::open_with_flags(folder.database(), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Otherwise a statement with `LIMIT ?` is compiled anew each time that it is used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(connection)
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// Opens it to write, and brings it to the present shape. The caller holds the folder's lock.
pub(super) fn open_to_write(folder: &Folder) -> Result<Connection, OpenFailure> {
    let mut connection = connect(folder, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE_KIB)?;
    check_identity(&connection, folder)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_KEPT_BYTES, |_| Ok(()))?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens it to read, also while another process writes.
pub(super) fn open_to_read(folder: &Folder) -> Result<Connection, OpenFailure> {
    let connection = connect(folder, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KIB)?;
    check_identity(&connection, folder)?;
    match number(&connection, "user_version")? {
        SCHEMA_VERSION => Ok(connection),
        0 => Err(OpenFailure::NoLog(folder.database())),
        found => Err(OpenFailure::Older { found, known: SCHEMA_VERSION }),
    }
}

/// Fails when the file belongs to something else or to a later program. An empty file belongs to nobody yet.
fn check_identity(connection: &Connection, folder: &Folder) -> Result<(), OpenFailure> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && number(connection, "application_id")? != APPLICATION_ID {
        return Err(OpenFailure::NotALog(folder.database()));
    }
    match number(connection, "user_version")? {
        found if found > SCHEMA_VERSION => Err(OpenFailure::Newer { found, known: SCHEMA_VERSION }),
        _ => Ok(()),
    }
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let taken = usize::try_from(number(connection, "user_version")?).unwrap_or(0);
    for (step, migration) in MIGRATIONS.iter().enumerate().skip(taken) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", step as i64 + 1)?;
        if step == 0 {
            transaction.execute("INSERT INTO log (one, log_id) VALUES (1, ?1)", [Uuid::new_v4().as_bytes()])?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// The log that this is an unfinished copy of.
pub(super) fn copy_of(connection: &Connection) -> rusqlite::Result<Option<Uuid>> {
    let row = connection.query_row("SELECT log_id FROM copying", [], |row| row.get(0).map(Uuid::from_bytes));
    row.optional()
}

/// Fails for an unfinished copy, which is not a log yet.
pub(super) fn demand_finished(connection: &Connection) -> Result<(), OpenFailure> {
    if copy_of(connection)?.is_some() { Err(OpenFailure::Unfinished) } else { Ok(()) }
}

/// The log's name. A backup has none, so that whoever first opens it to write gives it one: see `backup`.
pub(super) fn name(connection: &Connection) -> rusqlite::Result<Uuid> {
    let unnamed = "UPDATE log SET log_id = ?1 WHERE log_id = zeroblob(16)";
    connection.execute(unnamed, [Uuid::new_v4().as_bytes()])?;
    log_id(connection)
}

/// The log's name.
pub(super) fn log_id(connection: &Connection) -> rusqlite::Result<Uuid> {
    connection.query_row("SELECT log_id FROM log", [], |row| row.get(0)).map(Uuid::from_bytes)
}

/// The position of the last event, or 0.
pub(super) fn last_position(connection: &Connection) -> rusqlite::Result<u64> {
    let last = connection
        .query_row("SELECT position FROM events ORDER BY position DESC LIMIT 1", [], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(last.map_or(0, i64::cast_unsigned))
}

/// When the last event was recorded.
pub(super) fn last_recorded_at(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let last = connection
        .query_row("SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    Ok(last.and_then(Timestamp::from_millis))
}

/// An empty log that is nowhere.
#[cfg(test)]
pub(super) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    migrate(&mut connection).expect("the migrations are right");
    connection
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    #[test]
    fn a_statement_is_compiled_once_however_often_it_is_used() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::make(place.path()).expect("a folder");
        let connection = open_to_write(&folder).expect("opens");
        for limit in 1..=20 {
            let mut statement = connection.prepare_cached("SELECT position FROM events LIMIT ?1").expect("right");
            assert!(!statement.exists([limit]).expect("reads"));
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
