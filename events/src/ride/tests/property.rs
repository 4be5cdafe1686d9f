//! Whatever is asked of a ride, by whomever and in whatever order: no stretch is ever oversold.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::conversation::Acceptance;
use crate::sealed::Comment;
use crate::terms::Terms;
use crate::{Actor, KeyId, ProposalId, Route};

/// A ride so short that every metre of it can be counted.
const METRES: u32 = 20;

fn somebody() -> impl Strategy<Value = Actor> {
    prop::sample::select(vec![Actor::System, by(DORA), by(ANNA), by(BEN), by(CLEO), by(EVE), Actor::Operator])
}

/// Mostly whose command it is to give, and sometimes anybody.
fn asked(command: &RideCommand) -> BoxedStrategy<Actor> {
    let whose = match command {
        RideCommand::Reserve(_) | RideCommand::Depart | RideCommand::Complete => Actor::System,
        RideCommand::CancelReservation { passenger, .. } => by(*passenger),
        RideCommand::Reconfirm { reservation: ReservationId(id), .. } => by(passenger_of(id.as_u128())),
        _ => by(DORA),
    };
    prop_oneof![9 => Just(whose), 1 => somebody()].boxed()
}

/// Proposals with even numbers are Anna's, those with odd ones Ben's.
fn passenger_of(number: u128) -> AccountId {
    if number.is_multiple_of(2) { ANNA } else { BEN }
}

/// Mostly whose proposal it is.
fn passenger(number: u128) -> impl Strategy<Value = AccountId> {
    prop_oneof![9 => Just(passenger_of(number)), 1 => prop::sample::select(vec![ANNA, BEN, CLEO])]
}

/// Mostly before the ride leaves, and not in order: clocks of nodes differ.
fn some_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![30 => 0_i64..20, 1 => 20_i64..60].prop_map(in_hours)
}

/// Few of the numbers are taken often, so that commands meet.
fn number() -> impl Strategy<Value = u128> {
    prop_oneof![3 => 0_u128..4, 2 => 4_u128..40]
}

fn numbered() -> impl Strategy<Value = (u128, AccountId)> {
    number().prop_flat_map(|number| (Just(number), passenger(number)))
}

fn stretch() -> impl Strategy<Value = Stretch> {
    (0..METRES + 2, 0..METRES + 2).prop_map(|(a, b)| Stretch { from_m: a.min(b), to_m: a.max(b) })
}

fn version() -> impl Strategy<Value = u32> {
    prop_oneof![8 => Just(1_u32), 2 => Just(2), 1 => 0_u32..5]
}

fn price() -> impl Strategy<Value = crate::Price> {
    prop_oneof![Just(euros(800)), Just(euros(900)), any::<u32>().prop_map(euros)]
}

fn mode() -> impl Strategy<Value = BookingMode> {
    prop_oneof![Just(BookingMode::Instant), Just(BookingMode::Approval)]
}

fn way() -> impl Strategy<Value = Route> {
    let short = |legs_m| Route { legs_m, ..route() };
    let legs = prop_oneof![
        6 => Just(vec![8, METRES - 8]),
        1 => Just(vec![METRES, METRES]),
        1 => prop::collection::vec(any::<u32>(), 0..4),
    ];
    legs.prop_map(short)
}

fn offering() -> impl Strategy<Value = RideCommand> {
    (way(), prop_oneof![9 => 1_u8..5, 1 => any::<u8>()], price(), mode(), any::<u32>(), ".{0,12}").prop_map(
        |(route, seats, price_per_seat, booking_mode, path_version, words)| {
            let comment = sealed(KeyId::Person(DORA), &Comment(words.clone()));
            RideCommand::Offer(Box::new(RideOffered {
                route,
                seats,
                price_per_seat,
                booking_mode,
                path_version,
                time_zone: words.clone(),
                import_reference: Some(words),
                comment: Some(comment),
                ..offered()
            }))
        },
    )
}

fn changing() -> impl Strategy<Value = RideCommand> {
    (prop::option::of(0_u8..6), prop::option::weighted(0.1, price()), prop::option::weighted(0.1, mode())).prop_map(
        |(seats, price_per_seat, booking_mode)| {
            // Rarely, since each such change outdates every proposal.
            change(RideTermsChanged { seats, price_per_seat, booking_mode, ..same_terms(1) })
        },
    )
}

fn rescheduling() -> impl Strategy<Value = RideCommand> {
    (some_time(), prop::option::weighted(0.2, way())).prop_map(|(departs_at, route)| RideCommand::Reschedule {
        departs_at,
        time_zone: "Europe/Paris".to_owned(),
        route,
    })
}

fn reserving() -> impl Strategy<Value = RideCommand> {
    let standing = version().prop_map(|ride_terms_version| Acceptance::Standing { ride_terms_version });
    let acceptance = prop_oneof![2 => Just(Acceptance::Person(DORA)), 1 => standing];
    let agreed = (prop_oneof![9 => 1_u8..4, 1 => any::<u8>()], stretch(), version(), price());
    (numbered(), agreed, acceptance, prop::option::weighted(0.3, 0_u128..4)).prop_map(
        |((number, passenger), (seats, stretch, ride_terms_version, price_per_seat), acceptance, replaces)| {
            let agreed = Terms { ride_terms_version, price_per_seat, ..terms(seats, stretch) };
            let replaces = replaces.map(reservation);
            ask_to_reserve(Reserve { acceptance, replaces, ..reserve(proposal(number), passenger, agreed) })
        },
    )
}

fn anything() -> impl Strategy<Value = RideCommand> {
    prop_oneof![
        1 => offering(),
        2 => changing(),
        1 => rescheduling(),
        30 => reserving(),
        6 => numbered().prop_map(|(number, whose)| cancel_reservation(number, whose)),
        1 => (number(), version()).prop_map(|(number, version)| reconfirm(reservation(number), version)),
        1 => number().prop_map(no_show),
        1 => prop::sample::select(vec![RideCommand::Depart, RideCommand::Complete, cancel_ride()]),
    ]
}

/// Stories begin with a short ride more often than not.
fn stories() -> impl Strategy<Value = Vec<Step<Ride>>> {
    let short = RideOffered { route: Route { legs_m: vec![8, METRES - 8], ..route() }, ..offered() };
    let short = RideOffered { booking_mode: BookingMode::Instant, ..short };
    let opening = prop_oneof![9 => Just(RideCommand::Offer(Box::new(short))), 1 => anything()];
    let step =
        (anything(), some_time()).prop_flat_map(|(command, now)| (Just(command.clone()), asked(&command), Just(now)));
    let rest = prop::collection::vec(step, 0..60);
    (opening, rest).prop_map(|(first, rest)| std::iter::once((first, by(DORA), now())).chain(rest).collect())
}

/// Who sits where, kept by an account of our own, apart from the rules.
#[derive(Default)]
struct Ledger {
    seats: u32,
    taken: BTreeMap<ReservationId, (Stretch, u8)>,
    outcomes: BTreeSet<ProposalId>,
}

impl Ledger {
    fn note(&mut self, event: &RideEvent) {
        match event {
            RideEvent::RideOffered(event) => self.seats = u32::from(event.seats),
            RideEvent::RideTermsChanged(event) => self.seats = event.seats.map_or(self.seats, u32::from),
            RideEvent::SeatsReserved(event) => {
                self.outcome(ProposalId(event.reservation.0));
                self.taken.insert(event.reservation, (event.terms.stretch, event.terms.seats));
            }
            RideEvent::ReservationChanged(event) => {
                self.outcome(event.proposal);
                let old = self.taken.insert(event.reservation, (event.terms.stretch, event.terms.seats));
                assert!(old.is_some(), "only what is reserved is changed");
            }
            RideEvent::ReservationRefused(event) => self.outcome(event.proposal),
            RideEvent::ReservationCancelled(event) => {
                assert!(self.taken.remove(&event.reservation).is_some(), "only what is reserved is cancelled");
            }
            _ => {}
        }
    }

    fn outcome(&mut self, proposal: ProposalId) {
        assert!(self.outcomes.insert(proposal), "the first outcome of {proposal} is final");
    }

    fn check(&self) {
        for metre in 0..METRES * 2 {
            let here = self.taken.values().filter(|(stretch, _)| (stretch.from_m..stretch.to_m).contains(&metre));
            let sold: u32 = here.map(|(_, seats)| u32::from(*seats)).sum();
            assert!(sold <= self.seats, "{sold} of {} seats sold at metre {metre}", self.seats);
        }
        for (stretch, seats) in self.taken.values() {
            assert!(*seats > 0 && stretch.from_m < stretch.to_m, "a reservation takes a seat somewhere");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn seats_are_never_oversold_on_any_metre(story in stories()) {
        let (ride, happened) = play::<Ride>(story);
        let mut ledger = Ledger::default();
        for events in happened {
            events.iter().for_each(|event| ledger.note(event));
            ledger.check();
        }
        let kept: Vec<_> = ride.reservations().map(|(id, held)| (*id, (held.stretch, held.seats))).collect();
        prop_assert_eq!(kept, ledger.taken.into_iter().collect::<Vec<_>>());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_platform_repeats_changes_nothing(story in stories(), asked in reserving(), now in some_time()) {
        let repeated = [(asked.clone(), Actor::System, now), (asked, Actor::System, now)];
        let (_, happened) = play::<Ride>(story.into_iter().chain(repeated));
        prop_assert_eq!(happened.last().map(Vec::len), Some(0));
    }

    #[test]
    fn nobody_without_a_say_makes_anything_happen(story in stories(), command in anything(), now in some_time()) {
        // Eve has no part in this ride; all that she can do is refuse what is not hers to have: a proposal of her own.
        let (_, happened) = play::<Ride>(story.into_iter().chain([(command, by(EVE), now)]));
        prop_assert_eq!(happened.last().map(Vec::len), Some(0));
    }
}
