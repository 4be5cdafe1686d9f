//! Counts a ride's seats anew from its audit, stretch by stretch, with arithmetic of its own.

use serde_json::Value;
use std::collections::BTreeMap;

/// Seats taken from one metre of the way to another.
#[derive(Clone, Copy, Debug)]
struct Taken {
    from_m: u64,
    to_m: u64,
    seats: u64,
}

/// A ride as its own history tells it.
#[derive(Default)]
pub struct RideCheck {
    seats: u64,
    taken: BTreeMap<String, Taken>,
    outcomes: BTreeMap<String, bool>,
    most: u64,
    found: Vec<String>,
}

impl RideCheck {
    /// Folds the events of the ride's own stream as its record tells them to its driver, oldest first.
    pub fn of(events: &[Value]) -> Self {
        let mut check = Self::default();
        for (index, event) in events.iter().enumerate() {
            if event["version"].as_u64() != Some(index as u64 + 1) {
                check.found.push(format!("version {} stands where {} belongs", event["version"], index + 1));
            }
            check.fold(event);
            check.count(event);
        }
        check
    }

    /// What is violated.
    pub fn violations(&self) -> &[String] {
        &self.found
    }

    /// The reservations that stand in the end.
    pub fn reservations(&self) -> impl Iterator<Item = &String> {
        self.taken.keys()
    }

    /// Every proposal that had its outcome here, and whether seats were reserved for it.
    pub fn outcomes(&self) -> &BTreeMap<String, bool> {
        &self.outcomes
    }

    /// The most seats that were ever taken at once on any stretch.
    pub fn most_taken(&self) -> u64 {
        self.most
    }

    fn fold(&mut self, event: &Value) {
        let fields = &event["data"];
        let text = |field: &str| fields[field].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap_or_default() {
            "RideOffered" => self.seats = fields["seats"].as_u64().unwrap_or(0),
            "RideTermsChanged" => self.seats = fields["seats"].as_u64().unwrap_or(self.seats),
            "SeatsReserved" => {
                self.outcome(text("reservation"), true);
                self.take(text("reservation"), &fields["terms"]);
            }
            "ReservationChanged" => {
                self.outcome(text("proposal"), true);
                self.take(text("reservation"), &fields["terms"]);
            }
            "ReservationRefused" => self.outcome(text("proposal"), false),
            "ReservationCancelled" => self.give_back(&text("reservation")),
            _ => {}
        }
    }

    fn outcome(&mut self, proposal: String, reserved: bool) {
        if self.outcomes.contains_key(&proposal) {
            self.found.push(format!("proposal {proposal} has two outcomes"));
        }
        self.outcomes.insert(proposal, reserved);
    }

    fn take(&mut self, reservation: String, terms: &Value) {
        let stretch = &terms["stretch"];
        let numbers = (stretch["from_m"].as_u64(), stretch["to_m"].as_u64(), terms["seats"].as_u64());
        match numbers {
            (Some(from_m), Some(to_m), Some(seats)) if from_m < to_m => {
                self.taken.insert(reservation, Taken { from_m, to_m, seats });
            }
            _ => self.found.push(format!("{reservation} has no stretch that goes forward: {terms}")),
        }
    }

    fn give_back(&mut self, reservation: &str) {
        if self.taken.remove(reservation).is_none() {
            self.found.push(format!("{reservation} is cancelled, which was not reserved"));
        }
    }

    /// Walks the way from the first boundary to the last, counting who is in the car.
    fn count(&mut self, event: &Value) {
        let boundaries =
            self.taken.values().flat_map(|taken| [(taken.from_m, taken.seats, true), (taken.to_m, taken.seats, false)]);
        let mut boundaries: Vec<(u64, bool, u64)> =
            boundaries.map(|(metre, seats, gets_in)| (metre, gets_in, seats)).collect();
        // Where people get out and in at one metre, they get out first.
        boundaries.sort_unstable();
        let mut in_car = 0;
        for (metre, gets_in, seats) in boundaries {
            in_car = if gets_in { in_car + seats } else { in_car - seats };
            self.most = self.most.max(in_car);
            if in_car > self.seats {
                let after = &event["version"];
                self.found.push(format!(
                    "{in_car} of {} seats are taken from metre {metre} after version {after}",
                    self.seats
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reserved(version: u64, id: &str, seats: u64, from_m: u64, to_m: u64) -> Value {
        let terms = json!({"seats": seats, "stretch": {"from_m": from_m, "to_m": to_m}});
        json!({"version": version, "type": "SeatsReserved", "data": {"reservation": id, "terms": terms}})
    }

    fn offered(seats: u64) -> Value {
        json!({"version": 1, "type": "RideOffered", "data": {"seats": seats}})
    }

    #[test]
    fn a_seat_can_be_taken_again_where_it_is_left() {
        let check = RideCheck::of(&[offered(2), reserved(2, "a", 2, 0, 50), reserved(3, "b", 2, 50, 90)]);
        assert_eq!((check.violations(), check.most_taken()), (&[][..], 2));
    }

    #[test]
    fn an_oversold_stretch_is_found() {
        let check = RideCheck::of(&[offered(2), reserved(2, "a", 2, 0, 50), reserved(3, "b", 1, 49, 90)]);
        assert_eq!(check.violations(), ["3 of 2 seats are taken from metre 49 after version 3"]);
    }

    #[test]
    fn fewer_seats_than_are_taken_are_found() {
        let fewer = json!({"version": 3, "type": "RideTermsChanged", "data": {"seats": 1}});
        let check = RideCheck::of(&[offered(2), reserved(2, "a", 2, 0, 50), fewer]);
        assert_eq!(check.violations(), ["2 of 1 seats are taken from metre 0 after version 3"]);
    }

    #[test]
    fn a_second_outcome_and_a_missing_version_are_found() {
        let refused = json!({"version": 4, "type": "ReservationRefused", "data": {"proposal": "a"}});
        let check = RideCheck::of(&[offered(2), reserved(2, "a", 1, 0, 50), refused]);
        assert_eq!(check.violations(), ["version 4 stands where 3 belongs", "proposal a has two outcomes"]);
    }
}
