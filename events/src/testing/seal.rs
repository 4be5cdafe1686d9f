//! Boxes for tests: the purpose and the plain text, deterministic, open to everyone.

use crate::sealed::CannotOpen;
use crate::{KeyId, Opener, Sealable, Sealed};

/// `content` in a box that any [`PlainOpener`] opens.
pub fn sealed<T: Sealable>(key: KeyId, content: &T) -> Sealed<T> {
    let mut boxed = format!("{}:{key}:", T::PURPOSE).into_bytes();
    boxed.extend_from_slice(&content.to_plaintext());
    Sealed::from_box(key, boxed)
}

/// Opens what [`sealed`] made, except with the keys that it has lost.
#[derive(Clone, Debug, Default)]
pub struct PlainOpener {
    /// Keys that were destroyed.
    pub erased: Vec<KeyId>,
}

impl Opener for PlainOpener {
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        if self.erased.contains(&key) {
            return Err(CannotOpen::Erased);
        }
        let plain = boxed.strip_prefix(format!("{purpose}:{key}:").as_bytes());
        plain.map(<[u8]>::to_vec).ok_or(CannotOpen::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::{Comment, MessageText};
    use crate::testing::ANNA;

    #[test]
    fn a_box_opens_with_its_key_for_its_purpose_until_it_is_erased() {
        let key = KeyId::Person(ANNA);
        let text = sealed(key, &MessageText("Bonjour".into()));
        assert_eq!(text.open(&PlainOpener::default()), Ok(MessageText("Bonjour".into())));
        let as_comment = Sealed::<Comment>::from_box(key, text.boxed.clone());
        assert_eq!(as_comment.open(&PlainOpener::default()), Err(CannotOpen::Forged));
        assert_eq!(text.open(&PlainOpener { erased: vec![key] }), Err(CannotOpen::Erased));
    }
}
