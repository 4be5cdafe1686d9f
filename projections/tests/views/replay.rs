//! Replay equals live, however the log is cut: in one batch, event by event, with the views closed in between.

use palabre_events::ride::RideEvent;
use palabre_projections::compare;
use proptest::prelude::*;

use crate::log::{Log, Place};
use crate::world::{Step, World, happened};

fn folded_at_once(log: &Log) -> Place {
    let mut place = Place::new();
    place.catch_up(log);
    place
}

fn assert_same(first: &Place, second: &Place) {
    assert_eq!(compare(&first.path, &second.path).unwrap(), vec![]);
    for it in first.views.health().into_iter().chain(second.views.health()) {
        assert_eq!(it.parked, None, "{}", it.name);
    }
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any::<Step>(), 50..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn cutting_the_log_differently_gives_the_same_views(steps in steps(), cuts in prop::collection::vec(1_usize..40, 1..8)) {
        let world = World::after(&steps);
        let at_once = folded_at_once(&world.log);

        let mut one_by_one = Place::new();
        for event in &world.log.events {
            one_by_one.views.fold(std::slice::from_ref(event)).unwrap();
        }
        assert_same(&at_once, &one_by_one);

        let mut reopened = Place::new();
        let mut rest = &world.log.events[..];
        for cut in cuts.iter().cycle() {
            let (batch, later) = rest.split_at((*cut).min(rest.len()));
            reopened.views.fold(batch).unwrap();
            reopened = reopened.reopened();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert_same(&at_once, &reopened);
    }
}

/// Numbers that look random and are the same each time.
pub fn many_steps(count: usize) -> Vec<Step> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..count).map(|_| next()).map(|bytes| [bytes[0], bytes[1], bytes[2], bytes[3]]).collect()
}

#[test]
fn the_world_of_these_tests_is_eventful() {
    let world = World::after(&many_steps(3_000));
    for (what, found) in [
        ("reserved", happened(&world, |event| matches!(event, RideEvent::SeatsReserved(_)))),
        ("refused", happened(&world, |event| matches!(event, RideEvent::ReservationRefused(_)))),
        ("changed", happened(&world, |event| matches!(event, RideEvent::ReservationChanged(_)))),
        ("cancelled", happened(&world, |event| matches!(event, RideEvent::ReservationCancelled(_)))),
        ("reconfirmed", happened(&world, |event| matches!(event, RideEvent::ReservationReconfirmed(_)))),
        ("no show", happened(&world, |event| matches!(event, RideEvent::PassengerNoShow(_)))),
        ("completed", happened(&world, |event| matches!(event, RideEvent::RideCompleted(_)))),
    ] {
        assert!(found, "no reservation was ever {what}");
    }
}
