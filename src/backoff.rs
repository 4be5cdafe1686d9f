//! Pauses between attempts at something that is away.

use std::time::Duration;

use crate::random;

/// How long to wait before the next attempt: twice as long each time, with half of it at random, so that nodes do not
/// come back all at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const DOUBLINGS_MAX: u32 = 5;

    /// The next pause: 25–50 ms at first, at most 1.6 s.
    pub fn pause(&mut self) -> Duration {
        let [random] = random::bytes();
        self.pause_spread_by(random)
    }

    /// The same, with half of it by a number that differs from one who waits to the next.
    pub fn pause_spread_by(&mut self, number: u8) -> Duration {
        let whole = Self::FIRST * 2_u32.pow(self.failures.min(Self::DOUBLINGS_MAX));
        self.failures = self.failures.saturating_add(1);
        whole / 2 + whole * u32::from(number) / 512
    }

    /// It worked: the next pause is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::default();
        for round in 0..10 {
            let whole = Backoff::FIRST * 2_u32.pow(round.min(Backoff::DOUBLINGS_MAX));
            let pause = backoff.pause();
            assert!((whole / 2..whole).contains(&pause), "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.pause() < Backoff::FIRST);
    }
}
