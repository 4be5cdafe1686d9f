//! Looks at every connection once in a while, from outside of it: pings, closes those that went silent, and cuts those
//! that do not close.
//!
//! A connection's own task is not polled while its peer takes nothing, its timers included; so nothing here depends on
//! it.

use std::sync::Weak;
use std::time::Duration;

use super::close::Close;
use super::hub::Shared;

/// How often connections are looked at, and how long they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks.
    pub look_every: Duration,
    /// Between two pings.
    pub ping_every: Duration,
    /// How long nothing may come before a connection is closed.
    pub silent_after: Duration,
    /// How long a connection may take to close before it is cut.
    pub close_within: Duration,
}

impl Pace {
    /// With so much between two pings; two may go unanswered.
    pub fn with_pings(every: Duration) -> Self {
        Self {
            look_every: Duration::from_secs(1).min(every),
            ping_every: every,
            silent_after: every * 12 / 5,
            close_within: Duration::from_secs(10),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::with_pings(Duration::from_secs(25))
    }
}

/// Looks until the hub is gone.
pub(super) async fn watch(hub: Weak<Shared>, pace: Pace) {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut looks = tokio::time::interval(pace.look_every);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        let now_ms = hub.elapsed_ms();
        hub.connections.each(|connection| match connection.closing_ms(now_ms) {
            Some(closing_ms) if closing_ms >= ms(pace.close_within) => connection.cut(),
            Some(_) => {}
            None if connection.silent_ms(now_ms) >= ms(pace.silent_after) => {
                connection.outbox.close(Close::NoPong);
            }
            None => connection.ping_if_due(now_ms, ms(pace.ping_every)),
        });
        hub.connections.tell_gone(now_ms);
    }
}
