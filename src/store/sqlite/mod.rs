//! The log in one SQLite file: the embedded default.
//!
//! Callers put appends into the bounded `queue`; the `writer` thread takes what has gathered, writes it as one
//! transaction through a `batch`, and answers once the commit is on disk. Reads go to a small pool of `readers`.
//! One process writes at a time, held by a lock in the `folder`; others may read beside it.

mod batch;
mod folder;
mod keys;
mod queue;
mod readers;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod wal;
mod writer;

use futures_util::future::{BoxFuture, ready};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::clock::RecordingClock;
use super::{APPENDS_MAX, EventStore, PAGE_MAX, ReadFailure};
use folder::Folder;
pub use folder::files;
use queue::{Offered, Request, WriteQueue};
use readers::Readers;
use writer::Writer;

/// A log in a folder. Dropping it writes out what was accepted, and then waits until the file is closed.
#[derive(Debug)]
pub struct SqliteStore {
    log_id: Uuid,
    head: watch::Receiver<u64>,
    readers: Arc<Readers>,
    /// None when it was opened to read only.
    writing: Option<Writing>,
}

#[derive(Debug)]
struct Writing {
    queue: Arc<WriteQueue>,
    /// Turns true when the writer has closed the file.
    closed: watch::Receiver<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
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
        let folder = Folder::make(folder)?;
        let lock = folder.lock()?;
        let queue = Arc::new(WriteQueue::default());
        let (head, head_seen) = watch::channel(0);
        let (closed, closed_seen) = watch::channel(false);
        let (log_id, mut writer) = Writer::open(folder.clone(), queue.clone(), head, clock)?;
        let readers = Arc::new(Readers::open(&folder)?);
        let thread = std::thread::Builder::new().name("palabre-log".to_owned()).spawn({
            let readers = readers.clone();
            move || {
                writer.run();
                // The readers go first, so that the last connection to go is one that can fold the WAL away.
                readers.close();
                writer.close();
                drop(lock);
                closed.send_replace(true);
            }
        })?;
        let writing = Writing { queue, closed: closed_seen, thread: Some(thread) };
        Ok(Self { log_id, head: head_seen, readers, writing: Some(writing) })
    }

    /// Opens the log in `folder` to read only, also while a server writes to it. Appends are answered
    /// [`AppendFailure::Unavailable`], and [`EventStore::head`] stays what it was at the opening.
    pub fn open_read_only(folder: &Path) -> Result<Self, OpenFailure> {
        let folder = Folder::existing(folder)?;
        let connection = schema::open_to_read(&folder)?;
        let (log_id, position) = (schema::log_id(&connection)?, schema::last_position(&connection)?);
        let (_, head) = watch::channel(position);
        Ok(Self { log_id, head, readers: Arc::new(Readers::open(&folder)?), writing: None })
    }

    fn offer(&self, request: Request) -> bool {
        self.writing.as_ref().is_some_and(|writing| writing.queue.offer(request))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        match self.writing.take() {
            None => self.readers.close(),
            Some(mut writing) => {
                writing.queue.close();
                if writing.thread.take().is_some_and(|thread| thread.join().is_err()) {
                    tracing::error!("the log's writer ended in a panic");
                }
            }
        }
    }
}

fn checked(append: Append) -> Offered {
    if append.is_well_formed() { Ok(append) } else { Err(AppendFailure::Malformed) }
}

impl EventStore for SqliteStore {
    fn log_id(&self) -> Uuid {
        self.log_id
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        let append = match checked(append) {
            Ok(append) => append,
            Err(malformed) => return Box::pin(ready(Err(malformed))),
        };
        let (reply, answer) = oneshot::channel();
        if !self.offer(Request::one(append, reply)) {
            return Box::pin(ready(Err(AppendFailure::Unavailable)));
        }
        // A writer that ended without an answer leaves it open what became of the append.
        Box::pin(async { answer.await.unwrap_or(Err(AppendFailure::Unknown)) })
    }

    fn append_many(&self, appends: Vec<Append>) -> BoxFuture<'static, Vec<Result<Vec<ItemAnswer>, AppendFailure>>> {
        let count = appends.len();
        if count > APPENDS_MAX {
            return Box::pin(ready(vec![Err(AppendFailure::Malformed); count]));
        }
        let (reply, answers) = oneshot::channel();
        if !self.offer(Request::many(appends.into_iter().map(checked).collect(), reply)) {
            return Box::pin(ready(vec![Err(AppendFailure::Unavailable); count]));
        }
        Box::pin(async move { answers.await.unwrap_or_else(|_| vec![Err(AppendFailure::Unknown); count]) })
    }

    fn first_answer(&self, command: KeyedCommand) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        self.readers.ask(move |connection| rows::first_answer(&mut rows::first_answer_statement(connection)?, &command))
    }

    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.readers.ask(move |connection| rows::read(connection, stream, after_version, limit.min(PAGE_MAX)))
    }

    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.readers.ask(move |connection| rows::read_all(connection, after_position, limit.min(PAGE_MAX)))
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let closed = match &self.writing {
            None => {
                self.readers.close();
                None
            }
            Some(writing) => {
                writing.queue.close();
                Some(writing.closed.clone())
            }
        };
        Box::pin(async move {
            if let Some(mut closed) = closed {
                // An error means that the writer is gone, and so is its connection.
                drop(closed.wait_for(|closed| *closed).await);
            }
        })
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }
}
