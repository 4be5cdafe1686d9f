//! How fast anybody may ask, over HTTP and over sockets: by account where there is one, by address otherwise. Until the
//! vault has said whose a token is, whoever shows it counts as a stranger of their address, unless this node remembers
//! the session: so a flood of made-up tokens is no flood of questions to the vault.
//!
//! Each key has a bucket that refills evenly and holds ten seconds' worth. The number of buckets is bounded; beyond it,
//! keys not seen before are refused until others have been quiet for long enough to be forgotten.

use governor::clock::{Clock, DefaultClock};
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::{Quota, RateLimiter};
use palabre_events::{AccountId, Timestamp};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::accounts::{AccountRefusal, Accounts, SessionInfo};
use crate::config::Config;
use crate::vault::TokenHash;

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

    /// Who holds the token of this hash, which came from `address`; `None` for strangers. People are counted by their
    /// account, strangers by their address.
    pub async fn recognise(
        &self,
        accounts: &Accounts,
        token: Option<TokenHash>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Option<SessionInfo>, Unrecognised> {
        let is_remembered = token.is_some_and(|token| accounts.remembers(token));
        if !is_remembered {
            self.addresses.take(&address)?;
        }
        let Some(token) = token else { return Ok(None) };
        // When the vault does not answer, nothing is given back: that too many ask may be why.
        let known = accounts.who(token, now).await?;
        match known {
            Some(known) => {
                if !is_remembered {
                    self.addresses.give_back(&address);
                }
                self.accounts.take(&known.account)?;
            }
            None if is_remembered => self.addresses.take(&address)?,
            None => {}
        }
        Ok(known)
    }
}

/// Why it is not said who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrecognised {
    /// They, or the strangers of their address, ask too fast.
    TooFast(TooFast),
    /// The accounts have no answer.
    Refused(AccountRefusal),
}

impl From<TooFast> for Unrecognised {
    fn from(too_fast: TooFast) -> Self {
        Self::TooFast(too_fast)
    }
}

impl From<AccountRefusal> for Unrecognised {
    fn from(refusal: AccountRefusal) -> Self {
        Self::Refused(refusal)
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
    limiter: RateLimiter<K, Buckets<K>, DefaultClock>,
    buckets: Buckets<K>,
    /// How long it takes until there is one more in a bucket.
    one: Nanos,
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
        let buckets = Buckets(Arc::default());
        Self {
            limiter: RateLimiter::new(quota, buckets.clone(), DefaultClock::default()),
            buckets,
            one: quota.replenish_interval().into(),
            asked: AtomicU32::new(0),
        }
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

    /// Puts one that was taken back into `key`'s bucket, which never holds more than ten seconds' worth.
    pub fn give_back(&self, key: &K) {
        let earlier = |full_at: Option<Nanos>| full_at.map(|full_at| ((), full_at.saturating_sub(self.one))).ok_or(());
        // A bucket that was forgotten meanwhile is full.
        self.buckets.measure_and_replace(key, earlier).ok();
    }
}

/// When each bucket will be full again: the state of a limiter, shared with whoever gives back.
#[derive(Clone)]
struct Buckets<K>(Arc<DashMapStateStore<K>>);

impl<K: Hash + Eq + Clone> StateStore for Buckets<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, measure)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Buckets<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
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
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        // So slow that nothing comes into a bucket while the test runs.
        let throttle = Throttle::of(Quota::per_hour(NonZeroU32::new(10).unwrap()));
        for _ in 0..50 {
            assert_eq!(throttle.take(&"a"), Ok(()));
            throttle.give_back(&"a");
        }
        throttle.give_back(&"b");
        for key in ["a", "b"] {
            assert_eq!((0..20).filter(|_| throttle.take(&key).is_ok()).count(), 10, "{key}");
        }
        throttle.give_back(&"a");
        assert_eq!((throttle.take(&"a"), throttle.take(&"a").is_err()), (Ok(()), true));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        // So slow that no bucket is full again while the test runs.
        let throttle = Throttle::of(Quota::per_hour(NonZeroU32::MIN));
        let taken = (0..KEYS_MAX + 100).filter(|key| throttle.take(key).is_ok()).count();
        assert_eq!(taken, KEYS_MAX);
    }
}
