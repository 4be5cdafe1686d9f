//! Instant offers: the driver's standing acceptance of the list terms.

use super::*;
use crate::testing::by;
use crate::{Actor, Currency, Price};

fn standing_offer() -> StandingOffer {
    StandingOffer { ride_terms_version: 1, price_per_seat: euros(800) }
}

/// To take `terms` by the standing offer.
fn take(number: u128, terms: Terms) -> MakeProposal {
    MakeProposal { standing: Some(standing_offer()), ..make(proposal(number), terms) }
}

fn accepted_beforehand(made: &ProposalMade) -> ProposalAccepted {
    ProposalAccepted { acceptance: Acceptance::Standing { ride_terms_version: 1 }, ..accepted(made, DORA) }
}

#[test]
fn a_passenger_who_takes_the_list_terms_has_been_accepted() {
    let made = proposed(1, ANNA);
    talking([])
        .when(propose(take(1, one_seat())), by(ANNA), now())
        .then::<ConversationEvent>([made.clone().into(), accepted_beforehand(&made).into()]);
}

#[test]
fn more_seats_at_the_list_price_are_list_terms_too() {
    let made = made(proposal(1), ANNA, terms(3, TO_VOIRON));
    talking([])
        .when(propose(take(1, terms(3, TO_VOIRON))), by(ANNA), now())
        .then::<ConversationEvent>([made.clone().into(), accepted_beforehand(&made).into()]);
}

#[test]
fn other_terms_wait_for_the_driver() {
    let francs = Price { cents: 800, currency: "CHF".parse::<Currency>().unwrap() };
    let others = [
        Terms { price_per_seat: euros(799), ..one_seat() },
        Terms { price_per_seat: francs, ..one_seat() },
        Terms { ride_terms_version: 2, ..one_seat() },
    ];
    for other in others {
        let expected = made(proposal(1), ANNA, other.clone());
        talking([]).when(propose(take(1, other)), by(ANNA), now()).then([expected]);
    }
}

#[test]
fn a_driver_accepts_nothing_on_behalf_of_the_passenger() {
    talking([]).when(propose(take(1, one_seat())), by(DORA), now()).then([proposed(1, DORA)]);
}

#[test]
fn taking_the_list_terms_voids_the_other_proposals() {
    let made = proposed(3, ANNA);
    talking([proposed(1, ANNA).into(), proposed(2, DORA).into()])
        .when(propose(take(3, one_seat())), by(ANNA), now())
        .then::<ConversationEvent>([
        made.clone().into(),
        accepted_beforehand(&made).into(),
        voided(1, VoidReason::AnotherAccepted).into(),
        voided(2, VoidReason::AnotherAccepted).into(),
    ]);
}

#[test]
fn a_counter_at_the_list_terms_leaves_what_it_counters_countered() {
    let counter = MakeProposal { in_reply_to: Some(proposal(1)), ..take(2, one_seat()) };
    let made = ProposalMade { in_reply_to: Some(proposal(1)), ..proposed(2, ANNA) };
    talking([proposed(1, DORA).into()])
        .when(propose(counter), by(ANNA), now())
        .then::<ConversationEvent>([made.clone().into(), accepted_beforehand(&made).into()])
        .when(accept(1), by(ANNA), now())
        .then_rejected(ConversationRejection::ProposalCountered);
}

#[test]
fn a_booking_is_changed_by_the_list_terms_too() {
    let change = MakeProposal { replaces: Some(reservation(1)), ..take(2, terms(2, WHOLE_WAY)) };
    let made = change_proposed(2, ANNA);
    talking(booked())
        .when(propose(change), by(ANNA), now())
        .then::<ConversationEvent>([made.clone().into(), accepted_beforehand(&made).into()]);
}

#[test]
fn one_booking_at_a_time_holds_for_instant_offers() {
    let again = || propose(take(2, one_seat()));
    talking(under_way()).when(again(), by(ANNA), now()).then_rejected(ConversationRejection::BookingUnderWay);
    talking(booked()).when(again(), by(ANNA), now()).then_rejected(ConversationRejection::AlreadyBooked);
}

#[test]
fn the_platform_takes_nothing_for_a_passenger() {
    for somebody in [Actor::System, Actor::Operator] {
        talking([])
            .when(propose(take(1, one_seat())), somebody, now())
            .then_rejected(ConversationRejection::NotAParticipant);
    }
}
