//! The thread that writes a log, as its callers see it: appends go into the bounded queue and come back answered.
//!
//! What the thread does with them is each adapter's own affair.

use futures_util::future::{BoxFuture, ready};
use palabre_events::log::{Append, AppendFailure, ItemAnswer};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

use super::APPENDS_MAX;
use super::queue::{Offered, Request, WriteQueue};

/// A running writer. Dropping it writes out what was accepted, and then waits until the thread has ended.
#[derive(Debug)]
pub(super) struct Writing {
    queue: Arc<WriteQueue>,
    /// Turns true when the writer has let go of everything.
    closed: watch::Receiver<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Writing {
    /// Starts a thread that serves `queue` by `run` until it is closed and empty.
    pub fn start(queue: Arc<WriteQueue>, run: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (closed, closed_seen) = watch::channel(false);
        let abandon = Abandon(queue.clone());
        let thread = std::thread::Builder::new().name("palabre-log".to_owned()).spawn(move || {
            // Also when it panics: then whoever waits learns that the outcome is unknown.
            let _abandon = abandon;
            run();
            closed.send_replace(true);
        })?;
        Ok(Self { queue, closed: closed_seen, thread: Some(thread) })
    }

    /// As [`super::EventStore::append`].
    pub fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        let append = match checked(append) {
            Ok(append) => append,
            Err(malformed) => return Box::pin(ready(Err(malformed))),
        };
        let (reply, answer) = oneshot::channel();
        if !self.queue.offer(Request::one(append, reply)) {
            return Box::pin(ready(Err(AppendFailure::Unavailable)));
        }
        // A writer that ended without an answer leaves it open what became of the append.
        Box::pin(async { answer.await.unwrap_or(Err(AppendFailure::Unknown)) })
    }

    /// As [`super::EventStore::append_many`].
    pub fn append_many(&self, appends: Vec<Append>) -> BoxFuture<'static, Vec<Result<Vec<ItemAnswer>, AppendFailure>>> {
        let count = appends.len();
        if count > APPENDS_MAX {
            return Box::pin(ready(vec![Err(AppendFailure::Malformed); count]));
        }
        let (reply, answers) = oneshot::channel();
        if !self.queue.offer(Request::many(appends.into_iter().map(checked).collect(), reply)) {
            return Box::pin(ready(vec![Err(AppendFailure::Unavailable); count]));
        }
        Box::pin(async move { answers.await.unwrap_or_else(|_| vec![Err(AppendFailure::Unknown); count]) })
    }

    /// Takes nothing more; the answer comes when what was accepted is written and answered.
    pub fn close(&self) -> BoxFuture<'static, ()> {
        self.queue.close();
        let mut closed = self.closed.clone();
        Box::pin(async move {
            // An error means that the writer is gone, and so is what it held.
            drop(closed.wait_for(|closed| *closed).await);
        })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.queue.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the log's writer ended in a panic");
        }
    }
}

fn checked(append: Append) -> Offered {
    if append.is_well_formed() { Ok(append) } else { Err(AppendFailure::Malformed) }
}

/// Lets the head rise to `position`; it never goes back.
pub(super) fn raise(head: &watch::Sender<u64>, position: u64) {
    head.send_if_modified(|head| {
        let rises = position > *head;
        *head = position.max(*head);
        rises
    });
}

/// Drops what waits in the queue when it is dropped itself.
struct Abandon(Arc<WriteQueue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
