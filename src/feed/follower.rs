//! What becomes of the pages of the log: they are offered to the hub, folded into the views and the matching index, and
//! only then is it said how far the views are. It waits for nothing; reading the log in time is for the
//! [`Feed`](super::Feed).
//!
//! An event that cannot be read stops the folding loudly; it is never skipped. What is offered has a cursor of its own,
//! which goes on while nothing can be folded.

use palabre_events::Envelope;
use palabre_events::domain::Recorded;
use palabre_projections::matching::MatchingIndex;
use palabre_projections::offers::OfferedRide;
use palabre_projections::{FoldFailure, Views, ViewsReader};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

use super::handle::ViewsHandle;

/// Hears of every event that the feed reads, in the order of the log.
pub trait Offer: Send + Sync + 'static {
    /// Takes `events`; most were delivered by a faster path before.
    fn offer(&self, events: &[Arc<Envelope>]);

    /// Whether it hears of what other nodes append through here alone, so that everybody waits for it.
    fn relies_on_this(&self) -> bool;
}

/// How the feed is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    /// Why it folds nothing any more; `None` while the views follow the log.
    pub stopped: Option<String>,
    /// Projections that were parked, each with the reason.
    pub parked: Vec<String>,
    /// The log did not answer when it was read last.
    pub log_is_silent: bool,
    /// What was read last could not be written into the views, and is tried again.
    pub folding_fails: bool,
}

/// Takes the pages of the log one after the other.
pub struct Follower {
    views: Views,
    reader: ViewsReader,
    index: Arc<MatchingIndex>,
    hears: Arc<dyn Offer>,
    position: watch::Sender<u64>,
    /// The position up to which events were offered. Written by this alone.
    offered: Arc<AtomicU64>,
    state: Arc<Mutex<FeedState>>,
}

impl Follower {
    /// Loads the matching index from `views`, which are then read by up to `connections` at once. `hears` is offered what
    /// comes after position `offered`, which is 0 or that of an event.
    pub fn new(
        views: Views,
        connections: usize,
        hears: Arc<dyn Offer>,
        offered: u64,
    ) -> anyhow::Result<(Self, ViewsHandle)> {
        let reader = views.reader(connections)?;
        let index = Arc::new(MatchingIndex::new());
        let mut on_offer = Vec::new();
        reader.each_open_ride(|ride| on_offer.push(ride.index_change()))?;
        index.apply(on_offer);
        let (position, seen) = watch::channel(views.position());
        let handle = ViewsHandle::new(reader.clone(), index.clone(), seen);
        let state = Arc::new(Mutex::new(FeedState { parked: parked(&views), ..FeedState::default() }));
        let offered = Arc::new(AtomicU64::new(offered));
        Ok((Self { views, reader, index, hears, position, offered, state }, handle))
    }

    /// Up to where the log is folded: the next page to fold begins right after it.
    pub fn position(&self) -> u64 {
        self.views.position()
    }

    /// Up to where the log was offered: the next page to offer begins right after it.
    pub fn offered(&self) -> u64 {
        self.offered.load(Ordering::Relaxed)
    }

    /// Answers questions about what is folded, and blocks meanwhile.
    pub fn reader(&self) -> &ViewsReader {
        &self.reader
    }

    pub(super) fn is_relied_on(&self) -> bool {
        self.hears.relies_on_this()
    }

    pub(super) fn offered_handle(&self) -> Arc<AtomicU64> {
        self.offered.clone()
    }

    pub(super) fn state_handle(&self) -> Arc<Mutex<FeedState>> {
        self.state.clone()
    }

    /// Notes whether the log answered.
    pub fn note_log(&self, answered: bool) {
        self.state.lock().log_is_silent = !answered;
    }

    /// Offers what of a page was not offered yet.
    pub fn offer(&mut self, page: &[Arc<Envelope>]) {
        let news = after(page, self.offered());
        if let Some(last) = news.last() {
            self.hears.offer(news);
            self.offered.store(last.position, Ordering::Release);
        }
    }

    /// Folds what of a page was not folded yet: all of it or nothing, unless it holds what cannot be read.
    pub fn fold(&mut self, page: &[Arc<Envelope>]) -> Result<(), Stop> {
        let folded = self.fold_readable(after(page, self.position()));
        self.state.lock().folding_fails = folded == Err(Stop::Again);
        if let Err(Stop::ForGood(why)) = &folded {
            tracing::error!(why, "the feed folds nothing any more; the views stay as they are");
            self.state.lock().stopped = Some(why.clone());
        }
        folded
    }

    fn fold_readable(&mut self, page: &[Arc<Envelope>]) -> Result<(), Stop> {
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

/// The part of a page that comes after `position`.
pub(super) fn after(page: &[Arc<Envelope>], position: u64) -> &[Arc<Envelope>] {
    &page[page.partition_point(|envelope| envelope.position <= position)..]
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
