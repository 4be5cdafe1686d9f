//! The demo as somebody who looks around finds it: every state of a conversation is there, it is told what it is, and it
//! leaves real data alone.

use reqwest::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a proposal that stands for a minute may take to expire.
const EXPIRES_WITHIN: Duration = Duration::from_secs(90);

/// `palabre demo` in a process of its own; killed when it is dropped.
struct Demo {
    process: Child,
    base: String,
    told: Vec<String>,
}

impl Demo {
    fn start(data: &Path, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args([
                "demo",
                "--listen",
                "127.0.0.1:0",
                "--requests-per-s",
                "1000",
                "--sign-ins-per-min",
                "1000",
                "--data",
            ])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut told = Vec::new();
        for line in lines {
            let is_last = line.starts_with("Search for") || line.starts_with("All rides");
            told.push(line);
            if is_last {
                break;
            }
        }
        let at = told.first().expect("it serves").strip_prefix("Palabre is at ").expect("the first line says where");
        Self { base: at.to_owned(), process, told }
    }

    /// Addresses and passwords, as told.
    fn sign_ins(&self) -> BTreeMap<String, String> {
        let people = self.told.iter().filter_map(|line| line.strip_prefix("  "));
        let words = people.map(|line| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>());
        words.map(|words| <[String; 2]>::try_from(words).unwrap().into()).collect()
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Value {
        let mut request = Client::new().get(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    async fn sign_in(&self, name: &str) -> Guest<'_> {
        let email = format!("{name}@demo.example");
        let body = json!({"email": email, "password": self.sign_ins()[&email], "token": true});
        let answer = Client::new().post(format!("{}/api/v1/sessions", self.base)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let signed_in: Value = answer.json().await.unwrap();
        Guest { demo: self, token: signed_in["token"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Somebody who has signed in.
struct Guest<'a> {
    demo: &'a Demo,
    token: String,
}

impl Guest<'_> {
    async fn get(&self, path: &str) -> Value {
        self.demo.get(path, Some(&self.token)).await
    }

    async fn conversations(&self) -> Vec<Value> {
        self.get("/api/v1/conversations").await["items"].as_array().unwrap().clone()
    }

    /// The types of all events of all conversations.
    async fn events(&self) -> BTreeSet<String> {
        let mut types = BTreeSet::new();
        for talk in self.conversations().await {
            let path = format!("/api/v1/conversations/{}/events", talk["conversation"].as_str().unwrap());
            for event in self.get(&path).await["events"].as_array().unwrap() {
                types.insert(event["type"].as_str().unwrap().to_owned());
            }
        }
        types
    }

    /// The states of the latest bookings.
    async fn bookings(&self) -> BTreeSet<String> {
        let talks = self.conversations().await;
        talks.iter().filter_map(|talk| talk["booking"]["state"].as_str()).map(str::to_owned).collect()
    }
}

fn has(events: &BTreeSet<String>, wanted: &[&str]) {
    for event in wanted {
        assert!(events.contains(*event), "no {event} in {events:?}");
    }
}

#[actix_web::test]
async fn every_state_of_a_conversation_is_there() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path(), &[]);
    assert_eq!(demo.sign_ins().len(), 12);
    assert_eq!(demo.get("/healthz", None).await["demo"], true);
    assert_eq!(demo.get("/api/v1/settings", None).await["demo"], true);

    let chloe = demo.sign_in("chloe").await;
    has(&chloe.events().await, &["message_posted", "proposal_made", "proposal_accepted", "booking_confirmed"]);
    has(&chloe.events().await, &["booking_refused", "booking_changed", "booking_cancelled"]);
    has(&chloe.bookings().await, &["confirmed", "refused", "cancelled"]);
    let talks = chloe.conversations().await;
    let question = |talk: &Value| talk["unread"] == 1 && talk["booking"].is_null() && talk["kind"] == "ride";
    assert!(talks.iter().any(question), "a question that was not read yet: {talks:#?}");
    let groups = talks.iter().filter(|talk| talk["kind"] == "group");
    let sizes: Vec<usize> = groups.map(|group| group["participants"].as_array().unwrap().len()).collect();
    assert!(sizes.contains(&3), "two passengers and the driver: {sizes:?}");

    let hugo = demo.sign_in("hugo").await;
    has(&hugo.events().await, &["proposal_declined", "proposal_withdrawn"]);
    assert!(!hugo.get("/api/v1/me/to-handle").await["proposals"].as_array().unwrap().is_empty());
    let ines = demo.sign_in("ines").await;
    let cancelled = &ines.get("/api/v1/me/reservations?when=past").await["items"][0];
    assert_eq!((&cancelled["state"], &cancelled["cancelled"]["by"]), (&json!("cancelled"), &json!("driver")));
    let thomas = demo.sign_in("thomas").await;
    let cancelled = &thomas.get("/api/v1/me/reservations?when=past").await["items"][0];
    assert_eq!(cancelled["cancelled"]["by"], "passenger");
    has(&thomas.events().await, &["proposal_voided"]);

    let louise = demo.sign_in("louise").await;
    assert_eq!(louise.get("/api/v1/me/to-handle").await["to_reconfirm"].as_array().unwrap().len(), 1);
    assert_eq!(demo.sign_in("yanis").await.get("/api/v1/me/to-handle").await["to_reconfirm"], json!([]));
    let emma = demo.sign_in("emma").await;
    assert!(emma.conversations().await.iter().any(|talk| talk["ride"]["stage"] == "cancelled"));
    let nadia = demo.sign_in("nadia").await;
    let answered = nadia.conversations().await;
    assert!(answered.iter().any(|talk| talk["in_answer_to"].is_string() && talk["open_proposals"] != json!([])));

    let started = Instant::now();
    let malik = demo.sign_in("malik").await;
    while !malik.events().await.contains("proposal_expired") {
        assert!(started.elapsed() < EXPIRES_WITHIN, "a proposal that stands for a minute expires");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[actix_web::test]
async fn a_demo_that_is_there_is_served_as_it_is_until_it_is_renewed() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(data.path(), &[]);
    let head = demo.get("/healthz", None).await["log_position"].as_u64().unwrap();
    let (sign_ins, first) = (demo.sign_ins(), demo.told.iter().any(|line| line.starts_with("The demo is new.")));
    assert!(first && head > 500, "{head} events: {:#?}", demo.told);
    let search = format!(
        "/api/v1/searches?from=45.19,5.71&to=45.76,4.86&at={}&tolerance_min=2880&radius_km=20",
        palabre::clock::now().plus_seconds(3 * 86_400)
    );
    let found = demo.get(&search, None).await["total"].as_u64().unwrap();
    assert!(found >= 3, "{found} rides");
    drop(demo);

    let again = Demo::start(data.path(), &[]);
    assert!(again.told.iter().any(|line| line.starts_with("There was a demo here already")), "{:#?}", again.told);
    assert_eq!(again.sign_ins(), sign_ins);
    again.sign_in("malik").await;
    assert_eq!(again.get(&search, None).await["total"].as_u64(), Some(found));
    drop(again);

    let renewed = Demo::start(data.path(), &["--renew"]);
    assert!(renewed.told.iter().any(|line| line.starts_with("The demo is new.")));
    assert_ne!(renewed.sign_ins(), sign_ins);
    renewed.sign_in("malik").await;
}

fn palabre(data: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_palabre")).args(args).arg("--data").arg(data).output().unwrap()
}

#[test]
fn real_data_are_left_alone() {
    let data = tempfile::tempdir().unwrap();
    assert!(palabre(data.path(), &["admin", "create", "ada@example.org"]).status.success());
    let files = || {
        let entries = std::fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().path());
        let kept = entries.filter(|path| path.extension().is_some_and(|kind| kind == "sqlite" || kind == "db"));
        kept.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let before = files();
    assert_eq!(before.len(), 2, "a log and a vault: {:?}", before.keys());
    for args in [&["demo"][..], &["demo", "--renew"]] {
        let refused = palabre(data.path(), args);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("holds real data"), "{refused:?}");
        assert_eq!(files(), before);
    }
    let elsewhere = palabre(data.path(), &["demo", "--store", "sqlite:elsewhere"]);
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("leave out --store"), "{elsewhere:?}");
}

#[test]
fn the_folder_of_a_node_whose_log_is_elsewhere_is_left_alone() {
    for kept in ["views.db", "mail/letter.eml"] {
        let data = tempfile::tempdir().unwrap();
        let kept = data.path().join(kept);
        std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
        std::fs::write(&kept, "a node's").unwrap();
        for _ in 0..2 {
            let refused = palabre(data.path(), &["demo"]);
            assert!(String::from_utf8_lossy(&refused.stderr).contains("holds real data"), "{refused:?}");
        }
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "a node's");
    }
    let data = tempfile::tempdir().unwrap();
    let _running = palabre::data_folder::DataFolder::claim(data.path()).unwrap();
    let refused = palabre(data.path(), &["demo"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("in use by another palabre"), "{refused:?}");
}

#[test]
fn nothing_real_is_put_into_a_demo() {
    let data = tempfile::tempdir().unwrap();
    drop(Demo::start(data.path(), &[]));
    let offers = data.path().join("offers.jsonl");
    std::fs::write(&offers, "").unwrap();
    for args in [&["import", "offers", offers.to_str().unwrap()][..], &["admin", "create", "ada@example.org"]] {
        let refused = palabre(data.path(), args);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is a demo"), "{refused:?}");
    }
}

#[test]
fn a_marker_beside_another_log_makes_no_demo_of_it() {
    let (real, demo) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(palabre(real.path(), &["admin", "create", "ada@example.org"]).status.success());
    drop(Demo::start(demo.path(), &[]));
    std::fs::copy(demo.path().join("demo.json"), real.path().join("demo.json")).unwrap();
    let refused = palabre(real.path(), &["demo", "--renew"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("holds real data"), "{refused:?}");
    assert!(palabre(real.path(), &["verify"]).status.success());
}
