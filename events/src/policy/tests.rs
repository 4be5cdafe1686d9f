//! Which fact causes which command, and which fact ends it.

use super::*;
use crate::conversation::*;
use crate::request::{RequestFulfilled, RequestWithdrawn};
use crate::ride::*;
use crate::testing::*;
use crate::{Actor, KeyId};
use std::collections::BTreeSet;

fn recorded(stream: impl Into<StreamId>, version: u64, event: DomainEvent) -> Recorded {
    Recorded { stream: stream.into(), version, position: 9, occurred_at: now(), actor: Actor::System, event }
}

fn of_ride(event: impl Into<RideEvent>) -> Recorded {
    recorded(RIDE, 5, DomainEvent::Ride(event.into()))
}

fn of_talk(event: impl Into<ConversationEvent>) -> Recorded {
    recorded(talk_with(ANNA), 7, DomainEvent::Conversation(event.into()))
}

fn of_group(event: impl Into<ConversationEvent>) -> Recorded {
    recorded(ConversationId::group_of(RIDE), 2, DomainEvent::Conversation(event.into()))
}

fn one_seat() -> crate::terms::Terms {
    terms(1, WHOLE_WAY)
}

fn cancelled(by: Side, reason: Option<Sealed<Reason>>) -> ReservationCancelled {
    ReservationCancelled {
        reservation: reservation(1),
        conversation: talk_with(ANNA),
        driver: DORA,
        passenger: ANNA,
        by,
        blameless: true,
        reason,
    }
}

#[test]
fn an_acceptance_asks_the_ride_to_reserve() {
    let made = made(proposal(1), ANNA, one_seat());
    let accepted = accepted(&made, DORA);
    let expected = Effect::Reserve {
        ride: RIDE,
        proposal: proposal(1),
        conversation: talk_with(ANNA),
        passenger: ANNA,
        terms: Box::new(one_seat()),
        terms_hash: made.terms_hash,
        acceptance: Acceptance::Person(DORA),
        replaces: None,
    };
    assert_eq!(effects_of(&of_talk(accepted)), vec![expected]);
}

#[test]
fn every_outcome_of_a_proposal_is_told_to_its_conversation() {
    let settle =
        |number, outcome| Effect::Settle { conversation: talk_with(ANNA), proposal: proposal(number), outcome };
    let reserved = of_ride(seats_reserved(proposal(1), ANNA, one_seat()));
    assert_eq!(effects_of(&reserved)[0], settle(1, Outcome::Reserved));
    let changed = of_ride(ReservationChanged {
        reservation: reservation(1),
        proposal: proposal(2),
        conversation: talk_with(ANNA),
        passenger: ANNA,
        terms: one_seat(),
        terms_hash: one_seat().hash(&NONCE),
    });
    assert_eq!(effects_of(&changed), vec![settle(2, Outcome::Reserved)]);
    let reason = RefusalReason::NoSeatsLeft;
    let refused =
        of_ride(ReservationRefused { proposal: proposal(3), conversation: talk_with(ANNA), passenger: ANNA, reason });
    assert_eq!(effects_of(&refused), vec![settle(3, Outcome::Refused(reason))]);
    for outcome in [reserved, changed, refused] {
        assert_eq!(fulfils(&outcome).len(), 1, "the ride was asked once and has answered");
    }
}

#[test]
fn passengers_join_and_leave_the_group_with_their_reservations() {
    let (ride, driver, passenger, reservation) = (RIDE, DORA, ANNA, reservation(1));
    let joins = &effects_of(&of_ride(seats_reserved(proposal(1), ANNA, one_seat())))[1];
    assert_eq!(joins, &Effect::Admit { ride, driver, ride_version: 5, passenger, reservation });
    let leaves = &effects_of(&of_ride(cancelled(Side::Passenger, None)))[1];
    assert_eq!(leaves, &Effect::Dismiss { ride, driver, ride_version: 5, passenger, reservation });
    let EffectCommand::Conversation(group, _) = joins.clone().into_command() else { panic!("goes to the group") };
    assert_eq!(group, ConversationId::group_of(RIDE));
}

#[test]
fn a_cancellation_is_told_with_who_and_why() {
    let reason = sealed(KeyId::Person(ANNA), &Reason("Malade".to_owned()));
    let told = &effects_of(&of_ride(cancelled(Side::Passenger, Some(reason.clone()))))[0];
    let expected = Effect::NoteCancelled {
        conversation: talk_with(ANNA),
        reservation: reservation(1),
        by: Side::Passenger,
        blameless: true,
        reason: Some(reason),
    };
    assert_eq!(told, &expected);
}

#[test]
fn what_concerns_one_booking_is_told_to_its_conversation_alone() {
    let (reservation, conversation) = (reservation(1), talk_with(ANNA));
    let notice = |notice| vec![Effect::Notice { conversation, ride_version: 5, notice }];
    let reconfirmed = ReservationReconfirmed { reservation, conversation, terms_version: 2 };
    assert_eq!(effects_of(&of_ride(reconfirmed)), notice(RideNotice::Reconfirmed { reservation }));
    let missing = PassengerNoShow { reservation, conversation, passenger: ANNA };
    assert_eq!(effects_of(&of_ride(missing)), notice(RideNotice::NoShow { reservation }));
}

#[test]
fn a_booking_that_answers_a_request_fulfils_it() {
    let confirmed = confirmed(&made(proposal(1), ANNA, one_seat()));
    assert_eq!(effects_of(&of_talk(confirmed.clone())), vec![]);
    let answer = BookingConfirmed { in_answer_to: Some(REQUEST), ..confirmed };
    let expected = Effect::Fulfil { request: REQUEST, ride: RIDE, reservation: reservation(1) };
    assert_eq!(effects_of(&of_talk(answer)), vec![expected.clone()]);
    let fulfilled = RequestFulfilled { ride: RIDE, reservation: reservation(1) };
    let done = recorded(REQUEST, 2, DomainEvent::Request(fulfilled.into()));
    assert_eq!(fulfils(&done), vec![expected.key()]);
    assert_eq!(fulfils(&recorded(REQUEST, 2, DomainEvent::Request(RequestWithdrawn {}.into()))), vec![]);
}

#[test]
fn what_happens_to_a_ride_is_noticed_everywhere() {
    let rescheduled = RideRescheduled {
        departs_at: in_hours(30),
        time_zone: "Europe/Paris".to_owned(),
        route: Some(route()),
        path_version: 2,
        terms_version: 2,
    };
    let told = RideNotice::Rescheduled { departs_at: in_hours(30), route_changed: true, terms_version: 2 };
    assert_eq!(notice_of(&rescheduled.into()), Some(told));
    let changed = RideTermsChanged {
        terms_version: 3,
        seats: Some(2),
        price_per_seat: Some(euros(500)),
        booking_mode: None,
        preferences: None,
        vehicle: None,
        comment: None,
        cleared: BTreeSet::new(),
    };
    let told = RideNotice::TermsChanged { terms_version: 3, price_per_seat: Some(euros(500)), seats: Some(2) };
    assert_eq!(notice_of(&changed.into()), Some(told));
    assert_eq!(notice_of(&RideCancelled { reason: None }.into()), Some(RideNotice::Cancelled));
    assert_eq!(notice_of(&RideDeparted {}.into()), Some(RideNotice::Departed));
    assert_eq!(notice_of(&RideCompleted {}.into()), None);
    assert_eq!(notice_of(&offered().into()), None);
}

/// Each effect, and the facts that end it.
fn endings() -> Vec<(Effect, Vec<Recorded>)> {
    let (ride, driver, passenger, conversation) = (RIDE, DORA, ANNA, talk_with(ANNA));
    let made = made(proposal(1), ANNA, one_seat());
    let reserve = effects_of(&of_talk(accepted(&made, DORA))).remove(0);
    let refused = BookingRefused { proposal: proposal(1), reason: RefusalReason::CancelledBefore };
    let changed = BookingChanged {
        proposal: proposal(1),
        reservation: reservation(1),
        seats: 1,
        price_per_seat: euros(800),
        pickup_at: departure(),
    };
    let told = [of_talk(confirmed(&made)), of_talk(refused), of_talk(changed)];
    let over = BookingCancelled { reservation: reservation(1), by: Side::Driver, blameless: false, reason: None };
    let noticed = RideNoticed { ride: RIDE, ride_version: 5, notice: RideNotice::Departed };
    let joined = of_group(ParticipantJoined { account: ANNA, reservation: reservation(1) });
    let left = of_group(ParticipantLeft { account: ANNA, reservation: reservation(1) });
    let reservation = reservation(1);
    vec![
        (reserve, [of_ride(seats_reserved(proposal(1), ANNA, one_seat()))].into_iter().chain(told.clone()).collect()),
        (Effect::Settle { conversation, proposal: proposal(1), outcome: Outcome::Reserved }, told.to_vec()),
        (
            Effect::NoteCancelled { conversation, reservation, by: Side::Driver, blameless: false, reason: None },
            vec![of_talk(over)],
        ),
        (Effect::Notice { conversation, ride_version: 5, notice: RideNotice::Departed }, vec![of_talk(noticed)]),
        (Effect::Admit { ride, driver, ride_version: 5, passenger, reservation }, vec![joined, left.clone()]),
        (Effect::Dismiss { ride, driver, ride_version: 5, passenger, reservation }, vec![left]),
    ]
}

#[test]
fn every_effect_is_ended_by_each_fact_that_comes_of_it() {
    for (effect, facts) in endings() {
        for fact in facts {
            assert!(fulfils(&fact).contains(&effect.key()), "{:?} ends {}", fact.event, effect.key());
        }
    }
}

#[test]
fn talk_ends_nothing_and_causes_nothing() {
    for talk in [of_talk(posted(ANNA)), of_talk(opened()), of_talk(made(proposal(1), ANNA, one_seat()))] {
        assert_eq!((effects_of(&talk), fulfils(&talk)), (vec![], vec![]));
    }
}

#[test]
fn effects_are_told_apart_by_their_keys() {
    let keys: Vec<String> = endings().iter().map(|(effect, _)| effect.key().to_string()).collect();
    let mut unique = keys.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), keys.len(), "{keys:?}");
}

#[test]
fn a_kept_effect_reads_back_as_it_was() {
    for (effect, _) in endings() {
        let written = serde_json::to_string(&effect).unwrap();
        assert_eq!(serde_json::from_str::<Effect>(&written).unwrap(), effect);
    }
}

#[test]
fn every_cause_is_known_by_its_type_and_nothing_else_is() {
    let mut causes = std::collections::BTreeSet::new();
    for event in examples() {
        let (event_type, _, _) = crate::testing::examples::written(&event);
        let stream = match &event {
            DomainEvent::Ride(_) => StreamId::from(RIDE),
            DomainEvent::Conversation(_) => talk_with(ANNA).into(),
            _ => REQUEST.into(),
        };
        let told_to_all = matches!(&event, DomainEvent::Ride(event) if notice_of(event).is_some());
        if told_to_all || !effects_of(&recorded(stream, 5, event)).is_empty() {
            causes.insert(event_type);
        }
    }
    let types = [ConversationEvent::TYPES, RideEvent::TYPES, crate::request::RequestEvent::TYPES].concat();
    for (event_type, _) in types {
        assert_eq!(may_cause(event_type), causes.contains(event_type), "{event_type}");
    }
}
