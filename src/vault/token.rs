//! Opaque secrets that people carry: in a session's cookie, in the link of a mail. The vault keeps only their hashes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// 256 random bits, wiped from memory when dropped; written as 43 characters of URL-safe base64. Never logged.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; Token::LENGTH]>);

/// SHA-256 of a token. Tokens are random, so nobody can guess one from its hash, and looking one up by its hash tells
/// by its timing nothing of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// What is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token")]
pub struct NotAToken;

impl Token {
    const LENGTH: usize = 32;

    /// A new random token.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        getrandom::fill(bytes.as_mut_slice()).expect("the operating system has randomness");
        Self(bytes)
    }

    /// The token as it is handed to its holder.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// What the vault knows it by.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_slice()).into())
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        match URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()) {
            Ok(Self::LENGTH) => Ok(Self(bytes)),
            _ => Err(NotAToken),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_differs_from_the_next() {
        let (one, other) = (Token::generate(), Token::generate());
        let text = one.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(text.parse::<Token>().unwrap().hash(), one.hash());
        assert_ne!(one.hash(), other.hash());
        assert!(!format!("{one:?}").contains(text.as_str()));
    }

    #[test]
    fn other_text_is_no_token() {
        let padded = format!("{}=", Token::generate().reveal().as_str());
        for text in ["", "abc", "é", &"A".repeat(42), &"A".repeat(44), &"A".repeat(10_000), &padded] {
            assert!(text.parse::<Token>().is_err(), "{} characters", text.len());
        }
    }
}
