//! Personal text and exact points, sealed, as data.
//!
//! A [`Sealed<T>`] is an encrypted box and the name of the key that opens it. This crate can carry, store and hash it,
//! never open it: opening goes through an injected [`Opener`]. Destroying the key erases the text, and the log's
//! chain of hashes still verifies because the box itself was hashed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, marker::PhantomData, str::FromStr};
use uuid::Uuid;

use crate::{AccountId, ConversationId};

/// Names a data key of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyId {
    /// A person's own key; destroyed when the person is erased.
    Person(AccountId),
    /// A conversation's key, for terms: one side's erasure leaves the other's evidence.
    Conversation(ConversationId),
    /// The platform's own key, by which its nodes know each other's messages. Seals nothing that is stored.
    Platform,
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => write!(f, "person-{id}"),
            Self::Conversation(id) => write!(f, "conversation-{id}"),
            Self::Platform => f.write_str("platform"),
        }
    }
}

/// What names no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("names no key")]
pub struct NotAKey;

impl FromStr for KeyId {
    type Err = NotAKey;
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| NotAKey);
        match text.split_once('-') {
            Some(("person", rest)) => Ok(Self::Person(AccountId(id(rest)?))),
            Some(("conversation", rest)) => Ok(Self::Conversation(ConversationId(id(rest)?))),
            None if text == "platform" => Ok(Self::Platform),
            _ => Err(NotAKey),
        }
    }
}

impl TryFrom<String> for KeyId {
    type Error = NotAKey;
    fn try_from(text: String) -> Result<Self, NotAKey> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(key: KeyId) -> Self {
        key.to_string()
    }
}

/// What may be sealed. `PURPOSE` is authenticated with the box, so a comment cannot pass as a message.
pub trait Sealable: Sized {
    /// Names the kind of content; never changes once stored.
    const PURPOSE: &'static str;
    /// The bytes to encrypt.
    fn to_plaintext(&self) -> Vec<u8>;
    /// The content of decrypted bytes, or `None` when they are not of this kind.
    fn from_plaintext(bytes: Vec<u8>) -> Option<Self>;
}

/// Opens boxes; the vault implements it.
pub trait Opener {
    /// The plaintext in `boxed`, sealed with `key` for `purpose`; [`CannotOpen`] says why not.
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen>;
}

/// Why a box stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// The key was destroyed, because the person was erased.
    #[error("erased")]
    Erased,
    /// The box was not made with this key for this purpose, or was altered.
    #[error("the sealed value does not match its key")]
    Forged,
    /// The vault does not answer at present.
    #[error("the vault does not answer")]
    Unavailable,
}

/// A `T` that only the holder of the key can read: nonce and ciphertext.
pub struct Sealed<T> {
    /// The key that opens it.
    pub key: KeyId,
    /// Nonce followed by ciphertext and tag.
    pub boxed: Vec<u8>,
    content: PhantomData<fn() -> T>,
}

impl<T: Sealable> Sealed<T> {
    /// A box that was sealed with `key` for [`Sealable::PURPOSE`].
    pub fn from_box(key: KeyId, boxed: Vec<u8>) -> Self {
        Self { key, boxed, content: PhantomData }
    }

    /// Opens the box.
    pub fn open(&self, opener: &dyn Opener) -> Result<T, CannotOpen> {
        T::from_plaintext(opener.open(self.key, T::PURPOSE, &self.boxed)?).ok_or(CannotOpen::Forged)
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self { key: self.key, boxed: self.boxed.clone(), content: PhantomData }
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.boxed == other.boxed
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.key, self.boxed.len())
    }
}

#[derive(Serialize)]
struct Written<'a> {
    key: KeyId,
    #[serde(rename = "box")]
    boxed: &'a str,
}

#[derive(Deserialize)]
struct Read {
    key: KeyId,
    #[serde(rename = "box")]
    boxed: String,
}

impl<T> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { key: self.key, boxed: &URL_SAFE_NO_PAD.encode(&self.boxed) }.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let boxed = URL_SAFE_NO_PAD.decode(&read.boxed).map_err(de::Error::custom)?;
        Ok(Self { key: read.key, boxed, content: PhantomData })
    }
}

macro_rules! sealed_text {
    ($(#[$doc:meta])* $name:ident, $purpose:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub String);

        impl Sealable for $name {
            const PURPOSE: &'static str = $purpose;
            fn to_plaintext(&self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }
            fn from_plaintext(bytes: Vec<u8>) -> Option<Self> {
                String::from_utf8(bytes).ok().map(Self)
            }
        }
    };
}

sealed_text!(/// What a person says in a conversation.
    MessageText, "message");
sealed_text!(/// A remark on a ride or a request.
    Comment, "comment");
sealed_text!(/// A vehicle, as its driver describes it.
    Vehicle, "vehicle");
sealed_text!(/// Why something was cancelled or declined, in a person's words.
    Reason, "reason");
sealed_text!(/// The name a person goes by.
    DisplayName, "name");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ANNA, talk_with};

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        for key in [KeyId::Person(ANNA), KeyId::Conversation(talk_with(ANNA))] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for text in ["", "person", "person-7", "ride-00000000-0000-0000-0000-000000000007"] {
            assert_eq!(text.parse::<KeyId>(), Err(NotAKey), "{text}");
        }
    }

    #[test]
    fn any_box_reads_back_byte_for_byte() {
        for length in [0, 1, 2, 3, 255] {
            let boxed: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let sealed = Sealed::<MessageText>::from_box(KeyId::Person(ANNA), boxed);
            let written = serde_json::to_string(&sealed).unwrap();
            assert_eq!(serde_json::from_str::<Sealed<MessageText>>(&written).unwrap(), sealed);
        }
        for wrong in [r#"{"key":"person-7","box":""}"#, r#"{"key":"x"}"#] {
            assert!(serde_json::from_str::<Sealed<MessageText>>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_of_a_box_is_not_its_content() {
        let sealed = crate::testing::sealed(KeyId::Person(ANNA), &MessageText("secret".to_owned()));
        assert!(!format!("{sealed:?}").contains("secret"));
    }
}
