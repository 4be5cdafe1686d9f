//! One booking, from offer to confirmation, through every projection.

use palabre_events::testing::*;
use palabre_events::{Actor, DomainEvent, StreamId};

use crate::log::{Log, Place};

#[test]
fn a_booking_shows_everywhere() {
    let mut log = Log::default();
    log.append(RIDE, DomainEvent::Ride(offered().into()), by(DORA), now());
    log.append(talk_with(ANNA), DomainEvent::Conversation(opened().into()), by(ANNA), now());
    log.append(talk_with(ANNA), DomainEvent::Conversation(posted(ANNA).into()), by(ANNA), now());
    let proposed = made(proposal(1), ANNA, terms(2, WHOLE_WAY));
    log.append(talk_with(ANNA), DomainEvent::Conversation(proposed.clone().into()), by(ANNA), now());
    let mut place = Place::new();
    let folded = place.catch_up(&log);
    assert_eq!((folded.rides, folded.conversations), (vec![RIDE], vec![talk_with(ANNA)]));
    let reader = place.reader();
    assert_eq!(reader.to_handle(DORA).unwrap().proposals.len(), 1);
    assert_eq!(reader.inbox_entry(DORA, talk_with(ANNA)).unwrap().unwrap().own.unread, 2);
    assert_eq!(reader.inbox_entry(ANNA, talk_with(ANNA)).unwrap().unwrap().own.unread, 0);

    log.append(talk_with(ANNA), DomainEvent::Conversation(accepted(&proposed, DORA).into()), by(DORA), now());
    place.catch_up(&log);
    assert_eq!(reader.backlog().unwrap().effects, 1);
    let reserved = seats_reserved(proposal(1), ANNA, terms(2, WHOLE_WAY));
    log.append(RIDE, DomainEvent::Ride(reserved.into()), Actor::System, now());
    log.append(talk_with(ANNA), DomainEvent::Conversation(confirmed(&proposed).into()), Actor::System, now());
    place.catch_up(&log);
    let ride = reader.ride(RIDE).unwrap().unwrap();
    assert_eq!((ride.seats_left(TO_VOIRON), ride.version), (1, 2));
    assert_eq!(StreamId::from(RIDE).id, ride.ride.0);
    assert!(reader.to_handle(DORA).unwrap().proposals.is_empty());
    assert!(reader.health().unwrap().iter().all(|it| it.parked.is_none() && it.position == 7));
}
