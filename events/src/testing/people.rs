//! Who and what the tests are about: a driver, some passengers, a stranger, one ride, and times.

use uuid::Uuid;

use crate::{AccountId, Actor, CommandKey, ConversationId, ProposalId, RequestId, ReservationId, RideId, Timestamp};

/// Drives [`RIDE`].
pub const DORA: AccountId = AccountId(Uuid::from_u128(0xd0));
/// A passenger.
pub const ANNA: AccountId = AccountId(Uuid::from_u128(0xa));
/// Another passenger.
pub const BEN: AccountId = AccountId(Uuid::from_u128(0xb));
/// A third passenger.
pub const CLEO: AccountId = AccountId(Uuid::from_u128(0xc));
/// Takes no part in anything.
pub const EVE: AccountId = AccountId(Uuid::from_u128(0xe));

/// The ride that Dora offers.
pub const RIDE: RideId = RideId(Uuid::from_u128(0x51de));
/// The request that Anna posts.
pub const REQUEST: RequestId = RequestId(Uuid::from_u128(0x5eed));

/// `account` asks.
pub const fn by(account: AccountId) -> Actor {
    Actor::Person(account)
}

/// The `number`th proposal.
pub const fn proposal(number: u128) -> ProposalId {
    ProposalId(Uuid::from_u128(0x9_0000 + number))
}

/// The reservation that the `number`th proposal makes.
pub const fn reservation(number: u128) -> ReservationId {
    ReservationId(proposal(number).0)
}

/// The `number`th key of a client: version 7, as clients must make them.
pub fn key(number: u64) -> CommandKey {
    let made_at_ms = 1_798_700_000_000;
    let mut rest = [0; 10];
    rest[2..].copy_from_slice(&number.to_be_bytes());
    CommandKey(uuid::Builder::from_unix_timestamp_millis(made_at_ms, &rest).into_uuid())
}

/// The conversation of Dora and `passenger` about [`RIDE`].
pub fn talk_with(passenger: AccountId) -> ConversationId {
    ConversationId::about_ride(RIDE, passenger)
}

/// A time as people write it.
///
/// # Panics
/// When `text` is not RFC 3339.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a test writes times in RFC 3339")
}

/// Noon on the day before the ride.
pub fn now() -> Timestamp {
    at("2027-01-03T12:00:00Z")
}

/// When the ride leaves.
pub fn departure() -> Timestamp {
    at("2027-01-04T08:00:00Z")
}

/// `hours` after noon on the day before the ride.
pub fn in_hours(hours: i64) -> Timestamp {
    now().plus_seconds(hours * 3600)
}
