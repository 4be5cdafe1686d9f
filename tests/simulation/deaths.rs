//! Nodes that die in the middle of a booking, at every step of it.

use palabre_events::Actor;
use palabre_events::conversation::{ConversationCommand, MakeProposal, StandingOffer};
use palabre_events::ride::BookingMode;
use palabre_events::testing::*;

use crate::client::Client;
use crate::races::{accept, one_seat, propose, ride_with, talk};
use crate::world::{Whose, World};

/// A whole booking on one node, which dies after so many steps; `None` when it lived to the end. What it had sent to the
/// log still arrives, or never does.
fn booking_with_a_death_after(steps: usize, instant: bool, posthumous: bool) -> Option<World> {
    let mode = if instant { BookingMode::Instant } else { BookingMode::Approval };
    let mut world = ride_with(1, mode, &[ANNA]);
    world.posthumous = posthumous;
    let last = if instant {
        let standing = StandingOffer { ride_terms_version: 1, price_per_seat: euros(800) };
        let take = MakeProposal { standing: Some(standing), ..make(proposal(1), one_seat()) };
        (talk(ANNA, ConversationCommand::MakeProposal(Box::new(take))), ANNA)
    } else {
        world.must(propose(1, ANNA, one_seat()), ANNA);
        (accept(1, ANNA, &one_seat()), DORA)
    };
    let ask = world.ask(last.0, Actor::Person(last.1), None);
    world.send(0, ask, Whose::Timer);
    for _ in 0..steps {
        if !world.wires.is_empty() {
            world.transmit();
        } else if let Some(effect) = world.nodes[0].effects.pop() {
            world.run_effect(0, effect);
        } else {
            return None;
        }
    }
    world.crash(0);
    world.drain();
    Some(world)
}

#[test]
fn a_node_dies_at_every_step_of_a_booking() {
    for (instant, posthumous) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut deaths = 0;
        while let Some(mut world) = booking_with_a_death_after(deaths, instant, posthumous) {
            let agreed = world.truth.talks[&talk_with(ANNA)].proposals.values().any(|seen| seen.accepted);
            world.come_to_rest();
            assert_eq!(world.is_booked(ANNA), agreed, "what was agreed is booked, after a death at step {deaths}");
            assert_eq!(world.seats_left(), u32::from(!agreed));
            deaths += 1;
        }
        assert!(deaths > 10, "a booking has many steps: {deaths}");
    }
}

#[test]
fn an_answer_lost_on_the_way_is_given_again() {
    let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
    world.must(propose(1, ANNA, one_seat()), ANNA);
    world.clients = vec![Client::new(DORA)];
    world.want(0, accept(1, ANNA, &one_seat()), key(1));
    world.send_outstanding(0);
    // Until the acceptance is in the log; then the node dies with the answer.
    while world.truth.pending.is_empty() {
        world.transmit();
    }
    for node in 0..2 {
        world.crash(node);
    }
    assert!(world.clients[0].outstanding.is_some(), "nobody answered");
    world.come_to_rest();
    assert!(world.clients[0].outstanding.is_none() && world.is_booked(ANNA));
    assert_eq!(world.clients[0].refused, [], "the repeat was known as one");
}

#[test]
fn what_people_are_told_is_what_they_got() {
    let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
    world.clients = vec![Client::new(ANNA)];
    world.want(0, propose(1, ANNA, one_seat()), key(7));
    world.send_outstanding(0);
    world.drain();
    let [(keyed, events)] = &world.clients[0].acknowledged[..] else { panic!("one acknowledgement") };
    let first = world.log.first_answer(keyed).expect("it is in the log");
    assert_eq!((first.version, first.position), (events[0].version, events[0].position));
}
