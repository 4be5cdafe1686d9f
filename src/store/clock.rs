//! The clock of `recorded_at`: the system's, held so that the log's times never go back.

use palabre_events::Timestamp;
use std::fmt;

/// Tells the time of recording.
pub struct RecordingClock {
    now: Box<dyn Fn() -> Timestamp + Send>,
    last: Option<Timestamp>,
}

impl RecordingClock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::of(|| {
            Timestamp::from_millis(chrono::Utc::now().timestamp_millis())
                .expect("the system's year is one of four digits")
        })
    }

    /// Another clock, such as a simulation's.
    pub fn of(now: impl Fn() -> Timestamp + Send + 'static) -> Self {
        Self { now: Box::new(now), last: None }
    }

    /// Holds the clock at `last` or later.
    pub fn not_before(&mut self, last: Timestamp) {
        self.last = self.last.max(Some(last));
    }

    /// The time now, or the last time that it told, whichever is later.
    pub fn tell(&mut self) -> Timestamp {
        let now = (self.now)();
        let next = self.last.map_or(now, |last| last.max(now));
        self.last = Some(next);
        next
    }
}

impl fmt::Debug for RecordingClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingClock").field("last", &self.last).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    #[test]
    fn a_clock_that_is_set_back_stands_still() {
        static NOW: AtomicI64 = AtomicI64::new(0);
        let at = |millis| Timestamp::from_millis(millis).expect("near 1970");
        let mut clock = RecordingClock::of(move || at(NOW.load(Relaxed)));
        clock.not_before(at(5));
        let told = [3, 9, 7, 11].map(|millis| {
            NOW.store(millis, Relaxed);
            clock.tell()
        });
        assert_eq!(told, [5, 9, 9, 11].map(at));
    }
}
