//! How fast anybody may ask, over HTTP and over sockets: by account where there is one, by address otherwise.
//!
//! Each key has a bucket that refills evenly and holds ten seconds' worth. The number of buckets is bounded; beyond it,
//! keys not seen before are refused until others have been quiet for long enough to be forgotten.

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use palabre_events::AccountId;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config::Config;

/// The most keys that are kept track of.
pub const KEYS_MAX: usize = 100_000;
/// After so many questions, full buckets are forgotten.
const SWEEP_EVERY: u32 = 4_096;
/// How many seconds' worth may come at once.
const BURST_S: u32 = 10;

/// The gates of a node, which all its threads share. Signing in has gates of its own, in `accounts`.
pub struct Gates {
    /// Commands and questions, by account.
    pub accounts: Throttle<AccountId>,
    /// Requests without an account, by address.
    pub addresses: Throttle<IpAddr>,
}

impl Gates {
    /// Gates as wide as the settings say.
    pub fn new(config: &Config) -> Self {
        Self {
            accounts: Throttle::per_second(config.commands_per_s),
            addresses: Throttle::per_second(config.requests_per_s),
        }
    }
}

/// Asked too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    /// After how long to ask again, in milliseconds.
    pub retry_after_ms: u64,
}

/// Bounds how fast each of many keys may ask.
pub struct Throttle<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    asked: AtomicU32,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// So many a second, and ten times as many at once.
    pub fn per_second(count: u32) -> Self {
        let count = NonZeroU32::new(count.max(1)).expect("at least one");
        let burst = count.saturating_mul(NonZeroU32::new(BURST_S).expect("a constant above zero"));
        Self::of(Quota::per_second(count).allow_burst(burst))
    }

    fn of(quota: Quota) -> Self {
        Self { limiter: RateLimiter::dashmap(quota), asked: AtomicU32::new(0) }
    }

    /// Takes one from `key`'s bucket, or says after how long there will be one.
    pub fn take(&self, key: &K) -> Result<(), TooFast> {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            self.limiter.retain_recent();
        }
        if self.limiter.len() >= KEYS_MAX {
            self.limiter.retain_recent();
            if self.limiter.len() >= KEYS_MAX {
                return Err(TooFast { retry_after_ms: 1_000 });
            }
        }
        self.limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            TooFast { retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_bucket_of_its_own() {
        let throttle = Throttle::per_second(1);
        assert_eq!((0..20).filter(|_| throttle.take(&"a").is_ok()).count(), 10);
        assert!(throttle.take(&"a").is_err_and(|refused| refused.retry_after_ms <= 1_000));
        assert_eq!(throttle.take(&"b"), Ok(()));
    }

    #[test]
    fn ten_seconds_worth_may_come_at_once() {
        let throttle = Throttle::per_second(3);
        assert_eq!((0..40).filter(|_| throttle.take(&1).is_ok()).count(), 30);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        // So slow that no bucket is full again while the test runs.
        let throttle = Throttle::of(Quota::per_hour(NonZeroU32::MIN));
        let taken = (0..KEYS_MAX + 100).filter(|key| throttle.take(key).is_ok()).count();
        assert_eq!(taken, KEYS_MAX);
    }
}
