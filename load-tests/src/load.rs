//! How much is asked of a server at once, and asking it: again as soon as there is an answer, or at appointed times.
//!
//! Closed loop: a fixed number of asks is always under way, so the server sets the pace. Open loop: asks begin at their
//! appointed times whatever the server does, and latency counts from those times, so that a server which stalls cannot
//! hide what it kept from being asked (coordinated omission). Messages of a chat are sent by [`crate::talk`] instead.

use anyhow::{Context, Result};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

use crate::talk::measured::histogram;

/// The most asks under way in open loop; those that are due beyond wait, and their latency counts from when they were due.
const UNDER_WAY_MAX: usize = 4096;

/// Closed or open loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// So many are always in flight.
    InFlight(usize),
    /// So many leave in a second, at appointed times.
    PerSecond(u32),
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InFlight(flights) => write!(f, "{flights} in flight"),
            Self::PerSecond(rate) => write!(f, "{rate} a second"),
        }
    }
}

/// What became of an ask that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and counts.
    Done,
    /// It was refused, as it may be; only the number of these is told.
    Refused,
}

/// What asking came to.
#[derive(Debug)]
pub struct Asked {
    /// How long it took until the last was answered.
    pub seconds: f64,
    /// How many were refused.
    pub refused: u64,
    /// Microseconds that each that was done took, from being asked (closed loop) or due (open loop).
    pub latency_us: Histogram<u64>,
}

impl Load {
    /// `closed` or `open`.
    pub fn mode(self) -> &'static str {
        match self {
            Self::InFlight(_) => "closed",
            Self::PerSecond(_) => "open",
        }
    }

    /// Asks for the numbers from 0 on, for `span` and at most `most` times. `ask` fails when the answer is wrong; then
    /// nothing more is asked.
    pub async fn run<F: Future<Output = Result<Outcome>>>(
        self,
        span: Duration,
        most: u64,
        ask: impl Fn(u64) -> F,
    ) -> Result<Asked> {
        let begun = Instant::now();
        let answered = |number, due: Instant| {
            let answer = ask(number);
            async move { anyhow::Ok((answer.await?, due.elapsed())) }
        };
        match self {
            Self::InFlight(flights) => {
                let numbers = (0..most).take_while(|_| begun.elapsed() < span);
                let asks = stream::iter(numbers).map(|number| answered(number, Instant::now()));
                count(begun, asks.buffer_unordered(flights)).await
            }
            Self::PerSecond(rate) => {
                let asks = appointments(begun, rate, span, most).map(|(number, due)| answered(number, due));
                count(begun, asks.buffer_unordered(UNDER_WAY_MAX)).await
            }
        }
    }
}

async fn count(begun: Instant, mut answers: impl Stream<Item = Result<(Outcome, Duration)>> + Unpin) -> Result<Asked> {
    let (mut refused, mut latency_us) = (0, histogram());
    while let Some((outcome, took)) = answers.try_next().await? {
        match outcome {
            Outcome::Done => {
                latency_us.saturating_record(u64::try_from(took.as_micros()).context("a short time")?.max(1));
            }
            Outcome::Refused => refused += 1,
        }
    }
    Ok(Asked { seconds: begun.elapsed().as_secs_f64(), refused, latency_us })
}

/// The numbers from 0 on, each when it is due. A thread keeps the times, because the runtime's clock only has whole
/// milliseconds; it ends with the stream.
fn appointments(begun: Instant, rate: u32, span: Duration, most: u64) -> impl Stream<Item = (u64, Instant)> {
    let (tell, mut told) = mpsc::channel(UNDER_WAY_MAX);
    let count = most.min((span.as_secs_f64() * f64::from(rate)) as u64);
    std::thread::spawn(move || {
        for number in 0..count {
            let due = begun + Duration::from_secs_f64(number as f64 / f64::from(rate));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if tell.blocking_send((number, due)).is_err() {
                return;
            }
        }
    });
    stream::poll_fn(move |context| told.poll_recv(context))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    #[tokio::test]
    async fn a_closed_loop_keeps_so_many_under_way_and_tells_refusals_apart() {
        let (under_way, most) = (Cell::new(0), Cell::new(0));
        let ask = async |number: u64| {
            under_way.set(under_way.get() + 1);
            most.set(most.get().max(under_way.get()));
            tokio::task::yield_now().await;
            under_way.set(under_way.get() - 1);
            Ok(if number.is_multiple_of(4) { Outcome::Refused } else { Outcome::Done })
        };
        let asked = Load::InFlight(3).run(Duration::from_secs(60), 40, ask).await.unwrap();
        assert_eq!((asked.latency_us.len(), asked.refused, most.get()), (30, 10, 3));
    }

    #[tokio::test]
    async fn what_waits_behind_a_slow_answer_counts_from_when_it_was_due() {
        let stalled = tokio::sync::Mutex::new(());
        let ask = async |number: u64| {
            let _turn = stalled.lock().await;
            if number == 0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(Outcome::Done)
        };
        let asked = Load::PerSecond(100).run(Duration::from_millis(100), u64::MAX, ask).await.unwrap();
        assert_eq!(asked.latency_us.len(), 10);
        assert!(asked.latency_us.value_at_quantile(0.5) > 100_000, "half were due in the first half of the stall");
    }

    #[tokio::test]
    async fn a_wrong_answer_ends_it() {
        let asks = RefCell::new(Vec::new());
        let ask = async |number: u64| {
            asks.borrow_mut().push(number);
            anyhow::ensure!(number < 2, "wrong");
            Ok(Outcome::Done)
        };
        assert!(Load::InFlight(1).run(Duration::from_secs(60), 100, ask).await.is_err());
        assert_eq!(*asks.borrow(), [0, 1, 2]);
    }
}
