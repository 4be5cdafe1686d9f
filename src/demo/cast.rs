//! The people of a demo whose sign-ins are told. Their passwords derive from the demo's own secret: they can be told again
//! at each start, are stored nowhere, and are other ones in every demo.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The domain of their addresses. It is reserved: no mail ever goes there.
pub const DOMAIN: &str = "demo.example";
/// Syllables of a password: 8 of 80 are 50 bits.
const SYLLABLES: usize = 8;
const CONSONANTS: &[u8; 16] = b"bdfgjklmnprstvxz";
const VOWELS: &[u8; 5] = b"aeiou";

/// Somebody whose sign-in is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "these are first names")]
pub enum Person {
    Chloe,
    Hugo,
    Sofia,
    Malik,
    Ines,
    Yanis,
    Camille,
    Louise,
    Thomas,
    Nadia,
    Paul,
    Emma,
}

/// All of them.
pub const CAST: [Person; 12] = [
    Person::Chloe,
    Person::Hugo,
    Person::Sofia,
    Person::Malik,
    Person::Ines,
    Person::Yanis,
    Person::Camille,
    Person::Louise,
    Person::Thomas,
    Person::Nadia,
    Person::Paul,
    Person::Emma,
];

impl Person {
    /// The name that others see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chloe => "Chloé Martin",
            Self::Hugo => "Hugo Lefèvre",
            Self::Sofia => "Sofia Rossi",
            Self::Malik => "Malik Benali",
            Self::Ines => "Inès Garcia",
            Self::Yanis => "Yanis Moreau",
            Self::Camille => "Camille Roux",
            Self::Louise => "Louise Petit",
            Self::Thomas => "Thomas Girard",
            Self::Nadia => "Nadia Haddad",
            Self::Paul => "Paul Bernard",
            Self::Emma => "Emma Laurent",
        }
    }

    /// What signing in as them shows.
    pub fn shows(self) -> &'static str {
        match self {
            Self::Chloe => "drives to Lyon and back; an agreed price, a question not read yet, a car full of people",
            Self::Hugo => {
                "drives to work; proposals to answer, declined, withdrawn and expired ones, a ride about to leave"
            }
            Self::Sofia => "drives; a ride that was moved, and one that was cancelled",
            Self::Malik => "rides to Lyon on a price that was bargained for; a proposal about to expire",
            Self::Ines => "was refused for lack of seats, and was left behind by a driver",
            Self::Yanis => "asked and waits for an answer; agreed to a later hour",
            Self::Camille => "booked at once, then one seat more; talks with everyone in the car",
            Self::Louise => "is asked whether a later hour suits; talks with everyone in the car",
            Self::Thomas => "cancelled a booking; drives, and answered somebody's request",
            Self::Nadia => "posted a request and has an offer for it; waits for a driver's answer",
            Self::Paul => "was declined; rides in half an hour",
            Self::Emma => "took a proposal back; had booked a ride that was cancelled",
        }
    }

    /// Their address.
    pub fn email(self) -> String {
        format!("{}@{DOMAIN}", format!("{self:?}").to_lowercase())
    }

    /// Their password in the demo with this secret.
    pub fn password(self, secret: &[u8; 32]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
        mac.update(self.email().as_bytes());
        let bytes = mac.finalize().into_bytes();
        let mut password = String::new();
        for (number, pair) in bytes.chunks(2).take(SYLLABLES).enumerate() {
            if number > 0 && number.is_multiple_of(2) {
                password.push('-');
            }
            // 80 does not divide 65,536, but so nearly that no syllable is noticeably likelier.
            let drawn = usize::from(u16::from_be_bytes([pair[0], pair[1]])) % (CONSONANTS.len() * VOWELS.len());
            password.push(char::from(CONSONANTS[drawn / VOWELS.len()]));
            password.push(char::from(VOWELS[drawn % VOWELS.len()]));
        }
        password
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::password::judge;
    use std::collections::BTreeSet;

    #[test]
    fn everybody_has_an_acceptable_password_of_their_own_in_every_demo() {
        let of = |secret: [u8; 32]| CAST.map(|person| person.password(&secret));
        let (one, other) = (of([1; 32]), of([2; 32]));
        assert_eq!(one, of([1; 32]));
        assert_eq!(one.iter().chain(&other).collect::<BTreeSet<_>>().len(), 2 * CAST.len());
        for (person, password) in CAST.iter().zip(&one) {
            assert_eq!(judge(password, &person.email().parse().unwrap()), Ok(()));
            assert_eq!(password.len(), 2 * SYLLABLES + 3, "{password}");
        }
    }
}
