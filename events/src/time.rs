//! Points in time, to the millisecond, always UTC; written as `2027-01-04T18:25:00.000Z` in the log and on the wire.
//!
//! Time zones are names kept beside a timestamp where a person's local hour matters; no conversion happens here.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, between the years 1 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// What is not a timestamp.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a date and time such as 2027-01-04T18:25:00Z")]
pub struct NotATimestamp;

const YEAR_1_MS: i64 = -62_135_596_800_000;
const YEAR_10000_MS: i64 = 253_402_300_800_000;
const LENGTH: usize = 24;

impl Timestamp {
    /// From milliseconds since 1970, or `None` outside the years 1 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        (YEAR_1_MS..YEAR_10000_MS).contains(&millis).then_some(Self(millis))
    }

    /// From seconds since 1970, or `None` outside the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_millis(seconds.checked_mul(1000)?)
    }

    /// Milliseconds since 1970.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since 1970, with a fraction.
    pub fn as_seconds_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This time moved by `seconds` (negative: earlier), held within the years 1 to 9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)).clamp(YEAR_1_MS, YEAR_10000_MS - 1))
    }

    /// Milliseconds from `earlier` to this (negative when `earlier` is later).
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The same instant for chrono.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).expect("years 1 to 9999 fit chrono's range")
    }

    fn write(self, out: &mut [u8; LENGTH]) {
        let at = self.to_chrono();
        let mut put = |from: usize, digits: usize, mut value: u32| {
            for place in (from..from + digits).rev() {
                out[place] = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, at.year().unsigned_abs());
        put(5, 2, at.month());
        put(8, 2, at.day());
        put(11, 2, at.hour());
        put(14, 2, at.minute());
        put(17, 2, at.second());
        put(20, 3, at.timestamp_subsec_millis());
        for (place, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')] {
            out[place] = mark;
        }
    }

    /// Reads exactly the form that [`fmt::Display`] writes; the log holds no other, so replay needs no general parser.
    fn read_own_form(text: &[u8]) -> Option<Self> {
        let number = |from: usize, digits: usize| {
            text[from..from + digits]
                .iter()
                .try_fold(0_u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
        };
        if text.len() != LENGTH || text[10] != b'T' || text[19] != b'.' || text[23] != b'Z' {
            return None;
        }
        let date = chrono::NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 2)?, number(8, 2)?)?;
        let at = date.and_hms_milli_opt(number(11, 2)?, number(14, 2)?, number(17, 2)?, number(20, 3)?)?;
        Self::from_millis(at.and_utc().timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; LENGTH];
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).expect("only ASCII was written"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Any RFC 3339 date and time; what is finer than a millisecond is cut.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        Self::read_own_form(text.as_bytes())
            .or_else(|| Self::from_millis(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()))
            .ok_or(NotATimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time such as 2027-01-04T18:25:00Z")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_offsets_and_precisions_are_understood() {
        let expected = Timestamp::from_seconds(1_799_087_100).unwrap();
        for text in ["2027-01-04T18:25:00Z", "2027-01-04T19:25:00+01:00", "2027-01-04T18:25:00.000Z"] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", "2027-01-04", "2027-02-30T18:25:00.000Z", "demain", "2027-01-04T18:25:00.00xZ"] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in YEAR_1_MS..YEAR_10000_MS) {
            let at = Timestamp::from_millis(millis).unwrap();
            let text = at.to_string();
            prop_assert_eq!(&text, &at.to_chrono().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
            prop_assert_eq!(text.parse(), Ok(at));
        }
    }
}
