//! The races of a booking, each by itself: what two nodes do at once, what overtakes what, and every point at which a
//! node may die between accept and confirmation.

use palabre_events::conversation::{
    ConversationCommand, ConversationKind, ConversationOpened, MakeProposal, StandingOffer,
};
use palabre_events::policy::{EffectCommand, EffectKey};
use palabre_events::ride::{BookingMode, RefusalReason, RideCommand, RideEvent, RideOffered};
use palabre_events::terms::Terms;
use palabre_events::testing::*;
use palabre_events::{AccountId, Actor, DomainEvent, ProposalId};
use std::collections::BTreeSet;

use crate::world::{Whose, World};

/// Dora's ride with so many seats, and a conversation with each passenger. Nothing goes wrong unless a test says so.
pub fn ride_with(seats: u8, booking_mode: BookingMode, passengers: &[AccountId]) -> World {
    let mut world = World::new(1, 2);
    let offer = RideOffered { seats, booking_mode, ..offered() };
    world.must(EffectCommand::Ride(RIDE, RideCommand::Offer(Box::new(offer))), DORA);
    for passenger in passengers {
        let opening = ConversationOpened { kind: ConversationKind::Ride, passenger: Some(*passenger), ..opened() };
        world.must(talk(*passenger, ConversationCommand::Open(Box::new(opening))), *passenger);
    }
    world
}

pub fn talk(passenger: AccountId, command: ConversationCommand) -> EffectCommand {
    EffectCommand::Conversation(talk_with(passenger), command)
}

pub fn propose(number: u128, passenger: AccountId, terms: Terms) -> EffectCommand {
    talk(passenger, ConversationCommand::MakeProposal(Box::new(make(proposal(number), terms))))
}

pub fn accept(number: u128, passenger: AccountId, terms: &Terms) -> EffectCommand {
    let terms_hash = terms.hash(&NONCE);
    talk(passenger, ConversationCommand::AcceptProposal { proposal: proposal(number), terms_hash })
}

fn cancel(number: u128, passenger: AccountId) -> EffectCommand {
    let (reservation, conversation) = (reservation(number), talk_with(passenger));
    EffectCommand::Ride(RIDE, RideCommand::CancelReservation { reservation, conversation, passenger, reason: None })
}

fn reprice(cents: u32) -> EffectCommand {
    EffectCommand::Ride(
        RIDE,
        RideCommand::ChangeTerms {
            seats: None,
            price_per_seat: Some(euros(cents)),
            booking_mode: None,
            preferences: None,
            vehicle: None,
            comment: None,
            cleared: BTreeSet::new(),
        },
    )
}

pub fn one_seat() -> Terms {
    terms(1, WHOLE_WAY)
}

impl World {
    /// `by` asks one node, and everything that this needs arrives. Effects wait until a test runs them.
    pub fn tell(&mut self, command: EffectCommand, by: AccountId) -> bool {
        let before = self.log.events().len();
        let ask = self.ask(command, Actor::Person(by), None);
        self.send(0, ask, Whose::Timer);
        self.drain();
        self.log.events().len() > before
    }

    pub fn must(&mut self, command: EffectCommand, by: AccountId) {
        assert!(self.tell(command, by), "something comes of it");
    }

    /// Runs one pending effect.
    pub fn run(&mut self, key: EffectKey) {
        let effect = self.truth.pending.get(&key).cloned();
        self.run_effect(0, effect.unwrap_or_else(|| panic!("{key} is not pending")));
        self.drain();
    }

    pub fn is_booked(&self, passenger: AccountId) -> bool {
        self.truth.talks[&talk_with(passenger)].booked.is_some()
    }

    /// Why the ride refused a proposal, or `None` when it was reserved.
    pub fn refusal(&self, of: ProposalId) -> Option<RefusalReason> {
        self.truth.history.iter().find_map(|recorded| match &recorded.event {
            DomainEvent::Ride(RideEvent::ReservationRefused(refused)) if refused.proposal == of => Some(refused.reason),
            _ => None,
        })
    }

    pub fn seats_left(&self) -> u32 {
        self.truth.rides[&RIDE].seats_left(WHOLE_WAY, None)
    }
}

#[test]
fn a_refusal_is_remembered_while_a_seat_frees() {
    let mut world = ride_with(1, BookingMode::Approval, &[ANNA, BEN]);
    for (number, passenger) in [(1, ANNA), (2, BEN)] {
        world.must(propose(number, passenger, one_seat()), passenger);
        world.must(accept(number, passenger, &one_seat()), DORA);
    }
    let asked_of_ben = world.truth.pending[&EffectKey::Reserve(proposal(2))].clone();
    world.run(EffectKey::Reserve(proposal(1)));
    world.run(EffectKey::Reserve(proposal(2)));
    // Ben's conversation has not heard of the refusal when Anna's seat frees, and the reserving is repeated.
    world.must(cancel(1, ANNA), ANNA);
    assert_eq!(world.seats_left(), 1);
    world.run_effect(1, asked_of_ben);
    world.come_to_rest();
    assert_eq!(world.refusal(proposal(2)), Some(RefusalReason::NoSeatsLeft));
    assert!(!world.is_booked(BEN) && !world.is_booked(ANNA));
    assert_eq!(world.seats_left(), 1, "and Ben may propose again");
    world.must(propose(3, BEN, one_seat()), BEN);
}

#[test]
fn a_cancellation_overtakes_the_reserving() {
    let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
    world.must(propose(1, ANNA, one_seat()), ANNA);
    world.must(accept(1, ANNA, &one_seat()), DORA);
    world.must(cancel(1, ANNA), ANNA);
    world.come_to_rest();
    assert_eq!(world.refusal(proposal(1)), Some(RefusalReason::CancelledBefore));
    assert!(!world.is_booked(ANNA));
    assert_eq!(world.seats_left(), 1);
}

#[test]
fn a_cancellation_overtakes_the_news_of_the_reservation() {
    let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
    world.must(propose(1, ANNA, one_seat()), ANNA);
    world.must(accept(1, ANNA, &one_seat()), DORA);
    world.run(EffectKey::Reserve(proposal(1)));
    world.must(cancel(1, ANNA), ANNA);
    // Of the two news for the conversation the later comes first, and the group hears of the leaving first.
    world.run(EffectKey::NoteCancelled(reservation(1)));
    world.run(EffectKey::Dismiss(reservation(1)));
    world.come_to_rest();
    assert!(!world.is_booked(ANNA));
    assert_eq!(world.seats_left(), 1);
}

#[test]
fn a_cancellation_overtakes_the_acceptance_itself() {
    // No honest client does this: it cancels what is only proposed.
    for settled_first in [true, false] {
        let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
        world.must(propose(1, ANNA, one_seat()), ANNA);
        world.must(cancel(1, ANNA), ANNA);
        if settled_first {
            world.run(EffectKey::Settle(proposal(1)));
        }
        assert_eq!(world.tell(accept(1, ANNA, &one_seat()), DORA), !settled_first);
        world.come_to_rest();
        assert!(!world.is_booked(ANNA));
        world.must(propose(2, ANNA, one_seat()), ANNA);
        world.must(accept(2, ANNA, &one_seat()), DORA);
        world.come_to_rest();
        assert!(world.is_booked(ANNA), "the conversation is not stuck");
    }
}

#[test]
fn a_ride_is_repriced_between_proposal_and_acceptance() {
    for noticed_first in [true, false] {
        let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
        world.must(propose(1, ANNA, one_seat()), ANNA);
        world.must(reprice(900), DORA);
        if noticed_first {
            world.run(EffectKey::Notice(talk_with(ANNA), 2));
        }
        // With the notice the proposal is void; without, it is accepted, and the ride refuses.
        assert_eq!(world.tell(accept(1, ANNA, &one_seat()), DORA), !noticed_first);
        world.come_to_rest();
        assert!(!world.is_booked(ANNA));
        assert_eq!(world.refusal(proposal(1)), (!noticed_first).then_some(RefusalReason::TermsOutdated));
    }
}

#[test]
fn an_instant_offer_is_repriced_while_a_passenger_takes_it() {
    let mut world = ride_with(1, BookingMode::Instant, &[ANNA]);
    let standing = StandingOffer { ride_terms_version: 1, price_per_seat: euros(800) };
    let take = MakeProposal { standing: Some(standing), ..make(proposal(1), one_seat()) };
    world.must(talk(ANNA, ConversationCommand::MakeProposal(Box::new(take))), ANNA);
    world.must(reprice(900), DORA);
    world.come_to_rest();
    assert_eq!(world.refusal(proposal(1)), Some(RefusalReason::TermsOutdated));
    assert!(!world.is_booked(ANNA));
}

#[test]
fn two_tabs_accept_at_once_on_two_nodes() {
    let mut world = ride_with(2, BookingMode::Approval, &[ANNA]);
    world.must(propose(1, ANNA, one_seat()), ANNA);
    at_once(&mut world, [(accept(1, ANNA, &one_seat()), DORA), (accept(1, ANNA, &one_seat()), DORA)]);
    world.come_to_rest();
    assert!(world.is_booked(ANNA));
    assert_eq!(world.seats_left(), 1, "one seat, not two");
}

#[test]
fn each_accepts_the_proposal_of_the_other_at_once() {
    let two_seats = terms(2, WHOLE_WAY);
    let mut world = ride_with(3, BookingMode::Approval, &[ANNA]);
    world.must(propose(1, ANNA, one_seat()), ANNA);
    world.must(propose(2, ANNA, two_seats.clone()), DORA);
    at_once(&mut world, [(accept(1, ANNA, &one_seat()), DORA), (accept(2, ANNA, &two_seats), ANNA)]);
    world.come_to_rest();
    let accepted = world.truth.talks[&talk_with(ANNA)].proposals.values().filter(|seen| seen.accepted).count();
    assert_eq!(accepted, 1, "the first acceptance voids the other proposal");
    assert!(world.is_booked(ANNA));
}

#[test]
fn two_passengers_are_accepted_at_once_for_the_last_seat() {
    let mut world = ride_with(1, BookingMode::Approval, &[ANNA, BEN]);
    for (number, passenger) in [(1, ANNA), (2, BEN)] {
        world.must(propose(number, passenger, one_seat()), passenger);
        world.must(accept(number, passenger, &one_seat()), DORA);
    }
    // Two nodes ask the ride at the same moment.
    let effects = [1, 2].map(|number| world.truth.pending[&EffectKey::Reserve(proposal(number))].clone());
    for (node, effect) in effects.into_iter().enumerate() {
        world.run_effect(node, effect);
    }
    world.drain();
    world.come_to_rest();
    assert!(world.is_booked(ANNA) ^ world.is_booked(BEN), "one of them, and not both");
    let refusals = [1, 2].map(|number| world.refusal(proposal(number)));
    assert!(refusals.contains(&Some(RefusalReason::NoSeatsLeft)) && refusals.contains(&None), "{refusals:?}");
}

/// Two nodes get a command each before either has heard from the log.
fn at_once(world: &mut World, asked: [(EffectCommand, AccountId); 2]) {
    for (node, (command, by)) in asked.into_iter().enumerate() {
        let ask = world.ask(command, Actor::Person(by), None);
        world.send(node, ask, Whose::Timer);
    }
    world.drain();
}

#[test]
fn a_booking_is_cancelled_while_its_change_is_agreed() {
    for cancelled_first in [true, false] {
        let mut world = ride_with(3, BookingMode::Approval, &[ANNA]);
        world.must(propose(1, ANNA, one_seat()), ANNA);
        world.must(accept(1, ANNA, &one_seat()), DORA);
        world.come_to_rest();
        let two_seats = terms(2, WHOLE_WAY);
        let change = MakeProposal { replaces: Some(reservation(1)), ..make(proposal(2), two_seats.clone()) };
        world.must(talk(ANNA, ConversationCommand::MakeProposal(Box::new(change))), ANNA);
        world.must(accept(2, ANNA, &two_seats), DORA);
        if cancelled_first {
            world.must(cancel(1, ANNA), ANNA);
        } else {
            world.run(EffectKey::Reserve(proposal(2)));
            world.must(cancel(1, ANNA), ANNA);
            // The news of the cancellation come before those of the change.
            world.run(EffectKey::NoteCancelled(reservation(1)));
        }
        world.come_to_rest();
        assert_eq!(world.refusal(proposal(2)), cancelled_first.then_some(RefusalReason::NothingToReplace));
        assert!(!world.is_booked(ANNA));
        assert_eq!(world.seats_left(), 3);
    }
}

#[test]
fn a_ride_is_cancelled_while_a_booking_is_under_way() {
    for reserved_first in [true, false] {
        let mut world = ride_with(1, BookingMode::Approval, &[ANNA]);
        world.must(propose(1, ANNA, one_seat()), ANNA);
        world.must(accept(1, ANNA, &one_seat()), DORA);
        if reserved_first {
            world.run(EffectKey::Reserve(proposal(1)));
        }
        world.must(EffectCommand::Ride(RIDE, RideCommand::Cancel { reason: None }), DORA);
        world.come_to_rest();
        assert!(!world.is_booked(ANNA));
        assert_eq!(world.refusal(proposal(1)), (!reserved_first).then_some(RefusalReason::RideCancelled));
    }
}

#[test]
fn a_conversation_opened_by_somebody_who_saw_an_older_ride_hears_what_it_missed() {
    let mut world = ride_with(1, BookingMode::Approval, &[]);
    world.must(reprice(900), DORA);
    // Anna's page still shows the first version of the ride.
    world.must(talk(ANNA, ConversationCommand::Open(Box::new(opened()))), ANNA);
    world.come_to_rest();
    assert!(!world.tell(propose(1, ANNA, one_seat()), ANNA), "the old terms can no longer be proposed");
    let current = Terms { ride_terms_version: 2, price_per_seat: euros(900), ..one_seat() };
    world.must(propose(1, ANNA, current), ANNA);
}
