//! The others: people who talk steadily, and the server's memory, before hostile clients come and while they are there.

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use palabre_load_tests::procfs;
use palabre_load_tests::server::Server;
use palabre_load_tests::talk::fleet::{Dialect, Fleet};
use palabre_load_tests::talk::measured::{Spent, histogram};
use palabre_load_tests::talk::rooms::Room;
use palabre_load_tests::talk::seats;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};

use crate::Arguments;
use crate::report::{Kind, Row};

/// Steady talk is measured in pieces of this length while hostile clients are there.
const PIECE: Duration = Duration::from_secs(1);
/// Between two looks at the server's memory.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After hostile clients are gone, the server is given so long to let go of them.
const SETTLE: Duration = Duration::from_secs(5);
/// What memory may grow by for other reasons: caches that fill, and the allocator's reserve.
const OTHER_BYTES_MAX: u64 = 64 << 20;

/// A server and those who talk on it.
pub struct World {
    /// Where it listens.
    pub server: SocketAddr,
    /// How long hostile clients stay at least.
    pub span: Duration,
    pid: u32,
    rate: u32,
    others: Arc<Fleet>,
    _connections: JoinSet<()>,
}

impl World {
    /// Has the people of `rooms` connect.
    pub async fn begin(arguments: &Arguments, server: &Server, rooms: &[Room]) -> Result<Self> {
        let seats = seats::of_palabre(&[server.address()], rooms, 1).await?;
        let (others, connections) = Fleet::launch(Dialect::Palabre, 2, seats);
        let span = Duration::from_secs(arguments.seconds);
        let (server, pid, rate) = (server.address(), server.pid()?, arguments.rate);
        Ok(Self { server, span, pid, rate, others, _connections: connections })
    }

    /// Measures steady talk, and the same while `attack` by so many `clients` goes on, which ends with what became of them.
    pub async fn under(&self, kind: Kind, clients: usize, attack: impl Future<Output = Result<String>>) -> Result<Row> {
        println!("{clients} {}", kind.name);
        // What was written for those before must not wait in the system still.
        tokio::task::spawn_blocking(rustix::fs::sync).await?;
        let mut before_us = histogram();
        // What comes first warms up: connections were just opened.
        self.talk(PIECE, &mut histogram()).await?;
        self.talk(self.span, &mut before_us).await?;
        let before_bytes = procfs::resident_bytes(self.pid)?;
        let peak = Peak::watch(self.pid, before_bytes);
        let (mut during_us, begun) = (histogram(), Instant::now());
        let over = AtomicU64::new(0);
        let attack = async {
            let became = attack.await;
            over.store(1, SeqCst);
            became
        };
        let talk = async {
            while over.load(SeqCst) == 0 || begun.elapsed() < self.span {
                self.talk(PIECE, &mut during_us).await?;
            }
            anyhow::Ok(())
        };
        let (became, talked) = tokio::join!(attack, talk);
        let (became, ()) = (became.context(kind.name)?, talked.context(kind.name)?);
        let during_bytes = peak.end();
        tokio::time::sleep(SETTLE).await;
        let after_bytes = procfs::resident_bytes(self.pid)?;
        let grown = during_bytes.saturating_sub(before_bytes);
        let most = clients as u64 * kind.bytes_each + OTHER_BYTES_MAX;
        ensure!(grown <= most, "{}: memory grows by {grown} bytes, more than {most}", kind.name);
        println!("  {became}");
        Ok(Row::new(kind, clients, became, [&before_us, &during_us], [before_bytes, during_bytes, after_bytes]))
    }

    /// Talks for `span`; fails when a message does not reach both sides. Counts until the other side has it.
    async fn talk(&self, span: Duration, delivered_us: &mut Histogram<u64>) -> Result<()> {
        let measured = self.others.open_loop(self.rate, span, || Ok(Spent::default())).await;
        let measured = measured.context("the others' talk")?;
        ensure!(measured.refused == 0, "{} messages of others were refused", measured.refused);
        delivered_us.add(&measured.delivered_us).context("all histograms have the same bounds")
    }
}

/// The highest number of resident bytes that was seen.
struct Peak {
    most: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Peak {
    fn watch(pid: u32, bytes: u64) -> Self {
        let most = Arc::new(AtomicU64::new(bytes));
        let seen = Arc::clone(&most);
        let task = tokio::spawn(async move {
            loop {
                // A server that has died is noticed by those who talk.
                seen.fetch_max(procfs::resident_bytes(pid).unwrap_or(0), SeqCst);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { most, task }
    }

    fn end(self) -> u64 {
        self.task.abort();
        self.most.load(SeqCst)
    }
}
