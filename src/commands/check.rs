//! Checks of what people write, all fields at once, so that a form shows every mistake together.

use palabre_events::place::ExactPlace;
use palabre_events::terms::Terms;
use palabre_events::{Currency, Point, Price, Route, Timestamp};

use super::ask::{FieldError, Refusal};
use super::input::{PlaceInput, PriceInput};
use super::patch::Patch;

/// The longest message, in characters.
pub const MESSAGE_CHARS_MAX: usize = 4_000;
/// The longest remark or reason, in characters.
pub const REMARK_CHARS_MAX: usize = 1_000;
/// The longest description of a vehicle, in characters.
pub const VEHICLE_CHARS_MAX: usize = 120;
/// How far ahead a ride or a request may lie: two years.
pub const AHEAD_S_MAX: i64 = 2 * 366 * 24 * 3600;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Check {
    wrong: Vec<FieldError>,
}

impl Check {
    /// Notes that `field` is wrong.
    pub fn wrong(&mut self, field: impl Into<String>, code: &'static str, message: impl Into<String>) {
        self.wrong.push(FieldError { field: field.into(), code, message: message.into() });
    }

    /// All that is wrong, or nothing.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.wrong)) }
    }

    /// A text of 1 to `chars_max` characters, not only white space, without control characters.
    pub fn text(&mut self, field: &str, text: &str, chars_max: usize) -> String {
        let chars = text.chars().count();
        if text.trim().is_empty() {
            self.wrong(field, "empty", "write something");
        } else if chars > chars_max {
            self.wrong(field, "too_long", format!("at most {chars_max} characters, these are {chars}"));
        } else if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
            self.wrong(field, "control_character", "control characters are not text");
        }
        text.to_owned()
    }

    /// A text that may be left out; only white space counts as left out.
    pub fn optional_text(&mut self, field: &str, text: Option<&str>, chars_max: usize) -> Option<String> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        Some(self.text(field, text, chars_max))
    }

    /// A change of such a text; blank clears it.
    pub fn text_patch(&mut self, field: &str, patch: &Patch<String>, chars_max: usize) -> Patch<String> {
        match patch {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(text) => self.optional_text(field, Some(text), chars_max).map_or(Patch::Clear, Patch::Set),
        }
    }

    /// A place on earth.
    pub fn place(&mut self, field: &str, place: &PlaceInput) -> ExactPlace {
        let label = self.optional_text(&format!("{field}.label"), place.label.as_deref(), ExactPlace::LABEL_MAX);
        if !(-90.0..=90.0).contains(&place.lat) {
            self.wrong(format!("{field}.lat"), "out_of_range", "a latitude lies between -90 and 90 degrees");
        }
        if !(-180.0..=180.0).contains(&place.lon) {
            self.wrong(format!("{field}.lon"), "out_of_range", "a longitude lies between -180 and 180 degrees");
        }
        ExactPlace { point: Point { lat: place.lat, lon: place.lon }, label }
    }

    /// The stops of a way: 2 to [`Route::STOPS_MAX`].
    pub fn stops(&mut self, stops: &[PlaceInput]) -> Vec<ExactPlace> {
        if !(2..=Route::STOPS_MAX).contains(&stops.len()) {
            self.wrong("stops", "out_of_range", "a way has 2 to 12 stops, origin and destination included");
            return Vec::new();
        }
        stops.iter().enumerate().map(|(index, stop)| self.place(&format!("stops[{index}]"), stop)).collect()
    }

    /// A price of one seat.
    pub fn price(&mut self, field: &str, price: &PriceInput) -> Price {
        if price.cents > Price::CENTS_MAX {
            self.wrong(format!("{field}.cents"), "out_of_range", "a seat costs at most 100,000 cents");
        }
        let currency = price.currency.parse().unwrap_or_else(|_| {
            self.wrong(format!("{field}.currency"), "not_a_currency", "three capital letters, such as EUR");
            Currency::EUR
        });
        Price { cents: price.cents, currency }
    }

    /// A number of seats, 1 to [`Terms::SEATS_MAX`].
    pub fn seats(&mut self, seats: u8) {
        if !(1..=Terms::SEATS_MAX).contains(&seats) {
            self.wrong("seats", "out_of_range", "1 to 8 seats");
        }
    }

    /// An hour that is not years ahead; the rules refuse the past.
    pub fn hour(&mut self, field: &str, at: Timestamp, now: Timestamp) {
        if at.millis_since(now) > AHEAD_S_MAX * 1000 {
            self.wrong(field, "too_far_ahead", "at most two years ahead");
        }
    }

    /// An IANA time zone.
    pub fn time_zone(&mut self, name: &str) {
        if name.parse::<chrono_tz::Tz>().is_err() {
            self.wrong("time_zone", "not_a_time_zone", "the name of a time zone, such as Europe/Paris");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_a_form_is_named_at_once() {
        let mut check = Check::default();
        check.text("text", " \n", 10);
        check.text("title", "ééééé", 4);
        check.place("pickup", &PlaceInput { lat: 91.0, lon: f64::NAN, label: None });
        check.price("price", &PriceInput { cents: 1, currency: "eur".to_owned() });
        let Err(Refusal::Invalid(wrong)) = check.finish() else { panic!("nothing was found wrong") };
        let found: Vec<_> = wrong.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect();
        let expected = [
            ("text", "empty"),
            ("title", "too_long"),
            ("pickup.lat", "out_of_range"),
            ("pickup.lon", "out_of_range"),
            ("price.currency", "not_a_currency"),
        ];
        assert_eq!(found, expected);
    }
}
