//! What a data key does: seals, opens and fingerprints bytes. No storage, no cache.
//!
//! A box is `nonce (24 random bytes) ‖ ciphertext ‖ tag (16 bytes)`: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03)
//! with the associated data `key id as text ‖ 0x00 ‖ purpose`. A random nonce of 192 bits never repeats in practice,
//! so nodes need not agree on a counter. It is put together as the draft says, HChaCha20 before ring's
//! ChaCha20-Poly1305, which takes 0.4 µs for a message where the crate that offers it whole takes 1.8 µs: a replay
//! opens every message. Sealing and fingerprinting each use a subkey of their own, HKDF-SHA256
//! (RFC 5869, no salt) of the key's material with the labels below. All of it is for ever: boxes are in the log.

use chacha20::{R20, hchacha};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use palabre_events::KeyId;
use palabre_events::log::Fingerprint;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::KeyMaterial;

/// HKDF's `info` for the subkey that seals.
const SEALING_LABEL: &[u8] = b"palabre/seal/1";
/// HKDF's `info` for the subkey that fingerprints.
const FINGERPRINT_LABEL: &[u8] = b"palabre/fingerprint/1";
/// HKDF's `info` for the subkey by which nodes know each other.
const NODES_LABEL: &[u8] = b"palabre/nodes/1";
/// Bytes of the tag of a message between nodes.
pub const TAG_LENGTH: usize = 16;
/// Bytes of a box's nonce.
pub const NONCE_LENGTH: usize = 24;
/// Bytes that a box is longer than what is in it.
pub const OVERHEAD: usize = NONCE_LENGTH + 16;

/// A data key, ready for use. Its subkeys are wiped from memory when dropped.
pub struct DataKey {
    name: String,
    sealing_key: Zeroizing<[u8; 32]>,
    fingerprint_key: Zeroizing<[u8; 32]>,
    /// Of the platform's key alone; data keys are many.
    nodes_key: Option<Zeroizing<[u8; 32]>>,
}

/// Knows messages of nodes that share the vault: the first 16 bytes of HMAC-SHA256. Cheap to clone.
#[derive(Clone)]
pub struct NodeKey(ring::hmac::Key);

/// A box that was not made with this key for this purpose, or was altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

impl DataKey {
    /// The key `id` with its secret bytes.
    pub fn new(id: KeyId, material: &KeyMaterial) -> Self {
        let derivation = Hkdf::<Sha256>::new(None, material.bytes());
        let subkey = |label: &[u8]| {
            let mut subkey = Zeroizing::new([0; 32]);
            derivation.expand(label, subkey.as_mut_slice()).expect("32 bytes are one block of HKDF");
            subkey
        };
        Self {
            name: id.to_string(),
            sealing_key: subkey(SEALING_LABEL),
            fingerprint_key: subkey(FINGERPRINT_LABEL),
            nodes_key: (id == KeyId::Platform).then(|| subkey(NODES_LABEL)),
        }
    }

    /// A box with `plaintext`, for `purpose`.
    pub fn seal(&self, purpose: &str, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).expect("the operating system has randomness");
        self.seal_with_nonce(purpose, plaintext, nonce)
    }

    fn seal_with_nonce(&self, purpose: &str, plaintext: &[u8], nonce: [u8; NONCE_LENGTH]) -> Vec<u8> {
        let mut boxed = Vec::with_capacity(plaintext.len() + OVERHEAD);
        boxed.extend_from_slice(&nonce);
        boxed.extend_from_slice(plaintext);
        let (key, short_nonce) = self.cipher_for(&nonce);
        let tag = key
            .seal_in_place_separate_tag(short_nonce, Aad::from(self.bound_to(purpose)), &mut boxed[NONCE_LENGTH..])
            .expect("content is far below the cipher's limit of 256 GiB");
        boxed.extend_from_slice(tag.as_ref());
        boxed
    }

    /// What is in `boxed`, sealed with this key for `purpose`.
    pub fn open(&self, purpose: &str, boxed: &[u8]) -> Result<Vec<u8>, Forged> {
        let (nonce, ciphertext) = boxed.split_first_chunk::<NONCE_LENGTH>().ok_or(Forged)?;
        let (key, short_nonce) = self.cipher_for(nonce);
        let mut opened = ciphertext.to_vec();
        let bound_to = Aad::from(self.bound_to(purpose));
        let length = key.open_in_place(short_nonce, bound_to, &mut opened).map_err(|_| Forged)?.len();
        opened.truncate(length);
        Ok(opened)
    }

    /// The draft's reduction: a key from the first 16 bytes of the nonce, a nonce of 12 bytes from the last 8.
    fn cipher_for(&self, nonce: &[u8; NONCE_LENGTH]) -> (LessSafeKey, Nonce) {
        let (first, last) = nonce.split_first_chunk::<16>().expect("the nonce has 24 bytes");
        let mut short_nonce = [0; 12];
        short_nonce[4..].copy_from_slice(last);
        let key = Zeroizing::new(<[u8; 32]>::from(hchacha::<R20>((&*self.sealing_key).into(), first.into())));
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).expect("the key has 32 bytes");
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(short_nonce))
    }

    /// A digest of `body` that only this key can make: the first 16 bytes of HMAC-SHA256.
    pub fn fingerprint(&self, body: &[u8]) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.fingerprint_key.as_slice()).expect("HMAC takes any key");
        mac.update(body);
        let digest = mac.finalize().into_bytes();
        Fingerprint(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
    }

    /// The key for messages between nodes. Only [`KeyId::Platform`] has one.
    pub fn node_key(&self) -> NodeKey {
        let key = self.nodes_key.as_ref().expect("nodes know each other by the platform's key");
        NodeKey(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_slice()))
    }

    /// The associated data: a box opens only under its key's name and for its purpose. No name holds a zero byte.
    fn bound_to(&self, purpose: &str) -> Vec<u8> {
        let mut bound = Vec::with_capacity(self.name.len() + 1 + purpose.len());
        bound.extend_from_slice(self.name.as_bytes());
        bound.push(0);
        bound.extend_from_slice(purpose.as_bytes());
        bound
    }
}

impl NodeKey {
    /// The tag of `message`.
    pub fn tag(&self, message: &[u8]) -> [u8; TAG_LENGTH] {
        let tag = ring::hmac::sign(&self.0, message);
        *tag.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
    }

    /// Whether a node of the same vault wrote `message` with this `tag`.
    pub fn knows(&self, message: &[u8], tag: &[u8]) -> bool {
        self.tag(message).ct_eq(tag).into()
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeKey")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use palabre_events::{AccountId, ConversationId};
    use proptest::prelude::*;
    use uuid::Uuid;

    const PERSON: KeyId = KeyId::Person(AccountId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)));

    fn key(id: KeyId, byte: u8) -> DataKey {
        DataKey::new(id, &KeyMaterial::from_bytes([byte; 32]))
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Boxes and fingerprints are stored for ever: these bytes must never change, and must open for ever. They were
    /// computed apart, from the draft and the RFCs.
    #[test]
    fn golden_box_and_fingerprint() {
        let key = key(PERSON, 7);
        let boxed = key.seal_with_nonce("message", "Départ à 8 h ?".as_bytes(), [9; NONCE_LENGTH]);
        assert_eq!(hex(&boxed[NONCE_LENGTH..]), "de4952bca0ef0165631196b624c98d4481b42e2ac66f66cf229e38bf56a3ddf7");
        assert_eq!(key.open("message", &boxed), Ok("Départ à 8 h ?".as_bytes().to_vec()));
        assert_eq!(hex(&key.fingerprint(b"{\"type\":\"post_message\"}").0), "f1a6052b542793caf5804186c9e85484");
    }

    #[test]
    fn a_box_opens_only_with_its_key_its_name_and_its_purpose() {
        let sealed = key(PERSON, 7).seal("message", b"bonjour");
        assert_eq!(key(PERSON, 7).open("message", &sealed), Ok(b"bonjour".to_vec()));
        assert_eq!(key(PERSON, 8).open("message", &sealed), Err(Forged), "another key");
        assert_eq!(key(PERSON, 7).open("comment", &sealed), Err(Forged), "another purpose");
        let namesake = KeyId::Conversation(ConversationId(Uuid::from_u128(1)));
        assert_eq!(key(namesake, 7).open("message", &sealed), Err(Forged), "another name");
    }

    #[test]
    fn a_fingerprint_differs_by_body_and_by_key() {
        let print = key(PERSON, 7).fingerprint(b"body");
        assert_eq!(print, key(PERSON, 7).fingerprint(b"body"));
        assert_ne!(print, key(PERSON, 7).fingerprint(b"other body"));
        assert_ne!(print, key(PERSON, 8).fingerprint(b"body"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(plaintext: Vec<u8>) {
            let sealed = key(PERSON, 1).seal("comment", &plaintext);
            prop_assert_eq!(sealed.len(), plaintext.len() + OVERHEAD);
            prop_assert_eq!(key(PERSON, 1).open("comment", &sealed), Ok(plaintext));
        }

        #[test]
        fn a_box_altered_in_one_bit_or_cut_is_forged(plaintext: Vec<u8>, bit: prop::sample::Index, cut: prop::sample::Index) {
            let sealed = key(PERSON, 1).seal("comment", &plaintext);
            let mut altered = sealed.clone();
            let bit = bit.index(sealed.len() * 8);
            altered[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key(PERSON, 1).open("comment", &altered), Err(Forged));
            prop_assert_eq!(key(PERSON, 1).open("comment", &sealed[..cut.index(sealed.len())]), Err(Forged));
        }
    }
}
