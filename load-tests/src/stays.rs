//! Who was in a group from when to when, counted anew from the events that say so.
//!
//! As the protocol has it: the driver sees all of a group, a passenger from and with a joining to and with the leaving of
//! the same reservation.

use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A passenger's time in a group.
#[derive(Clone, Debug)]
struct Stay {
    reservation: String,
    from_seq: u64,
    to_seq: Option<u64>,
}

impl Stay {
    fn holds(&self, seq: u64) -> bool {
        self.from_seq <= seq && self.to_seq.is_none_or(|to_seq| seq <= to_seq)
    }
}

/// Who was in a group, and when.
#[derive(Clone, Debug)]
pub struct Stays {
    driver: Uuid,
    of_passengers: BTreeMap<Uuid, Vec<Stay>>,
}

impl Stays {
    /// Those in a group of `driver` with these events, oldest first; only those of joining and leaving are needed.
    pub fn of<'a>(driver: Uuid, events: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut stays = Self { driver, of_passengers: BTreeMap::new() };
        events.into_iter().for_each(|event| stays.fold(event));
        stays
    }

    /// Whether an event says who joins a group or leaves it.
    pub fn are_told_by(event: &Value) -> bool {
        matches!(event["type"].as_str(), Some("participant_joined" | "participant_left"))
    }

    /// Everybody who is or was in it, the driver first.
    pub fn people(&self) -> impl Iterator<Item = Uuid> {
        [self.driver].into_iter().chain(self.of_passengers.keys().copied())
    }

    /// Whether `account` may see the event at `seq`.
    pub fn sees(&self, account: Uuid, seq: u64) -> bool {
        account == self.driver || self.of_passenger(account).iter().any(|stay| stay.holds(seq))
    }

    /// The event with which `account` left for good; none while they are in it.
    pub fn left_at(&self, account: Uuid) -> Option<u64> {
        let ends: Option<Vec<u64>> = self.of_passenger(account).iter().map(|stay| stay.to_seq).collect();
        ends?.into_iter().max()
    }

    /// The most people who were in it at once, the driver included.
    pub fn most_at_once(&self) -> usize {
        let joinings = self.of_passengers.values().flatten().map(|stay| stay.from_seq);
        let present = |seq: u64| self.people().filter(|account| self.sees(*account, seq)).count();
        joinings.map(present).max().unwrap_or(1)
    }

    fn of_passenger(&self, account: Uuid) -> &[Stay] {
        self.of_passengers.get(&account).map(Vec::as_slice).unwrap_or_default()
    }

    fn fold(&mut self, event: &Value) {
        let fields = &event["data"];
        let account = fields["account"].as_str().and_then(|text| Uuid::try_parse(text).ok());
        let (Some(account), Some(seq)) = (account, event["seq"].as_u64()) else { return };
        let reservation = fields["reservation"].as_str().unwrap_or_default();
        if event["type"] == "participant_joined" {
            let stay = Stay { reservation: reservation.to_owned(), from_seq: seq, to_seq: None };
            self.of_passengers.entry(account).or_default().push(stay);
        } else if event["type"] == "participant_left" {
            let mut stays = self.of_passengers.get_mut(&account).into_iter().flatten();
            if let Some(stay) = stays.find(|stay| stay.reservation == reservation && stay.to_seq.is_none()) {
                stay.to_seq = Some(seq);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DORA: Uuid = Uuid::from_u128(0xd);
    const ANNA: Uuid = Uuid::from_u128(0xa);
    const BEN: Uuid = Uuid::from_u128(0xb);

    fn joins(seq: u64, account: Uuid, reservation: &str) -> Value {
        moves("participant_joined", seq, account, reservation)
    }

    fn leaves(seq: u64, account: Uuid, reservation: &str) -> Value {
        moves("participant_left", seq, account, reservation)
    }

    fn moves(kind: &str, seq: u64, account: Uuid, reservation: &str) -> Value {
        json!({"seq": seq, "type": kind, "data": {"account": account, "reservation": reservation}})
    }

    fn seen_by(stays: &Stays, account: Uuid) -> Vec<u64> {
        (1..=8).filter(|seq| stays.sees(account, *seq)).collect()
    }

    #[test]
    fn passengers_see_their_stays_and_the_driver_all() {
        let events = [joins(2, ANNA, "a"), joins(3, BEN, "b"), leaves(4, ANNA, "a"), joins(6, ANNA, "c")];
        let stays = Stays::of(DORA, &events);
        assert_eq!(seen_by(&stays, DORA), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(seen_by(&stays, ANNA), [2, 3, 4, 6, 7, 8]);
        assert_eq!(seen_by(&stays, BEN), [3, 4, 5, 6, 7, 8]);
        assert_eq!(stays.people().collect::<Vec<_>>(), [DORA, ANNA, BEN]);
        assert_eq!((stays.left_at(DORA), stays.left_at(ANNA), stays.most_at_once()), (None, None, 3));
    }

    #[test]
    fn with_two_reservations_one_leaves_with_the_last() {
        let mut events = vec![joins(2, ANNA, "a"), joins(3, ANNA, "b"), leaves(4, ANNA, "a")];
        assert_eq!(Stays::of(DORA, &events).left_at(ANNA), None);
        events.push(leaves(6, ANNA, "b"));
        let stays = Stays::of(DORA, &events);
        assert_eq!((stays.left_at(ANNA), seen_by(&stays, ANNA)), (Some(6), vec![2, 3, 4, 5, 6]));
    }

    #[test]
    fn whoever_left_before_joining_was_never_in_it() {
        let stays = Stays::of(DORA, &[leaves(2, ANNA, "a")]);
        assert_eq!((stays.people().count(), seen_by(&stays, ANNA)), (1, vec![]));
    }
}
