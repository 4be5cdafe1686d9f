//! Many connections and the messages in flight over them, counted and timed.
//!
//! Closed loop: a fixed number of messages is always in flight; each acknowledgement lets the next connection send.
//! Open loop: messages leave at their appointed times whatever the server does, and latency counts from those times,
//! so that a server which stalls cannot hide the messages that it kept from being sent (coordinated omission).

use anyhow::{Context, Result, bail, ensure};
use bytes::BytesMut;
use hdrhistogram::Histogram;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::wire::{self, Heard, ID_DIGITS, ID_MIN, Template};

/// The most messages in flight at once.
pub const FLIGHTS: usize = 4096;
/// How long the last messages may take to arrive once nothing is sent any more.
const DRAIN_BOUND: Duration = Duration::from_secs(15);
/// Histograms, so that two connections seldom wait for one another.
const SHARDS: usize = 16;

/// Whose frames these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The server's: an answer to the sender, and an event to both.
    Palabre,
    /// The broadcaster's: the frame itself to both; the sender takes its own as the answer.
    Broadcast,
}

/// A connection that is open and takes part.
pub struct Seat {
    /// The connection.
    pub stream: TcpStream,
    /// What the server has sent already.
    pub buffer: BytesMut,
    /// What this connection sends.
    pub template: Template,
}

struct Line {
    stream: TcpStream,
    template: tokio::sync::Mutex<Template>,
}

/// A message in flight.
#[derive(Default)]
struct Flight {
    /// Its id; 0 when none is.
    id: AtomicU64,
    line: AtomicUsize,
    since_ns: AtomicU64,
}

/// All connections of one phase.
pub struct Fleet {
    dialect: Dialect,
    lines: Vec<Line>,
    flights: Vec<Flight>,
    begun: Instant,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    delivered: AtomicU64,
    goes_on: AtomicBool,
    records: AtomicBool,
    latencies: Vec<Mutex<Histogram<u64>>>,
    fault: OnceLock<String>,
}

/// What one phase measured.
pub struct Measured {
    /// Acknowledged messages a second.
    pub messages_per_s: f64,
    /// Server's processor seconds for a million deliveries.
    pub cpu_s_per_million: f64,
    /// Share of one processor that this load generator used.
    pub generator_cpus: f64,
    /// Share of one processor that the server used.
    pub server_cpus: f64,
    /// Microseconds from sending (closed loop) or appointment (open loop) to acknowledgement.
    pub latency_us: Histogram<u64>,
    /// Commands that were refused.
    pub refused: u64,
}

struct Reading {
    at: Instant,
    acknowledged: u64,
    delivered: u64,
    refused: u64,
    server: f64,
    generator: f64,
}

impl Fleet {
    /// Takes over the connections: those of one conversation stand next to each other.
    pub fn launch(dialect: Dialect, seats: Vec<Seat>) -> (Arc<Self>, JoinSet<()>) {
        let (mut lines, mut buffers) = (Vec::new(), Vec::new());
        for Seat { stream, buffer, template } in seats {
            lines.push(Line { stream, template: tokio::sync::Mutex::new(template) });
            buffers.push(buffer);
        }
        let histogram = || Mutex::new(Histogram::new_with_bounds(1, 120_000_000, 3).expect("the bounds are in order"));
        let fleet = Arc::new(Self {
            dialect,
            lines,
            flights: std::iter::repeat_with(Flight::default).take(FLIGHTS).collect(),
            begun: Instant::now(),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            goes_on: AtomicBool::new(false),
            records: AtomicBool::new(false),
            latencies: std::iter::repeat_with(histogram).take(SHARDS).collect(),
            fault: OnceLock::new(),
        });
        let mut readers = JoinSet::new();
        for (index, buffer) in buffers.into_iter().enumerate() {
            let fleet = Arc::clone(&fleet);
            readers.spawn(async move {
                if let Err(error) = fleet.read(index, buffer).await {
                    // The first fault says it all; the others follow from it.
                    fleet.fault.set(format!("connection {index}: {error:#}")).ok();
                }
            });
        }
        (fleet, readers)
    }

    /// Keeps `in_flight` messages in flight for `warm_up` and then for `span`, which is measured.
    pub async fn closed_loop(
        self: &Arc<Self>,
        in_flight: usize,
        (warm_up, span): (Duration, Duration),
        cpu: impl Fn() -> Result<f64>,
    ) -> Result<Measured> {
        ensure!(in_flight <= FLIGHTS, "at most {FLIGHTS} messages can be in flight");
        self.goes_on.store(true, SeqCst);
        for flight in 0..in_flight {
            self.send(flight, self.now_ns()).await?;
        }
        tokio::time::sleep(warm_up).await;
        let before = self.read_off(&cpu)?;
        self.records.store(true, SeqCst);
        tokio::time::sleep(span).await;
        self.records.store(false, SeqCst);
        let after = self.read_off(&cpu)?;
        self.goes_on.store(false, SeqCst);
        self.drain().await?;
        Ok(self.measured(&before, &after))
    }

    /// Sends `rate` messages a second for `span` and measures all of it.
    pub async fn open_loop(
        self: &Arc<Self>,
        rate: u32,
        span: Duration,
        cpu: impl Fn() -> Result<f64>,
    ) -> Result<Measured> {
        let before = self.read_off(&cpu)?;
        self.records.store(true, SeqCst);
        let (fleet, runtime) = (Arc::clone(self), tokio::runtime::Handle::current());
        // A thread of its own, because the runtime's clock only has whole milliseconds.
        let pacer = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            for turn in 0..(span.as_secs_f64() * f64::from(rate)) as u32 {
                let appointed = Duration::from_secs_f64(f64::from(turn) / f64::from(rate));
                std::thread::sleep(appointed.saturating_sub(begun.elapsed()));
                let appointed_ns = ((begun - fleet.begun) + appointed).as_nanos() as u64;
                runtime.block_on(fleet.send(turn as usize % FLIGHTS, appointed_ns))?;
            }
            Ok::<_, anyhow::Error>(())
        });
        pacer.await??;
        let after_last = self.drain().await;
        self.records.store(false, SeqCst);
        let after = self.read_off(&cpu)?;
        after_last?;
        Ok(self.measured(&before, &after))
    }

    /// Acknowledged messages since the launch.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(SeqCst)
    }

    /// Fails when a connection has.
    pub fn check(&self) -> Result<()> {
        self.fault.get().map_or(Ok(()), |fault| bail!("{fault}"))
    }

    fn now_ns(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    /// Sends the next message, on the connection whose turn it is.
    async fn send(&self, flight: usize, since_ns: u64) -> Result<()> {
        let turn = self.sent.fetch_add(1, SeqCst);
        let index = turn as usize % self.lines.len();
        let id = ID_MIN + turn * FLIGHTS as u64 + flight as u64;
        let slot = &self.flights[flight];
        slot.line.store(index, SeqCst);
        slot.since_ns.store(since_ns, SeqCst);
        ensure!(slot.id.swap(id, SeqCst) == 0, "more than {FLIGHTS} messages are in flight");
        let line = &self.lines[index];
        let mut template = line.template.lock().await;
        let mut rest = template.filled(id, Uuid::now_v7());
        while !rest.is_empty() {
            match line.stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => line.stream.writable().await?,
                Err(error) => return Err(error).context("sending"),
            }
        }
        Ok(())
    }

    async fn read(&self, index: usize, mut buffer: BytesMut) -> Result<()> {
        let stream = &self.lines[index].stream;
        let (mut landed, mut pongs) = (Vec::new(), Vec::new());
        loop {
            wire::hear(&mut buffer, |heard| match heard {
                Heard::Text(text) => {
                    landed.extend(self.take(index, text)?);
                    Ok(())
                }
                Heard::Ping(pong) => {
                    pongs.push(pong);
                    Ok(())
                }
                Heard::Close(code) => bail!("the server closes it with {code}"),
                Heard::Nothing => Ok(()),
            })?;
            for pong in pongs.drain(..) {
                // A pong fits into an empty buffer; a server that does not read would be seen by the next message.
                stream.try_write(&pong).context("answering a ping")?;
            }
            for flight in landed.drain(..) {
                if self.goes_on.load(SeqCst) {
                    self.send(flight, self.now_ns()).await?;
                }
            }
            stream.readable().await?;
            buffer.reserve(4096);
            match stream.try_read_buf(&mut buffer) {
                Ok(0) => bail!("the server has closed it"),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("receiving"),
            }
        }
    }

    /// Takes one message; answers the flight that it lands.
    fn take(&self, line: usize, text: &[u8]) -> Result<Option<usize>> {
        let (mark, answer): (&[u8], bool) = match self.dialect {
            Dialect::Palabre => (br#"{"re":"#, text.starts_with(br#"{"re":"#)),
            Dialect::Broadcast => (br#"{"id":"#, true),
        };
        if self.dialect == Dialect::Broadcast || text.starts_with(br#"{"conversation":"#) {
            self.delivered.fetch_add(1, SeqCst);
        }
        if !answer {
            return Ok(None);
        }
        let digits = text.get(mark.len()..mark.len() + ID_DIGITS).unwrap_or_default();
        let Ok(id) = std::str::from_utf8(digits)?.parse::<u64>() else {
            bail!("an answer to no command: {}", String::from_utf8_lossy(text));
        };
        let flight = ((id - ID_MIN) % FLIGHTS as u64) as usize;
        let slot = &self.flights[flight];
        if slot.line.load(SeqCst) != line || slot.id.compare_exchange(id, 0, SeqCst, SeqCst).is_err() {
            // The other side's copy of a message.
            ensure!(self.dialect == Dialect::Broadcast, "an answer to a command of another connection");
            return Ok(None);
        }
        if text[mark.len() + ID_DIGITS..].starts_with(br#","error""#) {
            self.refused.fetch_add(1, SeqCst);
            let refused = serde_json::from_slice::<serde_json::Value>(text)?;
            ensure!(refused["error"]["temporary"] == true, "a message was refused: {refused}");
            return Ok(Some(flight));
        }
        self.acknowledged.fetch_add(1, SeqCst);
        if self.records.load(SeqCst) {
            let micros = self.now_ns().saturating_sub(slot.since_ns.load(SeqCst)) / 1000;
            let mut shard = self.latencies[line % SHARDS].lock().expect("nobody panics with a histogram");
            shard.saturating_record(micros.max(1));
        }
        Ok(Some(flight))
    }

    /// Waits until nothing is in flight and both sides of every message have it.
    async fn drain(&self) -> Result<()> {
        let give_up = Instant::now() + DRAIN_BOUND;
        loop {
            self.check()?;
            let in_flight = self.flights.iter().filter(|flight| flight.id.load(SeqCst) != 0).count();
            let (acknowledged, delivered) = (self.acknowledged.load(SeqCst), self.delivered.load(SeqCst));
            if in_flight == 0 && delivered == 2 * acknowledged {
                return Ok(());
            }
            ensure!(
                Instant::now() < give_up,
                "{in_flight} messages without an answer; {acknowledged} acknowledged, {delivered} deliveries"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn read_off(&self, cpu: impl Fn() -> Result<f64>) -> Result<Reading> {
        Ok(Reading {
            at: Instant::now(),
            acknowledged: self.acknowledged.load(SeqCst),
            delivered: self.delivered.load(SeqCst),
            refused: self.refused.load(SeqCst),
            server: cpu()?,
            generator: palabre_load_tests::procfs::cpu_seconds(std::process::id())?,
        })
    }

    fn measured(&self, before: &Reading, after: &Reading) -> Measured {
        let seconds = (after.at - before.at).as_secs_f64();
        let mut latency_us = Histogram::new_with_bounds(1, 120_000_000, 3).expect("the bounds are in order");
        for shard in &self.latencies {
            let mut shard = shard.lock().expect("nobody panics with a histogram");
            latency_us.add(&*shard).expect("all histograms have the same bounds");
            shard.reset();
        }
        let (server, delivered) = (after.server - before.server, after.delivered - before.delivered);
        Measured {
            messages_per_s: (after.acknowledged - before.acknowledged) as f64 / seconds,
            cpu_s_per_million: server / delivered as f64 * 1e6,
            generator_cpus: (after.generator - before.generator) / seconds,
            server_cpus: server / seconds,
            latency_us,
            refused: after.refused - before.refused,
        }
    }
}
