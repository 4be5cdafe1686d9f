//! Folding the WAL back into the database: when the log is idle, and under load once enough has gathered.
//!
//! SQLite's own trigger is off, since it would fold after every thousand pages, in the middle of a burst.

use rusqlite::Connection;

use super::schema::PAGE_BYTES;

/// Under load the WAL is folded once so much of it is new. More at once is cheaper, but a longer pause.
const FOLD_AFTER_BYTES: u64 = 16 * 1024 * 1024;
/// From this size on the writer waits for the last reader of an old state (at most the connection's wait for locks),
/// so that the WAL can start anew.
const WAIT_FOR_READERS_AFTER_BYTES: u64 = 128 * 1024 * 1024;
/// A WAL that grows to this size is told in the log of the program: a reader holds on to an old state.
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
    warned: bool,
}

impl Wal {
    /// Whether there is something to fold when the log is idle.
    pub fn is_unfolded(&self) -> bool {
        self.unfolded
    }

    /// After a commit: folds when much has gathered.
    pub fn committed(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let before = ask(connection, "NOOP")?;
        self.unfolded = before.unfolded_bytes > 0;
        if before.unfolded_bytes < FOLD_AFTER_BYTES {
            return Ok(());
        }
        let waits = before.bytes >= WAIT_FOR_READERS_AFTER_BYTES;
        let after = ask(connection, if waits { "RESTART" } else { "PASSIVE" })?;
        self.unfolded = after.unfolded_bytes > 0;
        let grown = after.bytes >= WARN_AFTER_BYTES && self.unfolded;
        if grown && !self.warned {
            tracing::warn!(
                wal_bytes = after.bytes,
                "the log's WAL cannot be folded: a reader holds on to an old state"
            );
        }
        self.warned = grown;
        Ok(())
    }

    /// When nothing else is to be done: folds what there is, as far as readers let it.
    pub fn idle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // What a reader still needs is folded after the next commit.
        self.unfolded = false;
        ask(connection, "PASSIVE").map(drop)
    }

    /// Before the end: folds everything and leaves an empty WAL.
    pub fn close(connection: &Connection) -> rusqlite::Result<()> {
        ask(connection, "TRUNCATE").map(drop)
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
