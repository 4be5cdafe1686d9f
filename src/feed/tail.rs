//! The thread that follows the log: reads pages in order, offers them to the hub, folds them, brings the matching index up
//! to date, and only then says how far the views are.
//!
//! An event that cannot be read stops the folding loudly; it is never skipped. The chat does not depend on it: what is
//! offered has a cursor of its own, which goes on while nothing can be folded.

use palabre_events::Envelope;
use palabre_events::domain::Recorded;
use palabre_projections::matching::MatchingIndex;
use palabre_projections::offers::OfferedRide;
use palabre_projections::{FoldFailure, Views, ViewsReader};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::handle::ViewsHandle;
use crate::store::{EventStore, PAGE_MAX, ReadFailure};

/// Read-only connections to the views.
const CONNECTIONS: usize = 4;
/// How long to gather after a fold, so that a busy log is folded in batches.
const GATHER: Duration = Duration::from_millis(4);
/// How often to look at the log although nothing was heard, or although what was heard of cannot be read yet.
pub(super) const POLL: Duration = Duration::from_millis(250);
/// How long to wait after the log, the vault or the views did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Hears of every event that the feed reads, in the order of the log.
pub trait Offer: Send + Sync + 'static {
    /// Takes `events`; most were delivered by a faster path before.
    fn offer(&self, events: &[Arc<Envelope>]);
}

/// How the feed is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    /// Why it folds nothing any more; `None` while the views follow the log.
    pub stopped: Option<String>,
    /// Projections that were parked, each with the reason.
    pub parked: Vec<String>,
}

/// Follows the log on a thread of its own until it is stopped or dropped.
pub struct Feed {
    state: Arc<Mutex<FeedState>>,
    offered: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

struct Tail {
    views: Views,
    reader: ViewsReader,
    log: Arc<dyn EventStore>,
    index: Arc<MatchingIndex>,
    hears: Arc<dyn Offer>,
    position: watch::Sender<u64>,
    /// The position up to which events were offered. Written by this thread alone.
    offered: Arc<AtomicU64>,
    folding: Folding,
    state: Arc<Mutex<FeedState>>,
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
        let reader = views.reader(CONNECTIONS)?;
        let index = Arc::new(MatchingIndex::new());
        let mut on_offer = Vec::new();
        reader.each_open_ride(|ride| on_offer.push(ride.index_change()))?;
        index.apply(on_offer);
        let (position, seen) = watch::channel(views.position());
        let handle = ViewsHandle::new(reader.clone(), index.clone(), seen);
        let state = Arc::new(Mutex::new(FeedState { stopped: None, parked: parked(&views) }));
        let (offered, ending) = (Arc::new(AtomicU64::new(offered)), Arc::new(AtomicBool::new(false)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let tail = Tail {
            views,
            reader,
            log,
            index,
            hears,
            position,
            offered: offered.clone(),
            folding: Folding::GoesOn,
            state: state.clone(),
            ending: ending.clone(),
            runtime,
        };
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
            let got_on = self.go_on().unwrap_or_else(|failure| {
                tracing::error!(%failure, "the feed cannot read the log");
                std::thread::sleep(PAUSE);
                false
            });
            if got_on {
                std::thread::sleep(GATHER);
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

    /// Whether there is something to do, when the log is known to go up to `head`.
    fn is_behind(&self, head: u64) -> bool {
        let offered = self.offered.load(Ordering::Relaxed);
        offered < head || (self.folding == Folding::GoesOn && self.views.position() < offered)
    }

    /// Offers the next page, and folds the next page, mostly the same one. Answers whether there was any.
    fn go_on(&mut self) -> Result<bool, ReadFailure> {
        let offered = self.offered.load(Ordering::Relaxed);
        let page = self.read(offered)?;
        if let Some(last) = page.last() {
            self.hears.offer(&page);
            self.offered.store(last.position, Ordering::Release);
        }
        if !self.may_fold() {
            return Ok(!page.is_empty());
        }
        let folded = self.views.position();
        let behind = if folded < offered { Some(self.read(folded)?) } else { None };
        let next = behind.as_ref().unwrap_or(&page);
        let next = &next[next.partition_point(|envelope| envelope.position <= folded)..];
        if !next.is_empty() {
            self.try_to_fold(next);
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

    fn try_to_fold(&mut self, page: &[Arc<Envelope>]) {
        self.folding = match self.fold(page) {
            Ok(()) => Folding::GoesOn,
            Err(Stop::Again) => Folding::AgainAt(Instant::now() + PAUSE),
            Err(Stop::ForGood(why)) => {
                tracing::error!(why, "the feed folds nothing any more; the views stay as they are");
                self.state.lock().stopped = Some(why);
                Folding::Stopped
            }
        };
    }

    fn fold(&mut self, page: &[Arc<Envelope>]) -> Result<(), Stop> {
        let mut batch = Vec::with_capacity(page.len());
        let mut unreadable = None;
        for envelope in page {
            match Recorded::read(envelope) {
                Ok(recorded) => batch.push(recorded),
                Err(error) => {
                    unreadable = Some((envelope.position, error.to_string()));
                    break;
                }
            }
        }
        let folded = self.views.fold(&batch)?;
        if !folded.parked.is_empty() {
            self.state.lock().parked = parked(&self.views);
        }
        match self.reader.rides(&folded.rides) {
            Ok(rides) => self.index.apply(rides.iter().map(OfferedRide::index_change)),
            // The index would be wrong from here on, so nothing later may pretend to be fresh.
            Err(error) => return Err(Stop::ForGood(format!("the matching index cannot follow: {error}"))),
        }
        self.position.send_replace(folded.position);
        match unreadable {
            None => Ok(()),
            Some((position, why)) => {
                self.views.stop_at(position, &why)?;
                Err(Stop::ForGood(format!("event {position} cannot be read: {why}")))
            }
        }
    }
}

enum Stop {
    Again,
    ForGood(String),
}

impl From<FoldFailure> for Stop {
    fn from(failure: FoldFailure) -> Self {
        match failure {
            FoldFailure::Retry => Self::Again,
            FoldFailure::Database(error) => {
                tracing::error!(%error, "the views cannot be written");
                Self::Again
            }
            FoldFailure::Gap { expected, found } => {
                Self::ForGood(format!("the log has a hole: expected position {expected}, found {found}"))
            }
        }
    }
}

fn parked(views: &Views) -> Vec<String> {
    let parked = views.health().into_iter().filter_map(|projection| {
        let parked = projection.parked?;
        Some(format!("{} stopped at position {}: {}", projection.name, parked.position, parked.why))
    });
    parked.collect()
}
