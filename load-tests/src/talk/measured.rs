//! What a phase of talk came to: counts, latencies, and the processor time of everybody concerned.

use anyhow::Result;
use hdrhistogram::Histogram;
use std::ops::Sub;
use std::sync::Mutex;
use std::time::Instant;

use crate::procfs;

/// Histograms, so that two connections seldom wait for one another.
const SHARDS: usize = 16;
/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Processor seconds that those who serve have used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// The server, all its nodes together.
    pub server: f64,
    /// PostgreSQL, where there is one.
    pub postgres: f64,
    /// Redis, where there is one.
    pub redis: f64,
}

impl Spent {
    /// Of a server that stands alone.
    pub fn alone(server: f64) -> Self {
        Self { server, ..Self::default() }
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            redis: self.redis - before.redis,
        }
    }
}

/// What one phase measured.
#[derive(Debug)]
pub struct Measured {
    /// How long it was.
    pub seconds: f64,
    /// Acknowledged messages.
    pub messages: u64,
    /// Messages at their readers: one for each connection that a message reached.
    pub deliveries: u64,
    /// Commands that were refused as temporary.
    pub refused: u64,
    /// Processor seconds of those who serve.
    pub spent: Spent,
    /// Processor seconds of this load generator.
    pub generator: f64,
    /// Microseconds from sending (closed loop) or appointment (open loop) to acknowledgement.
    pub acknowledged_us: Histogram<u64>,
    /// Microseconds from appointment to every reader but the sender's own connection; open loop only.
    pub delivered_us: Histogram<u64>,
}

impl Measured {
    /// Acknowledged messages a second.
    pub fn messages_per_s(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Processor seconds for a million deliveries.
    pub fn per_million_deliveries(&self, seconds: f64) -> f64 {
        seconds / self.deliveries as f64 * 1e6
    }
}

/// The quantile of a histogram of microseconds, in milliseconds.
pub fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

/// A histogram of microseconds, with three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("the bounds are in order")
}

/// Counts and processor time at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    at: Instant,
    messages: u64,
    deliveries: u64,
    refused: u64,
    spent: Spent,
    generator: f64,
}

impl Reading {
    pub(super) fn now([messages, deliveries, refused]: [u64; 3], spent: Spent) -> Result<Self> {
        let generator = procfs::cpu_seconds(std::process::id())?;
        Ok(Self { at: Instant::now(), messages, deliveries, refused, spent, generator })
    }

    /// What happened from this reading to `after`.
    pub(super) fn until(&self, after: &Self, acknowledged: &Latencies, delivered: &Latencies) -> Measured {
        Measured {
            seconds: (after.at - self.at).as_secs_f64(),
            messages: after.messages - self.messages,
            deliveries: after.deliveries - self.deliveries,
            refused: after.refused - self.refused,
            spent: after.spent - self.spent,
            generator: after.generator - self.generator,
            acknowledged_us: acknowledged.take(),
            delivered_us: delivered.take(),
        }
    }
}

/// Latencies that many connections record at once.
pub(super) struct Latencies(Vec<Mutex<Histogram<u64>>>);

impl Latencies {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(|| Mutex::new(histogram())).take(SHARDS).collect())
    }

    pub(super) fn record(&self, line: usize, nanos: u64) {
        let mut shard = self.0[line % SHARDS].lock().expect("nobody panics with a histogram");
        shard.saturating_record((nanos / 1000).max(1));
    }

    /// All that was recorded since the last time.
    fn take(&self) -> Histogram<u64> {
        let mut all = histogram();
        for shard in &self.0 {
            let mut shard = shard.lock().expect("nobody panics with a histogram");
            all.add(&*shard).expect("all histograms have the same bounds");
            shard.reset();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_on_any_connection_is_taken_once() {
        let latencies = Latencies::new();
        (0..100).for_each(|line| latencies.record(line, (line as u64 + 1) * 1_000_000));
        let taken = latencies.take();
        assert_eq!((taken.len(), quantile_ms(&taken, 0.5).round()), (100, 50.0));
        assert_eq!(latencies.take().len(), 0);
    }
}
