//! Folding the WAL back into the database: when the log is idle, and under load once enough has gathered.
//!
//! SQLite's own trigger is off, since it would fold after every thousand pages, in the middle of a burst.

use rusqlite::Connection;

use super::schema::PAGE_BYTES;

/// Under load the WAL is folded once so much of it is new. More at once is cheaper, but a longer pause.
const FOLD_AFTER_BYTES: u64 = 16 * 1024 * 1024;
/// A WAL of this size that is folded waits for its last reader (at most the connection's wait for locks), so that it
/// can start anew.
const RESTART_AFTER_BYTES: u64 = 64 * 1024 * 1024;
/// So much that cannot be folded is told in the program's own log.
const WARN_AFTER_BYTES: u64 = 256 * 1024 * 1024;
/// The WAL's file is cut to this size when it starts anew. Kept, its blocks need no new allocation.
pub(super) const WAL_KEPT_BYTES: u32 = 32 * 1024 * 1024;

/// How far the WAL has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    /// All of it.
    bytes: u64,
    /// What is not in the database's file yet.
    unfolded_bytes: u64,
}

/// Looks after the WAL of one connection.
#[derive(Debug, Default)]
pub(super) struct Wal {
    unfolded: bool,
    /// Not before the WAL has this size: a reader holds on to an old state, and trying again at once would not help.
    again_at_bytes: u64,
    warned: bool,
}

impl Wal {
    /// Whether there is something to fold when the log is idle.
    pub fn is_unfolded(&self) -> bool {
        self.unfolded
    }

    /// After a commit: folds when much has gathered.
    pub fn committed(&mut self, connection: &Connection) {
        let extent = self.fold_when_much(connection);
        self.note(extent);
    }

    fn fold_when_much(&mut self, connection: &Connection) -> rusqlite::Result<Extent> {
        let before = ask(connection, "NOOP")?;
        self.unfolded = before.unfolded_bytes > 0;
        if before.unfolded_bytes < FOLD_AFTER_BYTES || before.bytes < self.again_at_bytes {
            return Ok(before);
        }
        let after = ask(connection, "PASSIVE")?;
        let held = after.unfolded_bytes > 0;
        self.again_at_bytes = if held { after.bytes + FOLD_AFTER_BYTES } else { 0 };
        if held || after.bytes < RESTART_AFTER_BYTES { Ok(after) } else { ask(connection, "RESTART") }
    }

    /// When nothing else is to be done: folds what there is. What a reader still needs is left to the next time.
    pub fn idle(&mut self, connection: &Connection) {
        self.note(ask(connection, "PASSIVE"));
        self.unfolded = false;
    }

    fn note(&mut self, extent: rusqlite::Result<Extent>) {
        match extent {
            Ok(Extent { bytes, unfolded_bytes }) => {
                let held = unfolded_bytes >= WARN_AFTER_BYTES;
                if held && !self.warned {
                    tracing::warn!(bytes, "the log's WAL grows: a reader holds on to an old state");
                }
                self.warned = held;
            }
            // Nothing is lost by it; the next commit tries again.
            Err(error) => tracing::warn!(%error, "the log's WAL is not folded"),
        }
    }

    /// Before the end: folds everything and leaves an empty WAL.
    pub fn close(connection: &Connection) {
        if let Err(error) = ask(connection, "TRUNCATE") {
            tracing::warn!(%error, "the log's WAL is left to the next start");
        }
    }
}

fn ask(connection: &Connection, mode: &str) -> rusqlite::Result<Extent> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    statement.query_row([], |row| {
        // Both are -1 when another connection folds just now.
        let pages = |column| row.get(column).map(|pages: i64| u64::try_from(pages).unwrap_or(0));
        let (all, folded) = (pages(1)?, pages(2)?);
        Ok(Extent {
            bytes: all * u64::from(PAGE_BYTES),
            unfolded_bytes: all.saturating_sub(folded) * u64::from(PAGE_BYTES),
        })
    })
}
