//! How fast the log on SQLite acknowledges, beside the same bytes written raw: `cargo bench --bench log`.
//!
//! Both sides have the same shape: writers that wait for each acknowledgement, one thread that writes what has gathered
//! and flushes it to disk before it answers. The raw side keeps no order of versions, no keys, no chain and no index.
//! Files go under `target/`, since a flush costs nothing on a file system in memory. On a machine that others use too,
//! the processor time per acknowledgement, writers included, tells more than the rate. `-- 256` measures 256 writers
//! only.

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
    /// Processor time of this process per acknowledgement, in µs.
    cpu_us: f64,
}

/// Processor time of this process so far, in µs, where Linux tells it.
fn cpu_us() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks * 10_000.0
}

/// Counts what `writers` tasks get acknowledged, each running `write` again and again.
async fn measure<F>(writers: usize, write: impl Fn(usize, Arc<AtomicBool>, Arc<AtomicU64>) -> F) -> Measured
where
    F: Future<Output = ()> + Send + 'static,
{
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (started, cpu_before) = (Instant::now(), cpu_us());
    let tasks: Vec<_> =
        (0..writers).map(|writer| tokio::spawn(write(writer, stop.clone(), acknowledged.clone()))).collect();
    tokio::time::sleep(MEASURED).await;
    let (count, took, cpu) = (acknowledged.load(Relaxed) as f64, started.elapsed(), cpu_us() - cpu_before);
    stop.store(true, Relaxed);
    for task in tasks {
        task.await.expect("a writer");
    }
    Measured { rate: count / took.as_secs_f64(), cpu_us: cpu / count }
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
    let rate = measure(writers, |_, stop, acknowledged| {
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
    })
    .await;
    drop(queue);
    thread.join().expect("the raw writer");
    rate
}

async fn log(store: &Arc<SqliteStore>, writers: usize) -> Measured {
    let streams = streams(STREAMS);
    measure(writers, |writer, stop, acknowledged| {
        let store = store.clone();
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
    })
    .await
}

async fn bulk(store: &Arc<SqliteStore>) -> Measured {
    let (started, cpu_before) = (Instant::now(), cpu_us());
    for _ in 0..BULK / APPENDS_MAX {
        let appends = streams(APPENDS_MAX).into_iter().map(|stream| new_append(stream, 0)).collect();
        assert!(store.append_many(appends).await.iter().all(Result::is_ok));
    }
    let rate = BULK as f64 / started.elapsed().as_secs_f64();
    Measured { rate, cpu_us: (cpu_us() - cpu_before) / BULK as f64 }
}

async fn replay(store: &Arc<SqliteStore>) -> (u64, f64) {
    let (started, mut read) = (Instant::now(), 0);
    loop {
        let page = store.read_all(read, PAGE_MAX).await.expect("the log reads");
        read += page.len() as u64;
        if page.len() < PAGE_MAX {
            return (read, read as f64 / started.elapsed().as_secs_f64());
        }
    }
}

async fn wake(store: &Arc<SqliteStore>) -> f64 {
    let (started, streams) = (Instant::now(), store.read_all(0, 2000).await.expect("the log reads"));
    for event in &streams {
        store.read(event.stream, 0, PAGE_MAX).await.expect("the stream reads");
    }
    started.elapsed().as_secs_f64() / streams.len() as f64
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).expect("a folder");
    let store = Arc::new(SqliteStore::open(&folder.path().join("log")).expect("opens"));
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    println!("writers    raw acks/s  µs CPU    log acks/s  µs CPU   ratio");
    for writers in if asked.is_empty() { vec![1, 16, 256] } else { asked } {
        let (raw, log) = (raw(folder.path(), writers).await, log(&store, writers).await);
        let ratio = log.rate / raw.rate;
        println!(
            "{writers:>7} {:>13.0} {:>7.1} {:>13.0} {:>7.1} {ratio:>7.2}",
            raw.rate, raw.cpu_us, log.rate, log.cpu_us
        );
    }
    let Measured { rate, cpu_us } = bulk(&store).await;
    println!("bulk, one event each, new streams: {rate:.0} appends/s, {cpu_us:.1} µs CPU each");
    let (events, rate) = replay(&store).await;
    println!("replay of {events} events: {rate:.0} events/s");
    println!("one stream read after the other: {:.0} µs each", wake(&store).await * 1e6);
}
