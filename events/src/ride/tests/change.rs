//! Rescheduling a ride and changing its terms: what proposals build on, and what bookings keep.

use super::*;
use crate::Actor;
use crate::Route;
use crate::sealed::Comment;
use crate::{Currency, KeyId, Price};

fn later() -> Timestamp {
    departure().plus_seconds(1800)
}

fn another_way() -> Route {
    Route { legs_m: vec![40_000, 80_000], ..route() }
}

#[test]
fn rescheduling_raises_the_version_that_proposals_build_on() {
    given([offer(3)])
        .when(reschedule(later()), by(DORA), now())
        .then([rescheduled(later(), 2)])
        .when(reschedule(departure()), by(DORA), now())
        .then([rescheduled(departure(), 3)]);
}

#[test]
fn the_same_hour_and_way_change_nothing() {
    given([offer(3)]).when(reschedule(departure()), by(DORA), now()).then_nothing();
}

#[test]
fn only_the_driver_or_the_operator_reschedules() {
    given([offer(3)]).when(reschedule(later()), Actor::Operator, now()).then([rescheduled(later(), 2)]);
    for somebody in [by(ANNA), Actor::System] {
        given([offer(3)]).when(reschedule(later()), somebody, now()).then_rejected(RideRejection::NotYours);
    }
}

#[test]
fn a_ride_is_not_rescheduled_into_the_past() {
    given([offer(3)]).when(reschedule(now()), by(DORA), now()).then_rejected(RideRejection::DepartureInThePast);
}

#[test]
fn a_ride_that_has_left_by_the_clock_is_not_rescheduled() {
    let after = departure().plus_seconds(3600);
    given([offer(3)]).when(reschedule(after), by(DORA), departure()).then_rejected(RideRejection::RideDeparted);
}

#[test]
fn another_way_counts_and_raises_the_version() {
    let command = RideCommand::Reschedule {
        departs_at: departure(),
        time_zone: "Europe/Paris".to_owned(),
        route: Some(another_way()),
    };
    let expected = RideRescheduled { route: Some(another_way()), path_version: 2, ..rescheduled(departure(), 2) };
    let after = given([offer(3)]).when(command, by(DORA), now()).then([expected]);
    assert_eq!(after.state().offer().map(|offer| offer.length_m), Some(120_000));
}

#[test]
fn the_way_stays_while_seats_are_reserved_along_it() {
    let command = || RideCommand::Reschedule {
        departs_at: departure(),
        time_zone: "Europe/Paris".to_owned(),
        route: Some(another_way()),
    };
    let booked = [offer(3), reserved(1, ANNA, 1, WHOLE_WAY)];
    given(booked.clone()).when(command(), by(DORA), now()).then_rejected(RideRejection::RouteInUse);
    let free_again = booked.into_iter().chain([cancelled(1, ANNA, Side::Driver).into()]);
    let expected = RideRescheduled { route: Some(another_way()), path_version: 2, ..rescheduled(departure(), 2) };
    given(free_again).when(command(), by(DORA), now()).then([expected]);
}

#[test]
fn another_way_is_checked_like_the_first() {
    let command = RideCommand::Reschedule {
        departs_at: later(),
        time_zone: "Europe/Paris".to_owned(),
        route: Some(Route { legs_m: vec![1], ..route() }),
    };
    given([offer(3)]).when(command, by(DORA), now()).then_rejected(RideRejection::RouteOutOfRange);
}

#[test]
fn price_and_booking_mode_raise_the_version_and_nothing_else_does() {
    let dearer = || RideTermsChanged { price_per_seat: Some(euros(900)), ..same_terms(2) };
    let instant = || RideTermsChanged { booking_mode: Some(BookingMode::Instant), ..same_terms(3) };
    let roomier = || RideTermsChanged { seats: Some(4), ..same_terms(3) };
    let told = || {
        let comment = sealed(KeyId::Person(DORA), &Comment("Départ de la gare".to_owned()));
        RideTermsChanged { comment: Some(comment), ..same_terms(3) }
    };
    given([offer(3)])
        .when(change(dearer()), by(DORA), now())
        .then([dearer()])
        .when(change(instant()), by(DORA), now())
        .then([instant()])
        .when(change(roomier()), by(DORA), now())
        .then([roomier()])
        .when(change(told()), by(DORA), now())
        .then([told()]);
}

#[test]
fn what_was_said_in_words_can_be_taken_back() {
    let silent = || RideTermsChanged { cleared: [RideText::Vehicle, RideText::Comment].into(), ..same_terms(1) };
    given([offer(3)]).when(change(silent()), by(DORA), now()).then([silent()]);
}

#[test]
fn terms_that_are_so_already_change_nothing() {
    let same = RideTermsChanged {
        seats: Some(3),
        price_per_seat: Some(euros(800)),
        booking_mode: Some(BookingMode::Approval),
        ..same_terms(1)
    };
    given([offer(3)]).when(change(same), by(DORA), now()).then_nothing();
}

#[test]
fn only_what_differs_is_recorded() {
    let asked = RideTermsChanged { seats: Some(3), price_per_seat: Some(euros(700)), ..same_terms(1) };
    let expected = RideTermsChanged { price_per_seat: Some(euros(700)), ..same_terms(2) };
    given([offer(3)]).when(change(asked), by(DORA), now()).then([expected]);
}

#[test]
fn another_currency_is_another_price() {
    let francs = Price { cents: 800, currency: "CHF".parse::<Currency>().unwrap() };
    let expected = || RideTermsChanged { price_per_seat: Some(francs), ..same_terms(2) };
    given([offer(3)]).when(change(expected()), by(DORA), now()).then([expected()]);
}

#[test]
fn only_the_driver_or_the_operator_changes_terms() {
    let fewer = || RideTermsChanged { seats: Some(2), ..same_terms(1) };
    given([offer(3)]).when(change(fewer()), Actor::Operator, now()).then([fewer()]);
    for somebody in [by(ANNA), Actor::System] {
        given([offer(3)]).when(change(fewer()), somebody, now()).then_rejected(RideRejection::NotYours);
    }
}

#[test]
fn new_terms_are_checked_like_the_first() {
    for seats in [0, 9] {
        let changed = change(RideTermsChanged { seats: Some(seats), ..same_terms(1) });
        given([offer(3)]).when(changed, by(DORA), now()).then_rejected(RideRejection::SeatsOutOfRange);
    }
    let price_per_seat = Some(euros(Price::CENTS_MAX + 1));
    let dear = change(RideTermsChanged { price_per_seat, ..same_terms(1) });
    given([offer(3)]).when(dear, by(DORA), now()).then_rejected(RideRejection::PriceOutOfRange);
}

#[test]
fn seats_do_not_drop_below_those_reserved_at_once() {
    let booked = || given([offer(4), reserved(1, ANNA, 2, TO_VOIRON), reserved(2, BEN, 3, FROM_VOIRON)]);
    let seats = |seats| change(RideTermsChanged { seats: Some(seats), ..same_terms(1) });
    booked().when(seats(2), by(DORA), now()).then_rejected(RideRejection::SeatsReserved { reserved: 3 });
    booked().when(seats(3), by(DORA), now()).then([RideTermsChanged { seats: Some(3), ..same_terms(1) }]);
}

#[test]
fn what_has_left_or_was_cancelled_does_not_change() {
    let fewer = || change(RideTermsChanged { seats: Some(2), ..same_terms(1) });
    for command in [fewer(), reschedule(later())] {
        let left = given([offer(3)].into_iter().chain(gone()));
        left.when(command.clone(), by(DORA), now()).then_rejected(RideRejection::RideDeparted);
        let cancelled = given([offer(3), RideCancelled { reason: None }.into()]);
        cancelled.when(command.clone(), by(DORA), now()).then_rejected(RideRejection::RideCancelled);
        given([offer(3)]).when(command, by(DORA), departure()).then_rejected(RideRejection::RideDeparted);
    }
}
