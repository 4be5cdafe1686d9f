//! Identifiers, one newtype each, so that a ride can never be passed where an account is meant.
//!
//! Ids of what a command creates derive from the account and the command's key, so a repeated command finds what
//! the first one made. Nothing here draws random numbers.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

use crate::Timestamp;

/// Namespace of every name-based (version 5) id of Palabre.
const NAMESPACE: Uuid = Uuid::from_u128(0x8a0d_6a3e_21c4_5d0b_9a2e_70a1_ab7e_c0de);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(/// A person with an account.
    AccountId);
id!(/// A ride that a driver offers.
    RideId);
id!(/// A recurring ride.
    SeriesId);
id!(/// A passenger's wish for a ride.
    RequestId);
id!(/// A conversation; its stream's version is the chat's `seq`.
    ConversationId);
id!(/// A proposal made in a conversation.
    ProposalId);
id!(/// A reservation: the id of the proposal that first made it.
    ReservationId);
id!(/// The client's key of one command, a UUIDv7 that is unique per account.
    CommandKey);

impl CommandKey {
    /// When the client made the key, or `None` when it is not a version 7 UUID.
    pub fn made_at(&self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        (self.0.get_version_num() == 7)
            .then(|| Timestamp::from_millis(i64::try_from(seconds).ok()? * 1000 + i64::from(nanos / 1_000_000)))?
    }
}

fn derived(kind: &str, parts: [Uuid; 2]) -> Uuid {
    let mut name = Vec::with_capacity(kind.len() + 32);
    name.extend_from_slice(kind.as_bytes());
    for part in parts {
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

impl RideId {
    /// The ride that `account` offers with the command `key`.
    pub fn derive(account: AccountId, key: CommandKey) -> Self {
        Self(derived("ride", [account.0, key.0]))
    }

    /// The ride that `account` imported under another system's `reference`.
    pub fn imported(account: AccountId, reference: &str) -> Self {
        Self(derived("ride", [account.0, Uuid::new_v5(&NAMESPACE, reference.as_bytes())]))
    }
}

impl RequestId {
    /// The request that `account` posts with the command `key`.
    pub fn derive(account: AccountId, key: CommandKey) -> Self {
        Self(derived("request", [account.0, key.0]))
    }

    /// The request that `account` imported under another system's `reference`.
    pub fn imported(account: AccountId, reference: &str) -> Self {
        Self(derived("request", [account.0, Uuid::new_v5(&NAMESPACE, reference.as_bytes())]))
    }
}

impl ProposalId {
    /// The proposal that `account` makes with the command `key`.
    pub fn derive(account: AccountId, key: CommandKey) -> Self {
        Self(derived("proposal", [account.0, key.0]))
    }
}

impl From<ProposalId> for ReservationId {
    /// A reservation bears the id of the proposal that made it.
    fn from(proposal: ProposalId) -> Self {
        Self(proposal.0)
    }
}

impl ConversationId {
    /// The one conversation between the driver of `ride` and `passenger` about that ride, whoever opens it first.
    pub fn about_ride(ride: RideId, passenger: AccountId) -> Self {
        Self(derived("conversation:ride", [ride.0, passenger.0]))
    }

    /// The group conversation of `ride`.
    pub fn group_of(ride: RideId) -> Self {
        Self(derived("conversation:group", [ride.0, Uuid::nil()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tabs_open_one_conversation() {
        let (ride, passenger) = (RideId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        assert_eq!(ConversationId::about_ride(ride, passenger), ConversationId::about_ride(ride, passenger));
        assert_ne!(ConversationId::about_ride(ride, passenger), ConversationId::group_of(ride));
    }

    #[test]
    fn a_key_tells_when_it_was_made_and_other_versions_do_not() {
        let at = uuid::Timestamp::from_unix_time(1_795_443_583, 250_000_000, 0, 0);
        let key = CommandKey(Uuid::new_v7(at));
        assert_eq!(key.made_at().map(Timestamp::as_millis), Some(1_795_443_583_250));
        assert_eq!(CommandKey(Uuid::from_u128(7)).made_at(), None);
    }
}
