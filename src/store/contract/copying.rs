//! The contract of a log that is copied into: rules that every target keeps, each a test that [`suite`] runs against it.

use palabre_events::log::{Append, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{CommandKey, Envelope, StreamId, Timestamp};
use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::{append, committed, fresh_key, fresh_stream, keyed, keyed_events, unkeyed, whole_log};
use crate::clock;
use crate::store::copy::{Contents, Copied, Extent, Original, Stage, Target, copy};
use crate::store::found::Found;
use crate::store::keys::KEPT_S;
use crate::store::open::{self, Access, StoreUrl};
use crate::store::sqlite::SqliteStore;
use crate::store::{EventStore, PAGE_MAX};

/// An empty place that a log can be copied into.
pub struct Place {
    /// Where it is.
    pub url: StoreUrl,
    /// What it lies in, such as a folder or a server, which goes when the place goes.
    #[expect(dead_code, reason = "held for its drop")]
    pub held: Box<dyn Any>,
}

/// Runs every rule as a test of its own, each with fresh places that `$place()` makes.
macro_rules! suite {
    ($place:path) => {
        $crate::store::contract::copying::suite!(@rules $place:
            a_log_is_copied_and_comes_back_as_it_was,
            a_copy_runs_ahead_of_a_log_in_use_and_is_nobodys_until_it_is_finished,
            a_copy_goes_on_wherever_it_was_interrupted,
            nothing_is_copied_over_a_log_or_behind_another,
            a_copy_that_holds_something_else_is_not_finished,
            a_log_that_goes_on_is_not_finished,
            old_keys_may_be_forgotten,
        );
    };
    (@rules $place:path: $($rule:ident),+ $(,)?) => {$(
        #[test]
        fn $rule() {
            $crate::store::contract::copying::$rule(&$place);
        }
    )+};
}
pub(crate) use suite;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

fn sqlite(folder: &TempDir) -> StoreUrl {
    StoreUrl::Sqlite(folder.path().to_owned())
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Writes commands of one event and of several, with keys and without, to three streams in turn; answers the keys. A
/// round makes six events and uses two keys.
fn write_rounds(folder: &Path, rounds: usize) -> Vec<(StreamId, KeyedCommand)> {
    let store: Arc<dyn EventStore> = Arc::new(SqliteStore::open(folder).expect("opens"));
    let (streams, mut keys) = ([(); 3].map(|()| fresh_stream()), Vec::new());
    block_on(async {
        for round in 0..rounds as u64 {
            let (one, two) = (fresh_key(), fresh_key());
            keys.extend([(streams[0], one), (streams[1], two)]);
            let appends = [
                append(streams[0], 2 * round, vec![keyed(one, "a"), unkeyed("b")]),
                append(streams[1], 3 * round, vec![unkeyed("c"), keyed_events(two, &["d", "e"])]),
                append(streams[2], round, vec![unkeyed("f")]),
            ];
            store.append_many(appends.to_vec()).await.into_iter().for_each(|answer| drop(committed(answer)));
        }
    });
    keys
}

/// Writes a whole page of events to one stream.
fn write_a_page(folder: &Path) {
    let (store, stream) = (SqliteStore::open(folder).expect("opens"), fresh_stream());
    let appends = (0..PAGE_MAX / Append::ITEMS_MAX).map(|n| {
        append(stream, (n * Append::ITEMS_MAX) as u64, (0..Append::ITEMS_MAX).map(|_| unkeyed("a")).collect())
    });
    block_on(store.append_many(appends.collect())).into_iter().for_each(|answer| drop(committed(answer)));
}

fn run(from: &StoreUrl, to: &StoreUrl, extent: Extent) -> anyhow::Result<Copied> {
    let access = if extent == Extent::Whole { Access::Write } else { Access::Read };
    let original = open::original(from, access)?;
    let mut target = open::target(to, original.log_id())?;
    copy(&*original, &mut *target, extent, |_| ())
}

fn refused(from: &StoreUrl, to: &StoreUrl) -> String {
    run(from, to, Extent::Whole).expect_err("it is refused").to_string()
}

fn open_to_read(url: &StoreUrl) -> Arc<dyn EventStore> {
    open::open(url, Access::Read).expect("it is a log")
}

/// The events with positions that both logs have, the first answers to the keys likewise; the name is another.
fn expect_same(one: &StoreUrl, other: &StoreUrl, keys: &[(StreamId, KeyedCommand)]) {
    let logs = [one, other].map(open_to_read);
    assert_ne!(logs[0].log_id(), logs[1].log_id());
    let positions_stay = logs.iter().all(|log| log.positions_are_dense());
    let told = |position| if positions_stay { position } else { 0 };
    let events = |log: &Arc<dyn EventStore>| -> Vec<Envelope> {
        let events = block_on(whole_log(log)).into_iter().map(Arc::unwrap_or_clone);
        events.map(|event| Envelope { position: told(event.position), ..event }).collect()
    };
    assert_eq!(events(&logs[0]), events(&logs[1]));
    for (stream, key) in keys {
        let answers = logs.each_ref().map(|log| {
            let first = block_on(log.first_answer(*stream, *key)).expect("it reads").expect("it is known");
            let at = block_on(log.event_at(first.position)).expect("it reads").expect("it is there");
            assert_eq!((at.stream, at.version), (first.stream, first.version));
            FirstAnswer { position: told(first.position), ..first }
        });
        assert_eq!(answers[0], answers[1]);
    }
}

/// By way of the place into a folder; and the log there goes on, and knows what was said to it before.
pub fn a_log_is_copied_and_comes_back_as_it_was(place: &dyn Fn() -> Place) {
    let (from, to, back) = (folder(), place(), folder());
    let rounds = 40;
    write_a_page(from.path());
    let keys = write_rounds(from.path(), rounds);
    let contents = Contents { events: (PAGE_MAX + 6 * rounds) as u64, keys: 2 * rounds as u64 };
    let copied = Copied { events: contents.events, finished: Some(contents) };
    assert_eq!(run(&sqlite(&from), &to.url, Extent::Whole).expect("it is copied"), copied);
    assert_eq!(run(&to.url, &sqlite(&back), Extent::Whole).expect("it is copied back"), copied);
    expect_same(&sqlite(&from), &to.url, &keys);
    expect_same(&sqlite(&from), &sqlite(&back), &keys);
    let (log, (stream, key)) = (open::open(&to.url, Access::Write).expect("it is a log"), keys[keys.len() - 1]);
    let head = *log.head().borrow();
    let again = block_on(log.append(append(stream, 0, vec![keyed(key, "d")]))).expect("the log answers");
    let first = block_on(log.first_answer(stream, key)).expect("it reads").expect("it is known");
    assert_eq!(again, [ItemAnswer::Duplicate(first)]);
    let next = committed(block_on(log.append(append(stream, 3 * rounds as u64, vec![unkeyed("next")]))));
    assert!(next[0].position > head);
}

pub fn a_copy_runs_ahead_of_a_log_in_use_and_is_nobodys_until_it_is_finished(place: &dyn Fn() -> Place) {
    let (folder, to) = (folder(), place());
    let from = sqlite(&folder);
    let mut keys = write_rounds(folder.path(), 20);
    let in_use = SqliteStore::open(folder.path()).expect("opens");
    assert!(refused(&from, &to.url).contains("in use by another palabre"));
    let ahead = run(&from, &to.url, Extent::Ahead).expect("it is copied ahead");
    assert_eq!(ahead, Copied { events: 120, finished: None });
    for access in [Access::Read, Access::Write] {
        let refused = [open::open(&to.url, access).map(drop), open::original(&to.url, access).map(drop)];
        for refused in refused.map(|opened| opened.expect_err("it is not finished").to_string()) {
            assert!(refused.contains("unfinished copy"), "{refused}");
        }
    }
    drop(in_use);
    keys.extend(write_rounds(folder.path(), 10));
    let whole = run(&from, &to.url, Extent::Whole).expect("it is copied");
    assert_eq!(whole, Copied { events: 60, finished: Some(Contents { events: 180, keys: 60 }) });
    expect_same(&from, &to.url, &keys);
    assert!(refused(&from, &to.url).contains("there is a log already"));
}

/// A target that does only so much before it ends, and never finishes.
struct Interrupted {
    target: Box<dyn Target>,
    events: usize,
}

impl Target for Interrupted {
    fn position(&self) -> u64 {
        self.target.position()
    }

    fn add(&mut self, events: &[Found]) -> anyhow::Result<()> {
        let some = &events[..self.events.min(events.len())];
        self.target.add(some)?;
        self.events -= some.len();
        anyhow::ensure!(some.len() == events.len(), "interrupted");
        Ok(())
    }

    fn read(&self) -> anyhow::Result<Arc<dyn Original>> {
        self.target.read()
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        anyhow::bail!("interrupted")
    }
}

pub fn a_copy_goes_on_wherever_it_was_interrupted(place: &dyn Fn() -> Place) {
    let (folder, to) = (folder(), place());
    let from = sqlite(&folder);
    let keys = write_rounds(folder.path(), 4);
    let original = open::original(&from, Access::Read).expect("it is a log");
    // Before anything is copied, after each event, and between the proof and the end.
    for events in std::iter::once(0).chain([1; 25]) {
        let target = open::target(&to.url, original.log_id()).expect("it goes on");
        let mut target = Interrupted { target, events };
        let interrupted = copy(&*original, &mut target, Extent::Whole, |_| ()).expect_err("it is interrupted");
        assert_eq!(interrupted.to_string(), "interrupted");
    }
    let copied = run(&from, &to.url, Extent::Whole).expect("it is copied");
    assert_eq!(copied, Copied { events: 0, finished: Some(Contents { events: 24, keys: 8 }) });
    expect_same(&from, &to.url, &keys);
}

pub fn nothing_is_copied_over_a_log_or_behind_another(place: &dyn Fn() -> Place) {
    let (one, other) = (folder(), folder());
    for folder in [&one, &other] {
        write_rounds(folder.path(), 2);
    }
    let (opened, unfinished) = (place(), place());
    drop(open::open(&opened.url, Access::Write).expect("it is made"));
    run(&sqlite(&one), &opened.url, Extent::Whole).expect("a log without an event is an empty place");
    for folder in [&one, &other] {
        assert!(refused(&sqlite(folder), &opened.url).contains("there is a log already"));
    }
    run(&sqlite(&one), &unfinished.url, Extent::Ahead).expect("it is copied ahead");
    assert!(refused(&sqlite(&other), &unfinished.url).contains("of another log"));
    run(&sqlite(&one), &unfinished.url, Extent::Whole).expect("its own copy is finished");
}

/// An event that is not the original's is found before anything is added behind it, and one that is in its place by the
/// proof.
pub fn a_copy_that_holds_something_else_is_not_finished(place: &dyn Fn() -> Place) {
    let (folder, other) = (folder(), self::folder());
    write_rounds(folder.path(), 2);
    write_rounds(other.path(), 1);
    let (from, foreign) = (sqlite(&folder), open::original(&sqlite(&other), Access::Read).expect("it is a log"));
    let foreign = block_on(foreign.read_keyed(0)).expect("it reads");
    for (ahead, said) in [(false, "is not the beginning of this log"), (true, "the copy goes on after position")] {
        let (to, original) = (place(), open::original(&from, Access::Read).expect("it is a log"));
        let mut target = open::target(&to.url, original.log_id()).expect("it is empty");
        if ahead {
            let mut target = Adding { target, events: foreign.clone() };
            let wrong = copy(&*original, &mut target, Extent::Whole, |_| ()).expect_err("it is not the same");
            assert!(wrong.to_string().contains(said), "{wrong}");
        } else {
            target.add(&foreign).expect("it is taken");
            drop(target);
            let wrong = refused(&from, &to.url);
            assert!(wrong.contains(said), "{wrong}");
        }
        assert!(open::open(&to.url, Access::Read).is_err(), "it is still unfinished");
    }
}

/// A target that something else is added to at the end.
struct Adding {
    target: Box<dyn Target>,
    events: Vec<Found>,
}

impl Target for Adding {
    fn position(&self) -> u64 {
        self.target.position()
    }

    fn add(&mut self, events: &[Found]) -> anyhow::Result<()> {
        self.target.add(events)?;
        self.target.add(&self.events)
    }

    fn read(&self) -> anyhow::Result<Arc<dyn Original>> {
        self.target.read()
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.target.finish()
    }
}

/// Somebody writes to the original while the copy is proved.
pub fn a_log_that_goes_on_is_not_finished(place: &dyn Fn() -> Place) {
    let (folder, to) = (folder(), place());
    write_rounds(folder.path(), 2);
    let original = open::original(&sqlite(&folder), Access::Read).expect("it is a log");
    let mut target = open::target(&to.url, original.log_id()).expect("it is empty");
    let mut went_on = false;
    let late = copy(&*original, &mut *target, Extent::Whole, |progress| {
        if progress.stage == Stage::Proving && !std::mem::replace(&mut went_on, true) {
            // Elsewhere: this thread is within a runtime.
            std::thread::scope(|scope| drop(scope.spawn(|| write_rounds(folder.path(), 1)).join().expect("it writes")));
        }
    });
    assert!(late.expect_err("it is not whole").to_string().contains("the original was written to meanwhile"));
    drop((target, original));
    let copied = run(&sqlite(&folder), &to.url, Extent::Whole).expect("it goes on");
    assert_eq!(copied, Copied { events: 6, finished: Some(Contents { events: 18, keys: 6 }) });
}

/// A key that no edge accepts any longer need not be known to the copy; one that carries no time is.
pub fn old_keys_may_be_forgotten(place: &dyn Fn() -> Place) {
    let (folder, to, stream) = (folder(), place(), fresh_stream());
    let old = clock::now().plus_seconds(-KEPT_S - 60);
    let keys = [made_at(old), Uuid::from_u128(5), made_at(clock::now())];
    let keys = keys.map(|key| KeyedCommand { key: CommandKey(key), ..fresh_key() });
    let store: Arc<dyn EventStore> = Arc::new(SqliteStore::open(folder.path()).expect("opens"));
    committed(block_on(store.append(append(stream, 0, keys.map(|key| keyed(key, "a")).to_vec()))));
    drop(store);
    let copied = run(&sqlite(&folder), &to.url, Extent::Whole).expect("it is copied");
    assert_eq!(copied.finished, Some(Contents { events: 3, keys: 2 }));
    let log = open_to_read(&to.url);
    let known = keys.map(|key| block_on(log.first_answer(stream, key)).expect("it reads").map(|first| first.version));
    assert_eq!(known, [None, Some(2), Some(3)]);
}

fn made_at(at: Timestamp) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(at.as_millis().unsigned_abs(), &[7; 10]).into_uuid()
}
