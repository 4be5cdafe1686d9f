//! Sample values, each whole and valid: Dora's ride from Grenoble by Voiron to Lyon, and what is agreed about it.
//!
//! Tests change the one field that they are about: `RideOffered { seats: 1, ..offered() }`.

use crate::conversation::{
    Acceptance, BookingConfirmed, ConversationKind, ConversationOpened, MakeProposal, MessagePosted, ProposalAccepted,
    ProposalMade,
};
use crate::request::RequestPosted;
use crate::ride::{Audience, BookingMode, Preferences, Reserve, RideOffered, SeatsReserved};
use crate::sealed::MessageText;
use crate::terms::{Nonce, Terms};
use crate::testing::people::*;
use crate::testing::seal::sealed;
use crate::{AccountId, Currency, ExactPlace, KeyId, Place, Point, Price, ProposalId, Route, Stretch};

/// Metres of [`route`]: 25 km to Voiron, 75 km on to Lyon.
pub const LENGTH_M: u32 = 100_000;
/// From Grenoble to Lyon.
pub const WHOLE_WAY: Stretch = Stretch { from_m: 0, to_m: LENGTH_M };
/// From Grenoble to Voiron.
pub const TO_VOIRON: Stretch = Stretch { from_m: 0, to_m: 25_000 };
/// From Voiron to Lyon.
pub const FROM_VOIRON: Stretch = Stretch { from_m: 25_000, to_m: LENGTH_M };

/// `cents` of euro.
pub const fn euros(cents: u32) -> Price {
    Price { cents, currency: Currency::EUR }
}

/// A place whose point only the holder of `key` learns.
pub fn place(town: &str, lat: f64, lon: f64, key: KeyId) -> Place {
    let exact = ExactPlace { point: Point { lat, lon }, label: None };
    Place { town: Some(town.to_owned()), exact: sealed(key, &exact) }
}

/// Grenoble, Voiron, Lyon. The legs are round numbers, so that tests read well.
pub fn route() -> Route {
    let key = KeyId::Person(DORA);
    let stops = vec![
        place("Grenoble", 45.188, 5.724, key),
        place("Voiron", 45.366, 5.592, key),
        place("Lyon", 45.764, 4.836, key),
    ];
    Route { stops, legs_m: vec![25_000, 75_000] }
}

/// Dora offers three seats at 8 euros, on approval.
pub fn offered() -> RideOffered {
    RideOffered {
        driver: DORA,
        audience: Audience::Everyone,
        route: route(),
        path_version: 1,
        departs_at: departure(),
        time_zone: "Europe/Paris".to_owned(),
        seats: 3,
        price_per_seat: euros(800),
        booking_mode: BookingMode::Approval,
        preferences: Preferences::default(),
        vehicle: None,
        comment: None,
        series: None,
        import_reference: None,
    }
}

/// `seats` on `stretch` at 8 euros each, by the first version of the ride's terms.
pub fn terms(seats: u8, stretch: Stretch) -> Terms {
    let key = KeyId::Conversation(talk_with(ANNA));
    Terms {
        seats,
        price_per_seat: euros(800),
        pickup: place("Grenoble", 45.19, 5.71, key),
        drop_off: place("Lyon", 45.75, 4.85, key),
        pickup_at: departure(),
        stretch,
        ride_terms_version: 1,
    }
}

/// The nonce of every sample proposal.
pub const NONCE: Nonce = Nonce([7; 16]);

/// Dora accepted the proposal of `passenger`: the ride is to reserve.
pub fn reserve(proposal: ProposalId, passenger: AccountId, terms: Terms) -> Reserve {
    Reserve {
        proposal,
        conversation: talk_with(passenger),
        passenger,
        terms_hash: terms.hash(&NONCE),
        terms,
        acceptance: Acceptance::Person(DORA),
        replaces: None,
    }
}

/// What [`reserve`] leads to when the ride has the seats.
pub fn seats_reserved(proposal: ProposalId, passenger: AccountId, terms: Terms) -> SeatsReserved {
    SeatsReserved {
        reservation: proposal.into(),
        conversation: talk_with(passenger),
        driver: DORA,
        passenger,
        terms_hash: terms.hash(&NONCE),
        terms,
    }
}

/// Anna opens the conversation about Dora's ride.
pub fn opened() -> ConversationOpened {
    ConversationOpened {
        kind: ConversationKind::Ride,
        ride: RIDE,
        ride_version: 1,
        driver: DORA,
        passenger: Some(ANNA),
        in_answer_to: None,
    }
}

/// `author` says "Bonjour".
pub fn posted(author: AccountId) -> MessagePosted {
    MessagePosted { author, text: sealed(KeyId::Person(author), &MessageText("Bonjour".to_owned())), in_reply_to: None }
}

/// To propose `terms`, which expire in a day.
pub fn make(proposal: ProposalId, terms: Terms) -> MakeProposal {
    MakeProposal {
        proposal,
        terms,
        nonce: NONCE,
        expires_at: in_hours(24),
        in_reply_to: None,
        replaces: None,
        standing: None,
    }
}

/// What [`make`] leads to when `by` asks.
pub fn made(proposal: ProposalId, by: AccountId, terms: Terms) -> ProposalMade {
    ProposalMade {
        proposal,
        by,
        terms_hash: terms.hash(&NONCE),
        terms,
        nonce: NONCE,
        expires_at: in_hours(24),
        in_reply_to: None,
        replaces: None,
    }
}

/// `by` accepts what [`made`] proposed.
pub fn accepted(made: &ProposalMade, by: AccountId) -> ProposalAccepted {
    ProposalAccepted {
        proposal: made.proposal,
        acceptance: Acceptance::Person(by),
        terms_hash: made.terms_hash,
        ride: RIDE,
        passenger: ANNA,
        terms: made.terms.clone(),
        replaces: made.replaces,
    }
}

/// The ride reserved what [`made`] proposed.
pub fn confirmed(made: &ProposalMade) -> BookingConfirmed {
    BookingConfirmed {
        proposal: made.proposal,
        reservation: made.proposal.into(),
        ride: RIDE,
        passenger: ANNA,
        seats: made.terms.seats,
        price_per_seat: made.terms.price_per_seat,
        pickup_at: made.terms.pickup_at,
        in_answer_to: None,
    }
}

/// Anna looks for a seat from Grenoble to Lyon.
pub fn request_posted() -> RequestPosted {
    let key = KeyId::Person(ANNA);
    RequestPosted {
        passenger: ANNA,
        audience: Audience::Everyone,
        from: place("Grenoble", 45.188, 5.724, key),
        to: place("Lyon", 45.764, 4.836, key),
        pickup_at: departure(),
        tolerance_s: 3600,
        radius_m: 5_000,
        seats: 1,
        price_per_seat_max: None,
        comment: None,
        import_reference: None,
    }
}
