//! The contract of copying, and what only a server that fails on request can show of it.

use palabre_events::StreamId;
use palabre_events::log::{Append, FirstAnswer, KeyedCommand};
use std::path::Path;
use tempfile::TempDir;

use super::*;
use crate::store::EventStore;
use crate::store::contract::copying::Place;
use crate::store::contract::{
    self, append, committed, fresh_key, fresh_stream, keyed, keyed_events, unkeyed, whole_log,
};
use crate::store::copy::{Contents, Copied, Extent, copy};
use crate::store::open::StoreUrl;
use crate::store::sqlite::{SqliteStore, SqliteTarget};
use crate::test_kurrentdb::{Fault, KurrentServer};

/// Long enough for a server in this process, short enough to wait for its silence.
const SOON: Duration = Duration::from_millis(500);

fn place() -> Place {
    let server = KurrentServer::start();
    Place { url: StoreUrl::Kurrent(Box::new(address(&server))), held: Box::new(server) }
}

// Against the small server: a real one is not empty for each rule.
contract::copying::suite!(place);

fn address(server: &KurrentServer) -> Address {
    Address::parse(&server.url()).expect("an address")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// A log in a folder, to be copied.
struct Embedded {
    log: SqliteStore,
    _folder: TempDir,
}

fn embedded(appends: Vec<Append>) -> Embedded {
    let folder = tempfile::tempdir().expect("a folder");
    let log = SqliteStore::open(folder.path()).expect("opens");
    block_on(log.append_many(appends)).into_iter().for_each(|answer| drop(committed(answer)));
    Embedded { log, _folder: folder }
}

impl Embedded {
    fn events(&self) -> Vec<Found> {
        block_on(self.log.read_keyed(0)).expect("it reads")
    }

    fn target(&self, server: &KurrentServer) -> anyhow::Result<KurrentTarget> {
        KurrentTarget::open_with(&address(server), self.log.log_id(), SOON)
    }
}

/// The log on the server holds the events, without positions, and finds their keys.
fn expect_copied(server: &KurrentServer, events: &[Found]) {
    let log = KurrentStore::open_read_only(&address(server)).expect("it is a log");
    let unplaced = |found: &Found| {
        let mut found = found.clone();
        Arc::make_mut(&mut found.envelope).position = 0;
        found
    };
    let copied = block_on(log.read_keyed(0)).expect("it reads");
    assert_eq!(copied.iter().map(unplaced).collect::<Vec<_>>(), events.iter().map(unplaced).collect::<Vec<_>>());
    for (keyed, first) in copied.iter().filter_map(Found::first_answer) {
        assert_eq!(block_on(log.first_answer(first.stream, keyed)), Ok(Some(first)));
    }
}

fn finished(events: u64, whole: u64, keys: u64) -> Copied {
    Copied { events, finished: Some(Contents { events: whole, keys }) }
}

#[test]
fn what_has_no_answer_is_looked_for_and_what_is_not_there_is_sent_again() {
    let (one, other) = (fresh_stream(), fresh_stream());
    let appends = [(one, 0), (other, 0), (one, 1), (other, 1), (one, 2)];
    let appends = appends.map(|(stream, version)| append(stream, version, vec![keyed(fresh_key(), "a")]));
    let (original, server) = (embedded(appends.to_vec()), KurrentServer::start());
    let mut target = original.target(&server).expect("it is empty");
    let before = server.appends();
    server.expect_faults([
        Fault::SilentAfterCommit,
        Fault::FailsBeforeCommit,
        Fault::FailsAfterCommit,
        Fault::FailsBeforeCommit,
        Fault::FailsBeforeCommit,
    ]);
    let copied = copy(&original.log, &mut target, Extent::Whole, |_| ()).expect("it is copied");
    assert_eq!(copied, finished(5, 5, 5));
    // Five events, three that had to be sent again, and the name.
    assert_eq!(server.appends() - before, 5 + 3 + 1);
    expect_copied(&server, &original.events());
}

#[test]
fn what_the_copy_is_said_to_be_is_looked_for_too() {
    let (original, server) = (embedded(vec![append(fresh_stream(), 0, vec![unkeyed("a")])]), KurrentServer::start());
    server.expect_faults([Fault::FailsBeforeCommit]);
    assert!(original.target(&server).is_err(), "it is not begun");
    server.expect_faults([Fault::FailsAfterCommit]);
    let mut target = original.target(&server).expect("it is begun");
    target.add(&original.events()).expect("it is added");
    server.expect_faults([Fault::FailsBeforeCommit]);
    assert!(target.finish().is_err(), "it is not finished");
    assert!(matches!(KurrentStore::open(&address(&server)), Err(OpenFailure::Unfinished)));
    server.expect_faults([Fault::FailsAfterCommit]);
    target.finish().expect("it is finished");
    expect_copied(&server, &original.events());
}

#[test]
fn a_server_that_is_away_is_waited_for_and_then_given_up() {
    let (original, server) =
        (embedded(vec![append(fresh_stream(), 0, vec![unkeyed("a"), unkeyed("b")])]), KurrentServer::start());
    let mut target = original.target(&server).expect("it is empty");
    server.go_away();
    let events = original.events();
    let given_up = target.add(&events[..1]).expect_err("nobody answers").to_string();
    assert!(given_up.contains("run the copy again"), "{given_up}");
    std::thread::scope(|scope| {
        let adding = scope.spawn(|| target.add(&events));
        server.come_back();
        adding.join().expect("it does not panic").expect("it is added");
    });
    target.finish().expect("it is finished");
    expect_copied(&server, &events);
}

#[test]
fn neighbours_of_one_stream_go_together_within_bounds() {
    let (one, other) = (fresh_stream(), fresh_stream());
    let many = |count: usize| (0..count).map(|_| unkeyed("a")).collect::<Vec<_>>();
    let large = "x".repeat(60_000);
    let appends = vec![
        append(one, 0, vec![keyed_events(fresh_key(), &["a", "b", "c"]), unkeyed("d")]),
        append(one, 4, many(6)),
        append(other, 0, many(1)),
        append(one, 10, vec![keyed_events(fresh_key(), &["e"; RUN_EVENTS_MAX])]),
        append(one, 10 + RUN_EVENTS_MAX as u64, many(2)),
        append(other, 1, vec![keyed_events(fresh_key(), &[&*large; 9])]),
    ];
    let (original, server) = (embedded(appends), KurrentServer::start());
    let mut target = original.target(&server).expect("it is empty");
    let before = server.appends();
    target.add(&original.events()).expect("it is added");
    // Ten, one, a full append and what is left, eight large ones and what is left.
    assert_eq!(server.appends() - before, 1 + 1 + 2 + 2);
    target.finish().expect("it is finished");
    expect_copied(&server, &original.events());
}

/// As when a program was ended while an append was under way, and the next one cuts the log elsewhere.
#[test]
fn what_another_run_has_added_meanwhile_is_passed_over() {
    let appends = vec![append(fresh_stream(), 0, ["a", "b", "c", "d"].map(unkeyed).to_vec())];
    let (original, server) = (embedded(appends), KurrentServer::start());
    let mut targets = [(); 2].map(|()| original.target(&server).expect("it is begun"));
    let events = original.events();
    targets[0].add(&events[..3]).expect("it is added");
    assert_eq!(targets[1].position(), 0);
    targets[1].add(&events).expect("it goes on behind it");
    let copied = copy(&original.log, &mut targets[1], Extent::Whole, |_| ()).expect("it is copied");
    assert_eq!(copied, finished(0, 4, 0));
    expect_copied(&server, &events);
}

#[test]
fn what_somebody_else_wrote_is_never_written_behind() {
    let (stream, server) = (fresh_stream(), KurrentServer::start());
    let of = |texts: [&str; 2]| embedded(vec![append(stream, 0, texts.map(unkeyed).to_vec())]);
    let (original, foreign) = (of(["a", "b"]), of(["x", "y"]));
    let mut targets = [(); 2].map(|()| original.target(&server).expect("it is begun"));
    targets[0].add(&foreign.events()[..1]).expect("it is added");
    let events = original.events();
    let taken = targets[1].add(&events).expect_err("another event is in its place").to_string();
    assert!(taken.contains("somebody else wrote there"), "{taken}");
    let other = embedded(vec![append(fresh_stream(), 0, ["a", "b"].map(unkeyed).to_vec())]);
    let missing = targets[1].add(&other.events()[1..]).expect_err("the one before is missing").to_string();
    assert!(missing.contains("is not as it was copied after version 1"), "{missing}");
}

/// The log of a server that holds `appends`.
fn on_a_server(appends: Vec<Append>) -> (KurrentServer, Arc<dyn EventStore>) {
    let server = KurrentServer::start();
    let log: Arc<dyn EventStore> = Arc::new(KurrentStore::open(&address(&server)).expect("opens"));
    for append in appends {
        committed(block_on(log.append(append)));
    }
    (server, log)
}

fn copied_into_a_folder(server: &KurrentServer, folder: &Path, extent: Extent) -> Copied {
    let original = KurrentStore::open_read_only(&address(server)).expect("it is a log");
    let mut target = SqliteTarget::open(folder, original.log_id()).expect("it can be a copy");
    copy(&original, &mut target, extent, |_| ()).expect("it is copied")
}

fn first_answer(log: &dyn EventStore, stream: StreamId, key: KeyedCommand) -> Option<FirstAnswer> {
    block_on(log.first_answer(stream, key)).expect("it reads")
}

/// One key for two streams is taken twice on the server; elsewhere it is the first one's.
#[test]
fn a_log_comes_into_a_folder_in_two_goes_with_its_keys() {
    let (streams, keys) = ([fresh_stream(), fresh_stream()], [fresh_key(), fresh_key()]);
    let (server, log) = on_a_server(vec![append(streams[0], 0, vec![unkeyed("a"), keyed(keys[0], "b")])]);
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(copied_into_a_folder(&server, folder.path(), Extent::Ahead), Copied { events: 2, finished: None });
    committed(block_on(log.append(append(streams[1], 0, vec![keyed(keys[1], "c"), keyed(keys[0], "d")]))));
    committed(block_on(log.append(append(streams[0], 2, vec![unkeyed("e")]))));
    assert_eq!(copied_into_a_folder(&server, folder.path(), Extent::Whole), finished(3, 5, 2));

    let copy: Arc<dyn EventStore> = Arc::new(SqliteStore::open(folder.path()).expect("it is a log"));
    let places: Vec<_> =
        block_on(whole_log(&copy)).iter().map(|event| (event.position, event.stream, event.version)).collect();
    let [one, other] = streams;
    assert_eq!(places, [(1, one, 1), (2, one, 2), (3, other, 1), (4, other, 2), (5, one, 3)]);
    for (stream, key, position) in [(one, keys[0], 2), (other, keys[1], 3)] {
        let version = first_answer(&*copy, stream, key).expect("it is known").version;
        let first = FirstAnswer { stream, version, position, fingerprint: key.fingerprint };
        assert_eq!(first_answer(&*copy, other, key), Some(first));
    }
}

#[test]
fn a_log_goes_from_server_to_server() {
    let (streams, key) = ([fresh_stream(), fresh_stream()], fresh_key());
    let (server, log) = on_a_server(vec![
        append(streams[0], 0, vec![keyed(key, "a"), unkeyed("b")]),
        append(streams[1], 0, vec![keyed(key, "c")]),
    ]);
    let other = KurrentServer::start();
    // Their positions begin elsewhere.
    other.add_own_events();
    let original = KurrentStore::open_read_only(&address(&server)).expect("it is a log");
    let mut target = KurrentTarget::open(&address(&other), log.log_id()).expect("it is empty");
    assert_eq!(copy(&original, &mut target, Extent::Whole, |_| ()).expect("it is copied"), finished(3, 3, 2));
    expect_copied(&other, &block_on(original.read_keyed(0)).expect("it reads"));
}
