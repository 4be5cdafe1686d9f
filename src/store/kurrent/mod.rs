//! The log on KurrentDB, formerly EventStoreDB: streams map one to one, the server gives positions and judges versions.
//!
//! Appends go through `lanes`, one after the other within a stream, to `append`, which judges keys by what is `known` of
//! the stream and asks the server over a `connection`. `recording` says how an envelope lies in the server's event,
//! `reading` finds it again, `head` follows `$all`. The log has a `name` in a stream of its own. Callers come from any
//! thread; everything runs on a runtime of this log's own.

mod address;
mod append;
mod connection;
mod copy;
mod head;
mod known;
mod lanes;
mod name;
#[cfg(target_os = "linux")]
mod nodelay;
mod reading;
mod recording;
#[cfg(test)]
mod tests;

use futures_util::future::{BoxFuture, ready};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot, watch};
use uuid::Uuid;

use super::clock::RecordingClock;
use super::found::Found;
use super::{EventStore, ReadFailure};
pub use address::{Address, BadAddress};
use append::Log;
use connection::Connection;
pub use copy::KurrentTarget;
use known::Known;
use lanes::Lanes;
use name::Is;

/// How long an append may take before its outcome is open.
const APPEND_WITHIN: Duration = Duration::from_secs(10);
/// The most reads that wait; more are answered [`ReadFailure::Unavailable`] at once.
const READS_WAITING_MAX: usize = 4096;
/// The most reads that are with the server at the same time.
const READS_AT_ONCE: usize = 32;
/// Threads that speak to the server.
const THREADS: usize = 2;

/// A log on a server or a cluster. Dropping it writes out what was accepted, within a bound.
pub struct KurrentStore {
    log_id: Uuid,
    log: Arc<Log>,
    /// None when it was opened to read only.
    lanes: Option<Lanes>,
    reads: Arc<Reads>,
    /// Gone only while it is dropped.
    runtime: Option<Runtime>,
    /// Ends the following of the head when it is dropped.
    _following: watch::Sender<()>,
}

/// Room for reads.
struct Reads {
    waiting: Arc<Semaphore>,
    at_once: Semaphore,
}

/// Why a log is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// The server cannot be reached, or says no.
    #[error("the log at {address} cannot be used: {why}; see the log for what its server said")]
    Server {
        /// Where, without secrets.
        address: String,
        /// What is wrong.
        why: ReadFailure,
    },
    /// There is nothing to read.
    #[error("there is no log of palabre at {address}")]
    Missing {
        /// Where, without secrets.
        address: String,
    },
    /// It is a copy that was never finished.
    #[error("this log is an unfinished copy; finish it with `palabre copy`, or use another server")]
    Unfinished,
    /// A thread cannot be had.
    #[error("cannot open the log: {0}")]
    Io(#[from] std::io::Error),
}

impl KurrentStore {
    /// Opens the log at `address` to read and write, and gives it a name where it has none. Blocks.
    pub fn open(address: &Address) -> Result<Self, OpenFailure> {
        Self::open_with(address, RecordingClock::system(), APPEND_WITHIN)
    }

    /// As [`KurrentStore::open`], recording by another clock, and with another patience for appends.
    pub fn open_with(address: &Address, clock: RecordingClock, append_within: Duration) -> Result<Self, OpenFailure> {
        let mut store = Self::connect_to_log(address, clock, append_within, true)?;
        let following = watch::Sender::new(());
        head::follow_on_a_thread(address.clone(), store.log.head.clone(), following.subscribe())?;
        store.lanes = Some(Lanes::new(store.log.clone(), store.runtime().clone()));
        store._following = following;
        Ok(store)
    }

    /// Opens the log at `address` to read only. Appends are answered [`AppendFailure::Unavailable`], and
    /// [`EventStore::head`] stays what it was at the opening. Blocks.
    pub fn open_read_only(address: &Address) -> Result<Self, OpenFailure> {
        Self::connect_to_log(address, RecordingClock::system(), APPEND_WITHIN, false)
    }

    fn connect_to_log(
        address: &Address,
        clock: RecordingClock,
        answer_within: Duration,
        may_name: bool,
    ) -> Result<Self, OpenFailure> {
        let shown = address.to_string();
        Self::connect(address, clock, answer_within, async move |log| match named(&log, may_name).await {
            Ok(Some(Is::Log(name))) => Ok(name),
            Ok(Some(Is::CopyOf(_))) => Err(OpenFailure::Unfinished),
            Ok(None) => Err(OpenFailure::Missing { address: shown }),
            Err(why) => Err(OpenFailure::Server { address: shown, why }),
        })
    }

    /// Connects, and has `name` say of which log it is. Blocks.
    fn connect<E: From<OpenFailure> + Send + 'static, N: Future<Output = Result<Uuid, E>> + Send + 'static>(
        address: &Address,
        clock: RecordingClock,
        answer_within: Duration,
        name: impl FnOnce(Arc<Log>) -> N,
    ) -> Result<Self, E> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("palabre-kurrentdb")
            .enable_all()
            .build()
            .map_err(OpenFailure::from)?;
        let log = Arc::new(Log {
            connection: Connection::new(runtime.handle().clone(), address.settings()),
            known: Mutex::new(Known::default()),
            clock: Mutex::new(clock),
            head: watch::Sender::new(0),
            answer_within,
        });
        let ((reply, answer), naming) = (std::sync::mpsc::sync_channel(1), name(log.clone()));
        // Whoever opens waits for it.
        runtime.spawn(async move { drop(reply.send(naming.await)) });
        let unnamed = || OpenFailure::Server { address: address.to_string(), why: ReadFailure::Unavailable };
        let log_id = match answer.recv().unwrap_or_else(|_| Err(unnamed().into())) {
            Ok(log_id) => log_id,
            Err(failure) => {
                runtime.shutdown_background();
                return Err(failure);
            }
        };
        let (waiting, at_once) = (Arc::new(Semaphore::new(READS_WAITING_MAX)), Semaphore::new(READS_AT_ONCE));
        let reads = Arc::new(Reads { waiting, at_once });
        Ok(Self { log_id, log, lanes: None, reads, runtime: Some(runtime), _following: watch::Sender::new(()) })
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        self.runtime.as_ref().expect("it goes last").handle()
    }

    /// Asks on this log's runtime, within the bounds of reads.
    fn ask<T: Send + 'static, A>(
        &self,
        question: impl FnOnce(Arc<Log>) -> A + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadFailure>>
    where
        A: Future<Output = Result<T, ReadFailure>> + Send,
    {
        let Ok(permit) = self.reads.waiting.clone().try_acquire_owned() else {
            return Box::pin(ready(Err(ReadFailure::Unavailable)));
        };
        let ((reply, answer), log, reads) = (oneshot::channel(), self.log.clone(), self.reads.clone());
        self.runtime().spawn(async move {
            let asked = async {
                let _turn = reads.at_once.acquire().await.expect("it is never closed");
                question(log).await
            };
            let answered = tokio::time::timeout(2 * reading::ANSWER_WITHIN, asked).await;
            drop(permit);
            // Whoever asked may have gone meanwhile.
            drop(reply.send(answered.unwrap_or(Err(ReadFailure::Unavailable))));
        });
        Box::pin(async { answer.await.unwrap_or(Err(ReadFailure::Unavailable)) })
    }
}

/// What the log is, and a name for it where it may be given one; its head is then where it ends.
async fn named(log: &Log, may_name: bool) -> Result<Option<Is>, ReadFailure> {
    let connection = &log.connection;
    let is = if may_name {
        Some(name::read_or_give(connection).await?)
    } else {
        name::read(connection).await?.map(|said| said.is)
    };
    log.head.send_replace(reading::last_position(connection).await?);
    Ok(is)
}

impl EventStore for KurrentStore {
    fn log_id(&self) -> Uuid {
        self.log_id
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        match self.lanes.as_ref().map_or(Err(AppendFailure::Unavailable), |lanes| lanes.offer(append)) {
            // A lane that ended without an answer leaves it open what became of the append.
            Ok(answer) => Box::pin(async { answer.await.unwrap_or(Err(AppendFailure::Unknown)) }),
            Err(failure) => Box::pin(ready(Err(failure))),
        }
    }

    fn first_answer(
        &self,
        stream: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        self.ask(async move |log: Arc<Log>| {
            let known = |log: &Log| log.known.lock().first_answer(stream, &command);
            if let Some(first) = known(&log) {
                return Ok(Some(first));
            }
            log.catch_up(stream).await?;
            Ok(known(&log))
        })
    }

    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.ask(async move |log: Arc<Log>| {
            let events = reading::stream(&log.connection, stream, after_version, limit).await?;
            // Whoever reads a stream from its beginning is about to append to it.
            log.known.lock().learn(stream, after_version, &events);
            Ok(envelopes(events))
        })
    }

    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.ask(async move |log: Arc<Log>| Ok(envelopes(reading::all(&log.connection, after_position, limit).await?)))
    }

    fn event_at(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Envelope>>, ReadFailure>> {
        if position == 0 {
            return Box::pin(ready(Ok(None)));
        }
        self.ask(async move |log: Arc<Log>| {
            let events = envelopes(reading::from(&log.connection, position, 1).await?);
            Ok(events.into_iter().find(|event| event.position == position))
        })
    }

    fn positions_are_dense(&self) -> bool {
        false
    }

    fn rules_span_streams(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let Some(mut drained) = self.lanes.as_ref().map(Lanes::close) else { return Box::pin(ready(())) };
        Box::pin(async move {
            // An error means that the lanes are gone, and so is what they held.
            drop(drained.wait_for(|drained| *drained).await);
        })
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.log.head.subscribe()
    }
}

fn envelopes(events: Vec<Found>) -> Vec<Arc<Envelope>> {
    events.into_iter().map(|found| found.envelope).collect()
}

impl Drop for KurrentStore {
    fn drop(&mut self) {
        let closing = self.close();
        let Some(runtime) = self.runtime.take() else { return };
        let (closing_ends, closed) = std::sync::mpsc::channel::<()>();
        runtime.spawn(async move {
            closing.await;
            drop(closing_ends);
        });
        if closed.recv_timeout(4 * self.log.answer_within) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the log's server does not answer; what was accepted last may not be written");
        }
        // Drops may happen on a thread that must not block any longer; connections end by themselves.
        runtime.shutdown_background();
    }
}
