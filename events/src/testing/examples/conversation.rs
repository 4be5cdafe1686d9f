//! What happens in a conversation.

use super::booking::{REASONS, barest_terms, fullest_terms};
use super::{drivers_words, reason, words};
use crate::conversation::*;
use crate::ride::Side;
use crate::testing::*;

pub(super) fn examples() -> Vec<ConversationEvent> {
    [talk(), proposals(), bookings(), notices(), members()].concat()
}

fn talk() -> Vec<ConversationEvent> {
    let group = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..opened() };
    vec![
        ConversationOpened { in_answer_to: Some(REQUEST), ..opened() }.into(),
        group.into(),
        MessagePosted { author: DORA, text: drivers_words(), in_reply_to: Some(2) }.into(),
        MessagePosted { author: ANNA, text: words(), in_reply_to: None }.into(),
        MessageEdited { message: 2, text: words() }.into(),
        MessageRetracted { message: 2 }.into(),
    ]
}

fn proposals() -> Vec<ConversationEvent> {
    let id = proposal(2);
    let fullest = ProposalMade {
        in_reply_to: Some(proposal(1)),
        replaces: Some(reservation(1)),
        ..made(id, DORA, fullest_terms())
    };
    let barest = made(proposal(1), ANNA, barest_terms());
    let standing =
        ProposalAccepted { acceptance: Acceptance::Standing { ride_terms_version: 1 }, ..accepted(&barest, DORA) };
    let voids = [
        VoidReason::AnotherAccepted,
        VoidReason::RideChanged,
        VoidReason::RideCancelled,
        VoidReason::RideDeparted,
        VoidReason::BookingCancelled,
    ];
    let mut all: Vec<ConversationEvent> = vec![
        fullest.clone().into(),
        barest.into(),
        accepted(&fullest, ANNA).into(),
        standing.into(),
        ProposalDeclined { proposal: id, by: DORA, reason: Some(reason(DORA)) }.into(),
        ProposalDeclined { proposal: id, by: DORA, reason: None }.into(),
        ProposalWithdrawn { proposal: id }.into(),
        ProposalExpired { proposal: id }.into(),
    ];
    all.extend(voids.map(|reason| ProposalVoided { proposal: id, reason }.into()));
    all
}

fn bookings() -> Vec<ConversationEvent> {
    let barest = confirmed(&made(proposal(1), ANNA, barest_terms()));
    let fullest = BookingConfirmed { in_answer_to: Some(REQUEST), ..barest };
    let cancelled = BookingCancelled {
        reservation: reservation(1),
        by: Side::Passenger,
        blameless: true,
        reason: Some(reason(ANNA)),
    };
    let by_driver = BookingCancelled { by: Side::Driver, blameless: false, reason: None, ..cancelled };
    let changed = BookingChanged {
        proposal: proposal(2),
        reservation: reservation(1),
        seats: 2,
        price_per_seat: euros(700),
        pickup_at: departure(),
    };
    let mut all = vec![fullest.into(), barest.into()];
    all.extend(REASONS.map(|reason| BookingRefused { proposal: proposal(1), reason }.into()));
    all.extend([changed.into(), cancelled.into(), by_driver.into()]);
    all
}

fn notices() -> Vec<ConversationEvent> {
    let reservation = reservation(1);
    let notices = [
        RideNotice::Rescheduled { departs_at: in_hours(30), route_changed: true, terms_version: 2 },
        RideNotice::Cancelled,
        RideNotice::TermsChanged { terms_version: 2, price_per_seat: Some(euros(900)), seats: Some(2) },
        RideNotice::TermsChanged { terms_version: 2, price_per_seat: None, seats: None },
        RideNotice::Departed,
        RideNotice::Reconfirmed { reservation },
        RideNotice::NoShow { reservation },
    ];
    notices.map(|notice| RideNoticed { ride: RIDE, ride_version: 4, notice }.into()).to_vec()
}

fn members() -> Vec<ConversationEvent> {
    vec![
        ParticipantJoined { account: ANNA, reservation: reservation(1) }.into(),
        ParticipantLeft { account: ANNA, reservation: reservation(1) }.into(),
    ]
}
