//! The directory: finds the one actor of a stream on this node, or wakes it.
//!
//! An actor lives on the thread of whoever asked for it first, where that is one that [hosts actors](host_actors_here):
//! sockets and the actors that they talk to then share a thread, and most of what they say to each other wakes nobody.
//! Away from those it lives on one of a fixed set of threads, chosen by the stream's id. At most [`AWAKE_MAX`] of each
//! kind are awake; the one asked least recently goes to sleep first, and whoever was not asked for [`IDLE_AFTER`] does
//! as well. The directory holds no state that matters: an actor
//! that died, as with its thread, is replaced by a new one, which rebuilds itself from the log.

use actix::prelude::*;
use lru::LruCache;
use palabre_events::account::Account;
use palabre_events::conversation::Conversation;
use palabre_events::marks::Marks;
use palabre_events::request::Request;
use palabre_events::ride::Ride;
use palabre_events::shell::{Answer, Submission};
use palabre_events::{Aggregate, StreamId, StreamKind};
use parking_lot::Mutex;
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::aggregate::{AggregateActor, Deliver, HeardOf, Inspect, Passivate, Surroundings};
use crate::telemetry::{metrics, traces};

/// The most actors of one kind that are awake on this node.
pub const AWAKE_MAX: usize = 20_000;
/// After this long without being asked an actor goes to sleep.
pub const IDLE_AFTER: Duration = Duration::from_secs(120);
const LOOK_FOR_IDLE_EVERY: Duration = Duration::from_secs(30);
const SHARDS: usize = 16;
/// How often a command is delivered anew when its actor died before it answered.
const DELIVERIES_MAX: usize = 3;
/// For how long a command that the log did not take is remembered, unless it takes another.
const REFUSED_FOR: Duration = Duration::from_secs(60);

thread_local! {
    static HOSTS_ACTORS: Cell<bool> = const { Cell::new(false) };
}

/// From now on actors that are asked for first on this thread live on it. For the threads of an actix system that serve
/// people.
pub fn host_actors_here() {
    HOSTS_ACTORS.set(true);
}

/// Where actors live that are asked for first on this thread, if it hosts any.
fn hosts_here() -> Option<ArbiterHandle> {
    if HOSTS_ACTORS.get() { Arbiter::try_current() } else { None }
}

/// Finds or wakes actors. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    shelves: Arc<Shelves>,
}

struct Shelves {
    accounts: Shelf<Account>,
    conversations: Shelf<Conversation>,
    marks: Shelf<Marks>,
    requests: Shelf<Request>,
    rides: Shelf<Ride>,
    /// When the log did not take a command, unless it has taken one since.
    refused_at: Mutex<Option<Instant>>,
}

/// The log did not answer, or too many ask already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log does not answer at present")]
pub struct Unavailable;

/// An aggregate that the directory knows.
pub trait Listed: Aggregate + Clone {
    #[doc(hidden)]
    fn shelf(directory: &Directory) -> &Shelf<Self>;
}

macro_rules! listed {
    ($($aggregate:ident => $shelf:ident),+ $(,)?) => {$(
        impl Listed for $aggregate {
            fn shelf(directory: &Directory) -> &Shelf<Self> {
                &directory.shelves.$shelf
            }
        }
    )+};
}

listed! { Account => accounts, Conversation => conversations, Marks => marks, Request => requests, Ride => rides }

impl Directory {
    /// A directory whose actors live on `arbiters`, where they are not asked for on a thread that hosts them itself.
    pub fn new(surroundings: &Surroundings, arbiters: &[ArbiterHandle]) -> Self {
        Self {
            shelves: Arc::new(Shelves {
                accounts: Shelf::new(surroundings, arbiters),
                conversations: Shelf::new(surroundings, arbiters),
                marks: Shelf::new(surroundings, arbiters),
                requests: Shelf::new(surroundings, arbiters),
                rides: Shelf::new(surroundings, arbiters),
                refused_at: Mutex::new(None),
            }),
        }
    }

    /// Whether the log did not take the last command that was for it, within the last minute: it did not answer in time,
    /// cannot write, or too much waited for it.
    pub fn is_refused_by_the_log(&self) -> bool {
        self.shelves.refused_at.lock().is_some_and(|at| at.elapsed() < REFUSED_FOR)
    }

    /// Has the actor of `stream` decide, and waits for its answer.
    pub async fn submit<A: Listed>(
        &self,
        stream: impl Into<StreamId>,
        mut submission: Submission<A::Command>,
    ) -> Answer<A::Rejection> {
        let (stream, began) = (stream.into(), Instant::now());
        let span = tracing::debug_span!(
            "command",
            %stream,
            by = %submission.by,
            command = %submission.command_id,
            correlation = %submission.correlation_id,
            outcome = tracing::field::Empty,
        );
        traces::go_on(&span, submission.traceparent.as_deref());
        submission.traceparent = traces::traceparent(&span).or(submission.traceparent);
        let answer = self.deliver::<A>(stream, submission).instrument(span.clone()).await;
        span.record("outcome", metrics::outcome_of(&answer));
        match answer {
            Answer::Committed(_) => *self.shelves.refused_at.lock() = None,
            Answer::Unavailable => *self.shelves.refused_at.lock() = Some(Instant::now()),
            _ => {}
        }
        metrics::command(stream.kind, &answer, began.elapsed());
        answer
    }

    async fn deliver<A: Listed>(&self, stream: StreamId, submission: Submission<A::Command>) -> Answer<A::Rejection> {
        let shelf = A::shelf(self);
        debug_assert_eq!(stream.kind, A::KIND, "a stream is asked what its kind understands");
        for _ in 0..DELIVERIES_MAX {
            let (reply, answer) = oneshot::channel();
            let deliver = Deliver { submission: Box::new(submission.clone()), reply };
            match shelf.find_or_wake(stream).try_send(deliver) {
                Err(SendError::Full(_)) => return Answer::Busy,
                // It went to sleep or died in this moment; keys and expected versions make asking again safe.
                Err(SendError::Closed(_)) => {}
                Ok(()) => match answer.await {
                    Ok(answer) => return answer,
                    Err(_died) => {}
                },
            }
        }
        Answer::Unavailable
    }

    /// The state of `stream` as the log has it, and its version.
    pub async fn inspect<A: Listed>(&self, stream: impl Into<StreamId>) -> Result<(A, u64), Unavailable> {
        let (shelf, stream) = (A::shelf(self), stream.into());
        for _ in 0..DELIVERIES_MAX {
            let (reply, state) = oneshot::channel();
            match shelf.find_or_wake(stream).try_send(Inspect { reply }) {
                Err(SendError::Full(_)) => return Err(Unavailable),
                Err(SendError::Closed(_)) => {}
                Ok(()) => match state.await {
                    Ok(state) => return state.ok_or(Unavailable),
                    Err(_died) => {}
                },
            }
        }
        Err(Unavailable)
    }

    /// Sends actors to sleep that are idle, until it is dropped.
    pub async fn tidy(self) {
        loop {
            tokio::time::sleep(LOOK_FOR_IDLE_EVERY).await;
            self.send_to_sleep(IDLE_AFTER);
        }
    }

    /// Sends actors to sleep that were not asked for so long.
    pub(super) fn send_to_sleep(&self, idle_for: Duration) {
        let Shelves { accounts, conversations, marks, requests, rides, .. } = &*self.shelves;
        accounts.send_to_sleep(idle_for);
        conversations.send_to_sleep(idle_for);
        marks.send_to_sleep(idle_for);
        requests.send_to_sleep(idle_for);
        rides.send_to_sleep(idle_for);
    }

    /// Somebody has appended to `stream` up to `version`: the actor here, if one is awake and knows less, reads on.
    /// Never waits; without it the next command finds out by a conflict.
    pub fn heard_of(&self, stream: StreamId, version: u64) {
        match stream.kind {
            StreamKind::Account => self.shelves.accounts.heard_of(stream, version),
            StreamKind::Conversation => self.shelves.conversations.heard_of(stream, version),
            StreamKind::Marks => self.shelves.marks.heard_of(stream, version),
            StreamKind::Request => self.shelves.requests.heard_of(stream, version),
            StreamKind::Ride => self.shelves.rides.heard_of(stream, version),
        }
    }
}

/// The actors of one kind.
pub struct Shelf<A: Aggregate + Clone> {
    shards: Vec<Mutex<LruCache<StreamId, Awake<A>>>>,
    arbiters: Vec<ArbiterHandle>,
    surroundings: Surroundings,
}

struct Awake<A: Aggregate + Clone> {
    actor: Addr<AggregateActor<A>>,
    /// The version that it knows.
    known: Arc<AtomicU64>,
    last_asked: Instant,
}

impl<A: Aggregate + Clone> Awake<A> {
    /// What it was asked already is answered first. Not refused by a full mailbox, as nobody would tell it again.
    fn send_to_sleep(&self) {
        self.actor.do_send(Passivate);
    }
}

impl<A: Aggregate + Clone> Shelf<A> {
    fn new(surroundings: &Surroundings, arbiters: &[ArbiterHandle]) -> Self {
        assert!(!arbiters.is_empty(), "actors need a thread to live on");
        let awake_max = NonZeroUsize::new(AWAKE_MAX / SHARDS).expect("a constant above the number of shards");
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(LruCache::new(awake_max))).collect(),
            arbiters: arbiters.to_vec(),
            surroundings: surroundings.clone(),
        }
    }

    fn find_or_wake(&self, stream: StreamId) -> Addr<AggregateActor<A>> {
        let lot = lot_of(stream);
        let mut shard = self.shards[lot % SHARDS].lock();
        if let Some(awake) = shard.get_mut(&stream)
            && awake.actor.connected()
        {
            awake.last_asked = Instant::now();
            return awake.actor.clone();
        }
        let (surroundings, known) = (self.surroundings.clone(), Arc::new(AtomicU64::new(0)));
        let arbiter = hosts_here().unwrap_or_else(|| self.arbiters[lot % self.arbiters.len()].clone());
        let knows = known.clone();
        let actor =
            AggregateActor::start_in_arbiter(&arbiter, move |_| AggregateActor::new(stream, surroundings, knows));
        let awake = Awake { actor: actor.clone(), known, last_asked: Instant::now() };
        if let Some((_, least_recent)) = shard.push(stream, awake) {
            least_recent.send_to_sleep();
        }
        actor
    }

    fn send_to_sleep(&self, idle_for: Duration) {
        for shard in &self.shards {
            let mut idle = Vec::new();
            let mut shard = shard.lock();
            while shard.peek_lru().is_some_and(|(_, awake)| awake.last_asked.elapsed() >= idle_for) {
                idle.extend(shard.pop_lru().map(|(_, awake)| awake));
            }
            // Told without the lock: it is taken for every command.
            drop(shard);
            idle.iter().for_each(Awake::send_to_sleep);
        }
    }

    fn heard_of(&self, stream: StreamId, version: u64) {
        let shard = self.shards[lot_of(stream) % SHARDS].lock();
        if let Some(awake) = shard.peek(&stream)
            && awake.known.load(Ordering::Relaxed) < version
        {
            // With a full mailbox it is busy, and will find out.
            drop(awake.actor.try_send(HeardOf { version }));
        }
    }
}

/// The last byte of an id is random in every version that is used here.
fn lot_of(stream: StreamId) -> usize {
    usize::from(stream.id.as_bytes()[15])
}
