//! A server of one's own: the `palabre` binary on a free port over a new data directory, to start, kill and question.
//!
//! Everything happens on 127.0.0.1. Whoever drops a [`Server`] kills its process; the directory goes with it unless
//! [`Server::keep`] was called, so that a failure can be looked into.

use anyhow::{Context, Result, bail, ensure};
use rand::RngExt as _;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::relay::is_well;
use crate::{procfs, report};

/// How long a start may take until the server is ready.
pub const START_BOUND: Duration = Duration::from_secs(60);
/// How long a stop that was asked for may take.
pub const STOP_BOUND: Duration = Duration::from_secs(30);
/// Ports to try. Below the range from which Linux takes the ports of clients, so that no client can take the server's
/// port while it is down, or connect to itself there.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The `palabre` binary: what was asked for, or the one beside the running program.
pub fn binary(asked: Option<&Path>) -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("palabre");
    let path = asked.map_or(beside, Path::to_owned);
    ensure!(path.is_file(), "there is no server at {}; build it, or name it with --palabre", path.display());
    Ok(path.canonicalize()?)
}

/// A port of 127.0.0.1 on which nothing listens.
pub fn free_port() -> Result<u16> {
    let mut rng = rand::rng();
    (0..100)
        .map(|_| rng.random_range(PORTS))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("a hundred ports between 20,000 and 32,000 are all taken")
}

/// A server over a data directory of its own.
pub struct Server {
    binary: PathBuf,
    dir: Option<TempDir>,
    listen: SocketAddr,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

/// What a command of the server's program printed.
#[derive(Debug)]
pub struct Printed {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// How it ended.
    pub status: ExitStatus,
}

impl Server {
    /// A server that is not started yet, with a new directory under the build directory: temporary directories may lie in memory,
    /// where a flush to disk costs nothing.
    pub fn new(binary: PathBuf) -> Result<Self> {
        let parent = report::target_dir()?.join("load-tests");
        fs::create_dir_all(&parent)?;
        let dir = tempfile::Builder::new().prefix("server-").tempdir_in(&parent)?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        Ok(Self { binary, dir: Some(dir), listen, settings: Vec::new(), child: None })
    }

    /// Sets `PALABRE_…` for the server and its other commands.
    pub fn set(&mut self, setting: &str, value: &str) {
        self.settings.push((setting.to_owned(), value.to_owned()));
    }

    /// Takes back what was set before.
    pub fn unset(&mut self, setting: &str) {
        self.settings.retain(|(name, _)| name != setting);
    }

    /// Takes back everything that was set before.
    pub fn unset_all(&mut self) {
        self.settings.clear();
    }

    /// Lifts the limits per account and address, which stand for many people where a load test is one address.
    pub fn lift_limits(&mut self) {
        for limit in
            ["COMMANDS_PER_S", "REQUESTS_PER_S", "SOCKETS_PER_ACCOUNT", "SOCKETS_PER_ADDRESS", "SIGN_INS_PER_MIN"]
        {
            self.set(&format!("PALABRE_{limit}"), "1000000");
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// The directory of this server; the data lies in `data` below it, the server's output in `server.log`.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().expect("only keep takes the directory, and it consumes the server").path()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// Starts the process and does not wait for it.
    pub fn spawn(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.dir().join("server.log"))?;
        let mut command = self.command(&["serve", "--listen", &self.listen.to_string()]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("starting {}", self.binary.display()))?);
        Ok(())
    }

    /// Starts it and waits until it is ready; answers how long that took.
    pub async fn start(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.spawn()?;
        self.wait_until_ready().await?;
        Ok(begun.elapsed())
    }

    /// Waits until `/healthz` says 200.
    pub async fn wait_until_ready(&mut self) -> Result<()> {
        let give_up = Instant::now() + START_BOUND;
        while !is_well(self.listen).await {
            self.check()?;
            ensure!(Instant::now() < give_up, "the server is not ready after {START_BOUND:?}:\n{}", self.log_tail()?);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The running process.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("the server does not run")?.id())
    }

    /// Ends it as a power cut of the process would: SIGKILL, no goodbye.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Stops its process where it stands (SIGSTOP): its connections stay, and nobody is answered.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()?).ok().and_then(Pid::from_raw).context("a process id is positive")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Fails when it has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        match self.child.as_mut().context("the server was not started")?.try_wait()? {
            Some(status) => bail!("the server ended with {status}:\n{}", self.log_tail()?),
            None => Ok(()),
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub async fn stop(&mut self) -> Result<()> {
        if self.child.is_none() {
            return Ok(());
        }
        self.signal(Signal::TERM)?;
        let child = self.child.as_mut().context("it was there a moment ago")?;
        let give_up = Instant::now() + STOP_BOUND;
        while child.try_wait()?.is_none() {
            ensure!(Instant::now() < give_up, "the server has not ended {STOP_BOUND:?} after it was asked to");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.child = None;
        Ok(())
    }

    /// Processor seconds of the running process.
    pub fn cpu_seconds(&self) -> Result<f64> {
        procfs::cpu_seconds(self.pid()?)
    }

    /// Resident bytes of the running process.
    pub fn resident_bytes(&self) -> Result<u64> {
        procfs::resident_bytes(self.pid()?)
    }

    /// Runs another command of the program over the same data, such as `["verify"]`.
    pub fn run(&self, arguments: &[&str]) -> Result<Printed> {
        let output = self.command(arguments).stdin(Stdio::null()).output()?;
        Ok(Printed {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status,
        })
    }

    /// Runs a command that must succeed.
    pub fn run_well(&self, arguments: &[&str]) -> Result<Printed> {
        let printed = self.run(arguments)?;
        ensure!(
            printed.status.success(),
            "palabre {} ended with {}:\n{}{}",
            arguments.join(" "),
            printed.status,
            printed.out,
            printed.err
        );
        Ok(printed)
    }

    /// The last lines that the server printed.
    pub fn log_tail(&self) -> Result<String> {
        let text = fs::read_to_string(self.dir().join("server.log"))?;
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(40)..].join("\n"))
    }

    /// Kills it, keeps the directory, and says where that is.
    pub fn keep(mut self) -> Result<PathBuf> {
        self.kill()?;
        Ok(self.dir.take().expect("taken here alone").keep())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--data").arg(self.data());
        // Settings of whoever runs the test are not the test's.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PALABRE_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).current_dir(self.dir());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("the server could not be killed: {error}");
        }
    }
}

/// How many appends of 4 KiB, each flushed to disk, the disk under `dir` takes in a second: what bounds a log that
/// writes one event at a time.
pub fn flushes_per_second(dir: &Path) -> Result<f64> {
    let path = dir.join("flushes");
    let mut file = File::create(&path)?;
    let (begun, mut flushes) = (Instant::now(), 0_u32);
    while begun.elapsed() < Duration::from_secs(1) {
        std::io::Write::write_all(&mut file, &[0x5a; 4096])?;
        file.sync_data()?;
        flushes += 1;
    }
    let rate = f64::from(flushes) / begun.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    Ok(rate)
}

/// Lets this process, and those it starts, open as many files as the system allows: each connection is one.
pub fn raise_open_files() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
