//! A log in a folder as the original of a copy, and as its target.

use futures_util::future::BoxFuture;
use lru::LruCache;
use palabre_events::StreamId;
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

use super::folder::{Folder, WriteLock};
use super::inserts::Inserts;
use super::{SqliteStore, rows, schema, stream_index};
use crate::clock;
use crate::store::copy::{NUMBERS_KEPT, NoTarget, Original, Target, counted};
use crate::store::found::Found;
use crate::store::keys::{is_kept, oldest_kept};
use crate::store::{PAGE_MAX, ReadFailure};

impl Original for SqliteStore {
    fn read_keyed(&self, after_position: u64) -> BoxFuture<'static, Result<Vec<Found>, ReadFailure>> {
        self.readers.ask(move |connection| {
            let oldest_kept = oldest_kept(clock::now());
            let events = rows::read_all(connection, after_position, PAGE_MAX)?;
            let found = events.into_iter().map(|envelope| {
                let keyed = rows::command_at(connection, &envelope)?.filter(|keyed| is_kept(keyed.key, oldest_kept));
                Ok(Found { envelope, keyed })
            });
            found.collect()
        })
    }
}

/// A folder that a log is copied into. Nobody else writes to it meanwhile.
pub struct SqliteTarget {
    folder: Folder,
    connection: Connection,
    numbers: LruCache<StreamId, i64>,
    position: u64,
    _lock: WriteLock,
}

impl SqliteTarget {
    /// Begins a copy of the log `of` in `folder`, which has no log, or goes on with the one there.
    pub fn open(folder: &Path, of: Uuid) -> anyhow::Result<Self> {
        let folder = Folder::make(folder)?;
        let lock = folder.lock()?;
        let connection = schema::open_to_write(&folder)?;
        let position = schema::last_position(&connection)?;
        NoTarget::check(of, position, schema::copy_of(&connection)?)?;
        connection.execute("INSERT OR IGNORE INTO copying (one, log_id) VALUES (1, ?1)", [of.as_bytes()])?;
        let numbers = LruCache::new(NUMBERS_KEPT);
        Ok(Self { folder, connection, numbers, position, _lock: lock })
    }

    /// Does `work` in one transaction.
    fn write(
        &mut self,
        work: impl FnOnce(&Connection, &mut LruCache<StreamId, i64>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&transaction, &mut self.numbers)?;
        transaction.commit()?;
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}

impl Target for SqliteTarget {
    fn position(&self) -> u64 {
        self.position
    }

    fn add(&mut self, events: &[Found]) -> anyhow::Result<()> {
        let events = counted(events, self.position);
        self.write(|connection, numbers| {
            let mut inserts = Inserts::new(connection)?;
            let mut known = connection.prepare_cached("SELECT 1 FROM keys WHERE key = ?1 AND account = ?2")?;
            for found in &events {
                let stream = found.envelope.stream;
                let stream_no = match numbered(connection, numbers, stream)? {
                    Some(number) => number,
                    None => {
                        let number = inserts.stream(stream)?;
                        numbers.put(stream, number);
                        number
                    }
                };
                inserts.event(stream_no, &found.envelope)?;
                if let Some((keyed, first)) = found.first_answer()
                    && !known.exists(params![keyed.key.0.as_bytes(), keyed.account.0.as_bytes()])?
                {
                    inserts.key(stream_no, &keyed, &first)?;
                }
            }
            Ok(stream_index::complete_within(connection)?)
        })?;
        self.position += events.len() as u64;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<Arc<dyn Original>> {
        let connection = schema::open_to_read(&self.folder)?;
        Ok(Arc::new(SqliteStore::reading(&self.folder, &connection)?))
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.write(|connection, _| Ok(connection.execute("DELETE FROM copying", []).map(drop)?))
    }
}

fn numbered(
    connection: &Connection,
    numbers: &mut LruCache<StreamId, i64>,
    stream: StreamId,
) -> rusqlite::Result<Option<i64>> {
    if let Some(number) = numbers.get(&stream) {
        return Ok(Some(*number));
    }
    let number = rows::stream_no(connection, stream)?;
    if let Some(number) = number {
        numbers.put(stream, number);
    }
    Ok(number)
}
