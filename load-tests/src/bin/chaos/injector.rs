//! Lets faults happen one after the other, now and then two at once, and measures after each how long it takes until
//! everybody has been told everything again.

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use palabre_load_tests::crowd::Crowd;
use palabre_load_tests::progress;
use palabre_load_tests::talk::measured::histogram;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::sleep;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::fault::{Counts, Fault};

/// How long until everybody must have been told everything after a fault.
const TOLD_BOUND: Duration = Duration::from_secs(60);
/// Between two looks at what everybody has been told.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For how long after a fault what becomes known is followed until everybody has been told it.
const WATCHED: Duration = Duration::from_secs(1);
/// How often a second fault comes with the first.
const TWO_AT_ONCE: f64 = 0.2;
/// The longest time without faults between two of them.
const QUIET_MS_MAX: u64 = 500;

/// How long it took at most until everybody had been told what was known, from when faults count.
pub struct Delivery {
    /// After single faults, in µs, by fault.
    pub after: BTreeMap<Fault, Histogram<u64>>,
    /// After two faults at once, in µs.
    pub after_two: Histogram<u64>,
    /// When the last fault had passed.
    pub last: Option<Instant>,
}

impl Delivery {
    /// Before anything has happened.
    pub fn new() -> Self {
        Self { after: BTreeMap::new(), after_two: histogram(), last: None }
    }
}

/// Somebody was not told what is known, within [`TOLD_BOUND`] after a fault.
#[derive(Debug)]
pub struct NotTold {
    after: String,
}

impl fmt::Display for NotTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not everybody was told everything within {TOLD_BOUND:?} after {}", self.after)
    }
}

impl std::error::Error for NotTold {}

/// Waits from now on, for [`WATCHED`] and until everybody has been told everything that was known then; answers the longest time from
/// when something was known to when everybody had been told it.
async fn longest_wait(crowd: &Crowd, after: &str) -> Result<Duration> {
    let begun = Instant::now();
    let (mut known, mut longest) = (VecDeque::new(), Duration::ZERO);
    loop {
        if begun.elapsed() < WATCHED {
            // First what is known, so that its time counts from when all of it was.
            let heads = crowd.heads();
            known.push_back((Instant::now(), heads));
        }
        // Whoever was told the later was told the earlier.
        let told = known.iter().rposition(|(_, heads): &(_, BTreeMap<Uuid, u64>)| crowd.has_been_told(heads));
        for (at, _) in known.drain(..told.map_or(0, |last| last + 1)) {
            longest = longest.max(at.elapsed());
        }
        if known.is_empty() && begun.elapsed() >= WATCHED {
            return Ok(longest);
        }
        crowd.check()?;
        let since = known.front().map_or(Duration::ZERO, |(at, _)| at.elapsed());
        if since >= TOLD_BOUND {
            return Err(NotTold { after: after.to_owned() }.into());
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Lets any of `faults` happen for `duration`.
pub async fn inject(
    cluster: &Cluster,
    crowd: &Crowd,
    faults: &[Fault],
    duration: Duration,
    seed: u64,
) -> Result<Delivery> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x6661_756c);
    let bar = progress::bar(duration.as_secs() as usize, "faults")?;
    let (begun, mut delivery) = (Instant::now(), Delivery::new());
    while begun.elapsed() < duration {
        let fault = any(faults, &mut rng);
        let second =
            rng.random_bool(TWO_AT_ONCE).then(|| any(faults, &mut rng)).filter(|two| two.part() != fault.part());
        bar.set_message(second.map_or_else(|| format!("{fault}"), |second| format!("{fault} and {second}")));
        let seeds = (rng.random(), rng.random());
        match second {
            None => {
                let took = one(cluster, crowd, fault, seeds.0).await?;
                record(delivery.after.entry(fault).or_insert_with(histogram), took);
            }
            Some(second) => {
                let both = (fault.strike(cluster, seeds.0, || ()), second.strike(cluster, seeds.1, || ()));
                tokio::try_join!(both.0, both.1)?;
                let took = longest_wait(crowd, &format!("{fault} and {second}")).await?;
                record(&mut delivery.after_two, took);
            }
        }
        delivery.last = Some(Instant::now());
        cluster.check().await?;
        bar.set_position(begun.elapsed().as_secs());
        sleep(Duration::from_millis(rng.random_range(0..=QUIET_MS_MAX))).await;
    }
    bar.finish_and_clear();
    cluster.wait_until_ready().await?;
    Ok(delivery)
}

/// One of them; what asks most of the platform comes more often.
fn any(faults: &[Fault], rng: &mut StdRng) -> Fault {
    *faults.choose_weighted(rng, |fault| fault.weight()).expect("there is one, and all have a weight")
}

fn record(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(took.as_micros().try_into().unwrap_or(u64::MAX));
}

/// Lets one fault happen; answers how long delivery took at most from where it counts.
async fn one(cluster: &Cluster, crowd: &Crowd, fault: Fault, seed: u64) -> Result<Duration> {
    let after = format!("{fault}");
    if fault.counts() == Counts::FromItsEnd {
        fault.strike(cluster, seed, || ()).await?;
        return longest_wait(crowd, &after).await;
    }
    let (begin, begun) = oneshot::channel();
    let strike = fault.strike(cluster, seed, || {
        // Whoever waits for it is there until it comes.
        begin.send(()).ok();
    });
    // The others take over while it lasts.
    let waiting = async {
        begun.await.context("the fault did not begin")?;
        longest_wait(crowd, &after).await
    };
    Ok(tokio::try_join!(strike, waiting)?.1)
}
