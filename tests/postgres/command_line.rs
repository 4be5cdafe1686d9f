//! The command line on a log in PostgreSQL, while a server uses it too.

use std::path::Path;
use std::process::{Command, Output};

use crate::postgres::PostgresServer;
use crate::support::TestServer;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn palabre(data: &Path, store: &str, args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let Output { status, stdout, stderr } =
        command.args(args).arg("--data").arg(data).env("PALABRE_STORE", store).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_work_beside_a_server() {
    let url = PostgresServer::shared().fresh_database_over_tcp();
    let server = TestServer::start_with(|config| config.store = Some(url.clone()));
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("requests.jsonl");
    let tomorrow = palabre::clock::now().as_millis() / 1000 + 86_400;
    let line = format!(
        r#"{{"id":"q-0","pickup":[45.1885,5.7245],"dropoff":[45.764,4.8357],"time":{tomorrow},"tolerance_min":120,"radius_km":10.0,"seats":1}}"#
    );
    std::fs::write(&file, line).unwrap();
    let run = |args: &[&str]| {
        let run = palabre(data.path(), &url, args);
        assert_eq!(run.code, Some(0), "{args:?}: {}", run.err);
        assert!(!run.err.contains("password%20") && !run.out.contains("password%20"), "no secret is shown");
        run.out
    };
    assert!(run(&["import", "requests", file.to_str().unwrap()]).starts_with("1 new, 0 known"));
    assert!(run(&["import", "requests", file.to_str().unwrap()]).starts_with("0 new, 1 known"));
    assert!(run(&["admin", "create", "chef@example.org"]).contains("Its password, shown only now: "));
    assert!(run(&["verify"]).starts_with("3 events in 3 streams: all proved"));
    assert!(run(&["rebuild"]).contains("the views are new"));
    assert!(run(&["rebuild", "--check"]).contains("; 0 differences"));
    assert!(server.platform.views.wait_for(3, std::time::Duration::from_secs(10)).await, "the server sees them too");

    let nowhere = palabre(data.path(), "postgres://anna:s3cr3t@127.0.0.1:1/palabre", &["verify"]);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.err.contains("127.0.0.1") && !nowhere.err.contains("s3cr3t"), "{}", nowhere.err);
    let help = palabre(data.path(), "postgres://anna:s3cr3t@127.0.0.1:1/palabre", &["verify", "--help"]);
    assert!(!help.out.contains("s3cr3t"), "{}", help.out);
}

/// As `docs/OPERATING.md` says, from a database that is in use into an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_restored_under_a_new_name() {
    let operating = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATING.md")).unwrap();
    let rename = operating.lines().find(|line| line.starts_with("UPDATE palabre_log.")).expect("it is documented");
    let (postgres, dumps) = (PostgresServer::shared(), tempfile::tempdir().unwrap());
    let (url, restored) = (postgres.fresh_database(), postgres.fresh_database());
    let server = TestServer::start_with(|config| config.store = Some(url.clone()));
    let anna = server.sign_up("Anna").await;
    for part in ["log", "vault"] {
        let (schema, dump) = (format!("--schema=palabre_{part}"), dumps.path().join(part));
        let dumped = postgres.program("pg_dump").args(["--format=custom", &schema, "-f"]).arg(&dump).arg(&url).status();
        assert!(dumped.unwrap().success());
        let brought = postgres.program("pg_restore").arg(format!("--dbname={restored}")).arg(&dump).status();
        assert!(brought.unwrap().success());
    }
    postgres.sql(&restored, rename);

    let data = tempfile::tempdir().unwrap();
    let proved = palabre(data.path(), &restored, &["verify"]);
    assert!(proved.out.starts_with("1 events in 1 streams: all proved"), "{}{}", proved.out, proved.err);
    let again = TestServer::start_with(|config| config.store = Some(restored));
    assert_ne!(again.platform.log.log_id(), server.platform.log.log_id(), "so that clients start afresh");
    let me = format!("http://{}/api/v1/me", again.address);
    let me = reqwest::Client::new().get(me).bearer_auth(&anna.token).send().await.unwrap();
    assert!(me.status().is_success() && me.text().await.unwrap().contains("Anna"));
}
