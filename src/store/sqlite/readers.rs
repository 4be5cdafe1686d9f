//! A small pool of read-only connections, each on a thread of its own, behind one bounded queue.
//!
//! Reads are short (a page at most), so that the WAL can always be folded back.

use futures_util::future::{BoxFuture, ready};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

use super::folder::Folder;
use super::{OpenFailure, schema};
use crate::store::ReadFailure;

/// Connections in the pool.
const READERS: usize = 4;
/// The most reads that wait; more are answered [`ReadFailure::Unavailable`].
pub(super) const WAITING_MAX: usize = 4096;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The pool.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    reads: VecDeque<Read>,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.waiting.lock().reads.len()).finish_non_exhaustive()
    }
}

impl Readers {
    /// Opens the pool.
    pub fn open(folder: &Folder) -> Result<Self, OpenFailure> {
        let readers = Self { queue: Arc::default(), threads: Mutex::default() };
        for _ in 0..READERS {
            let (connection, queue) = (schema::open_to_read(folder)?, readers.queue.clone());
            let thread = std::thread::Builder::new().name("palabre-log-read".to_owned());
            readers.threads.lock().push(thread.spawn(move || queue.serve(&connection))?);
        }
        Ok(readers)
    }

    /// Runs `read` on one of the connections.
    pub fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadFailure> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadFailure>> {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone meanwhile.
        let taken = self.queue.offer(Box::new(move |connection| drop(reply.send(read(connection)))));
        if !taken {
            return Box::pin(ready(Err(ReadFailure::Unavailable)));
        }
        Box::pin(async { answer.await.unwrap_or(Err(ReadFailure::Unavailable)) })
    }

    /// Answers what waits, takes no more, and waits until every connection is closed.
    pub fn close(&self) {
        self.queue.waiting.lock().closed = true;
        self.queue.changed.notify_all();
        for thread in self.threads.lock().drain(..) {
            thread.join().expect("a reader survives the panic of a read");
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn offer(&self, read: Read) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.closed || waiting.reads.len() >= WAITING_MAX {
            return false;
        }
        waiting.reads.push_back(read);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    fn serve(&self, connection: &Connection) {
        while let Some(read) = self.next() {
            // A panic is a bug of that one read, which is left without an answer; the others go on.
            if catch_unwind(AssertUnwindSafe(|| read(connection))).is_err() {
                tracing::error!("a read of the log panicked");
            }
        }
    }

    fn next(&self) -> Option<Read> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(read) = waiting.reads.pop_front() {
                return Some(read);
            }
            if waiting.closed {
                return None;
            }
            self.changed.wait(&mut waiting);
        }
    }
}
