//! A ride's record as lines of text, for a terminal or a printer.

use std::fmt::Write as _;

use super::report::Report;
use super::state::{PersonShown, RideState};
use crate::chat::frames::negotiation::WirePlace;

impl Report {
    /// The record as lines of text, for a terminal or a printer.
    pub fn to_text(&self) -> String {
        let mut text = format!("Record of ride {}\n", self.ride);
        for entry in &self.events {
            let cause = entry.caused_by.map_or(String::new(), |position| format!("  because of #{position}"));
            write_line(&mut text, format_args!("\n#{}  {}  {}", entry.position, entry.recorded_at, entry.sentence));
            write_line(
                &mut text,
                format_args!("    {} in {} v{}{cause}", entry.event_type, entry.stream, entry.version),
            );
            write_line(&mut text, format_args!("    hash {}", entry.hash));
        }
        if let Some(state) = &self.state {
            state.write_text(&mut text);
        }
        if let Some(position) = self.next_after {
            write_line(&mut text, format_args!("\nThere is more after #{position}."));
        }
        text
    }
}

impl RideState {
    fn write_text(&self, text: &mut String) {
        let when = self.recorded_until.map_or_else(|| "Now".to_owned(), |at| format!("At {at} (time of recording)"));
        let places: Vec<_> = self.stops.iter().map(place_name).collect();
        let name = |person: &PersonShown| person.name.clone().unwrap_or_else(|| "somebody who was erased".to_owned());
        write_line(text, format_args!("\n{when}, after #{} (version {} of the ride):", self.position, self.version));
        write_line(text, format_args!("    {}: {}, {}", self.stage, places.join(" – "), name(&self.driver)));
        write_line(text, format_args!("    leaves {} ({})", self.departs_at, self.time_zone));
        write_line(
            text,
            format_args!(
                "    {} of {} seats left on the whole way, list price {}.{:02} {} a seat",
                self.seats_left,
                self.seats,
                self.price_per_seat.cents / 100,
                self.price_per_seat.cents % 100,
                self.price_per_seat.currency,
            ),
        );
        for held in &self.reservations {
            let ask = if held.to_reconfirm { ", to be confirmed again" } else { "" };
            let missing = if held.no_show { ", did not come" } else { "" };
            write_line(
                text,
                format_args!(
                    "    reserved: {} × {} at {}.{:02} {}, picked up {}{ask}{missing}",
                    held.seats,
                    name(&held.passenger),
                    held.price_per_seat.cents / 100,
                    held.price_per_seat.cents % 100,
                    held.price_per_seat.currency,
                    held.pickup_at,
                ),
            );
        }
    }
}

fn place_name(place: &WirePlace) -> String {
    let point = place.lat.zip(place.lon).map(|(lat, lon)| format!("{lat:.3}, {lon:.3}"));
    let name = place.label.clone().or_else(|| place.town.clone());
    name.or(point).unwrap_or_else(|| "a place".to_owned())
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes all that is written");
}
