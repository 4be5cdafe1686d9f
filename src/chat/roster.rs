//! Who takes part in a conversation, and which of its events each of them may see.
//!
//! A fold of the conversation's own events, apart from the aggregate: rules need to know who takes part now, people who
//! look back need to know who took part when. Nothing here reads the log.

use palabre_events::conversation::{ConversationEvent, ConversationKind};
use palabre_events::{AccountId, ReservationId};

/// Who sees what of one conversation, up to [`Roster::seq`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    seq: u64,
    kind: ConversationKind,
    driver: AccountId,
    passenger: Option<AccountId>,
    stays: Vec<Stay>,
}

/// A passenger's time in a group: from and with the event of joining to and with that of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    account: AccountId,
    reservation: ReservationId,
    from_seq: u64,
    to_seq: Option<u64>,
}

impl Roster {
    /// The roster after a conversation's first event, which opens it; none when the event is another.
    pub fn opened(event: &ConversationEvent) -> Option<Self> {
        let ConversationEvent::ConversationOpened(opened) = event else { return None };
        let (kind, driver, passenger) = (opened.kind, opened.driver, opened.passenger);
        Some(Self { seq: 1, kind, driver, passenger, stays: Vec::new() })
    }

    /// Folds the event at `seq` in. Events that it has seen change nothing.
    pub fn fold(&mut self, seq: u64, event: &ConversationEvent) {
        if seq <= self.seq {
            return;
        }
        self.seq = seq;
        match event {
            ConversationEvent::ParticipantJoined(joined) => {
                let (account, reservation) = (joined.account, joined.reservation);
                self.stays.push(Stay { account, reservation, from_seq: seq, to_seq: None });
            }
            ConversationEvent::ParticipantLeft(left) => {
                let ends = |stay: &&mut Stay| stay.reservation == left.reservation && stay.to_seq.is_none();
                if let Some(stay) = self.stays.iter_mut().find(ends) {
                    stay.to_seq = Some(seq);
                }
            }
            _ => {}
        }
    }

    /// Takes note that nothing up to `seq` but what was folded says who takes part.
    pub fn pass(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
    }

    /// Whether an event of this type says who takes part; no other needs to be folded.
    pub fn is_told_by(event_type: &str) -> bool {
        matches!(event_type, "ParticipantJoined" | "ParticipantLeft")
    }

    /// The last event that was folded.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether its participants change: only those of a group do.
    pub fn is_group(&self) -> bool {
        self.kind == ConversationKind::Group
    }

    /// Whether `account` may see the event at `seq`.
    pub fn sees(&self, account: AccountId, seq: u64) -> bool {
        let during = |stay: &Stay| stay.from_seq <= seq && stay.to_seq.is_none_or(|to_seq| seq <= to_seq);
        self.is_lasting(account) || self.stays_of(account).any(during)
    }

    /// Whether `account` takes part at present.
    pub fn takes_part(&self, account: AccountId) -> bool {
        self.is_lasting(account) || self.stays_of(account).any(|stay| stay.to_seq.is_none())
    }

    /// What `account` may see of it; nothing when it never took part.
    pub fn reach(&self, account: AccountId) -> Option<Reach> {
        if self.is_lasting(account) {
            return Some(Reach { from_seq: 1, to_seq: None });
        }
        let from_seq = self.stays_of(account).map(|stay| stay.from_seq).min()?;
        let open = self.takes_part(account);
        let to_seq = if open { None } else { self.stays_of(account).filter_map(|stay| stay.to_seq).max() };
        Some(Reach { from_seq, to_seq })
    }

    /// Everyone who may see the event at `seq`, each once.
    pub fn viewers(&self, seq: u64) -> Vec<AccountId> {
        let members = self.stays.iter().map(|stay| stay.account).filter(|account| self.sees(*account, seq));
        let mut viewers: Vec<_> = [self.driver].into_iter().chain(self.passenger).chain(members).collect();
        viewers.sort_unstable();
        viewers.dedup();
        viewers
    }

    /// Everyone who takes part at present, each once.
    pub fn present(&self) -> Vec<AccountId> {
        self.viewers(u64::MAX)
    }

    /// Everyone who takes part or ever did, each once.
    pub fn ever(&self) -> Vec<AccountId> {
        let members = self.stays.iter().map(|stay| stay.account);
        let mut ever: Vec<_> = [self.driver].into_iter().chain(self.passenger).chain(members).collect();
        ever.sort_unstable();
        ever.dedup();
        ever
    }

    /// Whether `account` belongs to it from beginning to end.
    fn is_lasting(&self, account: AccountId) -> bool {
        self.driver == account || self.passenger == Some(account)
    }

    fn stays_of(&self, account: AccountId) -> impl Iterator<Item = &Stay> {
        self.stays.iter().filter(move |stay| stay.account == account)
    }
}

/// From where to where somebody sees a conversation. In between there may be hidden events, where a member was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The first event that is seen.
    pub from_seq: u64,
    /// The last one; none while the person takes part.
    pub to_seq: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::RideId;
    use palabre_events::conversation::{ConversationOpened, MessageRetracted, ParticipantJoined, ParticipantLeft};
    use uuid::Uuid;

    const DORA: AccountId = AccountId(Uuid::from_u128(0xd));
    const ANNA: AccountId = AccountId(Uuid::from_u128(0xa));
    const BEN: AccountId = AccountId(Uuid::from_u128(0xb));

    fn group(events: &[ConversationEvent]) -> Roster {
        let opened = ConversationOpened {
            kind: ConversationKind::Group,
            ride: RideId(Uuid::from_u128(1)),
            ride_version: 1,
            driver: DORA,
            passenger: None,
            in_answer_to: None,
        };
        let mut roster = Roster::opened(&opened.into()).unwrap();
        (2..).zip(events).for_each(|(seq, event)| roster.fold(seq, event));
        roster
    }

    fn joins(account: AccountId, reservation: u128) -> ConversationEvent {
        ParticipantJoined { account, reservation: ReservationId(Uuid::from_u128(reservation)) }.into()
    }

    fn leaves(account: AccountId, reservation: u128) -> ConversationEvent {
        ParticipantLeft { account, reservation: ReservationId(Uuid::from_u128(reservation)) }.into()
    }

    fn talk() -> ConversationEvent {
        MessageRetracted { message: 1 }.into()
    }

    fn seen_by(roster: &Roster, account: AccountId) -> Vec<u64> {
        (1..=roster.seq()).filter(|seq| roster.sees(account, *seq)).collect()
    }

    #[test]
    fn members_see_from_their_joining_to_their_leaving() {
        let roster = group(&[joins(ANNA, 1), talk(), joins(BEN, 2), talk(), leaves(ANNA, 1), talk()]);
        assert_eq!(seen_by(&roster, DORA), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(seen_by(&roster, ANNA), [2, 3, 4, 5, 6]);
        assert_eq!(seen_by(&roster, BEN), [4, 5, 6, 7]);
        assert_eq!(roster.present(), [BEN, DORA]);
        assert_eq!(roster.reach(ANNA), Some(Reach { from_seq: 2, to_seq: Some(6) }));
        assert_eq!(roster.reach(BEN), Some(Reach { from_seq: 4, to_seq: None }));
        assert_eq!(roster.viewers(6), [ANNA, BEN, DORA]);
        assert_eq!(roster.ever(), [ANNA, BEN, DORA]);
    }

    #[test]
    fn whoever_books_again_does_not_see_what_was_said_between() {
        let roster = group(&[joins(ANNA, 1), leaves(ANNA, 1), talk(), joins(ANNA, 2)]);
        assert_eq!(seen_by(&roster, ANNA), [2, 3, 5]);
        assert_eq!(roster.reach(ANNA), Some(Reach { from_seq: 2, to_seq: None }));
    }

    #[test]
    fn with_two_reservations_one_stays_until_both_are_over() {
        let roster = group(&[joins(ANNA, 1), joins(ANNA, 2), leaves(ANNA, 1), talk(), leaves(ANNA, 2), talk()]);
        assert_eq!(seen_by(&roster, ANNA), [2, 3, 4, 5, 6]);
        assert!(!roster.takes_part(ANNA));
    }

    #[test]
    fn whoever_left_before_joining_or_never_came_sees_nothing() {
        let roster = group(&[leaves(ANNA, 1), talk()]);
        assert_eq!(roster.reach(ANNA), None);
        assert_eq!(seen_by(&roster, ANNA), [0_u64; 0]);
        assert_eq!(roster.present(), [DORA]);
    }
}
