//! The one place that reads the wall clock.

use palabre_events::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, to the millisecond.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let millis = i64::try_from(since_1970.as_millis()).expect("the clock is before the year 292 million");
    Timestamp::from_millis(millis).expect("the clock is before the year 10,000")
}
