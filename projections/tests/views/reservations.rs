//! Who rides with whom, and what waits for an answer? Proposals, reservations and the history of both.

use palabre_events::conversation::state::ProposalStatus;
use palabre_events::conversation::{BookingRefused, Outcome, ProposalDeclined, ProposalMade};
use palabre_events::ride::{
    PassengerNoShow, RefusalReason, ReservationCancelled, ReservationReconfirmed, RideCompleted, RideRescheduled, Side,
};
use palabre_events::sealed::Reason;
use palabre_events::testing::*;
use palabre_events::{AccountId, KeyId};
use palabre_projections::history::HistoryWhat;
use palabre_projections::reservations::{ReservationState, When};
use palabre_projections::{Paging, ViewsReader};

use crate::log::Log;

/// Dora's ride, Anna's talk about it, and a proposal of Anna's.
fn proposed() -> (Log, ProposalMade) {
    let mut log = Log::default();
    log.ride(offered());
    log.talk(talk_with(ANNA), opened());
    let made = made(proposal(1), ANNA, terms(2, WHOLE_WAY));
    log.talk(talk_with(ANNA), made.clone());
    (log, made)
}

/// And Dora accepted, and the ride reserved.
fn booked() -> Log {
    let (mut log, made) = proposed();
    log.talk(talk_with(ANNA), accepted(&made, DORA));
    log.ride(seats_reserved(proposal(1), ANNA, terms(2, WHOLE_WAY)));
    log.talk(talk_with(ANNA), confirmed(&made));
    log
}

fn rescheduled_by(hours: i64) -> RideRescheduled {
    let departs_at = departure().plus_seconds(hours * 3600);
    RideRescheduled { departs_at, time_zone: "Europe/Paris".into(), route: None, path_version: 1, terms_version: 2 }
}

fn cancelled_by(side: Side) -> ReservationCancelled {
    ReservationCancelled {
        reservation: reservation(1),
        conversation: talk_with(ANNA),
        driver: DORA,
        passenger: ANNA,
        by: side,
        blameless: false,
        reason: Some(sealed(KeyId::Person(DORA), &Reason("Panne".to_owned()))),
    }
}

fn history_of(person: AccountId, reader: &ViewsReader) -> Vec<(HistoryWhat, Option<AccountId>)> {
    let history = reader.history(person, Paging::first(99)).unwrap().items;
    history.into_iter().map(|entry| (entry.what, entry.other_party)).collect()
}

#[test]
fn a_proposal_waits_for_the_other_side_until_it_is_answered() {
    let (mut log, made) = proposed();
    let (mut place, reader) = log.folded();
    let waiting = reader.to_handle(DORA).unwrap().proposals;
    assert_eq!((waiting[0].proposal, waiting[0].seq, waiting[0].passenger), (proposal(1), 2, ANNA));
    assert!(waiting[0].terms.pickup.exact.is_some());
    assert!(reader.to_handle(ANNA).unwrap().proposals.is_empty());

    let counter = ProposalMade { in_reply_to: Some(made.proposal), by: DORA, proposal: proposal(2), ..made };
    log.talk(talk_with(ANNA), counter);
    place.catch_up(&log);
    assert!(reader.to_handle(DORA).unwrap().proposals.is_empty());
    assert_eq!(reader.to_handle(ANNA).unwrap().proposals[0].proposal, proposal(2));
    assert_eq!(reader.proposal(proposal(1)).unwrap().unwrap().status, ProposalStatus::Countered);

    let reason = Some(sealed(KeyId::Person(ANNA), &Reason("Trop cher".to_owned())));
    log.talk(talk_with(ANNA), ProposalDeclined { proposal: proposal(2), by: ANNA, reason });
    place.catch_up(&log);
    let all = reader.proposals_of_person(DORA, Paging::first(9)).unwrap().items;
    let told: Vec<_> = all.iter().map(|it| (it.proposal, it.status, it.declined.as_deref())).collect();
    let countered = (proposal(1), ProposalStatus::Countered, None);
    assert_eq!(told, [(proposal(2), ProposalStatus::Declined, Some("Trop cher")), countered]);
}

#[test]
fn a_refusal_of_the_ride_shows_at_the_proposal() {
    let (mut log, made) = proposed();
    log.talk(talk_with(ANNA), accepted(&made, DORA));
    let reason = RefusalReason::NoSeatsLeft;
    log.talk(talk_with(ANNA), BookingRefused { proposal: proposal(1), reason });
    // For a proposal that never was: a cancellation came for it.
    log.talk(talk_with(ANNA), BookingRefused { proposal: proposal(9), reason: RefusalReason::CancelledBefore });
    let (_place, reader) = log.folded();
    let refused = reader.proposal(proposal(1)).unwrap().unwrap();
    assert_eq!((refused.status, refused.outcome), (ProposalStatus::Accepted, Some(Outcome::Refused(reason))));
    let head = reader.conversation(talk_with(ANNA)).unwrap().unwrap();
    assert_eq!(head.booking.and_then(|booking| booking.refused), Some(reason));
}

#[test]
fn both_sides_find_a_reservation_among_what_is_to_come() {
    let (_place, reader) = booked().folded();
    let find = |person, side, when| {
        let found = reader.reservations_of_person(person, side, when, 0, 9).unwrap();
        found.into_iter().map(|booked| booked.reservation).collect::<Vec<_>>()
    };
    let (before, after) = (departure().plus_seconds(-1), departure().plus_seconds(1));
    for (person, side) in [(DORA, Side::Driver), (ANNA, Side::Passenger)] {
        assert_eq!(find(person, side, When::UpcomingFrom(before)), [reservation(1)]);
        assert_eq!(find(person, side, When::UpcomingFrom(after)), []);
        assert_eq!(find(person, side, When::PastBefore(before)), []);
        assert_eq!(find(person, side, When::PastBefore(after)), [reservation(1)]);
    }
    assert_eq!(find(ANNA, Side::Driver, When::UpcomingFrom(before)), []);
}

#[test]
fn a_rescheduled_ride_moves_the_pickup_and_asks_the_passenger_again() {
    let mut log = booked();
    log.ride(rescheduled_by(30));
    let (mut place, reader) = log.folded();
    let asked = reader.to_handle(ANNA).unwrap().asked_again;
    assert_eq!(asked[0].pickup_at, departure().plus_seconds(30 * 3600));
    assert_eq!(asked[0].terms.pickup_at, departure(), "what was agreed stays as it was agreed");
    assert!(reader.to_handle(DORA).unwrap().asked_again.is_empty());
    assert!(reader.conversation(talk_with(ANNA)).unwrap().unwrap().asked_again);
    let (conversation, terms_version) = (talk_with(ANNA), 2);
    log.ride(ReservationReconfirmed { reservation: reservation(1), conversation, terms_version });
    place.catch_up(&log);
    assert!(reader.to_handle(ANNA).unwrap().asked_again.is_empty());
}

#[test]
fn a_cancelled_reservation_is_past_and_says_who_cancelled() {
    let mut log = booked();
    log.ride(cancelled_by(Side::Driver));
    let (_place, reader) = log.folded();
    let past = When::PastBefore(now());
    let cancelled = reader.reservations_of_person(ANNA, Side::Passenger, past, 0, 9).unwrap().remove(0);
    let how = cancelled.cancelled.unwrap();
    assert_eq!((cancelled.state, how.by), (ReservationState::Cancelled, Side::Driver));
    assert_eq!(how.reason.as_deref(), Some("Panne"));
    let what = HistoryWhat::ReservationCancelled { by: Side::Driver, blameless: false };
    assert_eq!(history_of(ANNA, &reader), [(what, Some(DORA)), (HistoryWhat::ReservationMade, Some(DORA))]);
    assert_eq!(history_of(DORA, &reader)[0], (what, Some(ANNA)));
    assert!(reader.ride(RIDE).unwrap().unwrap().reservations.is_empty());
}

#[test]
fn a_completed_ride_is_in_the_history_of_all_who_were_aboard() {
    let mut log = booked();
    log.ride(seats_reserved(proposal(2), BEN, terms(1, FROM_VOIRON)));
    log.ride(PassengerNoShow { reservation: reservation(2), conversation: talk_with(BEN), passenger: BEN });
    log.ride(RideCompleted {});
    let (_place, reader) = log.folded();
    assert_eq!(history_of(DORA, &reader)[0], (HistoryWhat::RideCompleted, None));
    assert_eq!(history_of(ANNA, &reader)[0], (HistoryWhat::RideCompleted, Some(DORA)));
    assert_eq!(history_of(BEN, &reader)[0], (HistoryWhat::NoShow, Some(DORA)));
    assert_eq!(reader.reservation(reservation(2)).unwrap().unwrap().state, ReservationState::NoShow);
}
