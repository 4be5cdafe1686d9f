//! Waits until what a crowd began has come to its end: acceptances have outcomes, and groups have followed bookings.

use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::crowd::Ended;
use crate::transcript::Transcript;

/// How long after the last command an accepted proposal may wait for its outcome, and a booking for its group.
const OUTCOME_BOUND: Duration = Duration::from_secs(30);

/// Waits until nothing is under way any more of what clients were told of; answers what still is in the end.
pub(super) async fn settle(ended: &Ended) -> Vec<String> {
    let give_up = Instant::now() + OUTCOME_BOUND;
    loop {
        let open = under_way(ended);
        if open.is_empty() {
            return vec![];
        }
        if Instant::now() > give_up {
            return open.into_iter().map(|sentence| format!("{sentence} after {OUTCOME_BOUND:?}")).collect();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Acceptances without outcome; bookings and cancellations that the group of the ride has not followed.
fn under_way(ended: &Ended) -> BTreeSet<String> {
    let (mut open, mut reservations) = (BTreeSet::new(), Reservations::default());
    for chat in ended.chats.values() {
        chat.read(|told| {
            open.extend(told.values().flat_map(without_outcome));
            told.values().flat_map(Transcript::events).for_each(|event| reservations.fold(event));
        });
    }
    let open = open.into_iter().map(|proposal| format!("accepted proposal {proposal} has no outcome"));
    open.chain(reservations.under_way()).collect()
}

/// Reservations by what any client was told of them, in conversations and in groups.
#[derive(Default)]
struct Reservations {
    booked: BTreeSet<String>,
    cancelled: BTreeSet<String>,
    joined: BTreeSet<String>,
    left: BTreeSet<String>,
}

impl Reservations {
    fn fold(&mut self, event: &Value) {
        let kind = match event["type"].as_str().unwrap_or_default() {
            "booking_confirmed" => &mut self.booked,
            "booking_cancelled" => &mut self.cancelled,
            "participant_joined" => &mut self.joined,
            "participant_left" => &mut self.left,
            _ => return,
        };
        kind.extend(event["data"]["reservation"].as_str().map(str::to_owned));
    }

    fn under_way(&self) -> Vec<String> {
        // A leaving may overtake the joining, which then never comes.
        let absent = self.booked.iter().filter(|id| !self.joined.contains(*id) && !self.left.contains(*id));
        let absent = absent.map(|id| format!("{id} is booked, and nobody is in the group for it"));
        let present = self.cancelled.difference(&self.left);
        absent.chain(present.map(|id| format!("{id} is cancelled, and nobody left the group for it"))).collect()
    }
}

fn without_outcome(transcript: &Transcript) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for event in transcript.events() {
        let proposal = event["data"]["proposal"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "proposal_accepted" => drop(open.insert(proposal.to_owned())),
            "booking_confirmed" | "booking_changed" | "booking_refused" => drop(open.remove(proposal)),
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn under_way(kinds: &[&str]) -> Vec<String> {
        let mut reservations = Reservations::default();
        kinds.iter().for_each(|kind| reservations.fold(&json!({"type": kind, "data": {"reservation": "a"}})));
        reservations.under_way()
    }

    #[test]
    fn whoever_booked_and_is_not_in_the_group_is_found() {
        assert_eq!(under_way(&["booking_confirmed"]), ["a is booked, and nobody is in the group for it"]);
        assert_eq!(under_way(&["booking_confirmed", "participant_joined"]), [""; 0]);
    }

    #[test]
    fn whoever_cancelled_and_is_still_in_the_group_is_found() {
        let cancelled = ["booking_confirmed", "participant_joined", "booking_cancelled"];
        assert_eq!(under_way(&cancelled), ["a is cancelled, and nobody left the group for it"]);
        assert_eq!(under_way(&[&cancelled[..], &["participant_left"]].concat()), [""; 0]);
        assert_eq!(under_way(&["booking_confirmed", "participant_left", "booking_cancelled"]), [""; 0]);
    }
}
