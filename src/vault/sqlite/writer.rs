//! The one thread that writes to the vault's file, many callers' writes per commit.
//!
//! It takes one write, then those that queued up while the last commit ran, up to [`GROUP_MAX`], and answers them when
//! they are on disk. There is no timer. Each write runs in a savepoint of its own, so that one that fails does not
//! take the others with it. What is written is the business of the other files.

use rusqlite::{Connection, TransactionBehavior};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

use super::failed;
use crate::vault::{Answer, VaultFailure};

/// Writes that wait; more are answered [`VaultFailure::Unavailable`] at once.
const QUEUE_MAX: usize = 4096;
/// Writes in one commit.
const GROUP_MAX: usize = 512;

/// What follows a write's commit, before its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// The write-ahead log is folded into the file and cut, so that it keeps nothing of what was deleted.
    Wipe,
}

/// The thread and the queue before it.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Write>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts writing through `connection`.
    pub(super) fn start(connection: Connection) -> Self {
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("vault-writer".to_owned());
        let thread = thread.spawn(move || write_all(connection, &waiting)).expect("a thread can be started");
        Self { queue: Some(queue), thread: Some(thread) }
    }

    /// Queues `work`; the answer comes after its commit and after what `then` asks for.
    pub(super) fn write<T: Send + 'static>(
        &self,
        then: Then,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        let write = Box::new(Queued { then, work: Some(work), outcome: None, reply });
        let queue = self.queue.as_ref().expect("the queue is open until the writer is dropped");
        let queued = queue.try_send(write);
        Box::pin(async move {
            queued.map_err(|_| VaultFailure::Unavailable)?;
            answer.await.unwrap_or(Err(VaultFailure::Unavailable))
        })
    }
}

impl Drop for Writer {
    /// Waits until everything that was queued is on disk.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the vault's writer had died");
        }
    }
}

trait Write: Send {
    /// Does the work; `false` when it failed and must be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    fn then(&self) -> Then;
    /// Answers what the work made, or `failure` when that is not on disk.
    fn answer(self: Box<Self>, failure: Option<VaultFailure>);
}

struct Queued<W, T> {
    then: Then,
    work: Option<W>,
    outcome: Option<Result<T, VaultFailure>>,
    reply: oneshot::Sender<Result<T, VaultFailure>>,
}

impl<T: Send, W: FnOnce(&Connection) -> rusqlite::Result<T> + Send> Write for Queued<W, T> {
    fn run(&mut self, connection: &Connection) -> bool {
        let work = self.work.take().expect("a write runs once");
        let outcome = work(connection).map_err(failed);
        let done = outcome.is_ok();
        self.outcome = Some(outcome);
        done
    }

    fn then(&self) -> Then {
        self.then
    }

    fn answer(self: Box<Self>, failure: Option<VaultFailure>) {
        let outcome = failure.map_or(self.outcome, |failure| Some(Err(failure)));
        // Whoever asked may have gone away: the write stands all the same.
        drop(self.reply.send(outcome.unwrap_or(Err(VaultFailure::Unavailable))));
    }
}

fn write_all(mut connection: Connection, waiting: &Receiver<Box<dyn Write>>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(GROUP_MAX - 1));
        let failure = commit(&mut connection, &mut group).err().map(failed);
        let must_wipe = failure.is_none() && group.iter().any(|write| write.then() == Then::Wipe);
        let not_wiped = if must_wipe { wipe(&connection).err() } else { None };
        for write in group {
            let unwiped = if write.then() == Then::Wipe { not_wiped.clone() } else { None };
            write.answer(failure.clone().or(unwiped));
        }
    }
}

fn commit(connection: &mut Connection, group: &mut [Box<dyn Write>]) -> rusqlite::Result<()> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for write in group {
        // A savepoint that is dropped is rolled back.
        let savepoint = transaction.savepoint()?;
        if write.run(&savepoint) {
            savepoint.commit()?;
        }
    }
    transaction.commit()
}

/// A reader in the middle of a page, in this process or another, can hold this up for longer than the busy timeout:
/// then the answer is "unavailable", and repeating the write wipes again.
fn wipe(connection: &Connection) -> Result<(), VaultFailure> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
    if busy { Err(VaultFailure::Unavailable) } else { Ok(()) }
}
