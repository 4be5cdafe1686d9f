//! What `make cluster` runs: PostgreSQL, Redis, three nodes and a balancer, from Debian's packages.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::process::{offer_ride, sign_up};

/// How long it may take until all nodes serve, also on a machine that is busy with other things.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The script while it runs. Told to stop, at the latest when this is dropped, it stops what it started.
struct Cluster(Child);

impl Cluster {
    fn start(folder: &Path, host: &str) -> Self {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster/run"))
            .args([Path::new(env!("CARGO_BIN_EXE_palabre")), folder])
            .env("PALABRE_LISTEN", host)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(script.stdout.take().unwrap()).lines();
        let is_up = said.any(|line| line.unwrap().starts_with("Palabre is at "));
        let cluster = Self(script);
        assert!(is_up, "it starts; scripts/install-test-needs installs what it needs");
        cluster
    }

    fn stop(&mut self) -> Option<i32> {
        let script = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        // It may have ended already.
        nix::sys::signal::kill(script, nix::sys::signal::Signal::SIGTERM).ok();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            self.stop();
        }
    }
}

async fn wait_until_ready(host: &str) {
    let (http, since) = (reqwest::Client::builder().no_proxy().build().unwrap(), Instant::now());
    loop {
        if let Ok(answer) = http.get(format!("http://{host}/healthz")).send().await
            && answer.status().is_success()
            && answer.json::<Value>().await.unwrap()["degraded"] == json!([])
        {
            return;
        }
        assert!(since.elapsed() < READY_WITHIN, "it is not ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_behind_a_balancer_serve_as_one_and_stop_together() {
    let folder = tempfile::tempdir().unwrap();
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut cluster = Cluster::start(folder.path(), &host);
    wait_until_ready(&host).await;
    let (driver, passenger) = (sign_up(&host, "Dora").await, sign_up(&host, "Anna").await);
    let ride = offer_ride(&host, &driver).await;
    // The balancer sends each to the node with the fewest connections, so to different ones.
    let connect = async |person| Client::over(TcpStream::connect(&host).await.unwrap(), &host, person).await;
    let (mut at_driver, mut at_passenger) = (connect(&driver).await, connect(&passenger).await);
    assert_eq!(at_driver.welcome["log_id"], at_passenger.welcome["log_id"]);
    let conversation = at_passenger.command("open_conversation", json!({"ride": ride})).await["conversation"].clone();
    at_passenger.command("post_message", json!({"conversation": conversation, "text": "Bonjour"})).await;
    assert_eq!(at_driver.told("message_posted").await["data"]["text"], "Bonjour");
    assert_eq!(reqwest::get(format!("http://{host}/metrics")).await.unwrap().status(), 403, "not for everybody");

    assert_eq!(cluster.stop(), Some(130));
    assert!(TcpStream::connect(&host).await.is_err(), "the balancer has ended");
    assert!(!folder.path().join("postgres/postmaster.pid").exists(), "PostgreSQL has ended in order");
    for node in 1..=3 {
        let log = std::fs::read_to_string(folder.path().join(format!("node{node}.log"))).unwrap();
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }
}
