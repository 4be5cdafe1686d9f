//! The filling of a new file. Until it is done there is nothing in the file worth keeping, so nothing is forced to
//! disk; what a crash leaves behind is not marked as folded, and is begun anew. Saves a replay much of its writing.

use rusqlite::Connection;

use crate::file::file_version;

/// A batch of fewer events ends the filling: the log's head is near, and views are about to be used.
pub(crate) const BATCH_MIN: usize = 4_096;
/// Pages in the write-ahead log after which it is copied into the file while it is filled: 256 MiB. A page that many
/// batches change is then copied seldom.
const WAL_PAGES_FILLING: i64 = 64 * 1024;
/// The same for a file in use: 32 MiB.
const WAL_PAGES: i64 = 8 * 1024;

/// Whether the file is new, and not marked as folded yet.
pub(crate) fn is_under_way(db: &Connection) -> rusqlite::Result<bool> {
    db.pragma_query_value(None, "user_version", |row| Ok(row.get::<_, i32>(0)? != file_version()))
}

/// Sets the connection up for a file that is being filled, or for one in use.
pub(crate) fn set_up(db: &Connection, filling: bool) -> rusqlite::Result<()> {
    // In use, a power cut may lose the last batches; they are folded again from the log.
    let (synchronous, pages) = if filling { ("off", WAL_PAGES_FILLING) } else { ("normal", WAL_PAGES) };
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "wal_autocheckpoint", pages)
}

/// Forces all to disk and marks the file as folded. `false` when a reader is in the way: then try again later.
pub(crate) fn finish(db: &Connection) -> rusqlite::Result<bool> {
    db.pragma_update(None, "synchronous", "full")?;
    let is_blocked = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
    if !is_blocked {
        db.pragma_update(None, "user_version", file_version())?;
    }
    set_up(db, is_blocked)?;
    Ok(!is_blocked)
}
