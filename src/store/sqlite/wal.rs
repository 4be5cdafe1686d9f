//! Folding the WAL back into the database: when the log is idle, and under load once enough has gathered.
//!
//! SQLite's own trigger is off, since it would fold after every thousand pages, in the middle of a burst.

use rusqlite::Connection;
use rusqlite::hooks::Wal as Committed;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::schema::PAGE_BYTES;
use crate::telemetry::metrics;

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

impl Extent {
    fn new(pages: u64, folded_pages: u64) -> Self {
        let bytes = |pages| pages * u64::from(PAGE_BYTES);
        Self { bytes: bytes(pages), unfolded_bytes: bytes(pages.saturating_sub(folded_pages)) }
    }
}

/// Looks after the WAL of one connection.
#[derive(Debug)]
pub(super) struct Wal {
    /// Its pages after the last commit, as SQLite tells with each: asking for them takes longer.
    pages: Arc<AtomicU64>,
    /// So many of them were in the database's file when it was folded last.
    folded_pages: u64,
    unfolded: bool,
    /// Not before the WAL has this size: a reader holds on to an old state, and trying again at once would not help.
    again_at_bytes: u64,
    warned: bool,
}

impl Wal {
    /// Looks after the WAL of `connection`, which is the only one that writes.
    pub fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU64::new(0));
        let told = pages.clone();
        connection.wal_hook(Some(move |_: &mut Committed, pages: c_int| {
            told.store(u64::from(pages.unsigned_abs()), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { pages, folded_pages: 0, unfolded: false, again_at_bytes: 0, warned: false })
    }

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
        let before = self.extent();
        self.unfolded = true;
        if before.unfolded_bytes < FOLD_AFTER_BYTES || before.bytes < self.again_at_bytes {
            return Ok(before);
        }
        let after = self.fold(connection, "PASSIVE")?;
        let held = after.unfolded_bytes > 0;
        self.again_at_bytes = if held { after.bytes + FOLD_AFTER_BYTES } else { 0 };
        if held || after.bytes < RESTART_AFTER_BYTES { Ok(after) } else { self.fold(connection, "RESTART") }
    }

    /// When nothing else is to be done: folds what there is. What a reader still needs is left to the next time.
    pub fn idle(&mut self, connection: &Connection) {
        let extent = self.fold(connection, "PASSIVE");
        self.note(extent);
        self.unfolded = false;
    }

    /// As of the last commit.
    fn extent(&mut self) -> Extent {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.folded_pages {
            // What was folded whole is written again from its start.
            self.folded_pages = 0;
        }
        Extent::new(pages, self.folded_pages)
    }

    fn fold(&mut self, connection: &Connection, mode: &str) -> rusqlite::Result<Extent> {
        let (pages, folded) = ask(connection, mode)?;
        self.folded_pages = folded;
        Ok(Extent::new(pages, folded))
    }

    fn note(&mut self, extent: rusqlite::Result<Extent>) {
        match extent {
            Ok(Extent { bytes, unfolded_bytes }) => {
                metrics::log_unfolded(unfolded_bytes);
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

/// Folds, and tells how many pages the WAL has and how many of them are folded.
fn ask(connection: &Connection, mode: &str) -> rusqlite::Result<(u64, u64)> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        // Both are -1 when another connection folds just now.
        let pages = |column| row.get(column).map(|pages: i64| u64::try_from(pages).unwrap_or(0));
        Ok((pages(1)?, pages(2)?))
    })
}
