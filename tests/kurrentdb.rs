//! Whole servers and the command line on a log on KurrentDB: on the small server that the tests bring along.
#![cfg(feature = "kurrentdb")]

#[expect(dead_code, reason = "the adapter's own tests use more of it")]
#[path = "support/kurrentdb/mod.rs"]
mod kurrentdb;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "support/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "other test programs use more of it")]
mod support;

use kurrentdb::KurrentServer;
use postgres::PostgresServer;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use support::TestServer;

/// Runs `palabre` with the log at `store`; answers what it printed.
fn palabre(data: &Path, store: &str, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let Output { status, stdout, stderr } =
        command.args(args).arg("--data").arg(data).env("PALABRE_STORE", store).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(stdout), text(stderr));
    assert_eq!(status.code(), Some(0), "{args:?}: {err}");
    out
}

/// Writes a file of requests, to be imported.
fn requests(folder: &Path, count: usize) -> PathBuf {
    let tomorrow = palabre::clock::now().as_millis() / 1000 + 86_400;
    let line = |n| {
        format!(
            r#"{{"id":"q-{n}","pickup":[45.1885,5.7245],"dropoff":[45.764,4.8357],"time":{tomorrow},"tolerance_min":120,"radius_km":10.0,"seats":1}}"#
        )
    };
    let file = folder.join("requests.jsonl");
    std::fs::write(&file, (0..count).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    file
}

#[test]
fn commands_work_on_it_and_bring_it_elsewhere() {
    let (log, data, elsewhere) = (KurrentServer::start(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = requests(data.path(), 1);
    let run = |args: &[&str]| palabre(data.path(), &log.url(), args);
    assert!(run(&["import", "requests", file.to_str().unwrap()]).starts_with("1 new, 0 known"));
    assert!(run(&["import", "requests", file.to_str().unwrap()]).starts_with("0 new, 1 known"));
    assert!(run(&["admin", "create", "chef@example.org"]).contains("Its password, shown only now: "));
    assert!(run(&["verify"]).starts_with("3 events in 3 streams: all proved"));
    assert!(run(&["rebuild"]).starts_with("folded 3 events"));
    assert!(run(&["rebuild", "--check"]).contains("; 0 differences"));

    let folder = format!("sqlite:{}", elsewhere.path().display());
    assert!(run(&["copy", "--from", &log.url(), "--to", &folder]).starts_with("3 events and "));
    assert!(palabre(data.path(), &folder, &["verify"]).starts_with("3 events in 3 streams: all proved"));
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_stopped() {
    let (log, data) = (KurrentServer::start(), tempfile::tempdir().unwrap());
    let folder = format!("sqlite:{}", data.path().display());
    let run = |args: &[&str]| palabre(data.path(), &folder, args);
    run(&["import", "requests", requests(data.path(), 60).to_str().unwrap()]);
    let copying = ["copy", "--from", &folder, "--to", &log.url()];
    for appends in [0, 1, 20] {
        let before = log.appends();
        let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
        let mut copy = command.args(copying).arg("--data").arg(data.path()).spawn().unwrap();
        while log.appends() < before + appends {
            assert_eq!(copy.try_wait().unwrap(), None, "it ended before it could be killed");
            std::thread::yield_now();
        }
        copy.kill().unwrap();
        copy.wait().unwrap();
    }
    let whole = run(&copying);
    assert!(whole.starts_with("61 events and 0 keys, ") && whole.contains("all proved"), "{whole}");
    assert!(!whole.contains("keys, 61 events of them now"), "{whole}");
    assert!(palabre(data.path(), &log.url(), &["verify"]).starts_with("61 events in 61 streams: all proved"));
}

/// A town that has grown: what was sent to the embedded server is a repeat for the one on KurrentDB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_moves_there_and_knows_what_was_sent_before() {
    let (log, data) = (KurrentServer::start(), tempfile::tempdir().unwrap());
    let embedded = TestServer::start_with(|config| config.data = data.path().to_owned());
    let anna = embedded.sign_up("Anna").await;
    let (key, name) = (palabre_events::CommandKey(uuid::Uuid::now_v7()), "Anna Maria");
    let rename = async |server: &TestServer| {
        let url = format!("http://{}/api/v1/me", server.address);
        let asked =
            reqwest::Client::new().patch(url).bearer_auth(&anna.token).header("Idempotency-Key", key.0.to_string());
        let answer = asked.json(&serde_json::json!({"name": name})).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.json::<serde_json::Value>().await.unwrap()
    };
    let first = rename(&embedded).await;
    drop(embedded);
    let folder = format!("sqlite:{}", data.path().display());
    tokio::task::block_in_place(|| {
        let run = |args: &[&str]| palabre(data.path(), &folder, args);
        let ahead = run(&["copy", "--ahead", "--from", &folder, "--to", &log.url()]);
        assert!(ahead.contains("run it again without --ahead to finish"), "{ahead}");
        let whole = run(&["copy", "--from", &folder, "--to", &log.url()]);
        assert!(whole.contains("0 events of them now") && whole.contains("all proved"), "{whole}");
    });
    let moved = TestServer::start_with(|config| {
        config.data = data.path().to_owned();
        config.store = Some(log.url());
    });
    let head = *moved.platform.log.head().borrow();
    let again = rename(&moved).await;
    assert_eq!((&first["duplicate"], &again["duplicate"]), (&serde_json::Value::Null, &true.into()), "{first} {again}");
    assert_eq!(*moved.platform.log.head().borrow(), head, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_it_beside_one_vault_in_a_file() {
    let vault = tempfile::tempdir().unwrap();
    two_servers_share_it_beside(&format!("sqlite:{}", vault.path().join("vault.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_it_beside_one_vault_in_postgresql() {
    two_servers_share_it_beside(&PostgresServer::shared().fresh_database()).await;
}

async fn two_servers_share_it_beside(vault: &str) {
    let log = KurrentServer::start();
    let start = || {
        TestServer::start_with(|config| {
            config.store = Some(log.url());
            config.vault = Some(vault.to_owned());
        })
    };
    let servers = [start(), start()];
    let anna = servers[0].sign_up("Anna").await;
    assert_eq!(servers[0].platform.log.log_id(), servers[1].platform.log.log_id());
    let position = *servers[0].platform.log.head().borrow();
    assert!(position > 1);
    for server in &servers {
        assert!(server.platform.views.wait_for(position, Duration::from_secs(10)).await, "both follow the log");
        let url = format!("http://{}/api/v1/me?min_position={position}", server.address);
        let answer = reqwest::Client::new().get(url).bearer_auth(&anna.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let health = reqwest::get(format!("http://{}/healthz", server.address)).await.unwrap();
        assert!(health.status().is_success());
        assert_eq!(server.platform.feed_state().stopped, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_log_is_away_says_so_and_goes_on_when_it_is_back() {
    let log = KurrentServer::start();
    let server = TestServer::start_with(|config| config.store = Some(log.url()));
    let anna = server.sign_up("Anna").await;
    let rename = async |name: &str| {
        let url = format!("http://{}/api/v1/me", server.address);
        let key = uuid::Uuid::now_v7().to_string();
        let asked = reqwest::Client::new().patch(url).bearer_auth(&anna.token).header("Idempotency-Key", key);
        asked.json(&serde_json::json!({"name": name})).send().await.unwrap().status().as_u16()
    };
    let until = async |wanted| health(&server, wanted).await;
    assert_eq!(until(200).await["degraded"], serde_json::json!([]));
    log.go_away();
    let away = until(503).await;
    assert_eq!((&away["live"], &away["degraded"][0]["part"]), (&true.into(), &"log".into()), "{away}");
    assert_eq!(rename("Anna Maria").await, 503);
    log.come_back();
    let back = until(200).await;
    assert_eq!(
        (&back["degraded"][0]["part"], &back["degraded"][0]["bearable"]),
        (&"log".into(), &true.into()),
        "{back}"
    );
    assert_eq!(rename("Anna Lisa").await, 200);
    assert_eq!(until(200).await["degraded"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_vault_is_away_says_so_and_goes_on_when_it_is_back() {
    let (log, vault) = (KurrentServer::start(), PostgresServer::start());
    let server = TestServer::start_with(|config| {
        config.store = Some(log.url());
        config.vault = Some(vault.fresh_database());
    });
    let anna = server.sign_up("Anna").await;
    assert_eq!(health(&server, 200).await["degraded"], serde_json::json!([]));
    tokio::task::block_in_place(|| vault.stop());
    let away = health(&server, 503).await;
    assert_eq!((&away["live"], &away["degraded"][0]["part"]), (&true.into(), &"vault".into()), "{away}");
    tokio::task::block_in_place(|| vault.start_again());
    assert_eq!(health(&server, 200).await["degraded"], serde_json::json!([]));
    let me = format!("http://{}/api/v1/me", server.address);
    assert_eq!(reqwest::Client::new().get(me).bearer_auth(&anna.token).send().await.unwrap().status(), 200);
}

/// How `server` is once `/healthz` answers with this status.
async fn health(server: &TestServer, wanted: u16) -> serde_json::Value {
    let since = std::time::Instant::now();
    loop {
        let answer = reqwest::get(format!("http://{}/healthz", server.address)).await.unwrap();
        let (status, health) = (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap());
        if status == wanted {
            return health;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "not {wanted}: {health}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
