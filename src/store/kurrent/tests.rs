//! The contract against a real server where `PALABRE_TEST_ESDB` names one, and otherwise against a small one in this
//! process; and what only a server that fails on request can show.

use futures_util::future::BoxFuture;
use palabre_events::NewEvent;
use std::io::Write;
use std::sync::Once;
use tokio::sync::OwnedMutexGuard;

use super::*;
use crate::store::contract::{
    self, append, committed, event, fresh_key, fresh_stream, keyed, unkeyed, whole_log, whole_stream,
};
use crate::store::{PAGE_MAX, altered};
use crate::test_kurrentdb::{Fault, KurrentServer};

/// Long enough for a server in this process, short enough to wait for its silence.
const SOON: Duration = Duration::from_millis(500);

/// How long the head may take to be heard of, whatever else the machine does.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

fn open(url: &str) -> Arc<dyn EventStore> {
    Arc::new(KurrentStore::open(&Address::parse(url).expect("an address")).expect("opens"))
}

/// Waits until the head is at `position`; fails when it takes too long.
async fn heard(head: &mut watch::Receiver<u64>, position: u64) {
    let rises = head.wait_for(|head| *head == position);
    let risen = tokio::time::timeout(HEARD_WITHIN, rises).await;
    risen.expect("the head is followed").expect("the log is open");
}

fn open_impatient(server: &KurrentServer) -> Arc<dyn EventStore> {
    let address = Address::parse(&server.url()).expect("an address");
    Arc::new(KurrentStore::open_with(&address, RecordingClock::system(), SOON).expect("opens"))
}

/// Says once, past the test harness which keeps what passing tests print, what the contract runs against.
fn say_once(what: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        writeln!(std::io::stderr(), "KurrentDB: the contract runs against {what}").expect("standard error is there");
    });
}

async fn fixture() -> contract::Fixture {
    if let Ok(url) = std::env::var("PALABRE_TEST_ESDB") {
        let (server, alone) = real_server(&url).await;
        say_once(&format!("the real server at {}", Address::parse(&url).expect("an address")));
        return contract::Fixture { store: Arc::new(server), place: Box::new(alone) };
    }
    say_once("the small server in this process; PALABRE_TEST_ESDB is not set");
    let server = KurrentServer::start();
    contract::Fixture { store: open(&server.url()), place: Box::new(server) }
}

contract::suite!(fixture);

/// The log of a real server as if it began now. Whoever has it has it alone.
struct Anew {
    log: Arc<dyn EventStore>,
    began_at: u64,
}

async fn real_server(url: &str) -> (Anew, OwnedMutexGuard<()>) {
    static ALONE: std::sync::LazyLock<Arc<tokio::sync::Mutex<()>>> = std::sync::LazyLock::new(Arc::default);
    let alone = ALONE.clone().lock_owned().await;
    let log = open(url);
    let began_at = *log.head().borrow();
    (Anew { log, began_at }, alone)
}

impl altered::Altered for Anew {
    fn log(&self) -> &dyn EventStore {
        self.log.as_ref()
    }

    fn read_all(&self, after: u64, limit: usize) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.log.read_all(after.max(self.began_at), limit)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_without_an_answer_is_found_and_sent_once() {
    let server = KurrentServer::start();
    let store = open_impatient(&server);
    let (stream, key) = (fresh_stream(), fresh_key());
    server.expect_faults([Fault::FailsAfterCommit, Fault::SilentAfterCommit]);
    let before = server.appends();
    let first = committed(store.append(append(stream, 0, vec![keyed(key, "a"), unkeyed("b")])).await);
    let second = committed(store.append(append(stream, 2, vec![unkeyed("c")])).await);
    assert_eq!(server.appends() - before, 2);
    assert_eq!(whole_stream(&store, stream).await, [first.clone(), second].concat());
    let again = store.append(append(stream, 0, vec![keyed(key, "a")])).await.expect("the log answers");
    let [ItemAnswer::Duplicate(known)] = again[..] else { panic!("{again:?}") };
    assert_eq!((known.version, known.position), (1, first[0].position));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_after_a_failure_is_unknown_and_not_sent_again() {
    let server = KurrentServer::start();
    let store = open_impatient(&server);
    let stream = fresh_stream();
    server.expect_faults([Fault::FailsBeforeCommit]);
    let before = server.appends();
    assert_eq!(store.append(append(stream, 0, vec![unkeyed("a")])).await, Err(AppendFailure::Unknown));
    assert_eq!((server.appends() - before, whole_log(&store).await.len()), (1, 0));
    committed(store.append(append(stream, 0, vec![unkeyed("a")])).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_takes_in_no_size_is_malformed() {
    let server = KurrentServer::start();
    let store = open(&server.url());
    server.expect_faults([Fault::TooLarge]);
    let large = vec![unkeyed("large")];
    assert_eq!(store.append(append(fresh_stream(), 0, large)).await, Err(AppendFailure::Malformed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_see_each_others_versions_and_keys() {
    let server = KurrentServer::start();
    let (one, other) = (open(&server.url()), open(&server.url()));
    assert_eq!(one.log_id(), other.log_id());
    let (stream, key) = (fresh_stream(), fresh_key());
    committed(one.append(append(stream, 0, vec![unkeyed("a")])).await);
    let theirs = committed(other.append(append(stream, 1, vec![keyed(key, "b")])).await);
    // The first node knows the stream up to version 1, and believes that it may append there.
    let items = vec![unkeyed("stale"), keyed(key, "b")];
    let known = FirstAnswer { stream, version: 2, position: theirs[0].position, fingerprint: key.fingerprint };
    let answers = [ItemAnswer::Conflict { actual: 2 }, ItemAnswer::Duplicate(known)];
    assert_eq!(one.append(append(stream, 1, items)).await, Ok(answers.to_vec()));
    assert_eq!(one.first_answer(stream, key).await, Ok(Some(known)));
    // Whoever read further elsewhere appends behind what this node has not seen.
    let third = committed(other.append(append(stream, 2, vec![unkeyed("c")])).await);
    committed(one.append(append(stream, 3, vec![unkeyed("d")])).await);
    assert_eq!(one.read(stream, 2, 1).await, Ok(third));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_found_again_by_a_program_that_starts_anew() {
    let server = KurrentServer::start();
    let (stream, key) = (fresh_stream(), fresh_key());
    let store = open(&server.url());
    let events = committed(store.append(append(stream, 0, vec![unkeyed("a"), keyed(key, "b")])).await);
    store.close().await;
    assert_eq!(store.append(append(stream, 2, vec![unkeyed("c")])).await, Err(AppendFailure::Unavailable));
    drop(store);
    let store = open(&server.url());
    assert_eq!(*store.head().borrow(), events[1].position);
    let first = FirstAnswer { stream, version: 2, position: events[1].position, fingerprint: key.fingerprint };
    assert_eq!(store.append(append(stream, 0, vec![keyed(key, "b")])).await, Ok(vec![ItemAnswer::Duplicate(first)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_written_before_the_log_is_dropped() {
    let server = KurrentServer::start();
    let store = open(&server.url());
    let streams: Vec<_> = (0..200).map(|_| fresh_stream()).collect();
    let answers: Vec<_> = streams.iter().map(|stream| store.append(append(*stream, 0, vec![unkeyed("a")]))).collect();
    drop(store);
    let store = open(&server.url());
    for answer in answers {
        committed(answer.await);
    }
    assert_eq!(whole_log(&store).await.len(), streams.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_told_honestly_and_found_again() {
    let server = KurrentServer::start();
    let store = open_impatient(&server);
    let other = open_impatient(&server);
    let stream = fresh_stream();
    let mut written = committed(store.append(append(stream, 0, vec![unkeyed("a")])).await);
    server.go_away();
    let away = store.append(append(stream, 1, vec![unkeyed("b")])).await;
    assert!(matches!(away, Err(AppendFailure::Unavailable | AppendFailure::Unknown)), "{away:?}");
    assert_eq!(store.read(stream, 0, 10).await, Err(ReadFailure::Unavailable));
    assert_eq!(store.read_all(0, 10).await, Err(ReadFailure::Unavailable));
    server.come_back();
    // The pauses between attempts are bounded; whoever is refused tries again.
    loop {
        match store.append(append(stream, 1, vec![unkeyed("b")])).await {
            Err(AppendFailure::Unavailable | AppendFailure::Unknown) => tokio::task::yield_now().await,
            answer => break written.extend(committed(answer)),
        }
    }
    assert_eq!(whole_stream(&store, stream).await, written);
    let last = written[1].position;
    heard(&mut other.head(), last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_is_dropped_goes_on_where_it_had_got_to() {
    let server = KurrentServer::start();
    let (writing, following) = (open(&server.url()), open(&server.url()));
    let stream = fresh_stream();
    let mut head = following.head();
    let first = committed(writing.append(append(stream, 0, vec![unkeyed("a")])).await);
    heard(&mut head, first[0].position).await;
    server.subscribed(2).await;
    server.drop_subscriptions();
    let second = committed(writing.append(append(stream, 1, vec![unkeyed("b")])).await);
    heard(&mut head, second[0].position).await;
    let from = server.subscribed(4).await;
    assert_eq!(from[..2], [0, 0], "both begin with an empty log");
    assert!(from[2..].iter().all(|from| *from >= first[0].position), "{from:?}");
}

/// Where only the server's own events came last, a checkpoint says how far to look next time, and skips nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_between_events_is_where_a_subscription_goes_on() {
    let server = KurrentServer::start();
    let (writing, following) = (open(&server.url()), open(&server.url()));
    let mut head = following.head();
    let first = committed(writing.append(append(fresh_stream(), 0, vec![unkeyed("a")])).await);
    heard(&mut head, first[0].position).await;
    server.subscribed(2).await;
    let behind = server.add_own_events();
    server.drop_subscriptions();
    assert_eq!(server.subscribed(4).await, [0, 0, behind, behind]);
    let second = committed(writing.append(append(fresh_stream(), 0, vec![unkeyed("b")])).await);
    assert_eq!(second[0].position, behind, "it begins where the checkpoint is");
    heard(&mut head, behind).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_lie_on_the_server_byte_for_byte() {
    let server = KurrentServer::start();
    let store = open(&server.url());
    let stream = fresh_stream();
    let spaced = NewEvent { data: b" {\"text\" : \"\\u00e9\"} ".to_vec(), ..event("") };
    let plain = NewEvent { data: "{\"text\":\"é\"}".as_bytes().to_vec(), ..event("") };
    let bytes = NewEvent { data: vec![0xff, 0], ..event("") };
    let data = [&spaced, &plain, &bytes].map(|event| event.data.clone());
    let events = vec![spaced, plain, bytes];
    let item = palabre_events::log::AppendItem { key: None, events };
    committed(store.append(append(stream, 0, vec![item])).await);
    assert_eq!(server.data_of(&stream.to_string()), data);
    assert_eq!(
        server.content_types_of(&stream.to_string()),
        ["application/octet-stream", "application/json", "application/octet-stream"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_there_is_not_read() {
    let server = KurrentServer::start();
    let address = Address::parse(&server.url()).expect("an address");
    assert!(matches!(KurrentStore::open_read_only(&address), Err(OpenFailure::Missing { .. })));
    let store = open(&server.url());
    let position = committed(store.append(append(fresh_stream(), 0, vec![unkeyed("a")])).await)[0].position;
    let reader = KurrentStore::open_read_only(&address).expect("it is there now");
    assert_eq!((reader.log_id(), *reader.head().borrow()), (store.log_id(), position));
    assert_eq!(reader.read_all(0, PAGE_MAX).await, Ok(whole_log(&store).await));
    assert_eq!(reader.append(append(fresh_stream(), 0, vec![unkeyed("b")])).await, Err(AppendFailure::Unavailable));
    server.go_away();
    assert!(matches!(KurrentStore::open(&address), Err(OpenFailure::Server { .. })));
}

/// The client's sockets wait for acknowledgements of TCP until they are told not to.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_asked_goes_out_at_once() {
    let server = KurrentServer::start();
    let port = server.url().split([':', '?']).nth(2).expect("a port").parse().expect("a number");
    let store = open(&server.url());
    let told = async {
        loop {
            committed(store.append(append(fresh_stream(), 0, vec![unkeyed("one")])).await);
            let at_once = match super::nodelay::at_once(port) {
                Err(refused) if refused.kind() == std::io::ErrorKind::PermissionDenied => {
                    return writeln!(std::io::stderr(), "KurrentDB: this system hides the sockets of its clients")
                        .expect("standard error is there");
                }
                at_once => at_once.expect("its own sockets"),
            };
            assert!(!at_once.is_empty());
            if !at_once.contains(&false) {
                return;
            }
        }
    };
    tokio::time::timeout(HEARD_WITHIN, told).await.expect("they are told");
}
