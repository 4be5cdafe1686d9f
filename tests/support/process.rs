//! The program itself, as a process of its own: for what no test can do to the process that it runs in.

use palabre_events::{AccountId, RideId};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use tempfile::TempDir;

use crate::support::Person;

/// A server in a process. It is killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub host: String,
    _output: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Process {
    /// Starts a server with these options.
    pub fn start(options: &[&str]) -> Self {
        Self::start_logging("warn", Stdio::inherit(), options)
    }

    /// Starts a server with these options that writes of its log what `log_filter` says, and to where.
    pub fn start_logging(log_filter: &str, log: Stdio, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_palabre"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log-filter", log_filter, "--data"])
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let host = first.trim().rsplit_once("http://").expect("it says where it is").1.to_owned();
        Self { child, host, _output: output, _folder: folder }
    }

    /// Signs somebody up over the API.
    pub async fn sign_up(&self, name: &str) -> Person {
        sign_up(&self.host, name).await
    }

    /// Has `driver` offer a ride from Grenoble to Lyon the day after tomorrow.
    pub async fn offer_ride(&self, driver: &Person) -> RideId {
        offer_ride(&self.host, driver).await
    }

    /// As `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As `kill`.
    pub fn terminate(&self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The memory that it holds, in kilobytes.
    pub fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().and_then(|()| self.child.wait()).ok();
    }
}

/// Signs somebody up over the API of whoever answers at `host`.
pub async fn sign_up(host: &str, name: &str) -> Person {
    let email = format!("{}@example.org", name.to_lowercase());
    let wanted =
        json!({"email": email, "password": "a long enough secret", "name": name, "language": "fr", "token": true});
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.post(format!("http://{host}/api/v1/accounts")).json(&wanted).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let account: AccountId = serde_json::from_value(answer["account"].clone()).unwrap_or_else(|_| panic!("{answer}"));
    Person { account, token: answer["token"].as_str().unwrap().to_owned() }
}

/// Has `driver` offer a ride from Grenoble to Lyon the day after tomorrow, over the API of whoever answers at `host`.
pub async fn offer_ride(host: &str, driver: &Person) -> RideId {
    let departs_at = palabre::clock::now().plus_seconds(48 * 3600);
    let offer = json!({
        "stops": [{"lat": 45.1885, "lon": 5.7245}, {"lat": 45.7640, "lon": 4.8357}], "departs_at": departs_at,
        "time_zone": "Europe/Paris", "seats": 3, "price_per_seat": {"cents": 800, "currency": "EUR"},
    });
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(format!("http://{host}/api/v1/rides"));
    let answer: Value = request.bearer_auth(&driver.token).json(&offer).send().await.unwrap().json().await.unwrap();
    serde_json::from_value(answer["ride"].clone()).unwrap_or_else(|_| panic!("{answer}"))
}
