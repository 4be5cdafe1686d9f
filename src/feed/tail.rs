//! The thread that follows the log: reads pages in order, folds them, brings the matching index up to date, and only
//! then says how far the views are. What becomes of a page is for the [`Follower`], which waits for nothing.
//!
//! An event that cannot be read stops it loudly; it is never skipped. The chat does not depend on it.

use palabre_events::Envelope;
use palabre_events::domain::Recorded;
use palabre_projections::matching::MatchingIndex;
use palabre_projections::offers::OfferedRide;
use palabre_projections::{FoldFailure, Views, ViewsReader};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::handle::ViewsHandle;
use crate::store::{EventStore, PAGE_MAX};

/// Read-only connections to the views.
const CONNECTIONS: usize = 4;
/// How long to gather after a fold, so that a busy log is folded in batches.
const GATHER: Duration = Duration::from_millis(4);
/// How often to look at the log although nothing was heard.
const POLL: Duration = Duration::from_millis(250);
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
    /// Why it stands still; `None` while it follows the log.
    pub stopped: Option<String>,
    /// Projections that were parked, each with the reason.
    pub parked: Vec<String>,
}

/// Follows the log on a thread of its own until it is stopped or dropped.
pub struct Feed {
    state: Arc<Mutex<FeedState>>,
    ending: Arc<AtomicBool>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// Folds the pages of the log one after the other, and has them heard.
pub struct Follower {
    views: Views,
    reader: ViewsReader,
    index: Arc<MatchingIndex>,
    hears: Arc<dyn Offer>,
    position: watch::Sender<u64>,
    state: Arc<Mutex<FeedState>>,
}

struct Tail {
    follower: Follower,
    log: Arc<dyn EventStore>,
    ending: Arc<AtomicBool>,
    /// Of this thread alone, so that following never waits for another thread's runtime, not even at the end.
    runtime: Runtime,
}

impl Feed {
    /// Loads the matching index from `views` and starts to follow `log`.
    pub fn start(views: Views, log: Arc<dyn EventStore>, hears: Arc<dyn Offer>) -> anyhow::Result<(Self, ViewsHandle)> {
        let (follower, handle) = Follower::new(views, CONNECTIONS, hears)?;
        let state = follower.state.clone();
        let ending = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let tail = Tail { follower, log, ending: ending.clone(), runtime };
        let thread = std::thread::Builder::new().name("feed".to_owned()).spawn(move || tail.follow())?;
        Ok((Self { state, ending, thread: Mutex::new(Some(thread)) }, handle))
    }

    /// How it is.
    pub fn state(&self) -> FeedState {
        self.state.lock().clone()
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
            if *head.borrow_and_update() <= self.follower.position() {
                // Ends early when something is written; a closed watch is a log that is shutting down.
                let heard = self.runtime.block_on(async { tokio::time::timeout(POLL, head.changed()).await });
                if matches!(heard, Ok(Err(_))) {
                    std::thread::sleep(POLL);
                }
            }
            let page = self.runtime.block_on(self.log.read_all(self.follower.position(), PAGE_MAX));
            match page {
                Ok(page) if page.is_empty() => {}
                Ok(page) => match self.follower.fold(&page) {
                    Ok(()) => std::thread::sleep(GATHER),
                    Err(Stop::Again) => std::thread::sleep(PAUSE),
                    Err(Stop::ForGood(why)) => {
                        tracing::error!(why, "the feed stops; the views stay as they are");
                        self.follower.state.lock().stopped = Some(why);
                        return;
                    }
                },
                Err(failure) => {
                    tracing::error!(%failure, "the feed cannot read the log");
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }
}

impl Follower {
    /// Loads the matching index from `views`, which are then read by up to `connections` at once.
    pub fn new(views: Views, connections: usize, hears: Arc<dyn Offer>) -> anyhow::Result<(Self, ViewsHandle)> {
        let reader = views.reader(connections)?;
        let index = Arc::new(MatchingIndex::new());
        let mut on_offer = Vec::new();
        reader.each_open_ride(|ride| on_offer.push(ride.index_change()))?;
        index.apply(on_offer);
        let (position, seen) = watch::channel(views.position());
        let handle = ViewsHandle::new(reader.clone(), index.clone(), seen);
        let state = Arc::new(Mutex::new(FeedState { stopped: None, parked: parked(&views) }));
        Ok((Self { views, reader, index, hears, position, state }, handle))
    }

    /// Up to where the log is folded: the next page begins right after it.
    pub fn position(&self) -> u64 {
        self.views.position()
    }

    /// Answers questions about what is folded, and blocks meanwhile.
    pub fn reader(&self) -> &ViewsReader {
        &self.reader
    }

    /// Folds a page that follows [`Follower::position`], all of it or nothing unless it holds what cannot be read, and
    /// has it heard.
    pub fn fold(&mut self, page: &[Arc<Envelope>]) -> Result<(), Stop> {
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
        self.hears.offer(&page[..batch.len()]);
        match unreadable {
            None => Ok(()),
            Some((position, why)) => {
                self.views.stop_at(position, &why)?;
                Err(Stop::ForGood(format!("event {position} cannot be read: {why}")))
            }
        }
    }
}

/// Why a page is not folded whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The vault or the views do not answer: the same page may come again.
    Again,
    /// Nothing more can be folded, for this reason.
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
