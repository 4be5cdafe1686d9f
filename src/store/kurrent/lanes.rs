//! Appends on their way: those of one stream one after the other, in the order of the calls; those of different streams
//! at the same time. Bounded; whoever finds no room is told so at once.

use palabre_events::StreamId;
use palabre_events::log::{Append, AppendFailure};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};

use super::append::Log;
use crate::store::queue::{Answer, QUEUED_APPENDS_MAX, QUEUED_BYTES_MAX, cost};

/// The most appends that are with the server at the same time. Together with reads they stay below the hundred calls that
/// a server takes on one connection.
const AT_ONCE: usize = 48;

/// An append that has waited for so many times the patience for one is not sent any more.
const PATIENCES: u32 = 2;

/// All lanes, each for one stream that has appends on their way.
pub(super) struct Lanes {
    log: Arc<Log>,
    runtime: Handle,
    traffic: Arc<Traffic>,
}

struct Traffic {
    waiting: Mutex<Waiting>,
    at_once: Semaphore,
    /// Turns true when nothing more is taken and everything is answered.
    drained: watch::Sender<bool>,
}

#[derive(Default)]
struct Waiting {
    lanes: HashMap<StreamId, VecDeque<Queued>>,
    appends: usize,
    bytes: usize,
    closed: bool,
}

struct Queued {
    append: Append,
    bytes: usize,
    since: Instant,
    reply: oneshot::Sender<Answer>,
}

impl Lanes {
    /// Lanes to `log`, served on `runtime`.
    pub fn new(log: Arc<Log>, runtime: Handle) -> Self {
        let (waiting, drained) = (Mutex::default(), watch::Sender::new(false));
        Self { log, runtime, traffic: Arc::new(Traffic { waiting, at_once: Semaphore::new(AT_ONCE), drained }) }
    }

    /// Takes an append in, or says why not.
    pub fn offer(&self, append: Append) -> Result<oneshot::Receiver<Answer>, AppendFailure> {
        if !append.is_well_formed() {
            return Err(AppendFailure::Malformed);
        }
        let (stream, bytes, (reply, answer)) = (append.stream, cost(&append), oneshot::channel());
        let mut waiting = self.traffic.waiting.lock();
        let full = waiting.appends >= QUEUED_APPENDS_MAX || waiting.bytes + bytes > QUEUED_BYTES_MAX;
        if waiting.closed || full {
            return Err(AppendFailure::Unavailable);
        }
        waiting.appends += 1;
        waiting.bytes += bytes;
        let queued = Queued { append, bytes, since: Instant::now(), reply };
        if let Some(lane) = waiting.lanes.get_mut(&stream) {
            lane.push_back(queued);
        } else {
            waiting.lanes.insert(stream, VecDeque::from([queued]));
            drop(waiting);
            let lane = Lane { stream, traffic: self.traffic.clone() };
            self.runtime.spawn(lane.serve(self.log.clone()));
        }
        Ok(answer)
    }

    /// Takes nothing more in; the answer turns true when what was accepted is answered.
    pub fn close(&self) -> watch::Receiver<bool> {
        let mut waiting = self.traffic.waiting.lock();
        waiting.closed = true;
        if waiting.lanes.is_empty() {
            self.traffic.drained.send_replace(true);
        }
        self.traffic.drained.subscribe()
    }
}

/// A lane while it is served; dropped, also in a panic, it is gone, and whoever still waits in it learns that the outcome
/// is unknown.
struct Lane {
    stream: StreamId,
    traffic: Arc<Traffic>,
}

impl Lane {
    async fn serve(self, log: Arc<Log>) {
        while let Some(Queued { append, bytes, since, reply }) = self.next() {
            let permit = self.traffic.at_once.acquire().await.expect("it is never closed");
            let answer = if since.elapsed() < log.answer_within * PATIENCES {
                log.append(&append).await
            } else {
                Err(AppendFailure::Unavailable)
            };
            drop(permit);
            self.traffic.waiting.lock().leave(1, bytes);
            // Nobody may be waiting any more: what was appended stays.
            drop(reply.send(answer));
        }
    }

    /// The next append; without one, the lane ends in the same moment.
    fn next(&self) -> Option<Queued> {
        let mut waiting = self.traffic.waiting.lock();
        let next = waiting.lanes.get_mut(&self.stream).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.end(&mut waiting);
        }
        next
    }

    fn end(&self, waiting: &mut Waiting) {
        let left = waiting.lanes.remove(&self.stream).unwrap_or_default();
        waiting.leave(left.len(), left.iter().map(|queued| queued.bytes).sum());
        if waiting.closed && waiting.lanes.is_empty() {
            self.traffic.drained.send_replace(true);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.end(&mut self.traffic.waiting.lock());
        }
    }
}

impl Waiting {
    fn leave(&mut self, appends: usize, bytes: usize) {
        self.appends -= appends;
        self.bytes -= bytes;
    }
}
