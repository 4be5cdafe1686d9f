//! What only the log on SQLite can show, beside the contract that it shares. What takes another process is tested in
//! `tests/log_process.rs`.

use futures_util::FutureExt;
use futures_util::future::join_all;
use palabre_events::log::{AppendItem, ItemAnswer};
use palabre_events::{NewEvent, Timestamp};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tempfile::TempDir;

use super::*;
use crate::store::contract::{self, append, committed, event, fresh_key, fresh_stream, keyed, unkeyed, whole_log};
use crate::store::open::StoreUrl;
use crate::store::queue::{GROUP_APPENDS_MAX, QUEUED_APPENDS_MAX};
use crate::store::verify::{Fault, NotProved, Proof, verify};

async fn fixture() -> contract::Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("opens");
    contract::Fixture { store: Arc::new(store), place: Box::new(folder) }
}

contract::suite!(fixture);

fn place() -> contract::copying::Place {
    let folder = tempfile::tempdir().expect("a folder");
    contract::copying::Place { url: StoreUrl::Sqlite(folder.path().to_owned()), held: Box::new(folder) }
}

/// Rules of copying.
mod copying {
    crate::store::contract::copying::suite!(super::place);
}

mod read_from_the_file {
    use super::*;

    /// A log that keeps nothing in memory, as it is to whoever follows from further behind.
    async fn forgetful() -> contract::Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path()).expect("opens");
        store.recent.forget();
        contract::Fixture { store: Arc::new(store), place: Box::new(folder) }
    }

    contract::suite!(forgetful);
}

fn open(folder: &TempDir) -> Arc<dyn EventStore> {
    Arc::new(SqliteStore::open(folder.path()).expect("opens"))
}

/// A connection that goes past the log, as a careless or malicious hand would.
fn meddle(folder: &TempDir, sql: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.path().join("log.sqlite")).expect("opens");
    connection.execute_batch(sql).expect("the SQL is right");
    connection
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (stream, key) = (fresh_stream(), fresh_key());
    let store = open(&folder);
    let log_id = store.log_id();
    let first = committed(store.append(append(stream, 0, vec![keyed(key, "a"), unkeyed("b")])).await);
    drop(store);

    let store = open(&folder);
    assert_eq!((store.log_id(), *store.head().borrow()), (log_id, 2));
    assert_eq!(whole_log(&store).await, first);
    let repeat = store.append(append(stream, 2, vec![keyed(key, "a")])).await.expect("answers");
    assert!(matches!(repeat[0], ItemAnswer::Duplicate(first) if first.version == 1));
    let next = committed(store.append(append(stream, 2, vec![unkeyed("c")])).await);
    assert_eq!((next[0].version, next[0].position), (3, 3));
    assert_eq!(next[0].hash, next[0].chained_hash(&first[1].hash));
}

#[tokio::test]
async fn time_of_recording_does_not_go_back_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |seconds| move || Timestamp::from_seconds(seconds).expect("near 1970");
    let mut recorded = Vec::new();
    for now in [100, 50, 150] {
        let store = SqliteStore::open_with(folder.path(), RecordingClock::of(at(now))).expect("opens");
        recorded.extend(committed(store.append(append(fresh_stream(), 0, vec![unkeyed("a")])).await));
    }
    let recorded: Vec<_> = recorded.iter().map(|event| event.recorded_at).collect();
    assert_eq!(recorded, [100, 100, 150].map(|seconds| at(seconds)()));
}

#[test]
fn one_process_writes_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = SqliteStore::open(folder.path()).expect("opens");
    let refused = SqliteStore::open(folder.path()).expect_err("the log is in use");
    assert_eq!(refused.to_string(), "the store is in use by another palabre; stop it first");
    drop(first);
    SqliteStore::open(folder.path()).expect("free again");
}

#[tokio::test]
async fn others_may_read_while_one_writes_and_when_nobody_does() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(SqliteStore::open_read_only(folder.path()), Err(OpenFailure::NoLog(_))));
    let (writing, stream) = (open(&folder), fresh_stream());
    let first = committed(writing.append(append(stream, 0, vec![unkeyed("a")])).await);
    let reading: Arc<dyn EventStore> = Arc::new(SqliteStore::open_read_only(folder.path()).expect("opens"));
    let second = committed(writing.append(append(stream, 1, vec![unkeyed("b")])).await);
    assert_eq!((reading.log_id(), *reading.head().borrow()), (writing.log_id(), 1));
    assert_eq!(whole_log(&reading).await, [first, second].concat());
    assert_eq!(reading.append(append(stream, 2, vec![unkeyed("c")])).await, Err(AppendFailure::Unavailable));
    drop((writing, reading));
    let reading: Arc<dyn EventStore> = Arc::new(SqliteStore::open_read_only(folder.path()).expect("opens"));
    assert_eq!(whole_log(&reading).await.len(), 2);
}

#[test]
fn what_is_not_this_programs_log_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(SqliteStore::open(folder.path()).expect("opens"));
    drop(meddle(&folder, "PRAGMA user_version = 4"));
    for open in [SqliteStore::open, SqliteStore::open_read_only] {
        let refused = open(folder.path()).expect_err("a later program's");
        assert_eq!(refused.to_string(), "the log has schema 4, this palabre knows up to 3; use a newer palabre");
    }
    drop(meddle(&folder, "PRAGMA user_version = 3; PRAGMA application_id = 7"));
    assert!(matches!(SqliteStore::open(folder.path()), Err(OpenFailure::NotALog(_))));
    for length in [1, 100, 10_000] {
        std::fs::write(folder.path().join("log.sqlite"), "x".repeat(length)).expect("written");
        assert!(matches!(SqliteStore::open(folder.path()), Err(OpenFailure::NotALog(_))), "{length} bytes");
    }
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("new");
    let store = SqliteStore::open(&folder).expect("opens");
    committed(store.append(append(fresh_stream(), 0, vec![unkeyed("a")])).await);
    let mode = |path: &Path| path.metadata().expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm", "log.lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn closing_answers_what_was_accepted_and_leaves_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("opens");
    let accepted: Vec<_> = (0..500).map(|_| store.append(append(fresh_stream(), 0, vec![unkeyed("a")]))).collect();
    store.close().await;
    assert!(join_all(accepted).await.into_iter().all(|answer| answer.is_ok()));
    assert!(!folder.path().join("log.sqlite-wal").exists());
    let late = store.append(append(fresh_stream(), 0, vec![unkeyed("late")])).await;
    assert_eq!(late, Err(AppendFailure::Unavailable));
    assert_eq!(store.read_all(0, 1).await, Err(ReadFailure::Unavailable));
    assert_eq!(whole_log(&open(&folder)).await.len(), 500);
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("opens");
    let holding_the_writer_up = meddle(&folder, "BEGIN IMMEDIATE");
    let mut accepted = Vec::new();
    let refused = loop {
        let mut answer = store.append(append(fresh_stream(), 0, vec![unkeyed("a")]));
        match (&mut answer).now_or_never() {
            Some(answer) => break answer,
            None => accepted.push(answer),
        }
        assert!(accepted.len() <= QUEUED_APPENDS_MAX + GROUP_APPENDS_MAX, "the queue has a bound");
    };
    assert_eq!(refused, Err(AppendFailure::Unavailable));
    holding_the_writer_up.execute_batch("ROLLBACK").expect("ends");
    let written = join_all(accepted).await.into_iter().map(committed).count();
    assert_eq!(*store.head().borrow(), written as u64);
}

#[tokio::test]
async fn what_cannot_be_written_does_not_keep_its_neighbours_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, [bad, good, other]) = (open(&folder), [(); 3].map(|()| fresh_stream()));
    committed(store.append(append(bad, 0, vec![unkeyed("a")])).await);
    let not_in_the_first = "CREATE TRIGGER not_in_the_first BEFORE INSERT ON events WHEN NEW.stream_no = 1
                            BEGIN SELECT RAISE(ABORT, 'nothing more in the first stream'); END";
    drop(meddle(&folder, not_in_the_first));
    let appends = [good, bad, other].map(|stream| append(stream, u64::from(stream == bad), vec![unkeyed("b")]));
    let answers = store.append_many(appends.to_vec()).await;
    let [first, refused, second] = answers.try_into().expect("an answer each");
    assert_eq!(refused, Err(AppendFailure::Unavailable));
    assert_eq!((committed(first)[0].position, committed(second)[0].position), (2, 3));
}

#[tokio::test]
async fn the_head_rises_with_what_was_committed_before_the_log_was_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder);
    let nothing_second = "CREATE TRIGGER nothing_second BEFORE INSERT ON events WHEN NEW.position = 2
                          BEGIN SELECT RAISE(ABORT, 'nothing comes second'); END";
    drop(meddle(&folder, nothing_second));
    let appends = [(); 2].map(|()| append(fresh_stream(), 0, vec![unkeyed("a")]));
    let [first, second] = store.append_many(appends.to_vec()).await.try_into().expect("an answer each");
    assert_eq!((committed(first)[0].position, second), (1, Err(AppendFailure::Unavailable)));
    assert_eq!(*store.head().borrow(), 1);
}

#[test]
fn a_writer_that_is_gone_leaves_nothing_to_be_read_from_memory() {
    let place = tempfile::tempdir().expect("a folder");
    let (folder, recent) = (Folder::make(place.path()).expect("a folder"), Arc::<Recent>::default());
    let (head, queue) = (watch::Sender::new(0), Arc::new(WriteQueue::default()));
    let writer = Writer::open(folder, queue, recent.clone(), head, RecordingClock::system()).expect("opens");
    assert_eq!(recent.after(0, 1), Some(vec![]));
    drop(writer);
    assert_eq!(recent.after(0, 1), None);
}

/// Appends about 40 MiB.
async fn write_much(store: &SqliteStore) {
    let large = || NewEvent { data: vec![b'x'; NewEvent::DATA_BYTES_MAX], ..event("") };
    for _ in 0..40 {
        let items = vec![AppendItem { key: None, events: (0..16).map(|_| large()).collect() }];
        committed(store.append(append(fresh_stream(), 0, items)).await);
    }
}

#[tokio::test]
async fn the_wal_is_folded_under_load_but_not_away_from_a_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("opens");
    let wal_bytes = || folder.path().join("log.sqlite-wal").metadata().expect("it exists").len();
    write_much(&store).await;
    assert!(wal_bytes() < 24 * 1024 * 1024, "{} bytes", wal_bytes());
    let holding_on = meddle(&folder, "BEGIN; SELECT count(*) FROM events");
    write_much(&store).await;
    assert!(wal_bytes() > 40 * 1024 * 1024, "{} bytes", wal_bytes());
    drop(holding_on);
    write_much(&store).await;
    store.close().await;
    assert_eq!(verify(&*open(&folder), |_, _| ()).await, Ok(Proof { events: 3 * 640, streams: 120 }));
}

/// Twelve events of three streams, in turn.
async fn some_log(folder: &TempDir) -> Vec<Arc<Envelope>> {
    let (store, streams) = (open(folder), [(); 3].map(|()| fresh_stream()));
    for version in 0..4 {
        for stream in streams {
            committed(store.append(append(stream, version, vec![keyed(fresh_key(), "a")])).await);
        }
    }
    whole_log(&store).await
}

#[tokio::test]
async fn a_sound_log_is_proved() {
    let folder = tempfile::tempdir().expect("a folder");
    some_log(&folder).await;
    let mut told = Vec::new();
    let proof = verify(&*open(&folder), |done, of| told.push((done, of))).await;
    assert_eq!((proof, told), (Ok(Proof { events: 12, streams: 3 }), vec![(12, 12)]));
}

#[tokio::test]
async fn whatever_was_tampered_with_is_named() {
    let cases = [
        ("UPDATE events SET data = x'7b7d' WHERE position = 7", 7, true),
        ("UPDATE events SET hash = zeroblob(32) WHERE position = 6", 6, true),
        ("UPDATE events SET hash = zeroblob(31) WHERE position = 6", 6, false),
        ("UPDATE events SET actor = 'operator' WHERE position = 5", 5, true),
        ("UPDATE events SET actor = 'nobody' WHERE position = 5", 5, false),
        ("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 2", 2, true),
        ("UPDATE events SET key = NULL WHERE position = 9", 9, true),
        ("UPDATE events SET version = version + 10 WHERE position = 11", 11, true),
        ("DELETE FROM events WHERE position = 4", 4, false),
        ("DELETE FROM streams WHERE stream_no = 2", 2, false),
        ("UPDATE streams SET kind = 'ride' WHERE stream_no = 3", 3, true),
    ];
    for (sql, position, named) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let events = some_log(&folder).await;
        drop(meddle(&folder, sql));
        let found = verify(&*open(&folder), |_, _| ()).await;
        let Err(NotProved::Wrong(Fault { position: at, event, what })) = found else { panic!("{sql}: {found:?}") };
        assert_eq!((at, event.is_some()), (position, named), "{sql}: {what}");
        if let Some((stream, _)) = event.filter(|_| !sql.contains("UPDATE streams")) {
            assert_eq!(stream, events[position as usize - 1].stream, "{sql}: {what}");
        }
    }
}

#[tokio::test]
async fn an_event_that_its_index_has_lost_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = some_log(&folder).await;
    drop(meddle(&folder, "DELETE FROM stream_index WHERE position = 12"));
    let found = verify(&*open(&folder), |_, _| ()).await;
    let Err(NotProved::Wrong(fault)) = found else { panic!("{found:?}") };
    assert_eq!((fault.position, fault.event), (12, Some((events[11].stream, 4))));
}

/// Reads of a stream as this process answers them, and as another one does, which knows only the file.
async fn read_both_ways(folder: &TempDir, store: &Arc<dyn EventStore>, stream: StreamId) {
    let other = SqliteStore::open_read_only(folder.path()).expect("opens");
    let whole = store.read(stream, 0, PAGE_MAX).await.expect("reads");
    for (after, limit) in [(0, PAGE_MAX), (0, 3), (2, 3), (3, 1), (7, PAGE_MAX), (u64::MAX, 1)] {
        let part: Vec<_> = whole.iter().filter(|event| event.version > after).take(limit).cloned().collect();
        assert_eq!(store.read(stream, after, limit).await.as_ref(), Ok(&part), "{limit} after {after}");
        assert_eq!(other.read(stream, after, limit).await, Ok(part), "{limit} after {after}, elsewhere");
    }
}

/// How many events the index has.
fn indexed(folder: &TempDir) -> u64 {
    // At one moment: the writer may be at it.
    let both = "SELECT (SELECT count(*) FROM stream_index), (SELECT up_to FROM indexed)";
    let counts = meddle(folder, "").query_row(both, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (entries, up_to): (i64, i64) = counts.expect("two numbers");
    assert_eq!(entries, up_to);
    up_to.cast_unsigned()
}

#[tokio::test]
async fn a_stream_is_whole_however_much_of_it_is_indexed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, streams) = (open(&folder), [(); 2].map(|()| fresh_stream()));
    for version in 0..4 {
        for stream in streams {
            committed(store.append(append(stream, version, vec![unkeyed("a")])).await);
        }
        read_both_ways(&folder, &store, streams[0]).await;
    }
    while indexed(&folder) < 8 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // Now the beginning is in the index, and the rest is not.
    for version in 4..8 {
        committed(store.append(append(streams[0], version, vec![unkeyed("c")])).await);
    }
    read_both_ways(&folder, &store, streams[0]).await;
    let conflict = store.append(append(streams[0], 3, vec![unkeyed("d")])).await;
    assert_eq!(conflict, Ok(vec![ItemAnswer::Conflict { actual: 8 }]));
    assert_eq!(verify(&*store, |_, _| ()).await, Ok(Proof { events: 12, streams: 2 }));
}

#[tokio::test]
async fn under_load_the_index_follows_and_after_a_crash_it_is_completed() {
    let (folder, crashed) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (store, stream) = (open(&folder), fresh_stream());
    let many = |count| (0..count).map(|_| append(fresh_stream(), 0, vec![unkeyed("a")])).collect::<Vec<_>>();
    for _ in 0..3 {
        assert!(store.append_many(many(4096)).await.iter().all(Result::is_ok));
    }
    committed(store.append(append(stream, 0, vec![unkeyed("b")])).await);
    let before = indexed(&folder);
    assert!(before >= 8192, "{before}");
    // What is on disk in this moment is what a crash leaves.
    for file in ["log.sqlite", "log.sqlite-wal"] {
        std::fs::copy(folder.path().join(file), crashed.path().join(file)).expect("copied");
    }
    let reopened = open(&crashed);
    assert_eq!(indexed(&crashed), *reopened.head().borrow());
    assert_eq!(*reopened.head().borrow(), 3 * 4096 + 1);
    let conflict = reopened.append(append(stream, 0, vec![unkeyed("c")])).await;
    assert_eq!(conflict, Ok(vec![ItemAnswer::Conflict { actual: 1 }]));
    assert_eq!(reopened.read(stream, 0, 1).await.expect("reads").len(), 1);
}

#[tokio::test]
async fn a_log_of_an_earlier_program_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = some_log(&folder).await;
    let as_it_was = "DROP TABLE stream_index; DROP TABLE indexed; PRAGMA user_version = 2;
                     CREATE UNIQUE INDEX events_of_stream ON events (stream_no, version);";
    drop(meddle(&folder, as_it_was));
    let refused = SqliteStore::open_read_only(folder.path()).expect_err("not to be read yet");
    assert!(matches!(refused, OpenFailure::Older { found: 2, known: 3 }));
    let store = open(&folder);
    assert_eq!(store.read(events[1].stream, 1, 2).await, Ok(vec![events[4].clone(), events[7].clone()]));
    assert_eq!(verify(&*store, |_, _| ()).await, Ok(Proof { events: 12, streams: 3 }));
}
