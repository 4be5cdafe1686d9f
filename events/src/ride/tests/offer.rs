//! Offering a ride.

use super::*;
use crate::{Actor, Price, Route};

fn to_offer(offered: RideOffered) -> RideCommand {
    RideCommand::Offer(Box::new(offered))
}

fn offer_of(route: Route) -> RideCommand {
    to_offer(RideOffered { route, ..offered() })
}

#[test]
fn a_driver_offers_a_ride() {
    given([]).when(to_offer(offered()), by(DORA), now()).then([offered()]);
}

#[test]
fn the_operator_may_import_it() {
    given([]).when(to_offer(offered()), Actor::Operator, now()).then([offered()]);
}

#[test]
fn nobody_offers_in_anothers_name() {
    for somebody in [by(EVE), Actor::System] {
        given([]).when(to_offer(offered()), somebody, now()).then_rejected(RideRejection::NotYours);
    }
}

#[test]
fn a_ride_is_offered_once() {
    given([offer(3)]).when(to_offer(offered()), by(DORA), now()).then_rejected(RideRejection::AlreadyOffered);
    given([offer(3)]).when(to_offer(offered()), by(EVE), now()).then_rejected(RideRejection::AlreadyOffered);
}

#[test]
fn it_leaves_in_the_future() {
    let at = |departs_at| to_offer(RideOffered { departs_at, ..offered() });
    given([]).when(at(now()), by(DORA), now()).then_rejected(RideRejection::DepartureInThePast);
    let soon = now().plus_seconds(1);
    given([]).when(at(soon), by(DORA), now()).then([RideOffered { departs_at: soon, ..offered() }]);
}

#[test]
fn it_has_one_to_eight_seats() {
    let with = |seats| RideOffered { seats, ..offered() };
    for seats in [0, 9, 255] {
        given([]).when(to_offer(with(seats)), by(DORA), now()).then_rejected(RideRejection::SeatsOutOfRange);
    }
    for seats in [1, 8] {
        given([]).when(to_offer(with(seats)), by(DORA), now()).then([with(seats)]);
    }
}

#[test]
fn a_seat_costs_nothing_to_a_thousand() {
    let at = |cents| RideOffered { price_per_seat: euros(cents), ..offered() };
    for cents in [0, Price::CENTS_MAX] {
        given([]).when(to_offer(at(cents)), by(DORA), now()).then([at(cents)]);
    }
    for cents in [Price::CENTS_MAX + 1, u32::MAX] {
        given([]).when(to_offer(at(cents)), by(DORA), now()).then_rejected(RideRejection::PriceOutOfRange);
    }
}

#[test]
fn its_way_has_two_to_twelve_stops_and_a_leg_between_each() {
    let stop = route().stops[0].clone();
    let with = |stops: usize, legs: usize| Route { stops: vec![stop.clone(); stops], legs_m: vec![1_000; legs] };
    for (stops, legs) in [(0, 0), (1, 0), (13, 12), (3, 1), (3, 3), (2, 0)] {
        let outcome = given([]).when(offer_of(with(stops, legs)), by(DORA), now());
        outcome.then_rejected(RideRejection::RouteOutOfRange);
    }
    for (stops, legs) in [(2, 1), (12, 11)] {
        let way = with(stops, legs);
        given([]).when(offer_of(way.clone()), by(DORA), now()).then([RideOffered { route: way, ..offered() }]);
    }
}

#[test]
fn its_way_has_a_length() {
    let nowhere = Route { legs_m: vec![0, 0], ..route() };
    given([]).when(offer_of(nowhere), by(DORA), now()).then_rejected(RideRejection::RouteOutOfRange);
}

#[test]
fn its_way_is_no_longer_than_the_earth_allows() {
    for legs_m in [vec![u32::MAX, u32::MAX], vec![Route::LENGTH_M_MAX, 1]] {
        let endless = Route { legs_m, ..route() };
        given([]).when(offer_of(endless), by(DORA), now()).then_rejected(RideRejection::RouteOutOfRange);
    }
}

#[test]
fn its_ways_are_counted_from_one_whatever_is_asked() {
    let asked = RideOffered { path_version: u32::MAX, ..offered() };
    given([]).when(to_offer(asked), by(DORA), now()).then([offered()]);
}

#[test]
fn a_ride_that_was_never_offered_takes_no_commands() {
    let commands = [
        reschedule(departure()),
        change(RideTermsChanged { seats: Some(2), ..same_terms(1) }),
        cancel_ride(),
        RideCommand::Depart,
        RideCommand::Complete,
        cancel_reservation(1, ANNA),
        reconfirm(reservation(1), 1),
        no_show(1),
    ];
    for command in commands {
        given([]).when(command, by(DORA), now()).then_rejected(RideRejection::NoSuchRide);
    }
}
