//! The rules of a request, one test each.

use proptest::prelude::*;

use super::*;
use crate::testing::*;

fn given(events: impl IntoIterator<Item = RequestEvent>) -> Given<Request> {
    Given::new(events)
}

fn post(posted: RequestPosted) -> RequestCommand {
    RequestCommand::Post(Box::new(posted))
}

fn fulfil(number: u128) -> RequestCommand {
    RequestCommand::Fulfil { ride: RIDE, reservation: reservation(number) }
}

fn fulfilled(number: u128) -> RequestFulfilled {
    RequestFulfilled { ride: RIDE, reservation: reservation(number) }
}

/// An hour after the wished one nothing can suit any more.
fn latest() -> Timestamp {
    departure().plus_seconds(3600)
}

#[test]
fn a_passenger_posts_a_wish() {
    let after = given([]).when(post(request_posted()), by(ANNA), now()).then([request_posted()]);
    assert_eq!(after.state().wish().copied(), Some(Wish { passenger: ANNA, latest_at: latest(), open: true }));
}

#[test]
fn the_operator_may_import_it_and_nobody_else_posts_for_another() {
    given([]).when(post(request_posted()), Actor::Operator, now()).then([request_posted()]);
    for somebody in [by(EVE), Actor::System] {
        given([]).when(post(request_posted()), somebody, now()).then_rejected(RequestRejection::NotYours);
    }
}

#[test]
fn a_wish_is_posted_once() {
    given([request_posted().into()])
        .when(post(request_posted()), by(ANNA), now())
        .then_rejected(RequestRejection::AlreadyPosted);
}

#[test]
fn a_wish_may_still_suit() {
    given([]).when(post(request_posted()), by(ANNA), latest()).then_rejected(RequestRejection::PickupInThePast);
    given([]).when(post(request_posted()), by(ANNA), latest().plus_seconds(-1)).then([request_posted()]);
}

#[test]
fn a_wish_has_its_bounds() {
    let bad = [
        (RequestPosted { seats: 0, ..request_posted() }, RequestRejection::SeatsOutOfRange),
        (RequestPosted { seats: 9, ..request_posted() }, RequestRejection::SeatsOutOfRange),
        (
            RequestPosted { price_per_seat_max: Some(euros(Price::CENTS_MAX + 1)), ..request_posted() },
            RequestRejection::PriceOutOfRange,
        ),
        (
            RequestPosted { tolerance_s: RequestPosted::TOLERANCE_S_MAX + 1, ..request_posted() },
            RequestRejection::WindowOutOfRange,
        ),
        (RequestPosted { tolerance_s: u32::MAX, ..request_posted() }, RequestRejection::WindowOutOfRange),
        (
            RequestPosted { radius_m: RequestPosted::RADIUS_M_MAX + 1, ..request_posted() },
            RequestRejection::WindowOutOfRange,
        ),
    ];
    for (posted, rejection) in bad {
        given([]).when(post(posted), by(ANNA), now()).then_rejected(rejection);
    }
    let widest = RequestPosted {
        seats: 8,
        price_per_seat_max: Some(euros(Price::CENTS_MAX)),
        tolerance_s: RequestPosted::TOLERANCE_S_MAX,
        radius_m: RequestPosted::RADIUS_M_MAX,
        ..request_posted()
    };
    given([]).when(post(widest.clone()), by(ANNA), now()).then([widest]);
}

#[test]
fn nothing_happens_to_what_was_never_posted() {
    for command in [RequestCommand::Withdraw, RequestCommand::Expire, fulfil(1)] {
        for somebody in [by(ANNA), Actor::System] {
            given([]).when(command.clone(), somebody, now()).then_rejected(RequestRejection::NoSuchRequest);
        }
    }
}

#[test]
fn the_passenger_withdraws_once() {
    given([request_posted().into()])
        .when(RequestCommand::Withdraw, by(ANNA), now())
        .then([RequestWithdrawn {}])
        .when(RequestCommand::Withdraw, by(ANNA), now())
        .then_rejected(RequestRejection::NotOpen);
}

#[test]
fn nobody_else_withdraws() {
    for somebody in [by(DORA), Actor::System, Actor::Operator] {
        given([request_posted().into()])
            .when(RequestCommand::Withdraw, somebody, now())
            .then_rejected(RequestRejection::NotYours);
    }
}

#[test]
fn it_expires_when_nothing_can_suit_any_more() {
    given([request_posted().into()])
        .when(RequestCommand::Expire, Actor::System, latest().plus_seconds(-1))
        .then_rejected(RequestRejection::TooEarly)
        .when(RequestCommand::Expire, Actor::System, latest())
        .then([RequestExpired {}])
        .when(RequestCommand::Expire, Actor::System, latest())
        .then_nothing();
}

#[test]
fn only_the_platform_expires_and_fulfils() {
    for command in [RequestCommand::Expire, fulfil(1)] {
        for somebody in [by(ANNA), by(DORA), Actor::Operator] {
            given([request_posted().into()])
                .when(command.clone(), somebody, latest())
                .then_rejected(RequestRejection::NotYours);
        }
    }
}

#[test]
fn a_booking_fulfils_it_and_another_is_a_fact_of_its_own() {
    given([request_posted().into()])
        .when(fulfil(1), Actor::System, now())
        .then([fulfilled(1)])
        .when(fulfil(1), Actor::System, now())
        .then_nothing()
        .when(fulfil(2), Actor::System, now())
        .then([fulfilled(2)])
        .when(RequestCommand::Expire, Actor::System, latest())
        .then_nothing()
        .when(RequestCommand::Withdraw, by(ANNA), now())
        .then_rejected(RequestRejection::NotOpen);
}

#[test]
fn a_booking_counts_although_the_wish_was_withdrawn_or_expired_meanwhile() {
    for end in [RequestWithdrawn {}.into(), RequestExpired {}.into()] {
        given([request_posted().into(), end]).when(fulfil(1), Actor::System, now()).then([fulfilled(1)]);
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_it_opens_once_and_closes_for_ever(
        steps in prop::collection::vec((0_u8..4, 0_u128..3, any::<u32>(), any::<u8>(), 0_usize..4, any::<i64>()), 0..20),
    ) {
        let step = |(what, number, bound, seats, who, millis): (u8, u128, u32, u8, usize, i64)| {
            let command = match what {
                0 => post(RequestPosted { tolerance_s: bound, radius_m: bound / 7, seats, ..request_posted() }),
                1 => RequestCommand::Withdraw,
                2 => RequestCommand::Expire,
                _ => fulfil(number),
            };
            let now = Timestamp::from_millis(millis).unwrap_or_else(now);
            (command, [by(ANNA), Actor::System, Actor::Operator, by(EVE)][who], now)
        };
        let (request, happened) = play::<Request>(steps.into_iter().map(step));
        let posted = happened.iter().flatten().filter(|event| matches!(event, RequestEvent::RequestPosted(_))).count();
        let closed = happened.iter().flatten().count() > posted;
        prop_assert!(posted <= 1);
        prop_assert_eq!(request.wish().map(|wish| wish.open), (posted == 1).then_some(!closed));
    }
}
