//! What happens to the seats of a ride.

use super::reason;
use super::ride::bare_place;
use crate::ride::*;
use crate::terms::Terms;
use crate::testing::*;
use crate::{ExactPlace, KeyId, Place, Point};

pub(super) fn examples() -> Vec<RideEvent> {
    let (reservation, conversation) = (reservation(1), talk_with(ANNA));
    let mut all: Vec<RideEvent> = vec![
        seats_reserved(proposal(1), ANNA, fullest_terms()).into(),
        seats_reserved(proposal(1), ANNA, barest_terms()).into(),
    ];
    all.extend(REASONS.map(refused));
    all.extend([changed(fullest_terms()).into(), changed(barest_terms()).into()]);
    all.push(ReservationReconfirmed { reservation, conversation, terms_version: 2 }.into());
    let cancelled = ReservationCancelled {
        reservation,
        conversation,
        driver: DORA,
        passenger: ANNA,
        by: Side::Passenger,
        blameless: true,
        reason: Some(reason(ANNA)),
    };
    let barest = ReservationCancelled { by: Side::Driver, blameless: false, reason: None, ..cancelled };
    all.extend([cancelled.into(), barest.into()]);
    all.push(PassengerNoShow { reservation, conversation, passenger: ANNA }.into());
    all
}

/// Every reason of a refusal.
pub(super) const REASONS: [RefusalReason; 7] = [
    RefusalReason::NoSeatsLeft,
    RefusalReason::RideCancelled,
    RefusalReason::RideDeparted,
    RefusalReason::TermsOutdated,
    RefusalReason::CancelledBefore,
    RefusalReason::NothingToReplace,
    RefusalReason::NoSuchRide,
];

/// Terms with named places.
pub(super) fn fullest_terms() -> Terms {
    let key = KeyId::Conversation(talk_with(ANNA));
    let station = ExactPlace { point: Point { lat: 45.1915, lon: 5.7145 }, label: Some("Gare de Grenoble".to_owned()) };
    let pickup = Place { town: Some("Grenoble".to_owned()), exact: sealed(key, &station) };
    Terms { pickup, ..terms(2, WHOLE_WAY) }
}

/// Terms with bare places.
pub(super) fn barest_terms() -> Terms {
    let place = || bare_place(KeyId::Conversation(talk_with(ANNA)));
    Terms { pickup: place(), drop_off: place(), ..terms(1, TO_VOIRON) }
}

fn changed(terms: Terms) -> ReservationChanged {
    ReservationChanged {
        reservation: reservation(1),
        proposal: proposal(2),
        conversation: talk_with(ANNA),
        passenger: ANNA,
        terms_hash: terms.hash(&NONCE),
        terms,
    }
}

fn refused(reason: RefusalReason) -> RideEvent {
    ReservationRefused { proposal: proposal(1), conversation: talk_with(ANNA), passenger: ANNA, reason }.into()
}
