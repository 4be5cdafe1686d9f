//! The command line as an operator uses it: import, rebuild, audit, admin; each in a process of its own.

#[expect(dead_code, reason = "other test programs use more of it")]
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::TestServer;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn palabre(data: &Path, args: &[&str]) -> Run {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_palabre")).args(args).arg("--data").arg(data).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// A departure tomorrow, in Unix seconds.
fn tomorrow() -> i64 {
    palabre::clock::now().as_millis() / 1000 + 86_400
}

fn offer(id: &str, departure: i64) -> String {
    format!(
        r#"{{"id":"{id}","origin":[45.1885,5.7245],"via":[],"destination":[45.764,4.8357],"departure":{departure},"seats":3,"price_cents":900}}"#
    )
}

#[test]
fn bad_lines_are_named_and_skipped_and_a_second_import_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("offers.jsonl");
    let at = tomorrow();
    let lines = [
        offer("a-1", at),
        "not json".to_owned(),
        offer("a-2", at).replace("45.1885", "145.1885"),
        String::new(),
        offer("a-3", 1_000_000),
        offer("bad id!", at),
        offer("a-4", at).replace("\"seats\":3", "\"seats\":0"),
        offer("a-5", at)
            .replace("{\"id\"", "{\"driver\":\"anna@example.org\",\"note\":\"extra fields are fine\",\"id\""),
        offer("a-6", at).replace("{\"id\"", "{\"driver\":\"nobody\",\"id\""),
        format!("{{\"id\":\"{}\"}}", "x".repeat(100_000)),
        offer("a-7", at),
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();

    let first = palabre(data.path(), &["import", "offers", file, "--json"]);
    assert_eq!(first.code, Some(1), "bad lines are a failure that a script notices: {}", first.err);
    let summary: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!((&summary["new"], &summary["known"], &summary["bad"]), (&3.into(), &0.into(), &7.into()));
    for number in [2, 3, 5, 6, 7, 9, 10] {
        assert!(first.err.contains(&format!("line {number}: ")), "line {number} is not named in {}", first.err);
    }

    let again = palabre(data.path(), &["import", "offers", file, "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&summary["new"], &summary["known"]), (&0.into(), &3.into()));

    let rebuilt = palabre(data.path(), &["rebuild", "--json"]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.err);
    let proved = palabre(data.path(), &["verify"]);
    assert_eq!(proved.code, Some(0), "{}", proved.err);
    assert!(proved.out.starts_with("5 events in 5 streams: all proved"), "{}", proved.out);
    let checked = palabre(data.path(), &["rebuild", "--check", "--json"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    let summary: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    // Three rides, the import account and the one driver who was named.
    assert_eq!((&summary["events"], &summary["differences"]), (&5.into(), &0.into()));
}

#[test]
fn requests_are_imported_too() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("requests.jsonl");
    let line = format!(
        r#"{{"id":"q-0","pickup":[45.1885,5.7245],"dropoff":[45.764,4.8357],"time":{},"tolerance_min":120,"radius_km":10.0,"seats":1}}"#,
        tomorrow()
    );
    std::fs::write(&file, line).unwrap();
    let run = palabre(data.path(), &["import", "requests", file.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.out.starts_with("1 new, 0 known before, 0 bad"), "{}", run.out);
}

#[test]
fn an_administrator_gets_a_password_once() {
    let data = tempfile::tempdir().unwrap();
    let first = palabre(data.path(), &["admin", "create", "chef@example.org"]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(first.out.contains("Its password, shown only now: "), "{}", first.out);
    let again = palabre(data.path(), &["admin", "create", "chef@example.org"]);
    assert!(again.out.contains("It keeps the password that it has."), "{}", again.out);
    let wrong = palabre(data.path(), &["admin", "create", "chef"]);
    assert_eq!(wrong.code, Some(2), "called wrongly: {}", wrong.err);
}

#[test]
fn what_is_not_there_is_said_in_words() {
    let data = tempfile::tempdir().unwrap();
    let nothing = palabre(data.path(), &["audit", "ride", "0190a4b2-5a6e-7c31-8d1f-111111111111"]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("there is no log in"), "{}", nothing.err);
    assert_eq!(palabre(data.path(), &["admin", "create", "chef@example.org"]).code, Some(0));
    let unknown = palabre(data.path(), &["audit", "ride", "0190a4b2-5a6e-7c31-8d1f-111111111111"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("there is no ride 0190a4b2"), "{}", unknown.err);
    assert_eq!(palabre(data.path(), &["import", "offers", "/nowhere.jsonl"]).code, Some(1));
    assert_eq!(palabre(data.path(), &["fly"]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_server_is_restored_under_a_new_name() {
    let (data, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = TestServer::start_with(|config| config.data = data.path().to_owned());
    let anna = server.sign_up("Anna").await;
    let log_id = server.platform.log.log_id();
    let (log, vault) = (backups.path().join("log"), backups.path().join("vault.db"));
    let [log, vault] = [&log, &vault].map(|path| path.to_str().unwrap());
    // While it is written to.
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(rename_until(over.clone(), server.address, anna.token.clone()));
    let head = || *server.platform.log.head().borrow();
    while head() < 20 {
        tokio::task::yield_now().await;
    }
    let before = head();
    let run = palabre(data.path(), &["backup", "log", log]);
    over.store(true, Ordering::SeqCst);
    let written = writing.await.unwrap();
    assert_eq!(run.code, Some(0), "{}", run.err);
    let events: u64 = run.out.split(' ').next().unwrap().parse().unwrap();
    assert!(run.out.starts_with(&format!("{events} events in 1 streams are in ")), "{}", run.out);
    assert!((before..=head()).contains(&events), "{before}, {events}, {}", head());
    assert!(written > 20 && head() == written + 1, "everybody is served meanwhile");
    let again = palabre(data.path(), &["backup", "log", log]);
    assert!(again.code == Some(1) && again.err.contains("already"), "nothing is written over: {}", again.err);
    assert_eq!(palabre(data.path(), &["backup", "vault", vault]).code, Some(0));
    assert_eq!(palabre(data.path(), &["backup", "vault", vault]).code, Some(1));
    drop(server);

    let mut names = vec![log_id];
    for _ in 0..2 {
        let restored = tempfile::tempdir().unwrap();
        std::fs::copy(Path::new(log).join("log.sqlite"), restored.path().join("log.sqlite")).unwrap();
        std::fs::copy(vault, restored.path().join("vault.db")).unwrap();
        let server = TestServer::start_with(|config| config.data = restored.path().to_owned());
        let answer = reqwest::Client::new().get(format!("http://{}/api/v1/me", server.address));
        let answer = answer.bearer_auth(&anna.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        assert!(answer.text().await.unwrap().contains("Anna"), "the vault opens what the log has sealed");
        assert!(!names.contains(&server.platform.log.log_id()), "each time it is restored, it is another log");
        names.push(server.platform.log.log_id());
        drop(server);
        let proved = palabre(restored.path(), &["verify"]);
        assert_eq!(proved.code, Some(0), "{}", proved.err);
        assert!(proved.out.starts_with(&format!("{events} events in 1 streams: all proved")), "{}", proved.out);
    }
}

/// Renames whoever has `token`, again and again; answers how often.
async fn rename_until(over: Arc<AtomicBool>, server: SocketAddr, token: String) -> u64 {
    let (http, mut times) = (reqwest::Client::builder().no_proxy().build().unwrap(), 0);
    while !over.load(Ordering::SeqCst) {
        let rename = http.patch(format!("http://{server}/api/v1/me")).bearer_auth(&token);
        let rename = rename.header("Idempotency-Key", uuid::Uuid::now_v7().to_string());
        let name = serde_json::json!({"name": format!("Anna {times}")});
        assert_eq!(rename.json(&name).send().await.unwrap().status(), 200);
        times += 1;
    }
    times
}
