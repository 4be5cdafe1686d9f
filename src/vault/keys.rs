//! The port for data keys: made once, fetched often, destroyed for ever.
//!
//! What a key does to text is in `data_key`; here it is 32 secret bytes with a name and a fate.

use palabre_events::{KeyId, Timestamp};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Answer, VaultFailure};

/// The most keys that one [`Keys::keys`] or [`Keys::ensure_keys`] takes.
pub const KEYS_PER_CALL_MAX: usize = 1024;
/// The most names that one [`Keys::destroyed_after`] answers.
pub const DESTROYED_PER_CALL_MAX: usize = 1024;

/// The data keys of a vault.
pub trait Keys: Send + Sync + 'static {
    /// What became of each of `ids` (at most [`KEYS_PER_CALL_MAX`]), in their order.
    fn keys(&self, ids: Vec<KeyId>) -> Answer<Vec<KeyState>>;

    /// Makes those of `candidates` (at most [`KEYS_PER_CALL_MAX`]) that were never made, and answers what holds after,
    /// in their order: when several make one key at once, all are answered the one that won. A destroyed key is not
    /// made again.
    fn ensure_keys(&self, candidates: Vec<(KeyId, KeyMaterial)>) -> Answer<Vec<KeyState>>;

    /// Destroys a key for ever, also one that was never made; its bytes are overwritten before the answer. Again
    /// changes nothing.
    fn destroy_key(&self, id: KeyId, now: Timestamp) -> Answer<()>;

    /// What became of `id`. Blocks, for a few microseconds when the vault is a file: for readers that cannot wait
    /// otherwise, such as a fold of the log.
    fn key_now(&self, id: KeyId) -> Result<KeyState, VaultFailure>;

    /// The keys destroyed after `sequence`, in order, at most [`DESTROYED_PER_CALL_MAX`]; nothing is ever added before
    /// what was answered. Blocks like [`Keys::key_now`].
    fn destroyed_after(&self, sequence: u64) -> Result<Vec<Destroyed>, VaultFailure>;

    /// The sequence of the key destroyed last, 0 when none was. Blocks like [`Keys::key_now`].
    fn destroyed_head(&self) -> Result<u64, VaultFailure>;
}

/// A key that was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// Its place among the destroyed, rising from 1.
    pub sequence: u64,
    /// Which.
    pub id: KeyId,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is there.
    Held(KeyMaterial),
    /// It was destroyed and never comes back.
    Destroyed,
    /// Nobody made it yet.
    NeverMade,
}

/// The 256 secret bits of a data key, wiped from memory when dropped.
#[derive(Clone)]
pub struct KeyMaterial(Zeroizing<[u8; KeyMaterial::LENGTH]>);

impl KeyMaterial {
    /// Bytes of a key.
    pub const LENGTH: usize = 32;

    /// A new random key.
    pub fn generate() -> Self {
        let mut material = Zeroizing::new([0; Self::LENGTH]);
        getrandom::fill(material.as_mut_slice()).expect("the operating system has randomness");
        Self(material)
    }

    /// A key that was made before.
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for storing and deriving.
    pub fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl PartialEq for KeyMaterial {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for KeyMaterial {}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(…)")
    }
}
