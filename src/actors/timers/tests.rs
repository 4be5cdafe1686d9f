//! Timers of two nodes on one log in memory and one vault on disk: one runs them at a time, and the other goes on.

use actix::Arbiter;
use futures_util::future::BoxFuture;
use palabre_events::log::{Append, AppendFailure, ItemAnswer};
use palabre_events::request::RequestPosted;
use palabre_events::shell::Submission;
use palabre_events::testing::{PlainOpener, request_posted};
use palabre_events::{AccountId, Actor, Envelope, RequestId, Timestamp};
use std::path::PathBuf;
use std::time::Instant;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::actors::Publish;
use crate::actors::aggregate::Surroundings;
use crate::actors::effects::Effects;
use crate::feed::rebuild::open_views;
use crate::feed::{Feed, Offer};
use crate::store::memory::MemoryStore;
use crate::store::{EventStore, altered};
use crate::vault::{Acquired, SqliteVault};

/// Nothing that is waited for takes longer, even on a busy machine.
const WITHIN: Duration = Duration::from_secs(60);
/// Requests whose hour has passed.
const DUE: usize = 12;

/// Where appends wait to be let through, one for each permit.
struct Gate {
    permits: Semaphore,
    /// Whose appends came here, and when.
    came: watch::Sender<Vec<(u8, Timestamp)>>,
}

/// The log as a node has it whose database makes each append wait.
struct Gated {
    log: Arc<dyn EventStore>,
    gate: Arc<Gate>,
    node: u8,
}

impl altered::Altered for Gated {
    fn log(&self) -> &dyn EventStore {
        self.log.as_ref()
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        self.gate.came.send_modify(|came| came.push((self.node, clock::now())));
        let (log, gate) = (self.log.clone(), self.gate.clone());
        Box::pin(async move {
            gate.permits.acquire().await.expect("it is never closed").forget();
            log.append(append).await
        })
    }
}

/// Listens to nothing.
struct Nobody;

impl Publish for Nobody {
    fn publish(&self, _: &[Arc<Envelope>], _: &[AccountId]) {}
}

impl Offer for Nobody {
    fn offer(&self, _: &[Arc<Envelope>]) {}

    fn relies_on_this(&self) -> bool {
        true
    }
}

fn directory(log: Arc<dyn EventStore>, arbiter: &Arbiter) -> Directory {
    let (effects, _) = Effects::new();
    Directory::new(&Surroundings { log, publish: Arc::new(Nobody), effects }, &[arbiter.handle()])
}

fn vault_file(folder: &TempDir) -> PathBuf {
    folder.path().join("vault.db")
}

/// What the nodes share.
struct Scene {
    log: Arc<dyn EventStore>,
    vault: Arc<dyn Vault>,
    gate: Arc<Gate>,
    folder: TempDir,
}

struct Node {
    timers: Stoppable,
    arbiter: Arbiter,
    _feed: Feed,
}

impl Scene {
    /// A log with requests whose hour has passed, and a gate that is closed.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
        let arbiter = Arbiter::new();
        let directory = directory(log.clone(), &arbiter);
        let yesterday = clock::now().plus_seconds(-24 * 3600);
        for _ in 0..DUE {
            let posted = RequestPosted { pickup_at: yesterday, ..request_posted() };
            let post = by_platform(RequestCommand::Post(Box::new(posted)));
            let post = Submission { by: Actor::Operator, now: yesterday, ..post };
            let answer = directory.submit::<Request>(RequestId(Uuid::now_v7()), post).await;
            assert!(matches!(answer, Answer::Committed(_)), "{answer:?}");
        }
        arbiter.stop();
        let vault = Arc::new(SqliteVault::open(&vault_file(&folder)).unwrap());
        let gate = Arc::new(Gate { permits: Semaphore::new(0), came: watch::Sender::new(Vec::new()) });
        Self { log, vault, gate, folder }
    }

    async fn start(&self, node: u8, lease_s: u32) -> Node {
        let file = self.folder.path().join(format!("views-{node}.db"));
        let views = open_views(&file, &*self.log, Arc::new(PlainOpener::default())).unwrap();
        let (feed, views) = Feed::start(views, self.log.clone(), Arc::new(Nobody), 0).unwrap();
        assert!(views.wait_for(DUE as u64, WITHIN).await);
        let arbiter = Arbiter::new();
        let log = Arc::new(Gated { log: self.log.clone(), gate: self.gate.clone(), node });
        let (directory, id) = (directory(log, &arbiter), Uuid::from_u128(node.into()));
        let timers = Timers::new(directory, views, self.vault.clone(), id, lease_s).start();
        Node { timers, arbiter, _feed: feed }
    }

    fn let_through(&self, appends: usize) {
        self.gate.permits.add_permits(appends);
    }

    /// Waits until so many appends came.
    async fn wait_for_appends(&self, count: usize) {
        let mut came = self.gate.came.subscribe();
        let came = tokio::time::timeout(WITHIN, came.wait_for(|came| came.len() >= count)).await;
        assert!(matches!(came, Ok(Ok(_))), "appends did not come");
    }

    /// Waits until everything that is due is done; answers whose appends came, and when.
    async fn wait_until_done(&self) -> Vec<(u8, Timestamp)> {
        let mut head = self.log.head();
        let done = tokio::time::timeout(WITHIN, head.wait_for(|head| *head == 2 * DUE as u64)).await;
        assert!(matches!(done, Ok(Ok(_))), "timers did not go on");
        self.gate.came.borrow().clone()
    }

    /// Until when a node holds the lease. Asks as of long ago, and so never gets it.
    async fn held_until(&self) -> Timestamp {
        let (somebody, long_ago) = (Uuid::from_u128(99), Timestamp::from_seconds(0).unwrap());
        match self.vault.acquire_lease(LEASE_NAME, somebody, long_ago, long_ago.plus_seconds(1)).await.unwrap() {
            Acquired::HeldByAnother { until } => until,
            Acquired::Held(lease) => panic!("nobody held it: {lease:?}"),
        }
    }
}

impl Node {
    /// Ends as with `kill -9`: what it had under way is lost, and its lease rests.
    async fn die(self) {
        self.timers.break_off().await;
        self.arbiter.stop();
        self.arbiter.join().unwrap();
    }
}

fn nodes(came: &[(u8, Timestamp)]) -> Vec<u8> {
    came.iter().map(|(node, _)| *node).collect()
}

#[actix::test]
async fn one_node_runs_timers_and_when_it_stops_another_goes_on_at_once() {
    // Nobody waits for its end in this test.
    const LEASE_S: u32 = 3600;
    const BY_FIRST: usize = 4;
    let scene = Scene::new().await;
    let first = scene.start(1, LEASE_S).await;
    scene.wait_for_appends(1).await;
    let _second = scene.start(2, LEASE_S).await;
    scene.let_through(BY_FIRST - 1);
    scene.wait_for_appends(BY_FIRST).await;
    // It is told while one is under way, and finishes that.
    tokio::join!(first.timers.stop(WITHIN), async { scene.let_through(1) });
    scene.let_through(DUE - BY_FIRST);
    let came = scene.wait_until_done().await;
    assert_eq!(nodes(&came[..BY_FIRST]), [1; BY_FIRST]);
    assert_eq!(nodes(&came[BY_FIRST..]), [2; DUE - BY_FIRST]);
}

#[actix::test]
async fn when_the_node_that_runs_timers_dies_another_goes_on_once_the_lease_has_run_out() {
    const LEASE_S: u32 = 2;
    let scene = Scene::new().await;
    let first = scene.start(1, LEASE_S).await;
    scene.wait_for_appends(1).await;
    first.die().await;
    let held_until = scene.held_until().await;
    let _second = scene.start(2, LEASE_S).await;
    scene.let_through(DUE);
    let came = scene.wait_until_done().await;
    let by_second = &came[1..];
    assert_eq!(nodes(by_second), [2; DUE]);
    assert!(by_second.iter().all(|(_, at)| *at >= held_until), "{came:?} before {held_until:?}");
}

#[actix::test]
async fn a_node_keeps_the_lease_while_the_log_makes_it_wait() {
    let scene = Scene::new().await;
    let _first = scene.start(1, LEASE_S).await;
    scene.wait_for_appends(1).await;
    let held_until = scene.held_until().await;
    let _second = scene.start(2, LEASE_S).await;
    while clock::now() < held_until {
        tokio::time::sleep(EVERY / 10).await;
    }
    assert!(scene.held_until().await > held_until, "it was not renewed");
    scene.let_through(DUE);
    assert_eq!(nodes(&scene.wait_until_done().await), [1; DUE]);
}

#[actix::test]
async fn a_vault_that_is_silent_keeps_no_stop_waiting() {
    const STOP_WITHIN: Duration = Duration::from_millis(100);
    /// After which the vault says that it cannot.
    const SILENT_FOR: Duration = Duration::from_secs(5);
    let scene = Scene::new().await;
    let node = scene.start(1, LEASE_S).await;
    scene.let_through(DUE);
    scene.wait_until_done().await;
    let other_process = rusqlite::Connection::open(vault_file(&scene.folder)).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    node.timers.stop(STOP_WITHIN).await;
    assert!((STOP_WITHIN..SILENT_FOR).contains(&began.elapsed()), "{:?}", began.elapsed());
    drop(other_process);
}
