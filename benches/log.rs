//! How fast the logs acknowledge, and what they write, beside the same bytes written raw: `cargo bench --bench log`.
//!
//! All sides have the same shape: writers that wait for each acknowledgement, one thread that writes what has gathered
//! and flushes it to disk before it answers. The raw side keeps no order of versions, no keys, no chain and no index.
//! PostgreSQL is started for the measurement, on the same machine and the same disk. KurrentDB is the small server of the
//! tests, in this process, which keeps nothing on disk: it shows what the adapter and its client library cost, and how
//! long they wait. On a machine that others use too,
//! the processor time per acknowledgement, writers and database included, tells more than the rate. `-- 256` measures
//! 256 writers only.

#[cfg(feature = "kurrentdb")]
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/support/kurrentdb/mod.rs"]
mod kurrentdb;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/support/postgres.rs"]
mod postgres;

use palabre::postgres::Address;
use palabre::store::postgres::PostgresStore;
use palabre::store::sqlite::SqliteStore;
use palabre::store::{APPENDS_MAX, EventStore, PAGE_MAX};
use palabre_events::log::{Append, AppendItem, Fingerprint, ItemAnswer, KeyedCommand};
use palabre_events::{AccountId, Actor, CommandKey, NewEvent, StreamId, StreamKind, Timestamp};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use postgres::PostgresServer;

/// As in the program.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Bytes of data of each event: about a message with its sealed text.
const DATA_BYTES: usize = 300;
/// Bytes of the ids, times and hash that the log keeps with it.
const ENVELOPE_BYTES: usize = 176;
/// Streams that the writers share out.
const STREAMS: usize = 10_000;
/// How long each side is measured.
const MEASURED: Duration = Duration::from_secs(4);
/// The most that the raw side writes at once.
const GROUP_MAX: usize = 1024;
/// Appends of the bulk measurement.
const BULK: usize = 50 * APPENDS_MAX;

fn new_append(stream: StreamId, expected_version: u64) -> Append {
    let id = Uuid::now_v7();
    let (account, key) = (AccountId(stream.id), CommandKey(id));
    let event = NewEvent {
        event_id: id,
        event_type: "MessagePosted",
        schema_version: 1,
        occurred_at: Timestamp::from_millis(1_795_443_583_000).expect("in 2026"),
        actor: Actor::Person(account),
        key: Some(key),
        correlation_id: id,
        causation_id: id,
        traceparent: None,
        data: vec![b'x'; DATA_BYTES],
    };
    let key = KeyedCommand { account, key, fingerprint: Fingerprint([7; 16]) };
    Append { stream, expected_version, items: vec![AppendItem { key: Some(key), events: vec![event] }] }
}

fn streams(count: usize) -> Vec<StreamId> {
    (0..count).map(|_| StreamId { kind: StreamKind::Conversation, id: Uuid::new_v4() }).collect()
}

/// What was measured.
#[derive(Clone, Copy)]
struct Measured {
    /// Acknowledgements per second.
    rate: f64,
    /// Processor time per acknowledgement, of this process and of the database, in µs.
    cpu_us: f64,
    /// Bytes that were handed to the file system per acknowledgement.
    bytes: f64,
}

/// What processes have used so far.
#[derive(Clone, Copy, Default)]
struct Used {
    cpu_us: f64,
    bytes: f64,
}

impl Used {
    /// Of the process of that number, or of `self`, where Linux tells it.
    fn by(process: &str) -> Self {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        let stat = read("stat");
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        let io = read("io");
        // Not `write_bytes`: that counts all of a large folio when a piece of it is written.
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok());
        Self { cpu_us: ticks * 10_000.0, bytes: written.unwrap_or_default() }
    }

    /// Of this process and of a database. The database's connections stay the same from one look to the next.
    fn all(database: Option<&PostgresServer>) -> Self {
        let own = Self::by("self");
        let mut processes = Vec::new();
        if let Some(server) = database {
            let file = std::fs::read_to_string(server.folder().join("data/postmaster.pid")).expect("it runs");
            let postmaster = file.lines().next().expect("a process").to_owned();
            let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
            processes.extend(children.unwrap_or_default().split_whitespace().map(str::to_owned));
            processes.push(postmaster);
        }
        // Beside a database, this process writes nothing but questions.
        let start = Self { bytes: if database.is_some() { 0.0 } else { own.bytes }, ..own };
        processes
            .iter()
            .map(|process| Self::by(process))
            .fold(start, |sum, used| Self { cpu_us: sum.cpu_us + used.cpu_us, bytes: sum.bytes + used.bytes })
    }
}

/// Counts what `writers` tasks get acknowledged, each running `write` again and again. `settle` has what was written
/// reach its last place on the disk, which counts as written for them.
async fn measure<F>(
    writers: usize,
    database: Option<&PostgresServer>,
    settle: impl AsyncFn(),
    write: impl Fn(usize, Arc<AtomicBool>, Arc<AtomicU64>) -> F,
) -> Measured
where
    F: Future<Output = ()> + Send + 'static,
{
    settle().await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (started, before) = (Instant::now(), Used::all(database));
    let tasks: Vec<_> =
        (0..writers).map(|writer| tokio::spawn(write(writer, stop.clone(), acknowledged.clone()))).collect();
    tokio::time::sleep(MEASURED).await;
    let (count, took, cpu_us) = (acknowledged.load(Relaxed) as f64, started.elapsed(), Used::all(database).cpu_us);
    stop.store(true, Relaxed);
    for task in tasks {
        task.await.expect("a writer");
    }
    settle().await;
    let (all, after) = (acknowledged.load(Relaxed) as f64, Used::all(database));
    Measured {
        rate: count / took.as_secs_f64(),
        cpu_us: (cpu_us - before.cpu_us) / count,
        bytes: (after.bytes - before.bytes) / all,
    }
}

type RawRequest = (Vec<u8>, oneshot::Sender<()>);

fn raw_writer(mut file: File, mut queue: mpsc::Receiver<RawRequest>) {
    let mut group = Vec::new();
    while queue.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        let bytes: Vec<u8> = group.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        file.write_all(&bytes).expect("written");
        file.sync_data().expect("flushed");
        for (_, reply) in group.drain(..) {
            reply.send(()).expect("the writer waits");
        }
    }
}

async fn raw(folder: &Path, writers: usize) -> Measured {
    let file = File::create(folder.join(format!("raw-{writers}"))).expect("a file");
    let (queue, requests) = mpsc::channel::<RawRequest>(GROUP_MAX * 4);
    let thread = std::thread::spawn(move || raw_writer(file, requests));
    let measured = measure(
        writers,
        None,
        async || (),
        |_, stop, acknowledged| {
            let queue = queue.clone();
            async move {
                while !stop.load(Relaxed) {
                    let (reply, answer) = oneshot::channel();
                    let sent = queue.send((vec![b'x'; DATA_BYTES + ENVELOPE_BYTES], reply)).await;
                    sent.expect("the raw writer lives");
                    answer.await.expect("answered");
                    acknowledged.fetch_add(1, Relaxed);
                }
            }
        },
    )
    .await;
    drop(queue);
    thread.join().expect("the raw writer");
    measured
}

/// A log on the disk.
struct Log {
    name: &'static str,
    store: Arc<dyn EventStore>,
    database: Option<(PostgresServer, String)>,
    #[cfg(feature = "kurrentdb")]
    _kurrentdb: Option<kurrentdb::KurrentServer>,
}

impl Log {
    fn sqlite(folder: &Path) -> Self {
        let store = Arc::new(SqliteStore::open(&folder.join("log")).expect("opens"));
        Self::new("SQLite", store)
    }

    fn postgres() -> Self {
        let server = PostgresServer::start();
        let url = server.fresh_database();
        let store = Arc::new(PostgresStore::open(&Address::parse(&url).expect("an address")).expect("opens"));
        Self { database: Some((server, url)), ..Self::new("PostgreSQL", store) }
    }

    #[cfg(feature = "kurrentdb")]
    fn kurrentdb() -> Self {
        use palabre::store::kurrent::{Address, KurrentStore};
        let server = kurrentdb::KurrentServer::start();
        let store = Arc::new(KurrentStore::open(&Address::parse(&server.url()).expect("an address")).expect("opens"));
        Self { _kurrentdb: Some(server), ..Self::new("KurrentDB (the tests' server)", store) }
    }

    fn new(name: &'static str, store: Arc<dyn EventStore>) -> Self {
        Self {
            name,
            store,
            database: None,
            #[cfg(feature = "kurrentdb")]
            _kurrentdb: None,
        }
    }

    /// SQLite folds its WAL when it is idle; PostgreSQL is told to.
    async fn settle(&self) {
        match &self.database {
            Some((server, url)) => drop(server.sql(url, "CHECKPOINT")),
            None => tokio::time::sleep(Duration::from_millis(1500)).await,
        }
    }
}

async fn log(log: &Log, writers: usize) -> Measured {
    let streams = streams(STREAMS);
    let database = log.database.as_ref().map(|(server, _)| server);
    measure(
        writers,
        database,
        async || log.settle().await,
        |writer, stop, acknowledged| {
            let store = log.store.clone();
            let own: Vec<_> = streams.iter().copied().skip(writer).step_by(writers).collect();
            async move {
                for turn in 0.. {
                    for stream in &own {
                        if stop.load(Relaxed) {
                            return;
                        }
                        let answers = store.append(new_append(*stream, turn)).await.expect("the log takes it");
                        assert!(matches!(answers[0], ItemAnswer::Committed(_)));
                        acknowledged.fetch_add(1, Relaxed);
                    }
                }
            }
        },
    )
    .await
}

async fn bulk(store: &dyn EventStore) -> f64 {
    let started = Instant::now();
    for _ in 0..BULK / APPENDS_MAX {
        let appends = streams(APPENDS_MAX).into_iter().map(|stream| new_append(stream, 0)).collect();
        assert!(store.append_many(appends).await.iter().all(Result::is_ok));
    }
    BULK as f64 / started.elapsed().as_secs_f64()
}

async fn replay(store: &dyn EventStore) -> (u64, f64) {
    let (started, mut read) = (Instant::now(), 0);
    loop {
        let page = store.read_all(read, PAGE_MAX).await.expect("the log reads");
        read += page.len() as u64;
        if page.len() < PAGE_MAX {
            return (read, read as f64 / started.elapsed().as_secs_f64());
        }
    }
}

async fn wake(store: &dyn EventStore) -> f64 {
    let (started, streams) = (Instant::now(), store.read_all(0, 2000).await.expect("the log reads"));
    for event in &streams {
        store.read(event.stream, 0, PAGE_MAX).await.expect("the stream reads");
    }
    started.elapsed().as_secs_f64() / streams.len() as f64
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // Not on a file system in memory, where a flush costs nothing.
    let folder = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).expect("a folder");
    let logs = [
        Log::sqlite(folder.path()),
        Log::postgres(),
        #[cfg(feature = "kurrentdb")]
        Log::kurrentdb(),
    ];
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    println!("| writers | log | acknowledged/s | ratio to raw | µs CPU each | bytes written each |");
    println!("|---|---|---|---|---|---|");
    for writers in if asked.is_empty() { vec![1, 16, 256] } else { asked } {
        let raw = raw(folder.path(), writers).await;
        let row = |name: &str, Measured { rate, cpu_us, bytes }: Measured| {
            println!("| {writers} | {name} | {rate:.0} | {:.2} | {cpu_us:.1} | {bytes:.0} |", rate / raw.rate);
        };
        row("a raw file", raw);
        for each in &logs {
            row(each.name, log(each, writers).await);
        }
    }
    println!();
    println!("| log | bulk, new streams | replay | one stream after the other |");
    println!("|---|---|---|---|");
    // In KurrentDB each stream's first event is an append of its own, and positions are places in its file.
    for Log { name, store, .. } in logs.iter().filter(|log| log.store.positions_are_dense()) {
        let (bulk, (events, replay), wake) = (bulk(&**store).await, replay(&**store).await, wake(&**store).await);
        println!("| {name} | {bulk:.0} appends/s | {replay:.0} events/s of {events} | {:.0} µs each |", wake * 1e6);
    }
}
