//! The directory: finds the one actor of a stream on this node, or wakes it.
//!
//! Actors live on a fixed set of threads, chosen by the stream's id. At most [`AWAKE_MAX`] of each kind are awake; the
//! one asked least recently goes to sleep first. It holds no state that matters: an actor that died is replaced by a
//! new one, which rebuilds itself from the log.

use actix::prelude::*;
use lru::LruCache;
use palabre_events::account::Account;
use palabre_events::conversation::Conversation;
use palabre_events::marks::Marks;
use palabre_events::request::Request;
use palabre_events::ride::Ride;
use palabre_events::shell::{Answer, Submission};
use palabre_events::{Aggregate, StreamId};
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::oneshot;

use super::aggregate::{AggregateActor, Deliver, Inspect, Passivate, Surroundings};

/// The most actors of one kind that are awake on this node.
pub const AWAKE_MAX: usize = 20_000;
const SHARDS: usize = 16;
/// How often a command is delivered anew when its actor died before it answered.
const DELIVERIES_MAX: usize = 3;

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
}

/// The log did not answer.
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
    /// A directory whose actors live on `arbiters`.
    pub fn new(surroundings: &Surroundings, arbiters: &[ArbiterHandle]) -> Self {
        Self {
            shelves: Arc::new(Shelves {
                accounts: Shelf::new(surroundings, arbiters),
                conversations: Shelf::new(surroundings, arbiters),
                marks: Shelf::new(surroundings, arbiters),
                requests: Shelf::new(surroundings, arbiters),
                rides: Shelf::new(surroundings, arbiters),
            }),
        }
    }

    /// Has the actor of `stream` decide, and waits for its answer.
    pub async fn submit<A: Listed>(
        &self,
        stream: impl Into<StreamId>,
        submission: Submission<A::Command>,
    ) -> Answer<A::Rejection> {
        let (shelf, stream) = (A::shelf(self), stream.into());
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
}

/// The actors of one kind.
pub struct Shelf<A: Aggregate + Clone> {
    shards: Vec<Mutex<LruCache<StreamId, Addr<AggregateActor<A>>>>>,
    arbiters: Vec<ArbiterHandle>,
    surroundings: Surroundings,
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
        // The last bytes of an id are random in every version that is used here.
        let lot = usize::from(stream.id.as_bytes()[15]);
        let mut shard = self.shards[lot % SHARDS].lock();
        if let Some(awake) = shard.get(&stream)
            && awake.connected()
        {
            return awake.clone();
        }
        let surroundings = self.surroundings.clone();
        let arbiter = &self.arbiters[lot % self.arbiters.len()];
        let woken = AggregateActor::start_in_arbiter(arbiter, move |_| AggregateActor::new(stream, surroundings));
        if let Some((_, least_recent)) = shard.push(stream, woken.clone()) {
            // Its mailbox may be full, then it is not idle; it will sleep by itself later.
            drop(least_recent.try_send(Passivate));
        }
        woken
    }
}
