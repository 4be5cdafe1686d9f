//! The log in one SQLite file: the embedded default. Decision 12 says how its streams are indexed.
//!
//! Callers put appends into the bounded queue; the `writer` thread takes what has gathered, writes it as one
//! transaction through a `batch`, and answers once the commit is on disk. Reads go to a small pool of `readers`.
//! One process writes at a time, held by a lock in the `folder`; others may read beside it.

pub mod backup;
mod batch;
mod copy;
mod folder;
mod inserts;
mod keys;
mod readers;
mod recent;
mod rows;
mod schema;
mod stream_index;
#[cfg(test)]
mod tests;
mod transaction;
mod wal;
mod writer;

use futures_util::future::{BoxFuture, ready};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use rusqlite::Connection;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

use super::clock::RecordingClock;
use super::queue::WriteQueue;
use super::writing::Writing;
use super::{EventStore, PAGE_MAX, ReadFailure};
pub use copy::SqliteTarget;
use folder::Folder;
pub use folder::files;
use readers::Readers;
use recent::Recent;
use writer::Writer;

/// A log in a folder. Dropping it writes out what was accepted, and then waits until the file is closed.
#[derive(Debug)]
pub struct SqliteStore {
    log_id: Uuid,
    head: watch::Receiver<u64>,
    readers: Arc<Readers>,
    recent: Arc<Recent>,
    /// None when it was opened to read only.
    writing: Option<Writing>,
}

/// Why a log does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// Another process writes to it.
    #[error("the store is in use by another palabre; stop it first")]
    InUse,
    /// There is nothing to read.
    #[error("there is no log in {0}")]
    NoLog(std::path::PathBuf),
    /// The file is something else.
    #[error("{0} is not a log of palabre")]
    NotALog(std::path::PathBuf),
    /// It was written by a later program.
    #[error("the log has schema {found}, this palabre knows up to {known}; use a newer palabre")]
    Newer {
        /// The log's schema version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It was written by an earlier program, and may only be read here.
    #[error(
        "the log has schema {found}, this palabre reads {known}; start the server once, which brings it up to date"
    )]
    Older {
        /// The log's schema version.
        found: i64,
        /// The one that this program reads.
        known: i64,
    },
    /// It is a copy that was never finished.
    #[error("this log is an unfinished copy; finish it with `palabre copy`, or use another folder")]
    Unfinished,
    /// A file or thread cannot be had.
    #[error("cannot open the log: {0}")]
    Io(#[from] io::Error),
    /// SQLite says no.
    #[error("cannot open the log: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl SqliteStore {
    /// Opens the log in `folder` to read and write, and makes both where there is none.
    pub fn open(folder: &Path) -> Result<Self, OpenFailure> {
        Self::open_with(folder, RecordingClock::system())
    }

    /// As [`SqliteStore::open`], recording by another clock.
    pub fn open_with(folder: &Path, clock: RecordingClock) -> Result<Self, OpenFailure> {
        Self::open_in(&Folder::make(folder)?, clock)
    }

    /// As [`SqliteStore::open`], but fails where there is no log.
    pub fn open_existing(folder: &Path) -> Result<Self, OpenFailure> {
        Self::open_in(&Folder::existing(folder)?, RecordingClock::system())
    }

    fn open_in(folder: &Folder, clock: RecordingClock) -> Result<Self, OpenFailure> {
        let lock = folder.lock()?;
        let queue = Arc::new(WriteQueue::default());
        let (head, head_seen) = watch::channel(0);
        let recent = Arc::<Recent>::default();
        let (log_id, mut writer) = Writer::open(folder.clone(), queue.clone(), recent.clone(), head, clock)?;
        let readers = Arc::new(Readers::open(folder)?);
        let writing = Writing::start(queue, {
            let readers = readers.clone();
            move || {
                writer.run();
                // The readers go first, so that the last connection to go is one that can fold the WAL away.
                readers.close();
                writer.close();
                drop(lock);
            }
        })?;
        Ok(Self { log_id, head: head_seen, readers, recent, writing: Some(writing) })
    }

    /// Opens the log in `folder` to read only, also while a server writes to it. Appends are answered
    /// [`AppendFailure::Unavailable`], and [`EventStore::head`] stays what it was at the opening.
    pub fn open_read_only(folder: &Path) -> Result<Self, OpenFailure> {
        let folder = Folder::existing(folder)?;
        let connection = schema::open_to_read(&folder)?;
        schema::demand_finished(&connection)?;
        Self::reading(&folder, &connection)
    }

    /// To read what is there, be it a whole log or an unfinished copy.
    fn reading(folder: &Folder, connection: &Connection) -> Result<Self, OpenFailure> {
        let (log_id, position) = (schema::log_id(connection)?, schema::last_position(connection)?);
        let (_, head) = watch::channel(position);
        Ok(Self { log_id, head, readers: Arc::new(Readers::open(folder)?), recent: Arc::default(), writing: None })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        match self.writing.take() {
            None => self.readers.close(),
            Some(writing) => drop(writing),
        }
    }
}

impl EventStore for SqliteStore {
    fn log_id(&self) -> Uuid {
        self.log_id
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        match &self.writing {
            Some(writing) => writing.append(append),
            None => Box::pin(ready(Err(AppendFailure::Unavailable))),
        }
    }

    fn append_many(&self, appends: Vec<Append>) -> BoxFuture<'static, Vec<Result<Vec<ItemAnswer>, AppendFailure>>> {
        match &self.writing {
            Some(writing) => writing.append_many(appends),
            None => Box::pin(ready(vec![Err(AppendFailure::Unavailable); appends.len()])),
        }
    }

    fn first_answer(
        &self,
        _: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        self.readers.ask(move |connection| rows::first_answer(&mut rows::first_answer_statement(connection)?, &command))
    }

    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        let limit = limit.min(PAGE_MAX);
        // Before the file is read, so that what is indexed meanwhile is found there.
        let unindexed = self.recent.unindexed(stream);
        let is_all =
            |events: &&Vec<Arc<Envelope>>| events.first().is_some_and(|first| first.version - 1 <= after_version);
        if let Some(events) = unindexed.as_ref().filter(is_all) {
            return Box::pin(ready(Ok(rows::behind(after_version, events).take(limit).cloned().collect())));
        }
        self.readers.ask(move |connection| rows::read(connection, stream, after_version, limit, unindexed))
    }

    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        let limit = limit.min(PAGE_MAX);
        match self.recent.after(after_position, limit) {
            Some(events) => Box::pin(ready(Ok(events))),
            None => self.readers.ask(move |connection| rows::read_all(connection, after_position, limit)),
        }
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        match &self.writing {
            Some(writing) => writing.close(),
            None => {
                self.readers.close();
                Box::pin(ready(()))
            }
        }
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }
}
