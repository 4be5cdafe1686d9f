//! A transaction whose statements are prepared once, and not with each commit.

use rusqlite::Connection;

/// A transaction that writes. It is rolled back when it is dropped before its commit, or when that fails.
pub(super) struct Transaction<'c>(&'c Connection);

impl<'c> Transaction<'c> {
    /// Begins, once nobody else writes.
    pub fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    /// Commits, to the disk.
    pub fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // SQLite ends one by itself after some failures. One that cannot be ended keeps the next from beginning, which
        // is then told.
        if !self.0.is_autocommit() {
            drop(self.0.prepare_cached("ROLLBACK").and_then(|mut rollback| rollback.execute([])));
        }
    }
}
