//! The parts of a running node, and how they are joined.
//!
//! One value holds them all; handlers and sessions share it. Nothing here decides anything.

use actix::Arbiter;
use palabre_events::Opener;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

use crate::accounts::mail::{Bell, Office, Postman};
use crate::accounts::outlet::{BadMailSettings, Outlet};
use crate::accounts::throttle::Quotas;
use crate::accounts::{Accounts, Parts};
use crate::actors::aggregate::Surroundings;
use crate::actors::directory::{Directory, Listed};
use crate::actors::effects::{Effects, Runner};
use crate::actors::finisher::Finisher;
use crate::actors::news::News;
use crate::actors::timers::{self, Timers};
use crate::chat::revocation::Revocation;
use crate::chat::{Caps, Hub, Pace, session};
use crate::commands::Refusal;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::demo::marker::Marker;
use crate::fanout::{Fanout, LinkState, NodeId, Peers};
use crate::feed::rebuild::open_views;
use crate::feed::{Feed, FeedState, ViewsHandle};
use crate::gates::Gates;
use crate::page::tiles::Tiles;
use crate::stoppable::Stoppable;
use crate::store::open::Access;
use crate::store::{self, EventStore};
use crate::telemetry;
use crate::vault::{self, Keyring, Vault};

/// How long a start waits for the views to catch up with the log; millions of events take less.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(60);
const CATCH_UP_LOOK_EVERY: Duration = Duration::from_millis(50);
const CATCH_UP_TOLD_EVERY: Duration = Duration::from_secs(2);
/// How often measurements are sorted.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// How long a stop waits for timers and mail to give their leases back.
const LEASES_STOP_WITHIN: Duration = Duration::from_secs(1);

/// A running node.
pub struct Platform {
    /// Settings.
    pub config: Arc<Config>,
    /// The log.
    pub log: Arc<dyn EventStore>,
    /// What must be shared and must be forgettable.
    pub vault: Arc<dyn Vault>,
    /// Seals and opens.
    pub keyring: Keyring,
    /// Sign-up, sign-in, sessions.
    pub accounts: Arc<Accounts>,
    /// Finds or wakes the actor of a stream.
    pub directory: Directory,
    /// Reads the views.
    pub views: ViewsHandle,
    /// Tells connections what was committed.
    pub hub: Hub,
    /// How fast anybody may ask.
    pub gates: Gates,
    /// Where the page's maps come from, if anywhere.
    pub tiles: Option<Tiles>,
    /// Whether people and rides here are made up.
    pub is_demo: bool,
    effects: Effects,
    fanout: Option<Fanout>,
    feed: Feed,
    arbiters: Vec<Arbiter>,
    timers: Stoppable,
    postman: Stoppable,
    background: Vec<tokio::task::JoinHandle<()>>,
    _data: DataFolder,
}

impl Platform {
    /// Starts a node. Must be called within an actix system, which then runs its background work.
    pub async fn start(config: Config) -> anyhow::Result<Arc<Self>> {
        telemetry::metrics::record();
        let config = Arc::new(config);
        let log = store::open::open(&config.store_url()?, Access::Write)?;
        let data = DataFolder::claim(&config.data)?;
        let vault = vault::open::open(&config.vault_url()?)?;
        let keyring = Keyring::new(vault.clone())?;
        let opener: Arc<dyn Opener + Send + Sync> = Arc::new(keyring.clone());
        let views = open_views(&config.views_file(), &*log, opener.clone())?;

        let caps = Caps { per_account: config.sockets_per_account, per_address: config.sockets_per_address };
        let pace = Pace::with_pings(Duration::from_secs(config.ping_every_s.max(1).into()));
        let hub = Hub::with(log.clone(), opener, caps, pace);
        let (effects, causes) = Effects::new();
        let surroundings = Surroundings { log: log.clone(), publish: Arc::new(hub.clone()), effects: effects.clone() };
        let arbiters: Vec<Arbiter> = (0..config.workers.max(1)).map(|_| Arbiter::new()).collect();
        let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
        let directory = Directory::new(&surroundings, &handles);
        let news = News { directory: directory.clone(), hub: hub.clone() };
        let node = Uuid::now_v7();
        let fanout = match config.redis.as_deref() {
            None => None,
            Some(url) => {
                let (key, ears) = (keyring.node_key().await?, Arc::new(news.clone()));
                Some(Fanout::start(url, log.log_id(), NodeId(node), key, ears)?)
            }
        };
        if let Some(fanout) = &fanout {
            hub.join(fanout.peers().clone());
        }
        let (feed, views) = Feed::start(views, log.clone(), Arc::new(news), hub.born_at())?;
        catch_up(&feed, &views, &log).await;

        let bell = Bell::default();
        let accounts = Arc::new(Accounts::new(Parts {
            vault: vault.clone(),
            keyring: keyring.clone(),
            opening: Arc::new(directory.clone()),
            bell: bell.clone(),
            quotas: quotas(&config),
        }));
        let office = Office::new(vault.clone(), outlet(&config)?, &config.mail_from, config.public_url())?;
        let postman = Postman::new(office, node, bell).start();

        let runner = Runner::new(directory.clone(), views.clone());
        let mut background = vec![actix::spawn(runner.clone().run(causes))];
        let timers = Timers::new(directory.clone(), views.clone(), vault.clone(), node, timers::LEASE_S).start();
        background.push(actix::spawn(Finisher::new(runner, views.clone(), log.clone()).run()));
        background.push(actix::spawn(session::follow_endings(hub.clone(), accounts.endings())));
        let revocation = Revocation::new(hub.clone(), accounts.clone(), vault.clone()).await?;
        background.push(actix::spawn(revocation.follow()));
        background.push(actix::spawn(tidy_metrics()));
        background.push(actix::spawn(directory.clone().tidy()));
        let gates = Gates::new(&config);
        let tiles = config.tiles()?;
        let is_demo = Marker::read(&config.data, log.log_id())?.is_some();
        Ok(Arc::new(Self {
            config,
            log,
            vault,
            keyring,
            accounts,
            directory,
            views,
            hub,
            gates,
            tiles,
            is_demo,
            effects,
            fanout,
            feed,
            arbiters,
            timers,
            postman,
            background,
            _data: data,
        }))
    }

    /// How the feed is.
    pub fn feed_state(&self) -> FeedState {
        self.feed.state()
    }

    /// The last position of the log that this node knows of. The log's head may be heard of late when another node wrote,
    /// as after a lost connection; the feed reads on all the same.
    pub fn log_position(&self) -> u64 {
        self.feed.offered().max(*self.log.head().borrow())
    }

    /// How the link to the other nodes is; none without a Redis.
    pub fn link_state(&self) -> Option<LinkState> {
        self.fanout.as_ref().map(|fanout| fanout.peers().state())
    }

    /// The other nodes; none without a Redis.
    pub fn peers(&self) -> Option<&Peers> {
        self.fanout.as_ref().map(Fanout::peers)
    }

    /// How many committed facts wait to have their effects run.
    pub fn effects_waiting(&self) -> usize {
        self.effects.waiting()
    }

    /// The state of an aggregate as the log has it, and its version.
    pub async fn inspect<A: Listed>(&self, stream: impl Into<palabre_events::StreamId>) -> Result<(A, u64), Refusal> {
        self.directory.inspect::<A>(stream).await.map_err(|_| Refusal::Unavailable)
    }

    /// Ends the node: timers, other background work, actors, feed, and last the log. What was acknowledged is on disk;
    /// what was interrupted is finished by the next start.
    pub async fn stop(&self) {
        self.hub.shut_down();
        tokio::join!(self.timers.stop(LEASES_STOP_WITHIN), self.postman.stop(LEASES_STOP_WITHIN));
        for task in &self.background {
            task.abort();
        }
        for arbiter in &self.arbiters {
            // An arbiter that has ended already needs no telling.
            arbiter.stop();
        }
        if let Some(fanout) = &self.fanout {
            fanout.stop();
        }
        self.feed.stop();
        self.log.close().await;
    }
}

/// Lets the views see what was written while nobody followed the log, so that the first answers are whole. A feed that has
/// stopped for good is not waited for.
async fn catch_up(feed: &Feed, views: &ViewsHandle, log: &Arc<dyn EventStore>) {
    let head = *log.head().borrow();
    let (started, mut told_at) = (Instant::now(), Instant::now());
    while !views.wait_for(head, CATCH_UP_LOOK_EVERY).await {
        let position = views.position();
        if started.elapsed() >= CATCH_UP_WITHIN || feed.state().stopped.is_some() {
            tracing::warn!(position, head, "serving before the views have caught up; answers may lack the latest");
            return;
        }
        if told_at.elapsed() >= CATCH_UP_TOLD_EVERY {
            tracing::info!(position, head, "the views are catching up with the log");
            told_at = Instant::now();
        }
    }
}

/// Lets nothing pile up when nobody asks for what was measured.
async fn tidy_metrics() {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        telemetry::metrics::tidy();
    }
}

fn outlet(config: &Config) -> Result<Outlet, BadMailSettings> {
    config.smtp_url.as_deref().map_or_else(|| Outlet::folder(&config.mail_folder()), Outlet::server)
}

fn quotas(config: &Config) -> Quotas {
    let per_address_per_min = NonZeroU32::new(config.sign_ins_per_min).unwrap_or(NonZeroU32::MIN);
    Quotas { per_address_per_min, ..Quotas::default() }
}
