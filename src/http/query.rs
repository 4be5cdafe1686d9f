//! Query parameters: read one by one, every wrong one named at once; unknown and doubled ones are refused.

use actix_web::HttpRequest;
use palabre_events::{Point, Timestamp};
use std::ops::RangeInclusive;

use super::freshness::MIN_POSITION;
use super::problem::Problem;
use crate::commands::FieldError;

/// The longest query string that is read, in bytes.
pub const QUERY_BYTES_MAX: usize = 2_048;
/// The most rows of a page.
pub const PAGE_MAX: u32 = 200;
/// Rows of a page when nothing is said.
pub const PAGE_DEFAULT: u32 = 50;

/// Which page of a list, as the OpenAPI document tells it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParameters {
    /// `next` of the page before.
    pub before: Option<u64>,
    /// 1 to 200, default 50.
    pub limit: Option<u32>,
}

/// The parameters of a request, to be taken out by name.
#[derive(Debug)]
pub struct Query {
    left: Vec<(String, String)>,
    wrong: Vec<FieldError>,
}

impl Query {
    /// The parameters of `request`.
    pub fn of(request: &HttpRequest) -> Self {
        Self::read(request.query_string())
    }

    pub(super) fn read(text: &str) -> Self {
        let mut query = Self { left: Vec::new(), wrong: Vec::new() };
        if text.len() > QUERY_BYTES_MAX {
            query.refuse("query", "too_long", format!("has at most {QUERY_BYTES_MAX} bytes"));
            return query;
        }
        for (name, value) in form_urlencoded::parse(text.as_bytes()).into_owned() {
            if query.left.iter().any(|(known, _)| *known == name) {
                query.refuse(name, "duplicate_field", "comes twice");
            } else {
                query.left.push((name, value));
            }
        }
        query
    }

    /// A parameter that may be left out.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let place = self.left.iter().position(|(known, _)| known == name)?;
        let (name, value) = self.left.swap_remove(place);
        match read(&value) {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(name, "invalid", message);
                None
            }
        }
    }

    /// A parameter that must be there: [`Query::finish`] refuses whenever this is none.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let is_there =
            self.left.iter().any(|(known, _)| known == name) || self.wrong.iter().any(|wrong| wrong.field == name);
        if !is_there {
            self.refuse(name, "missing", "is missing");
        }
        self.optional(name, read)
    }

    /// How many rows to answer at most.
    pub fn limit(&mut self) -> u32 {
        self.optional("limit", whole(1..=PAGE_MAX)).unwrap_or(PAGE_DEFAULT)
    }

    /// Says that a parameter is wrong.
    pub fn refuse(&mut self, name: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.wrong.push(FieldError { field: name.into(), code, message: message.into() });
    }

    /// Refuses when anything was wrong, or is there that nobody asked for.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.left) {
            if name != MIN_POSITION {
                self.refuse(name, "unknown_field", "is not a parameter of this");
            }
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(Problem::invalid(self.wrong)) }
    }
}

/// Reads a whole number within `range`.
pub fn whole(range: RangeInclusive<u32>) -> impl FnOnce(&str) -> Result<u32, String> {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("is a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Reads a number within `range`.
pub fn within(range: RangeInclusive<f64>) -> impl FnOnce(&str) -> Result<f64, String> {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("is a number from {} to {}", range.start(), range.end()))
    }
}

/// Reads a position, version or seq.
pub fn count(text: &str) -> Result<u64, String> {
    // SQLite, and half of the clients, count in signed numbers.
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| "is a whole number".to_owned())
}

/// Reads `LAT,LON` in degrees.
pub fn point(text: &str) -> Result<Point, String> {
    let read = || {
        let (lat, lon) = text.split_once(',')?;
        Point::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?)
    };
    read().ok_or_else(|| "is LAT,LON in degrees, such as 45.188,5.724".to_owned())
}

/// Reads RFC 3339 or Unix seconds.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().and_then(Timestamp::from_seconds);
    let time = seconds.or_else(|| text.parse().ok());
    time.ok_or_else(|| "is a date and time such as 2027-01-04T18:25:00Z, or Unix seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_parameters_are_read() {
        let mut query = Query::read("from=45.188,5.724&at=1799087100&seats=2&radius_km=2.5&min_position=7");
        assert_eq!(query.required("from", point), Point::new(45.188, 5.724));
        assert_eq!(query.required("at", time), Timestamp::from_seconds(1_799_087_100));
        assert_eq!(query.optional("seats", whole(1..=8)), Some(2));
        assert_eq!(query.optional("radius_km", within(0.0..=100.0)), Some(2.5));
        assert_eq!(query.optional("tolerance_min", whole(0..=2_880)), None);
        assert_eq!(query.finish(), Ok(()));
    }

    #[test]
    fn times_are_rfc_3339_or_unix_seconds() {
        let expected = Ok(Timestamp::from_seconds(1_799_087_100).unwrap());
        assert_eq!(time("2027-01-04T18:25:00Z"), expected);
        assert_eq!(time("2027-01-04T19:25:00+01:00"), expected);
        assert_eq!(time("1799087100"), expected);
        assert!(time("99999999999999999").is_err());
        // In a query, a plus that was not escaped is a space.
        assert!(time("2027-01-04T19:25:00 01:00").is_err());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut query = Query::read("from=north&seats=9&seats=1&color=red");
        query.required("from", point);
        query.required("to", point);
        query.optional("seats", whole(1..=8));
        let problem = query.finish().unwrap_err();
        let wrong: Vec<_> = problem.fields().iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect();
        let expected = [
            ("seats", "duplicate_field"),
            ("from", "invalid"),
            ("to", "missing"),
            ("seats", "invalid"),
            ("color", "unknown_field"),
        ];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for text in ["", "0", "9", "-1", "1.5", "1e1", "٣", "99999999999999999999"] {
            assert!(whole(1..=8)(text).is_err(), "{text}");
        }
        for text in ["-1", "NaN", "inf", "101", "", "1,5"] {
            assert!(within(0.0..=100.0)(text).is_err(), "{text}");
        }
        for text in ["91,0", "0,181", "NaN,0", "45.1", "45.1;5.7", "45.1,5.7,1", ","] {
            assert!(point(text).is_err(), "{text}");
        }
        for text in ["-1", "1.0", "18446744073709551615", ""] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_query_has_an_end() {
        let query = Query::read(&"a".repeat(QUERY_BYTES_MAX + 1));
        assert_eq!(query.finish().unwrap_err().fields()[0].code, "too_long");
    }
}
