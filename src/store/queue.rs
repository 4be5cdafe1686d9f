//! The bounded queue in front of the writer. Whoever finds it full is told so at once.

use palabre_events::log::{Append, AppendFailure, ItemAnswer};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// The most appends that wait for the writer; more are answered [`AppendFailure::Unavailable`].
pub(in crate::store) const QUEUED_APPENDS_MAX: usize = 16 * 1024;
/// The most bytes of events that wait for the writer; more are answered [`AppendFailure::Unavailable`].
pub(in crate::store) const QUEUED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most appends in one commit, unless one bulk request alone holds more.
pub(in crate::store) const GROUP_APPENDS_MAX: usize = 1024;
/// The bytes of events after which a commit takes no further request.
pub(in crate::store) const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What an event costs beside its data, roughly.
const ENVELOPE_BYTES: usize = 256;

/// What the log says to one append.
pub(in crate::store) type Answer = Result<Vec<ItemAnswer>, AppendFailure>;

/// An append, or its answer when it is malformed.
pub(in crate::store) type Offered = Result<Append, AppendFailure>;

/// One caller's appends.
#[derive(Debug)]
pub(in crate::store) struct Request {
    pub appends: Vec<Offered>,
    bytes: usize,
    reply: Reply,
}

#[derive(Debug)]
enum Reply {
    One(oneshot::Sender<Answer>),
    Many(oneshot::Sender<Vec<Answer>>),
}

impl Request {
    /// One append.
    pub fn one(append: Append, reply: oneshot::Sender<Answer>) -> Self {
        Self::new(vec![Ok(append)], Reply::One(reply))
    }

    /// Several, answered together.
    pub fn many(appends: Vec<Offered>, reply: oneshot::Sender<Vec<Answer>>) -> Self {
        Self::new(appends, Reply::Many(reply))
    }

    fn new(appends: Vec<Offered>, reply: Reply) -> Self {
        let bytes = appends.iter().flatten().map(cost).sum();
        Self { appends, bytes, reply }
    }

    /// Answers it, one answer for each append. Nobody may be waiting any more: what was appended stays.
    pub fn answer(self, mut answers: Vec<Answer>) {
        match self.reply {
            Reply::One(reply) => drop(answers.pop().map(|answer| reply.send(answer))),
            Reply::Many(reply) => drop(reply.send(answers)),
        }
    }
}

/// Answers requests, given the answers to all their appends in order.
pub(in crate::store) fn answer_each(requests: Vec<Request>, answers: Vec<Answer>) {
    let mut answers = answers.into_iter();
    for request in requests {
        let own = answers.by_ref().take(request.appends.len()).collect();
        request.answer(own);
    }
}

/// The same failure for each append.
pub(in crate::store) fn all(appends: &[&Offered], failure: AppendFailure) -> Vec<Answer> {
    vec![Err(failure); appends.len()]
}

/// What an append costs in memory, roughly, in bytes.
pub(in crate::store) fn cost(append: &Append) -> usize {
    let events = append.items.iter().map(|item| item.events.len()).sum::<usize>();
    append.data_bytes() + events * ENVELOPE_BYTES
}

/// What the writer finds to do.
#[derive(Debug)]
pub(in crate::store) enum Taken {
    /// Write these together.
    Group(Vec<Request>),
    /// Nothing came for a while.
    Nothing,
    /// Nothing will ever come again.
    Closed,
}

/// Requests on their way to the writer, in the order of the calls.
#[derive(Debug, Default)]
pub(in crate::store) struct WriteQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Request>,
    appends: usize,
    bytes: usize,
    closed: bool,
}

impl WriteQueue {
    /// Takes the request in, or drops it and says false when the queue is full or closed.
    pub fn offer(&self, request: Request) -> bool {
        let mut waiting = self.waiting.lock();
        let (appends, bytes) = (waiting.appends + request.appends.len(), waiting.bytes + request.bytes);
        if waiting.closed || appends > QUEUED_APPENDS_MAX || bytes > QUEUED_BYTES_MAX {
            return false;
        }
        (waiting.appends, waiting.bytes) = (appends, bytes);
        waiting.requests.push_back(request);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Waits at most `patience` for a request, and takes it with what stands behind it, up to a group's bounds.
    pub fn take(&self, patience: Duration) -> Taken {
        let mut waiting = self.waiting.lock();
        if waiting.requests.is_empty() && !waiting.closed {
            self.changed.wait_for(&mut waiting, patience);
        }
        let Some(first) = waiting.requests.pop_front() else {
            return if waiting.closed { Taken::Closed } else { Taken::Nothing };
        };
        let (mut appends, mut bytes) = (first.appends.len(), first.bytes);
        let mut group = vec![first];
        while bytes < GROUP_BYTES_MAX {
            let fits = |next: &mut Request| appends + next.appends.len() <= GROUP_APPENDS_MAX;
            let Some(next) = waiting.requests.pop_front_if(fits) else { break };
            appends += next.appends.len();
            bytes += next.bytes;
            group.push(next);
        }
        waiting.appends -= appends;
        waiting.bytes -= bytes;
        Taken::Group(group)
    }

    /// Takes no more in. What waits can still be taken out.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.changed.notify_one();
    }

    /// Takes no more in, and drops what waits.
    pub fn abandon(&self) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        waiting.requests.clear();
    }
}
