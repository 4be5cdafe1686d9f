//! What two people agree on: immutable terms, and the hash that an acceptance names.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

use crate::{Place, Price, Stretch, Timestamp};

/// The terms of a proposal. They never change; another offer is another proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Seats, 1 to [`Terms::SEATS_MAX`].
    pub seats: u8,
    /// Price of one seat.
    pub price_per_seat: Price,
    /// Where the passenger gets in; sealed with the conversation's key.
    pub pickup: Place,
    /// Where the passenger gets out; sealed with the conversation's key.
    pub drop_off: Place,
    /// When the passenger is picked up.
    pub pickup_at: Timestamp,
    /// The stretch of the ride's way between the points nearest to pickup and drop-off.
    pub stretch: Stretch,
    /// The version of the ride's terms that these build on.
    pub ride_terms_version: u32,
}

impl Terms {
    /// The most seats of one ride or one proposal.
    pub const SEATS_MAX: u8 = 8;

    /// `SHA-256("palabre terms v1" ‖ nonce ‖ terms as JSON)`. The random nonce keeps the hash from being guessed.
    pub fn hash(&self, nonce: &Nonce) -> TermsHash {
        let mut sha = Sha256::new();
        sha.update(b"palabre terms v1");
        sha.update(nonce.0);
        sha.update(crate::aggregate::write_json(self));
        TermsHash(sha.finalize().into())
    }
}

macro_rules! hex {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; $length]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotHex;
            fn from_str(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; $length];
                if text.len() != 2 * $length || !text.is_ascii() {
                    return Err(NotHex);
                }
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| NotHex)?;
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

hex!(/// The hash of a proposal's terms; written as 64 hexadecimal digits.
    TermsHash, 32);
hex!(/// Sixteen random bytes; written as 32 hexadecimal digits.
    Nonce, 16);

/// What is not the expected number of hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not the expected number of hexadecimal digits")]
pub struct NotHex;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NONCE, TO_VOIRON, WHOLE_WAY, departure, euros, terms};

    #[test]
    fn every_term_and_the_nonce_count() {
        let agreed = terms(1, WHOLE_WAY);
        let hash = agreed.hash(&NONCE);
        assert_eq!(terms(1, WHOLE_WAY).hash(&NONCE), hash);
        assert_ne!(agreed.hash(&Nonce([8; 16])), hash);
        let others = [
            Terms { seats: 2, ..agreed.clone() },
            Terms { price_per_seat: euros(801), ..agreed.clone() },
            Terms { pickup: agreed.drop_off.clone(), ..agreed.clone() },
            Terms { drop_off: agreed.pickup.clone(), ..agreed.clone() },
            Terms { pickup_at: departure().plus_seconds(60), ..agreed.clone() },
            Terms { stretch: TO_VOIRON, ..agreed.clone() },
            Terms { ride_terms_version: 2, ..agreed },
        ];
        for other in others {
            assert_ne!(other.hash(&NONCE), hash, "{other:?}");
        }
    }

    #[test]
    fn digits_read_back_as_they_were_written() {
        let nonce = Nonce(*b"0123456789abcdef");
        assert_eq!(nonce.to_string(), "30313233343536373839616263646566");
        assert_eq!(nonce.to_string().parse(), Ok(nonce));
        let long = "30".repeat(17);
        for text in ["", "3031", &long, "+031323334353637383961626364656g", "é03132333435363738396162636465"] {
            assert_eq!(text.parse::<Nonce>(), Err(NotHex), "{text}");
        }
    }
}
