//! One node: shells, a hub on a runtime of its own, and views in a file, which alone outlives the node's death.
//!
//! The hub's tasks run one at a time and only when they are told to, and its clock moves only when it is told to, so
//! that a seed decides about both.

use palabre::chat::Hub;
use palabre::feed::{Follower, Offer, Stop};
use palabre_events::policy::Effect;
use palabre_events::sealed::CannotOpen;
use palabre_events::testing::PlainOpener;
use palabre_events::{Envelope, KeyId, Opener, StreamId};
use palabre_projections::Views;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

use crate::host::Host;
use crate::line::Line;
use crate::log::LOG_ID;

pub struct Node {
    /// First, so that nothing of the hub runs on when the node dies.
    runtime: Runtime,
    pub hub: Hub,
    pub line: Arc<Line>,
    pub slots: BTreeMap<StreamId, Slot>,
    /// Effects of what this node committed, not yet run.
    pub effects: Vec<Effect>,
    /// Positions of what this node committed that all conversations of a ride must hear of.
    pub told_to_all: Vec<u64>,
    pub feed: Follower,
    /// Whether the feed waits for a page.
    pub feed_waits: bool,
    /// Tells this node from the one that was here before it died.
    pub life: u64,
    vault: Arc<Vault>,
    ears: Arc<Ears>,
    views: PathBuf,
}

/// A shell that is awake.
pub struct Slot {
    pub serial: u64,
    pub host: Box<dyn Host>,
}

/// Opens what is sealed, unless it is away.
#[derive(Default)]
pub struct Vault {
    away: AtomicBool,
}

impl Opener for Vault {
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        if self.away.load(Ordering::Relaxed) {
            return Err(CannotOpen::Unavailable);
        }
        PlainOpener::default().open(key, purpose, boxed)
    }
}

/// Hears what the feed has folded.
struct Ears {
    hub: Hub,
    heard: Mutex<Vec<(StreamId, u64)>>,
    /// Whether the hub hears of it as well; otherwise whatever is lost on the way stays lost.
    offers: bool,
}

impl Offer for Ears {
    fn offer(&self, events: &[Arc<Envelope>]) {
        self.heard.lock().extend(events.iter().map(|event| (event.stream, event.version)));
        if self.offers {
            self.hub.offer(events);
        }
    }

    fn relies_on_this(&self) -> bool {
        self.offers
    }
}

impl Node {
    /// Starts when the log ends at `head`, with the views in `file` as they are.
    pub fn start(life: u64, views: PathBuf, head: u64, offers: bool) -> Self {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).event_interval(1).build().expect("a runtime");
        let (line, vault) = (Arc::new(Line::new(head)), Arc::new(Vault::default()));
        let hub = {
            let _within = runtime.enter();
            Hub::new(line.clone(), vault.clone())
        };
        let ears = Arc::new(Ears { hub: hub.clone(), heard: Mutex::default(), offers });
        let folded = open(&views, vault.clone());
        let offered = hub.born_at();
        let (feed, _) = Follower::new(folded, 1, ears.clone(), offered).expect("the views are whole");
        let (slots, effects, told_to_all) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { runtime, hub, line, slots, effects, told_to_all, feed, feed_waits: false, life, vault, ears, views }
    }

    pub fn views(&self) -> &Path {
        &self.views
    }

    /// Does something with the hub, where the hub's clock counts.
    pub fn within<T>(&self, act: impl FnOnce(&Hub) -> T) -> T {
        let _within = self.runtime.enter();
        act(&self.hub)
    }

    /// Begins a task beside those of the hub.
    pub fn begin(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// Lets one task go on until it waits, if one can.
    pub fn run(&self) {
        self.runtime.block_on(tokio::task::yield_now());
    }

    /// Lets every task go on until it waits.
    pub fn run_all(&self) {
        for _ in 0..2 * self.runtime.metrics().num_alive_tasks() + 1 {
            self.run();
        }
    }

    /// Lets time pass.
    pub fn wait(&self, time: Duration) {
        self.runtime.block_on(tokio::time::advance(time));
    }

    /// Whether the vault answers from now on.
    pub fn reach_vault(&self, answers: bool) {
        self.vault.away.store(!answers, Ordering::Relaxed);
    }

    /// Takes a page, and answers what the feed has heard of by that.
    pub fn follow(&mut self, page: &[Arc<Envelope>]) -> Vec<(StreamId, u64)> {
        let _within = self.runtime.enter();
        self.feed.offer(page);
        if let Err(Stop::ForGood(why)) = self.feed.fold(page) {
            panic!("the feed stops: {why}");
        }
        std::mem::take(&mut *self.ears.heard.lock())
    }
}

/// The views in `file`, as they are.
pub fn open(file: &Path, opener: Arc<dyn Opener + Send + Sync>) -> Views {
    Views::open(file, LOG_ID, opener).expect("the views can be opened")
}
