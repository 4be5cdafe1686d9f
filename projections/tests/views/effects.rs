//! What is still to be done? Notices reach every conversation of a ride, whichever the log holds first.

use palabre_events::conversation::{ConversationOpened, RideNotice, RideNoticed};
use palabre_events::policy::EffectKey;
use palabre_events::ride::{RideCancelled, RideTermsChanged};
use palabre_events::testing::*;
use palabre_events::{AccountId, ConversationId};
use palabre_projections::ViewsReader;
use palabre_projections::pending::EffectsSought;
use std::collections::BTreeSet;

use crate::log::Log;

fn pending(reader: &ViewsReader) -> Vec<EffectKey> {
    let pending = reader.pending_effects(up_to(99), 99).unwrap();
    pending.iter().map(|pending| pending.effect.key()).collect()
}

fn up_to(cause_position: u64) -> EffectsSought {
    EffectsSought { cause_position, caused_by: now(), after: None }
}

fn opened_by(passenger: AccountId, ride_version: u64) -> ConversationOpened {
    ConversationOpened { passenger: Some(passenger), ride_version, ..opened() }
}

fn notice(conversation: ConversationId, ride_version: u64) -> EffectKey {
    EffectKey::Notice(conversation, ride_version)
}

#[test]
fn a_change_of_the_ride_goes_to_the_conversations_that_do_not_know_of_it() {
    let mut log = Log::default();
    log.ride(offered());
    log.talk(talk_with(ANNA), opened_by(ANNA, 1));
    let cancelled = log.ride(RideCancelled { reason: None });
    // Ben opened his on the ride as it was before; Cleo on the cancelled one.
    log.talk(talk_with(BEN), opened_by(BEN, 1));
    log.talk(talk_with(CLEO), opened_by(CLEO, 2));
    let (mut place, reader) = log.folded();
    let mut due = pending(&reader);
    due.sort();
    let mut expected = [notice(talk_with(ANNA), 2), notice(talk_with(BEN), 2)];
    expected.sort();
    assert_eq!(due, expected);
    assert_eq!(reader.pending_effects_of(cancelled).unwrap().len(), 2, "the cancellation is the cause of both");

    log.talk(talk_with(ANNA), RideNoticed { ride: RIDE, ride_version: 2, notice: RideNotice::Cancelled });
    place.catch_up(&log);
    assert_eq!(pending(&reader), [notice(talk_with(BEN), 2)]);
    assert_eq!(reader.backlog().unwrap().oldest_caused_at, Some(now()));
}

#[test]
fn effects_are_asked_for_by_cause_and_by_age() {
    let mut log = Log::default();
    log.ride(offered());
    log.talk(talk_with(ANNA), opened_by(ANNA, 1));
    let change = RideTermsChanged {
        terms_version: 1,
        seats: Some(2),
        price_per_seat: None,
        booking_mode: None,
        preferences: None,
        vehicle: None,
        comment: None,
        cleared: BTreeSet::new(),
    };
    let first = log.ride(change.clone());
    log.ride(RideTermsChanged { seats: Some(1), ..change });
    let (_place, reader) = log.folded();
    assert_eq!(reader.pending_effects(up_to(first), 99).unwrap().len(), 1);
    assert_eq!(reader.pending_effects(up_to(99), 1).unwrap()[0].cause_position, first, "the oldest first");
    let earlier = EffectsSought { caused_by: now().plus_seconds(-1), ..up_to(99) };
    assert!(reader.pending_effects(earlier, 99).unwrap().is_empty());
    assert_eq!(reader.backlog().unwrap().effects, 2);
}

#[test]
fn effects_are_asked_for_page_by_page_also_those_of_one_cause() {
    let mut log = Log::default();
    log.ride(offered());
    for passenger in [ANNA, BEN, CLEO] {
        log.talk(talk_with(passenger), opened_by(passenger, 1));
    }
    log.ride(RideCancelled { reason: None });
    let (_place, reader) = log.folded();
    let (mut sought, mut seen) = (up_to(99), vec![]);
    while let [one] = reader.pending_effects(sought, 1).unwrap().as_slice() {
        seen.push(one.effect.key());
        sought.after = Some((one.cause_position, one.effect.key()));
    }
    assert_eq!(seen, pending(&reader), "the same, in the same order");
    assert_eq!(seen.len(), 3);
}
