//! A log and a vault on their way into a database and back, beyond the rules that every target shares.

use palabre::demo::marker::Marker;
use palabre::postgres::Address;
use palabre::store::copy::{Copied, Extent, copy};
use palabre::store::open::{self, Access, StoreUrl};
use palabre::store::sqlite::SqliteStore;
use palabre::store::{EventStore, PAGE_MAX};
use palabre::vault::{KeyState, Role};
use palabre_events::log::{ItemAnswer, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope, KeyId};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

use crate::postgres::PostgresServer;
use crate::support::TestServer;
use crate::writing::{append, stream};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Writes `events` more events to the log in `folder`, in streams of three, and answers the keys.
fn write(store: &dyn EventStore, events: u64) -> Vec<KeyedCommand> {
    let before = *store.head().borrow();
    let appends: Vec<_> =
        (before..before + events).map(|n| append(stream(n as usize / 3), n % 3, CommandKey(Uuid::now_v7()))).collect();
    let keys = appends.iter().filter_map(|append| append.items[0].key).collect();
    for some in appends.chunks(4096) {
        let answers = block_on(store.append_many(some.to_vec()));
        assert!(answers.iter().all(|answer| matches!(answer.as_deref(), Ok([ItemAnswer::Committed(_)]))));
    }
    keys
}

fn whole(store: &dyn EventStore) -> Vec<Arc<Envelope>> {
    let mut events = Vec::new();
    loop {
        let page = block_on(store.read_all(events.len() as u64, PAGE_MAX)).unwrap();
        let last = page.len() < PAGE_MAX;
        events.extend(page);
        if last {
            return events;
        }
    }
}

fn sqlite(folder: &TempDir) -> StoreUrl {
    StoreUrl::Sqlite(folder.path().to_owned())
}

fn postgres(url: &str) -> StoreUrl {
    StoreUrl::Postgres(Box::new(Address::parse(url).unwrap()))
}

fn run(from: &StoreUrl, to: &StoreUrl, extent: Extent) -> anyhow::Result<Copied> {
    let access = if extent == Extent::Whole { Access::Write } else { Access::Read };
    let original = open::original(from, access)?;
    let mut target = open::target(to, original.log_id())?;
    copy(&*original, &mut *target, extent, |_| ())
}

/// Everything is as in the original, the name excepted; a key finds what it committed, and the log goes on.
fn expect_same(from: &StoreUrl, to: &StoreUrl, keys: &[KeyedCommand]) {
    let (original, copied) = (open::original(from, Access::Read).unwrap(), open::open(to, Access::Write).unwrap());
    assert_ne!(original.log_id(), copied.log_id());
    assert_eq!(whole(&*original), whole(&*copied));
    for key in keys {
        let first = block_on(copied.first_answer(stream(0), *key)).unwrap();
        assert!(first.is_some());
        assert_eq!(first, block_on(original.first_answer(stream(0), *key)).unwrap());
    }
    let head = *copied.head().borrow();
    let answers =
        block_on(copied.append(append(stream(2_000_000 + head as usize), 0, CommandKey(Uuid::now_v7())))).unwrap();
    let ItemAnswer::Committed(events) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(events[0].position, head + 1);
}

fn database() -> String {
    PostgresServer::shared().fresh_database()
}

#[test]
fn a_copy_that_was_tampered_with_is_not_finished() {
    let (folder, url) = (tempfile::tempdir().unwrap(), database());
    write(&SqliteStore::open(folder.path()).unwrap(), 60);
    run(&sqlite(&folder), &postgres(&url), Extent::Ahead).unwrap();
    PostgresServer::shared().sql(&url, "UPDATE palabre_log.events SET data = '\\x7b7d' WHERE position = 31");
    let wrong = run(&sqlite(&folder), &postgres(&url), Extent::Whole).unwrap_err().to_string();
    assert!(wrong.contains("position 31"), "{wrong}");
    assert!(open::open(&postgres(&url), Access::Read).is_err(), "it is still unfinished");
}

fn palabre(args: &[&str], data: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let output = command.args(args).arg("--data").arg(data).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// A whole platform moves: whoever was signed in still is, and what was sealed is still opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_moves_with_its_vault() {
    let data = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(|config| config.data = data.path().to_owned());
    let (anna, gone) = (server.sign_up("Anna").await, KeyId::Person(AccountId(Uuid::from_u128(7))));
    server.platform.vault.grant_role(anna.account, Role::Support).await.unwrap();
    server.platform.keyring.destroy(gone, palabre::clock::now()).await.unwrap();
    drop(server);
    let url = database();
    let vault = format!("sqlite:{}", data.path().join("vault.db").display());
    let moved = tokio::task::block_in_place(|| {
        let log = sqlite(&data).to_string();
        let (done, said) = palabre(&["copy", "--from", &log, "--to", &url], data.path());
        assert!(done, "{said}");
        [(); 2].map(|()| palabre(&["copy", "vault", "--from", &vault, "--to", &url], data.path()))
    });
    let [(done, said), (again, refused)] = moved;
    assert!(done && said.starts_with("1 keys, 1 destroyed ones, 1 people and 1 open sessions"), "{said}");
    assert!(!again && refused.contains("there is a vault already; copy into an empty place"), "{refused}");
    let server = TestServer::start_with(|config| config.store = Some(url.clone()));
    let answer = reqwest::Client::new().get(format!("http://{}/api/v1/me", server.address));
    let answer = answer.bearer_auth(&anna.token).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    assert!(answer.text().await.unwrap().contains("Anna"));
    assert!(server.platform.vault.roles(anna.account).await.unwrap().support);
    assert_eq!(server.platform.vault.key_now(gone), Ok(KeyState::Destroyed));
    drop(server);
    // And back.
    let back = format!("sqlite:{}", data.path().join("back.db").display());
    let (done, said) = palabre(&["copy", "vault", "--from", &url, "--to", &back], data.path());
    assert!(done && said.starts_with("1 keys, 1 destroyed ones, 1 people and 1 open sessions"), "{said}");
}

#[test]
fn the_command_line_copies_and_shows_no_secret() {
    let data = tempfile::tempdir().unwrap();
    write(&SqliteStore::open(data.path()).unwrap(), 12);
    let from = sqlite(&data).to_string();
    let to = PostgresServer::shared().fresh_database_over_tcp();
    let (done, said) = palabre(&["copy", "--from", &from, "--to", &to], data.path());
    assert!(done && said.starts_with("12 events and 12 keys, 12 events of them now"), "{said}");
    let (done, said) = palabre(&["copy", "--from", &from, "--to", &to], data.path());
    assert!(!done && said.contains("there is a log already") && !said.contains("password%20"), "{said}");
}

#[test]
fn an_original_that_is_not_there_is_not_made() {
    let (data, url) = (tempfile::tempdir().unwrap(), database());
    let (folder, file) = (data.path().join("mistyped"), data.path().join("mistyped.db"));
    let (log, vault) = (format!("sqlite:{}", folder.display()), format!("sqlite:{}", file.display()));
    let nothing_there = [
        (vec!["copy", "--from", &log], "there is no log in"),
        (vec!["copy", "--from", &url], "there is no log of palabre in"),
        (vec!["copy", "vault", "--from", &vault], "there is no vault in"),
        (vec!["copy", "vault", "--from", &url], "there is no vault of palabre in"),
    ];
    for (args, why) in nothing_there {
        let to = format!("sqlite:{}", data.path().join("to").display());
        let (done, said) = palabre(&[&args[..], &["--to", &to]].concat(), data.path());
        assert!(!done && said.contains(why), "{args:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "neither it nor its copy");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'palabre%'";
    assert_eq!(PostgresServer::shared().sql(&url, schemas), "0");
}

#[test]
fn a_backup_is_copied_whole_and_not_ahead() {
    let (folder, backup, url) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), database());
    let keys = write(&SqliteStore::open(folder.path()).unwrap(), 30);
    palabre::store::sqlite::backup::back_up(folder.path(), backup.path()).unwrap();
    let refused = run(&sqlite(&backup), &postgres(&url), Extent::Ahead).unwrap_err().to_string();
    assert!(refused.contains("a backup has no name"), "{refused}");
    run(&sqlite(&backup), &postgres(&url), Extent::Whole).unwrap();
    expect_same(&sqlite(&backup), &postgres(&url), &keys);
}

#[test]
fn a_demo_is_not_copied() {
    let (data, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = SqliteStore::open(data.path()).unwrap();
    write(&store, 3);
    let marker = Marker::new(store.log_id(), 7);
    drop(store);
    let (from, to) = (sqlite(&data).to_string(), sqlite(&to).to_string());
    let copies = |ahead: &[&str]| palabre(&[&["copy", "--from", &from, "--to", &to], ahead].concat(), data.path());
    marker.write(data.path()).unwrap();
    for ahead in [&["--ahead"][..], &[]] {
        let (done, said) = copies(ahead);
        assert!(!done && said.contains("is a demo"), "{said}");
    }
    // The marker of another log, as of one that lay there before, says nothing.
    Marker { log_id: Uuid::new_v4(), ..marker }.write(data.path()).unwrap();
    let (done, said) = copies(&[]);
    assert!(done && said.starts_with("3 events"), "{said}");
}
