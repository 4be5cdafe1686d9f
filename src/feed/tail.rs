//! The thread that follows the log: reads pages in order and gives them to the [`Follower`]. The chat does not depend on
//! it but for what a faster path has lost.

use palabre_events::Envelope;
use palabre_projections::Views;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::follower::{FeedState, Follower, Offer, Stop, after};
use super::handle::ViewsHandle;
use crate::store::{EventStore, PAGE_MAX, ReadFailure};

/// Read-only connections to the views.
const CONNECTIONS: usize = 4;
/// How long to gather after a fold, so that a busy log is folded in batches, while somebody waits for more.
const GATHER: Duration = Duration::from_millis(4);
/// How long to gather while nobody is known to wait: what the views do not show yet is told by faster paths.
const GATHER_UNHURRIED: Duration = Duration::from_millis(100);
/// How often to look at the log although nothing was heard, or although what was heard of cannot be read yet.
pub(super) const POLL: Duration = Duration::from_millis(250);
/// How long to wait after the log, the vault or the views did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows the log on a thread of its own until it is stopped or dropped.
pub struct Feed {
    state: Arc<Mutex<FeedState>>,
    offered: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

struct Tail {
    follower: Follower,
    folding: Folding,
    log: Arc<dyn EventStore>,
    /// The position that somebody waits for.
    wanted: watch::Receiver<u64>,
    ending: Arc<AtomicBool>,
    /// Of this thread alone, so that following never waits for another thread's runtime, not even at the end.
    runtime: Runtime,
}

/// Whether the views follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folding {
    GoesOn,
    /// It failed, and is tried again then.
    AgainAt(Instant),
    Stopped,
}

impl Feed {
    /// Loads the matching index from `views` and starts to follow `log`. `hears` is offered what comes after position
    /// `offered`, which is 0 or that of an event.
    pub fn start(
        views: Views,
        log: Arc<dyn EventStore>,
        hears: Arc<dyn Offer>,
        offered: u64,
    ) -> anyhow::Result<(Self, ViewsHandle)> {
        let (follower, handle) = Follower::new(views, CONNECTIONS, hears, offered)?;
        let (state, offered) = (follower.state_handle(), follower.offered_handle());
        let ending = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (folding, wanted) = (Folding::GoesOn, handle.follow_wanted());
        let tail = Tail { follower, folding, log, wanted, ending: ending.clone(), runtime };
        let thread = std::thread::Builder::new().name("feed".to_owned()).spawn(move || tail.follow())?;
        Ok((Self { state, offered, ending, thread: Mutex::new(Some(thread)) }, handle))
    }

    /// How it is.
    pub fn state(&self) -> FeedState {
        self.state.lock().clone()
    }

    /// The position up to which the log was read and offered: what the log really holds, as of a moment ago. The log's
    /// own head may be heard of later, when another node wrote.
    pub fn offered(&self) -> u64 {
        self.offered.load(Ordering::Acquire)
    }

    /// Ends it after the batch at hand, which takes a moment.
    pub fn stop(&self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the feed had panicked; the views are as of its last batch");
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Tail {
    fn follow(mut self) {
        let mut head = self.log.head();
        while !self.ending.load(Ordering::Relaxed) {
            // Seen before the log is read, so that whatever is written from here on ends the wait.
            head.mark_unchanged();
            let got_on = self.go_on();
            self.follower.note_log(got_on.is_ok());
            let got_on = got_on.unwrap_or_else(|failure| {
                tracing::error!(%failure, "the feed cannot read the log");
                std::thread::sleep(PAUSE);
                false
            });
            // Copied: whoever borrows it keeps the log from raising it.
            let known = *head.borrow();
            if got_on {
                self.gather(known);
            }
            if !got_on || !self.is_behind(*head.borrow()) {
                // Ends early when something is written; a closed watch is a log that is shutting down.
                let heard = self.runtime.block_on(async { tokio::time::timeout(POLL, head.changed()).await });
                if matches!(heard, Ok(Err(_))) {
                    std::thread::sleep(POLL);
                }
            }
        }
    }

    /// Lets more come together, when the log is known to go up to `head`: but not for long once somebody waits.
    fn gather(&mut self, head: u64) {
        std::thread::sleep(GATHER);
        let waits_for_all = self.log.is_shared() && self.follower.is_relied_on();
        if waits_for_all || head >= self.follower.offered() + PAGE_MAX as u64 {
            return;
        }
        let folded = self.follower.position();
        let wanted = self.wanted.wait_for(|wanted| *wanted > folded);
        // Without anybody left who could ask, it is as if nobody did.
        drop(self.runtime.block_on(async { tokio::time::timeout(GATHER_UNHURRIED - GATHER, wanted).await }));
    }

    /// Whether there is something to do, when the log is known to go up to `head`.
    fn is_behind(&self, head: u64) -> bool {
        let offered = self.follower.offered();
        offered < head || (self.folding == Folding::GoesOn && self.follower.position() < offered)
    }

    /// Offers the next page, and folds the next page, mostly the same one. Answers whether there was any.
    fn go_on(&mut self) -> Result<bool, ReadFailure> {
        let offered = self.follower.offered();
        let page = self.read(offered)?;
        self.follower.offer(&page);
        if !self.may_fold() {
            return Ok(!page.is_empty());
        }
        let folded = self.follower.position();
        let behind = if folded < offered { Some(self.read(folded)?) } else { None };
        let next = after(behind.as_ref().unwrap_or(&page), folded);
        if !next.is_empty() {
            self.folding = match self.follower.fold(next) {
                Ok(()) => Folding::GoesOn,
                Err(Stop::Again) => Folding::AgainAt(Instant::now() + PAUSE),
                Err(Stop::ForGood(_)) => Folding::Stopped,
            };
        }
        Ok(!page.is_empty() || !next.is_empty())
    }

    fn read(&self, after: u64) -> Result<Vec<Arc<Envelope>>, ReadFailure> {
        self.runtime.block_on(self.log.read_all(after, PAGE_MAX))
    }

    fn may_fold(&self) -> bool {
        match self.folding {
            Folding::GoesOn => true,
            Folding::AgainAt(at) => at <= Instant::now(),
            Folding::Stopped => false,
        }
    }
}
