//! Who may read what of a ride and its conversations: the one place that decides it, as a pure function.
//!
//! An offer is public. What a driver and one passenger say and agree is theirs: no other passenger learns their words,
//! their points, their price or even that they talked. Others only see what the seats left tell anyway. What somebody
//! may *do* is for the aggregates' rules; this is about reading alone.

use palabre_events::conversation::ConversationEvent;
use palabre_events::ride::RideEvent;
use palabre_events::{AccountId, ConversationId, DomainEvent, StreamId};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::chat::roster::Roster;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Nobody in particular.
    Anyone,
    /// A person, signed in.
    Person(AccountId),
    /// A person who settles disputes: learns the facts, not the words.
    Support(AccountId),
    /// Whoever operates the platform, at its command line.
    Operator,
}

/// How much of an event a viewer sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Not even that it happened.
    Hidden,
    /// That it happened, and to how many seats; not to whom.
    Outline,
    /// Who did what, and what was agreed; not what people wrote, nor exact points.
    Facts,
    /// All of it.
    Full,
}

/// Who plays which part in a ride, as far as events were met, in the order of the log.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    driver: Option<AccountId>,
    /// The one passenger of each conversation between two.
    passengers: BTreeMap<ConversationId, AccountId>,
    /// Who sees what of each conversation: the same rosters that the chat goes by.
    rosters: BTreeMap<ConversationId, Roster>,
}

impl Cast {
    /// Folds one event in: the `version`th of `stream`.
    pub fn meet(&mut self, stream: StreamId, version: u64, event: &DomainEvent) {
        match event {
            DomainEvent::Ride(RideEvent::RideOffered(event)) => self.driver = Some(event.driver),
            DomainEvent::Ride(RideEvent::SeatsReserved(event)) => {
                self.passengers.insert(event.conversation, event.passenger);
            }
            DomainEvent::Conversation(event) => self.meet_in(ConversationId(stream.id), version, event),
            _ => {}
        }
    }

    fn meet_in(&mut self, conversation: ConversationId, seq: u64, event: &ConversationEvent) {
        if let ConversationEvent::ConversationOpened(event) = event
            && let Some(passenger) = event.passenger
        {
            self.passengers.insert(conversation, passenger);
        }
        match self.rosters.get_mut(&conversation) {
            Some(roster) => roster.fold(seq, event),
            None => self.rosters.extend(Roster::opened(event).map(|roster| (conversation, roster))),
        }
    }

    /// How much of the `version`th event of `stream` the viewer sees. The event itself must have been met before.
    pub fn sight(&self, viewer: Viewer, stream: StreamId, version: u64, event: &DomainEvent) -> Sight {
        match viewer {
            Viewer::Operator => Sight::Full,
            Viewer::Support(account) => Sight::Facts.max(self.persons_sight(account, stream, version, event)),
            Viewer::Person(account) => self.persons_sight(account, stream, version, event),
            Viewer::Anyone => strangers_sight(event),
        }
    }

    /// Everyone who plays a part.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.driver.into_iter().chain(self.passengers.values().copied())
    }

    /// Who drives.
    pub fn driver(&self) -> Option<AccountId> {
        self.driver
    }

    fn persons_sight(&self, account: AccountId, stream: StreamId, version: u64, event: &DomainEvent) -> Sight {
        let takes_part = match event {
            DomainEvent::Ride(_) if self.driver == Some(account) => true,
            DomainEvent::Ride(event) => self.is_concerned(account, event),
            DomainEvent::Conversation(_) => {
                self.rosters.get(&ConversationId(stream.id)).is_some_and(|roster| roster.sees(account, version))
            }
            DomainEvent::Account(_) | DomainEvent::Marks(_) | DomainEvent::Request(_) => false,
        };
        if takes_part { Sight::Full } else { strangers_sight(event) }
    }

    fn is_concerned(&self, account: AccountId, event: &RideEvent) -> bool {
        match event {
            // Everyone who talked with the driver about the ride may know why it does not take place.
            RideEvent::RideCancelled(_) => self.passengers.values().any(|passenger| *passenger == account),
            RideEvent::SeatsReserved(event) => event.passenger == account,
            RideEvent::ReservationRefused(event) => event.passenger == account,
            RideEvent::ReservationChanged(event) => event.passenger == account,
            RideEvent::ReservationReconfirmed(event) => self.passengers.get(&event.conversation) == Some(&account),
            RideEvent::ReservationCancelled(event) => event.passenger == account,
            RideEvent::PassengerNoShow(event) => event.passenger == account,
            RideEvent::RideOffered(_)
            | RideEvent::RideRescheduled(_)
            | RideEvent::RideTermsChanged(_)
            | RideEvent::RideDeparted(_)
            | RideEvent::RideCompleted(_) => true,
        }
    }
}

fn strangers_sight(event: &DomainEvent) -> Sight {
    match event {
        DomainEvent::Ride(event) => match event {
            RideEvent::RideOffered(_)
            | RideEvent::RideRescheduled(_)
            | RideEvent::RideTermsChanged(_)
            | RideEvent::RideDeparted(_)
            | RideEvent::RideCompleted(_) => Sight::Full,
            RideEvent::RideCancelled(_) => Sight::Facts,
            RideEvent::SeatsReserved(_) | RideEvent::ReservationChanged(_) | RideEvent::ReservationCancelled(_) => {
                Sight::Outline
            }
            RideEvent::ReservationRefused(_) | RideEvent::ReservationReconfirmed(_) | RideEvent::PassengerNoShow(_) => {
                Sight::Hidden
            }
        },
        DomainEvent::Conversation(_) | DomainEvent::Account(_) | DomainEvent::Marks(_) | DomainEvent::Request(_) => {
            Sight::Hidden
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::story::{self, GROUP, WITH_ANNA, WITH_BEN};
    use palabre_events::testing::{ANNA, BEN, CLEO, DORA, RIDE};

    /// What `viewer` sees of each event of the story, in its order, as `Type: sight`.
    fn seen_by(viewer: Viewer) -> Vec<(StreamId, &'static str, Sight)> {
        let mut cast = Cast::default();
        let mut seen = Vec::new();
        for told in story::story() {
            cast.meet(told.stream, told.version, &told.event);
            let sight = cast.sight(viewer, told.stream, told.version, &told.event);
            seen.push((told.stream, story::type_of(&told.event), sight));
        }
        seen
    }

    fn of(seen: &[(StreamId, &'static str, Sight)], stream: impl Into<StreamId>) -> Vec<(&'static str, Sight)> {
        let stream = stream.into();
        seen.iter().filter(|(of, ..)| *of == stream).map(|(_, event_type, sight)| (*event_type, *sight)).collect()
    }

    #[test]
    fn the_driver_and_the_operator_see_everything() {
        for viewer in [Viewer::Person(DORA), Viewer::Operator] {
            assert!(seen_by(viewer).iter().all(|(.., sight)| *sight == Sight::Full), "{viewer:?}");
        }
    }

    #[test]
    fn a_passenger_sees_the_offer_and_what_is_theirs() {
        let seen = seen_by(Viewer::Person(ANNA));
        assert!(of(&seen, RIDE).iter().all(|(event_type, sight)| match *event_type {
            "ReservationRefused" => *sight == Sight::Hidden, // Ben's
            _ => *sight == Sight::Full,
        }));
        assert!(of(&seen, *WITH_ANNA).iter().all(|(_, sight)| *sight == Sight::Full));
        assert!(of(&seen, *WITH_BEN).iter().all(|(_, sight)| *sight == Sight::Hidden));
    }

    #[test]
    fn a_member_sees_the_group_from_joining_to_leaving() {
        let seen = seen_by(Viewer::Person(ANNA));
        let expected = [
            ("ConversationOpened", Sight::Hidden),
            ("ParticipantJoined", Sight::Full),
            ("MessagePosted", Sight::Full),
            ("ParticipantLeft", Sight::Full),
            ("MessagePosted", Sight::Hidden),
        ];
        assert_eq!(of(&seen, *GROUP), expected);
        assert!(of(&seen_by(Viewer::Person(BEN)), *GROUP).iter().all(|(_, sight)| *sight == Sight::Hidden));
    }

    #[test]
    fn one_passenger_never_sees_another_s_talk_or_terms() {
        let seen = seen_by(Viewer::Person(BEN));
        assert!(of(&seen, *WITH_ANNA).iter().all(|(_, sight)| *sight == Sight::Hidden));
        for (event_type, sight) in of(&seen, RIDE) {
            let expected = match event_type {
                "SeatsReserved" | "ReservationCancelled" => Sight::Outline,
                "ReservationReconfirmed" => Sight::Hidden,
                _ => Sight::Full, // The offer, his own refusal, and why the ride he talked about was cancelled.
            };
            assert_eq!(sight, expected, "{event_type}");
        }
    }

    #[test]
    fn strangers_see_the_public_offer() {
        for viewer in [Viewer::Anyone, Viewer::Person(CLEO)] {
            let seen = seen_by(viewer);
            for (event_type, sight) in of(&seen, RIDE) {
                let expected = match event_type {
                    "RideOffered" | "RideRescheduled" => Sight::Full,
                    "RideCancelled" => Sight::Facts,
                    "SeatsReserved" | "ReservationCancelled" => Sight::Outline,
                    _ => Sight::Hidden,
                };
                assert_eq!(sight, expected, "{event_type} for {viewer:?}");
            }
            for stream in [*WITH_ANNA, *WITH_BEN, *GROUP] {
                assert!(of(&seen, stream).iter().all(|(_, sight)| *sight == Sight::Hidden), "{viewer:?}");
            }
        }
    }

    #[test]
    fn support_learns_the_facts_but_not_the_words() {
        let seen = seen_by(Viewer::Support(CLEO));
        assert!(seen.iter().all(|(.., sight)| *sight >= Sight::Facts));
        assert!(of(&seen, *WITH_ANNA).iter().all(|(_, sight)| *sight == Sight::Facts));
    }
}
