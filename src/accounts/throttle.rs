//! How often somebody may try to sign in, sign up or have a new password sent.
//!
//! Three counts, each a leaking bucket (governor's GCRA): by address, so that one machine cannot work through a list of
//! people; by address and e-mail, so that it cannot work through the passwords of one; by e-mail for resets, so that
//! nobody's mailbox is flooded. There is no count by e-mail alone for signing in: it would let anybody lock out anybody.
//! Counts are this node's own and end with it.

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use lru::LruCache;
use parking_lot::Mutex;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::AccountRefusal;
use crate::vault::Email;

/// Keys of one count; the one unused for longest is forgotten for a new one, and so may try afresh.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// How often somebody may try. All may come at once, and come back evenly over the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Tries of any kind of one address (of one /64 network for IPv6) per minute.
    pub per_address_per_min: NonZeroU32,
    /// Sign-ins and sign-ups of one address with one e-mail address per 5 minutes.
    pub per_person_per_5_min: NonZeroU32,
    /// Mails to set a new password to one e-mail address per hour.
    pub resets_per_email_per_h: NonZeroU32,
}

impl Default for Quotas {
    fn default() -> Self {
        let quota = |count| NonZeroU32::new(count).expect("not zero");
        Self { per_address_per_min: quota(30), per_person_per_5_min: quota(10), resets_per_email_per_h: quota(5) }
    }
}

/// Counts tries and says when there were too many.
pub struct Throttle<C: Clock = DefaultClock> {
    by_address: Count<IpAddr, C>,
    by_person: Count<(IpAddr, Email), C>,
    resets_by_email: Count<Email, C>,
    clock: C,
}

impl Throttle {
    /// A throttle by the process's own clock.
    pub fn new(quotas: Quotas) -> Self {
        Self::by_clock(quotas, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Throttle<C> {
    /// A throttle by `clock`.
    pub fn by_clock(quotas: Quotas, clock: C) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            by_address: Count::new(quotas.per_address_per_min, MINUTE, &clock),
            by_person: Count::new(quotas.per_person_per_5_min, 5 * MINUTE, &clock),
            resets_by_email: Count::new(quotas.resets_per_email_per_h, 60 * MINUTE, &clock),
            clock,
        }
    }

    /// Counts a sign-in or sign-up.
    pub fn try_password(&self, address: IpAddr, email: &Email) -> Result<(), AccountRefusal> {
        self.try_anything(address)?;
        self.by_person.take(&(network_of(address), email.clone()), &self.clock)
    }

    /// Counts a wish to have a new password sent to `email`.
    pub fn try_reset(&self, address: IpAddr, email: &Email) -> Result<(), AccountRefusal> {
        self.try_anything(address)?;
        self.resets_by_email.take(email, &self.clock)
    }

    /// Counts a try that names nobody, such as opening a link.
    pub fn try_anything(&self, address: IpAddr) -> Result<(), AccountRefusal> {
        self.by_address.take(&network_of(address), &self.clock)
    }
}

/// Whoever has one IPv6 address commonly has 2^64 of them.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

struct Count<K: Hash + Eq + Clone, C: Clock>(RateLimiter<K, Bounded<K>, C, NoOpMiddleware<C::Instant>>);

impl<K: Hash + Eq + Clone, C: Clock + Clone> Count<K, C> {
    fn new(count: NonZeroU32, period: Duration, clock: &C) -> Self {
        let one_per = (period / count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(one_per).expect("a period is longer than nothing").allow_burst(count);
        Self(RateLimiter::new(quota, Bounded(Mutex::new(LruCache::sparse(KEYS_MAX))), clock.clone()))
    }

    fn take(&self, key: &K, clock: &C) -> Result<(), AccountRefusal> {
        self.0.check_key(key).map_err(|until| {
            let wait: Duration = until.earliest_possible().duration_since(clock.now()).into();
            let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            AccountRefusal::TooManyAttempts { retry_after_ms }
        })
    }
}

/// The state of as many keys as fit.
struct Bounded<K: Hash + Eq>(Mutex<LruCache<K, Nanos>>);

impl<K: Hash + Eq + Clone> StateStore for Bounded<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut states = self.0.lock();
        let (outcome, state) = measure(states.get(key).copied())?;
        states.put(key.clone(), state);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    const HOME: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6));
    const NEIGHBOUR_AT_HOME: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 9, 9, 9, 9));
    const ELSEWHERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 3, 3, 4, 5, 6));

    fn throttle() -> (FakeRelativeClock, Throttle<FakeRelativeClock>) {
        let clock = FakeRelativeClock::default();
        (clock.clone(), Throttle::by_clock(Quotas::default(), clock))
    }

    fn email(name: &str) -> Email {
        format!("{name}@exemple.fr").parse().unwrap()
    }

    fn wait_of(answer: Result<(), AccountRefusal>) -> Duration {
        match answer {
            Err(AccountRefusal::TooManyAttempts { retry_after_ms }) => Duration::from_millis(retry_after_ms),
            other => panic!("not throttled: {other:?}"),
        }
    }

    #[test]
    fn passwords_of_one_person_are_tried_slowly_and_waiting_as_told_is_enough() {
        let (clock, throttle) = throttle();
        for _ in 0..10 {
            throttle.try_password(HOME, &email("anna")).unwrap();
        }
        let wait = wait_of(throttle.try_password(HOME, &email("anna")));
        assert_eq!(wait.as_secs(), 30);
        assert_eq!(throttle.try_password(HOME, &email("ben")), Ok(()), "another person");
        assert_eq!(throttle.try_password(ELSEWHERE, &email("anna")), Ok(()), "the person, from elsewhere");
        clock.advance(wait);
        assert_eq!(throttle.try_password(HOME, &email("anna")), Ok(()));
    }

    #[test]
    fn one_network_works_through_people_slowly() {
        let (clock, throttle) = throttle();
        for n in 0..30 {
            let address = if n % 2 == 0 { HOME } else { NEIGHBOUR_AT_HOME };
            throttle.try_password(address, &email(&format!("person{n}"))).unwrap();
        }
        let wait = wait_of(throttle.try_anything(NEIGHBOUR_AT_HOME));
        assert_eq!(wait.as_secs(), 2);
        assert_eq!(throttle.try_anything(ELSEWHERE), Ok(()));
        clock.advance(wait);
        assert_eq!(throttle.try_reset(HOME, &email("anna")), Ok(()));
    }

    #[test]
    fn one_mailbox_gets_few_resets_from_wherever() {
        let (clock, throttle) = throttle();
        for n in 0..5 {
            throttle.try_reset(IpAddr::from([192, 0, 2, n]), &email("anna")).unwrap();
        }
        let wait = wait_of(throttle.try_reset(IpAddr::from([192, 0, 2, 9]), &email("anna")));
        assert_eq!(wait.as_secs(), 12 * 60);
        clock.advance(wait);
        assert_eq!(throttle.try_reset(IpAddr::from([192, 0, 2, 9]), &email("anna")), Ok(()));
    }

    #[test]
    fn an_address_written_as_ipv6_is_the_same_address() {
        let written: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(network_of(written), IpAddr::from([192, 0, 2, 1]));
    }

    #[test]
    fn no_more_keys_are_kept_than_fit() {
        let clock = FakeRelativeClock::default();
        let count: Count<u32, _> = Count::new(NonZeroU32::MIN, Duration::from_secs(60), &clock);
        count.take(&0, &clock).unwrap();
        wait_of(count.take(&0, &clock));
        for key in 1..=KEYS_MAX.get() as u32 {
            count.take(&key, &clock).unwrap();
        }
        assert_eq!(count.take(&0, &clock), Ok(()), "the first was forgotten");
    }
}
