//! Reserving: the first outcome of a proposal is final, and no stretch is ever oversold.

use super::*;
use crate::conversation::Acceptance;
use crate::terms::Terms;
use crate::{Actor, Currency, Price};

#[test]
fn free_seats_are_reserved() {
    let asked = reserve(proposal(1), ANNA, terms(2, WHOLE_WAY));
    given([offer(3)]).when(ask_to_reserve(asked), Actor::System, now()).then([seats_reserved(
        proposal(1),
        ANNA,
        terms(2, WHOLE_WAY),
    )]);
}

#[test]
fn a_full_ride_refuses_another_reservation() {
    given([offer(1), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(ask_to_reserve(reserve(proposal(2), BEN, terms(1, WHOLE_WAY))), Actor::System, now())
        .then([refusal(2, BEN, RefusalReason::NoSeatsLeft)]);
}

#[test]
fn more_seats_than_are_left_are_refused_whole() {
    given([offer(3), reserved(1, ANNA, 2, WHOLE_WAY)])
        .when(ask_to_reserve(reserve(proposal(2), BEN, terms(2, WHOLE_WAY))), Actor::System, now())
        .then([refusal(2, BEN, RefusalReason::NoSeatsLeft)]);
}

#[test]
fn a_seat_freed_on_the_way_is_sold_again() {
    given([offer(1), reserved(1, ANNA, 1, TO_VOIRON)])
        .when(ask_to_reserve(reserve(proposal(2), BEN, terms(1, FROM_VOIRON))), Actor::System, now())
        .then([seats_reserved(proposal(2), BEN, terms(1, FROM_VOIRON))]);
}

#[test]
fn one_shared_metre_is_enough_to_refuse() {
    let one_metre_too_early = Stretch { from_m: 24_999, to_m: LENGTH_M };
    given([offer(1), reserved(1, ANNA, 1, TO_VOIRON)])
        .when(ask_to_reserve(reserve(proposal(2), BEN, terms(1, one_metre_too_early))), Actor::System, now())
        .then([refusal(2, BEN, RefusalReason::NoSeatsLeft)]);
}

#[test]
fn a_stretch_beyond_the_end_of_the_way_is_outdated() {
    let beyond = Stretch { from_m: 0, to_m: LENGTH_M + 1 };
    given([offer(3)])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, beyond))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::TermsOutdated)]);
}

#[test]
fn a_stretch_that_does_not_go_forward_takes_no_seats_for_nothing() {
    for (from_m, to_m) in [(10, 10), (20, 10)] {
        let nowhere = Stretch { from_m, to_m };
        given([offer(3)])
            .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, nowhere))), Actor::System, now())
            .then([refusal(1, ANNA, RefusalReason::TermsOutdated)]);
    }
}

#[test]
fn no_seat_is_no_reservation() {
    given([offer(3)])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(0, WHOLE_WAY))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::TermsOutdated)]);
}

#[test]
fn only_conversations_reserve_through_the_platform() {
    for somebody in [by(ANNA), by(DORA), Actor::Operator] {
        given([offer(3)])
            .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), somebody, now())
            .then_rejected(RideRejection::NotYours);
    }
}

#[test]
fn a_ride_has_a_bounded_number_of_reservations() {
    let step = |number: u32| Stretch { from_m: number * 10, to_m: number * 10 + 10 };
    let one_each = (0..RESERVATIONS_MAX as u32).map(|n| reserved(u128::from(n), ANNA, 1, step(n)));
    let crowded = given([offer(1)].into_iter().chain(one_each));
    let further_on = terms(1, step(RESERVATIONS_MAX as u32));
    let another = ask_to_reserve(reserve(proposal(900), BEN, further_on));
    crowded
        .when(another, Actor::System, now())
        .then([refusal(900, BEN, RefusalReason::NoSeatsLeft)])
        .when(ask_to_reserve(replacing(901, ANNA, terms(1, step(1)))), Actor::System, now())
        .then([changed(901, terms(1, step(1)))]);
}

#[test]
fn a_ride_that_is_not_there_refuses() {
    given([])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::NoSuchRide)]);
}

#[test]
fn a_cancelled_ride_refuses() {
    given([offer(3), RideCancelled { reason: None }.into()])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::RideCancelled)]);
}

#[test]
fn a_ride_that_left_or_arrived_refuses() {
    for course in [vec![RideDeparted {}.into()], vec![RideDeparted {}.into(), RideCompleted {}.into()]] {
        given([offer(3)].into_iter().chain(course))
            .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
            .then([refusal(1, ANNA, RefusalReason::RideDeparted)]);
    }
}

#[test]
fn a_ride_whose_hour_has_come_refuses_although_no_timer_said_so() {
    let just_in_time = departure().plus_seconds(-1);
    let asked = || ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY)));
    given([offer(3)]).when(asked(), Actor::System, just_in_time).then([seats_reserved(
        proposal(1),
        ANNA,
        terms(1, WHOLE_WAY),
    )]);
    given([offer(3)]).when(asked(), Actor::System, departure()).then([refusal(1, ANNA, RefusalReason::RideDeparted)]);
}

#[test]
fn a_ride_repriced_between_proposal_and_acceptance_refuses() {
    let dearer = RideTermsChanged { price_per_seat: Some(euros(900)), ..same_terms(2) };
    given([offer(3), dearer.into()])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::TermsOutdated)]);
}

#[test]
fn a_ride_rescheduled_between_proposal_and_acceptance_refuses() {
    given([offer(3), rescheduled(in_hours(30), 2).into()])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::TermsOutdated)]);
}

#[test]
fn more_seats_or_another_comment_outdate_nothing() {
    let roomier = RideTermsChanged { seats: Some(4), ..same_terms(1) };
    given([offer(3), roomier.into()])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(4, WHOLE_WAY))), Actor::System, now())
        .then([seats_reserved(proposal(1), ANNA, terms(4, WHOLE_WAY))]);
}

#[test]
fn people_may_agree_on_another_price_and_currency_than_the_list() {
    let francs = Price { cents: 500, currency: "CHF".parse::<Currency>().unwrap() };
    let agreed = Terms { price_per_seat: francs, ..terms(1, WHOLE_WAY) };
    given([offer(3)])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, agreed.clone())), Actor::System, now())
        .then([seats_reserved(proposal(1), ANNA, agreed)]);
}

#[test]
fn a_reservation_is_made_once_however_often_it_is_asked_for() {
    let again = || ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY)));
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)]).when(again(), Actor::System, now()).then_nothing();
}

#[test]
fn a_refusal_is_remembered_while_a_seat_frees() {
    let refused = ask_to_reserve(reserve(proposal(2), BEN, terms(1, WHOLE_WAY)));
    given([offer(1), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(refused.clone(), Actor::System, now())
        .then([refusal(2, BEN, RefusalReason::NoSeatsLeft)])
        .when(cancel_reservation(1, ANNA), by(ANNA), now())
        .then([cancelled(1, ANNA, Side::Passenger)])
        .when(refused, Actor::System, now())
        .then_nothing();
}

#[test]
fn a_cancelled_reservation_is_not_made_again_by_a_late_repeat() {
    given([offer(1), reserved(1, ANNA, 1, WHOLE_WAY), cancelled(1, ANNA, Side::Passenger).into()])
        .when(ask_to_reserve(reserve(proposal(1), ANNA, terms(1, WHOLE_WAY))), Actor::System, now())
        .then_nothing();
}

fn standing(ride_terms_version: u32, price_per_seat: Price) -> Reserve {
    let agreed = Terms { price_per_seat, ride_terms_version, ..terms(1, WHOLE_WAY) };
    let acceptance = Acceptance::Standing { ride_terms_version };
    Reserve { acceptance, ..reserve(proposal(1), ANNA, agreed) }
}

fn instant_offer() -> RideEvent {
    RideOffered { booking_mode: BookingMode::Instant, ..offered() }.into()
}

#[test]
fn an_instant_offer_stands_for_its_list_terms() {
    given([instant_offer()])
        .when(ask_to_reserve(standing(1, euros(800))), Actor::System, now())
        .then([seats_reserved(proposal(1), ANNA, terms(1, WHOLE_WAY))]);
}

#[test]
fn an_instant_offer_stands_for_no_other_price() {
    let francs = Price { cents: 800, currency: "CHF".parse::<Currency>().unwrap() };
    for price in [euros(799), francs] {
        given([instant_offer()]).when(ask_to_reserve(standing(1, price)), Actor::System, now()).then([refusal(
            1,
            ANNA,
            RefusalReason::TermsOutdated,
        )]);
    }
}

#[test]
fn nothing_stands_on_an_offer_on_approval() {
    given([offer(3)]).when(ask_to_reserve(standing(1, euros(800))), Actor::System, now()).then([refusal(
        1,
        ANNA,
        RefusalReason::TermsOutdated,
    )]);
}

#[test]
fn an_instant_offer_that_changed_no_longer_stands() {
    let dearer = RideTermsChanged { price_per_seat: Some(euros(900)), ..same_terms(2) };
    given([instant_offer(), dearer.into()])
        .when(ask_to_reserve(standing(1, euros(800))), Actor::System, now())
        .then([refusal(1, ANNA, RefusalReason::TermsOutdated)]);
}

#[test]
fn an_acceptance_of_other_terms_than_the_proposals_does_not_stand() {
    let mismatched = Reserve { acceptance: Acceptance::Standing { ride_terms_version: 2 }, ..standing(1, euros(800)) };
    given([instant_offer()]).when(ask_to_reserve(mismatched), Actor::System, now()).then([refusal(
        1,
        ANNA,
        RefusalReason::TermsOutdated,
    )]);
}

fn replacing(number: u128, passenger: AccountId, terms: Terms) -> Reserve {
    Reserve { replaces: Some(reservation(1)), ..reserve(proposal(number), passenger, terms) }
}

fn changed(number: u128, terms: Terms) -> ReservationChanged {
    ReservationChanged {
        reservation: reservation(1),
        proposal: proposal(number),
        conversation: talk_with(ANNA),
        passenger: ANNA,
        terms_hash: terms.hash(&NONCE),
        terms,
    }
}

#[test]
fn a_replacement_changes_the_reservation_and_keeps_its_id() {
    let after = given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(ask_to_reserve(replacing(2, ANNA, terms(3, TO_VOIRON))), Actor::System, now())
        .then([changed(2, terms(3, TO_VOIRON))]);
    assert_eq!(after.state().seats_left(TO_VOIRON, None), 0);
    assert_eq!(after.state().seats_left(FROM_VOIRON, None), 3);
    after.when(ask_to_reserve(replacing(2, ANNA, terms(3, TO_VOIRON))), Actor::System, now()).then_nothing();
}

#[test]
fn the_replaced_seats_count_as_free_for_their_replacement_only() {
    let full = || given([offer(2), reserved(1, ANNA, 1, WHOLE_WAY), reserved(3, BEN, 1, WHOLE_WAY)]);
    full()
        .when(ask_to_reserve(replacing(2, ANNA, terms(1, TO_VOIRON))), Actor::System, now())
        .then([changed(2, terms(1, TO_VOIRON))]);
    full().when(ask_to_reserve(replacing(2, ANNA, terms(2, TO_VOIRON))), Actor::System, now()).then([refusal(
        2,
        ANNA,
        RefusalReason::NoSeatsLeft,
    )]);
}

#[test]
fn a_refused_replacement_leaves_the_reservation_as_it_was() {
    let after = given([offer(1), reserved(1, ANNA, 1, TO_VOIRON)])
        .when(ask_to_reserve(replacing(2, ANNA, terms(2, WHOLE_WAY))), Actor::System, now())
        .then([refusal(2, ANNA, RefusalReason::NoSeatsLeft)]);
    assert_eq!(after.state().seats_left(TO_VOIRON, None), 0);
    assert_eq!(after.state().seats_left(FROM_VOIRON, None), 1);
}

#[test]
fn what_is_gone_cannot_be_replaced() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY), cancelled(1, ANNA, Side::Driver).into()])
        .when(ask_to_reserve(replacing(2, ANNA, terms(1, TO_VOIRON))), Actor::System, now())
        .then([refusal(2, ANNA, RefusalReason::NothingToReplace)]);
}

#[test]
fn nobody_replaces_the_seats_of_another() {
    given([offer(3), reserved(1, ANNA, 1, WHOLE_WAY)])
        .when(ask_to_reserve(replacing(2, BEN, terms(1, TO_VOIRON))), Actor::System, now())
        .then([refusal(2, BEN, RefusalReason::NothingToReplace)]);
}
