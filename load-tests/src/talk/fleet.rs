//! Many connections and the messages in flight over them, counted and timed.
//!
//! Closed loop: a fixed number of messages is always in flight; each acknowledgement lets the next connection send.
//! Open loop: messages leave at their appointed times whatever the server does, and latency counts from those times,
//! so that a server which stalls cannot hide the messages that it kept from being sent (coordinated omission). Each
//! message carries its number in its text, by which whoever reads it knows its appointment.

use anyhow::{Context, Result, bail, ensure};
use bytes::BytesMut;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::measured::{Latencies, Measured, Reading, Spent};
use super::wire::{self, Heard, ID_DIGITS, ID_MIN, Template};

/// The most messages in flight at once.
pub const FLIGHTS: usize = 4096;
/// Stands before the text of a message, which begins with its id.
const TEXT_MARK: &[u8] = br#""text":""#;
/// How long the last messages may take to arrive once nothing is sent any more.
const DRAIN_BOUND: Duration = Duration::from_secs(15);

/// Whose frames these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The server's: an answer to the sender, and an event to everybody in the room.
    Palabre,
    /// The broadcaster's: the frame itself to everybody in the room; the sender takes its own as the answer.
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

/// When the messages of an open loop are due, by their number.
#[derive(Clone, Copy)]
struct Schedule {
    first: u64,
    begun_ns: u64,
    rate: f64,
}

impl Schedule {
    fn appointed_ns(&self, number: u64) -> u64 {
        self.begun_ns + ((number - self.first) as f64 / self.rate * 1e9) as u64
    }
}

/// Many open connections to one server.
pub struct Fleet {
    dialect: Dialect,
    readers: u64,
    lines: Vec<Line>,
    flights: Vec<Flight>,
    begun: Instant,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    delivered: AtomicU64,
    goes_on: AtomicBool,
    records: AtomicBool,
    /// While an open loop is run.
    schedule: RwLock<Option<Schedule>>,
    until_answer: Latencies,
    until_reader: Latencies,
    fault: OnceLock<String>,
}

impl Fleet {
    /// Takes over the connections, `readers` of them in each room.
    pub fn launch(dialect: Dialect, readers: usize, seats: Vec<Seat>) -> (Arc<Self>, JoinSet<()>) {
        let (mut lines, mut buffers) = (Vec::new(), Vec::new());
        for Seat { stream, buffer, template } in seats {
            lines.push(Line { stream, template: tokio::sync::Mutex::new(template) });
            buffers.push(buffer);
        }
        let fleet = Arc::new(Self {
            dialect,
            readers: readers as u64,
            lines,
            flights: std::iter::repeat_with(Flight::default).take(FLIGHTS).collect(),
            begun: Instant::now(),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            goes_on: AtomicBool::new(false),
            records: AtomicBool::new(false),
            schedule: RwLock::new(None),
            until_answer: Latencies::new(),
            until_reader: Latencies::new(),
            fault: OnceLock::new(),
        });
        let mut tasks = JoinSet::new();
        for (index, buffer) in buffers.into_iter().enumerate() {
            let fleet = Arc::clone(&fleet);
            tasks.spawn(async move {
                if let Err(error) = fleet.read(index, buffer).await {
                    // The first fault says it all; the others follow from it.
                    fleet.fault.set(format!("connection {index}: {error:#}")).ok();
                }
            });
        }
        (fleet, tasks)
    }

    /// Keeps `in_flight` messages in flight for `warm_up` and then for `span`, which is measured.
    pub async fn closed_loop(
        self: &Arc<Self>,
        in_flight: usize,
        (warm_up, span): (Duration, Duration),
        spent: impl Fn() -> Result<Spent>,
    ) -> Result<Measured> {
        ensure!(in_flight <= FLIGHTS, "at most {FLIGHTS} messages can be in flight");
        self.goes_on.store(true, SeqCst);
        for flight in 0..in_flight {
            self.send(flight, self.now_ns()).await?;
        }
        tokio::time::sleep(warm_up).await;
        let before = self.read_off(&spent)?;
        self.records.store(true, SeqCst);
        tokio::time::sleep(span).await;
        self.records.store(false, SeqCst);
        let after = self.read_off(&spent)?;
        self.goes_on.store(false, SeqCst);
        self.drain().await?;
        Ok(before.until(&after, &self.until_answer, &self.until_reader))
    }

    /// Sends `rate` messages a second for `span` and measures all of it.
    pub async fn open_loop(
        self: &Arc<Self>,
        rate: u32,
        span: Duration,
        spent: impl Fn() -> Result<Spent>,
    ) -> Result<Measured> {
        let before = self.read_off(&spent)?;
        let turns = (span.as_secs_f64() * f64::from(rate)) as u64;
        let (first, begun_ns) = (self.sent.load(SeqCst), self.now_ns());
        let schedule = Schedule { first, begun_ns, rate: f64::from(rate) };
        self.set_schedule(Some(schedule));
        self.records.store(true, SeqCst);
        let (fleet, runtime) = (Arc::clone(self), tokio::runtime::Handle::current());
        // A thread of its own, because the runtime's clock only has whole milliseconds.
        let pacer = tokio::task::spawn_blocking(move || {
            for turn in 0..turns {
                let appointed_ns = schedule.appointed_ns(first + turn);
                std::thread::sleep(Duration::from_nanos(appointed_ns.saturating_sub(fleet.now_ns())));
                runtime.block_on(fleet.send(turn as usize % FLIGHTS, appointed_ns))?;
            }
            Ok::<_, anyhow::Error>(())
        });
        pacer.await??;
        let after_last = self.drain().await;
        self.records.store(false, SeqCst);
        self.set_schedule(None);
        let after = self.read_off(&spent)?;
        after_last?;
        Ok(before.until(&after, &self.until_answer, &self.until_reader))
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
            self.deliver(line, text)?;
        }
        if !answer {
            return Ok(None);
        }
        let id = id_at(text, mark.len())?;
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
            self.until_answer.record(line, self.now_ns().saturating_sub(slot.since_ns.load(SeqCst)));
        }
        Ok(Some(flight))
    }

    /// Counts a message that reached `line`; in open loop also how long that took, unless it is the sender's own.
    fn deliver(&self, line: usize, text: &[u8]) -> Result<()> {
        self.delivered.fetch_add(1, SeqCst);
        let schedule = *self.schedule.read().expect("nobody panics with the schedule");
        if let Some(schedule) = schedule {
            let at =
                text.windows(TEXT_MARK.len()).position(|bytes| bytes == TEXT_MARK).context("a message has a text")?;
            let number = (id_at(text, at + TEXT_MARK.len())? - ID_MIN) / FLIGHTS as u64;
            if number as usize % self.lines.len() != line {
                self.until_reader.record(line, self.now_ns().saturating_sub(schedule.appointed_ns(number)));
            }
        }
        Ok(())
    }

    /// Waits until nothing is in flight and everybody in its room has every message.
    async fn drain(&self) -> Result<()> {
        let give_up = Instant::now() + DRAIN_BOUND;
        loop {
            self.check()?;
            let in_flight = self.flights.iter().filter(|flight| flight.id.load(SeqCst) != 0).count();
            let (acknowledged, delivered) = (self.acknowledged.load(SeqCst), self.delivered.load(SeqCst));
            if in_flight == 0 && delivered == self.readers * acknowledged {
                return Ok(());
            }
            ensure!(
                Instant::now() < give_up,
                "{in_flight} messages without an answer; {acknowledged} acknowledged, {delivered} deliveries"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn read_off(&self, spent: impl Fn() -> Result<Spent>) -> Result<Reading> {
        let counts = [&self.acknowledged, &self.delivered, &self.refused].map(|count| count.load(SeqCst));
        Reading::now(counts, spent()?)
    }

    fn set_schedule(&self, schedule: Option<Schedule>) {
        *self.schedule.write().expect("nobody panics with the schedule") = schedule;
    }
}

/// The id of a message that stands in `text` from byte `at` on.
fn id_at(text: &[u8], at: usize) -> Result<u64> {
    let digits = text.get(at..at + ID_DIGITS).unwrap_or_default();
    let id = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    id.filter(|id| *id >= ID_MIN).with_context(|| format!("of no command: {}", String::from_utf8_lossy(text)))
}
