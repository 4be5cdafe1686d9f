//! Seals and opens with the vault's keys, from a bounded cache.
//!
//! Keys are cached without end of time, because they never change; what can happen to a key is that it is destroyed.
//! This process forgets a key the moment it destroys it ([`Keyring::destroy`]). Others learn of it from the vault's
//! list of destroyed keys, which every use of the ring reads on when the last look is older than
//! [`ERASURES_CHECKED_MS`]: so a destroyed key opens nothing anywhere about a second later, while the vault answers.
//! While it does not, cached keys go on opening, so that talk does not stop. Whose key to use for what is the caller's
//! business.

use lru::LruCache;
use palabre_events::log::Fingerprint;
use palabre_events::sealed::CannotOpen;
use palabre_events::{AccountId, ConversationId, KeyId, Opener, Sealable, Sealed, Timestamp};
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use uuid::Uuid;

use super::data_key::{DataKey, NodeKey};
use super::keys::{DESTROYED_PER_CALL_MAX, KEYS_PER_CALL_MAX};
use super::{KeyMaterial, KeyState, Keys, VaultFailure};

/// Keys in the cache, about 250 bytes each; the one unused for longest makes room, and is read again when needed.
pub const CACHED_KEYS_MAX: usize = SHARDS * KEYS_PER_SHARD_MAX;
/// How old the last look at the list of destroyed keys may be, in milliseconds.
pub const ERASURES_CHECKED_MS: u64 = 1_000;
/// Parts of the cache, each behind a lock of its own, so that readers seldom meet.
const SHARDS: usize = 16;
const KEYS_PER_SHARD_MAX: usize = 4096;

/// Seals, opens and fingerprints with the keys of a vault. Cheap to clone; all clones share one cache.
#[derive(Clone)]
pub struct Keyring {
    shared: Arc<Shared>,
}

struct Shared {
    vault: Arc<dyn Keys>,
    shards: [Mutex<LruCache<KeyId, Cached>>; SHARDS],
    erasures: Erasures,
}

/// What the cache knows of a key. That it was never made is not kept: it may be made at any moment.
#[derive(Clone)]
enum Cached {
    Usable(Arc<DataKey>),
    Destroyed,
}

/// How far this process has read the vault's list of destroyed keys.
struct Erasures {
    started: Instant,
    checked_at_ms: AtomicU64,
    seen: Mutex<u64>,
}

/// Why something cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    /// The key was destroyed: the person was erased.
    #[error("the key was destroyed")]
    Erased,
    /// The key was never made; [`Keyring::ready`] makes it.
    #[error("the key was never made")]
    NeverMade,
    /// The vault does not answer at present.
    #[error("the vault does not answer")]
    Unavailable,
}

impl From<VaultFailure> for CannotSeal {
    fn from(_: VaultFailure) -> Self {
        Self::Unavailable
    }
}

impl Keyring {
    /// A ring for the keys of `vault`. Blocks for one look at it.
    pub fn new(vault: Arc<dyn Keys>) -> Result<Self, VaultFailure> {
        let seen = vault.destroyed_head()?;
        let erasures = Erasures { started: Instant::now(), checked_at_ms: AtomicU64::new(0), seen: Mutex::new(seen) };
        let size = NonZeroUsize::new(KEYS_PER_SHARD_MAX).expect("the limit is not zero");
        let shards = std::array::from_fn(|_| Mutex::new(LruCache::sparse(size)));
        Ok(Self { shared: Arc::new(Shared { vault, shards, erasures }) })
    }

    /// Loads `keys` into the cache, and makes those that were never made. [`CannotSeal::Erased`] when one of them was
    /// destroyed; the others are then ready all the same.
    pub async fn ready(&self, keys: &[KeyId]) -> Result<(), CannotSeal> {
        let missing: Vec<_> = keys.iter().copied().filter(|key| self.shared.cached(*key).is_none()).collect();
        for page in missing.chunks(KEYS_PER_CALL_MAX) {
            let states = self.shared.vault.keys(page.to_vec()).await?;
            let unmade = page.iter().zip(&states).filter(|(_, state)| **state == KeyState::NeverMade);
            let candidates: Vec<_> = unmade.map(|(key, _)| (*key, KeyMaterial::generate())).collect();
            self.shared.remember(page.iter().copied().zip(states));
            if !candidates.is_empty() {
                let made: Vec<_> = candidates.iter().map(|(key, _)| *key).collect();
                let states = self.shared.vault.ensure_keys(candidates).await?;
                self.shared.remember(made.into_iter().zip(states));
            }
        }
        keys.iter().try_for_each(|key| self.shared.key(*key).map(drop))
    }

    /// Seals `value` with `key`. Call [`Keyring::ready`] with the key first: a key that has left the cache since is
    /// read again, which blocks for a moment.
    pub fn seal<T: Sealable>(&self, key: KeyId, value: &T) -> Result<Sealed<T>, CannotSeal> {
        Ok(Sealed::from_box(key, self.shared.key(key)?.seal(T::PURPOSE, &value.to_plaintext())))
    }

    /// A digest of a command's `body` that only this person's key can make, see [`Fingerprint`]. Call
    /// [`Keyring::ready`] with the key first.
    pub fn fingerprint(&self, account: AccountId, body: &[u8]) -> Result<Fingerprint, CannotSeal> {
        Ok(self.shared.key(KeyId::Person(account))?.fingerprint(body))
    }

    /// The key by which nodes know each other's messages, made at first use.
    pub async fn node_key(&self) -> Result<NodeKey, CannotSeal> {
        self.ready(&[KeyId::Platform]).await?;
        Ok(self.shared.key(KeyId::Platform)?.node_key())
    }

    /// Destroys `key` for ever: once this answers, this process opens and seals nothing with it, and no file of the
    /// vault holds it; other processes follow about a second later.
    pub async fn destroy(&self, key: KeyId, now: Timestamp) -> Result<(), VaultFailure> {
        self.shared.vault.destroy_key(key, now).await?;
        self.shared.forget(key);
        Ok(())
    }
}

impl Opener for Keyring {
    /// From the cache, else by a read that blocks for a moment. A key that was never made opens nothing: `Forged`.
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let key = self.shared.key(key).map_err(|why| match why {
            CannotSeal::Erased => CannotOpen::Erased,
            CannotSeal::NeverMade => CannotOpen::Forged,
            CannotSeal::Unavailable => CannotOpen::Unavailable,
        })?;
        key.open(purpose, boxed).map_err(|_| CannotOpen::Forged)
    }
}

impl Shared {
    /// The key, from the cache or else from the vault.
    fn key(&self, id: KeyId) -> Result<Arc<DataKey>, CannotSeal> {
        let cached = match self.cached(id) {
            Some(cached) => cached,
            None => match self.vault.key_now(id)? {
                KeyState::NeverMade => return Err(CannotSeal::NeverMade),
                state => self.keep(id, &state).ok_or(CannotSeal::NeverMade)?,
            },
        };
        match cached {
            Cached::Usable(key) => Ok(key),
            Cached::Destroyed => Err(CannotSeal::Erased),
        }
    }

    fn cached(&self, id: KeyId) -> Option<Cached> {
        self.follow_erasures();
        self.shard(id).lock().get(&id).cloned()
    }

    fn remember(&self, states: impl Iterator<Item = (KeyId, KeyState)>) {
        for (id, state) in states {
            self.keep(id, &state);
        }
    }

    /// Keeps what the vault said of a key, and answers what holds; nothing for a key that was never made. What was
    /// read before a destruction may arrive after it, so a destroyed key stays destroyed.
    fn keep(&self, id: KeyId, state: &KeyState) -> Option<Cached> {
        let new = match state {
            KeyState::Held(material) => Cached::Usable(Arc::new(DataKey::new(id, material))),
            KeyState::Destroyed => Cached::Destroyed,
            KeyState::NeverMade => return None,
        };
        let mut shard = self.shard(id).lock();
        if let Some(Cached::Destroyed) = shard.peek(&id) {
            return Some(Cached::Destroyed);
        }
        shard.put(id, new.clone());
        Some(new)
    }

    fn forget(&self, id: KeyId) {
        self.shard(id).lock().put(id, Cached::Destroyed);
    }

    fn shard(&self, id: KeyId) -> &Mutex<LruCache<KeyId, Cached>> {
        let uuid = match id {
            KeyId::Person(AccountId(uuid)) | KeyId::Conversation(ConversationId(uuid)) => uuid,
            KeyId::Platform => Uuid::nil(),
        };
        // The last byte is random in every version of UUID that is used here.
        &self.shards[usize::from(uuid.as_bytes()[15]) % SHARDS]
    }

    /// Forgets the keys that any process has destroyed since the last look, if that is long ago. One thread at a time
    /// looks; the others go on.
    fn follow_erasures(&self) {
        let now_ms = u64::try_from(self.erasures.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now_ms.saturating_sub(self.erasures.checked_at_ms.load(Ordering::Relaxed)) < ERASURES_CHECKED_MS {
            return;
        }
        let Some(mut seen) = self.erasures.seen.try_lock() else { return };
        // Also after a failure, which the adapter has logged: the next look is a second away, not at the next use.
        self.erasures.checked_at_ms.store(now_ms, Ordering::Relaxed);
        while let Ok(page) = self.vault.destroyed_after(*seen) {
            for destroyed in &page {
                self.forget(destroyed.id);
                *seen = destroyed.sequence;
            }
            if page.len() < DESTROYED_PER_CALL_MAX {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::SqliteVault;
    use futures_util::future::join_all;
    use palabre_events::sealed::{Comment, MessageText};

    const ANNA: AccountId = AccountId(Uuid::from_u128(0xa));
    const BEN: AccountId = AccountId(Uuid::from_u128(0xb));

    /// A vault in a folder of its own, which goes with it.
    fn vault() -> (tempfile::TempDir, Arc<SqliteVault>) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Arc::new(SqliteVault::open(&folder.path().join("vault.db")).unwrap());
        (folder, vault)
    }

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000).unwrap()
    }

    fn bonjour() -> MessageText {
        MessageText("Bonjour, il reste une place ?".to_owned())
    }

    #[tokio::test]
    async fn what_one_ring_seals_another_opens_without_being_readied() {
        let (_folder, vault) = vault();
        let ring = Keyring::new(vault.clone()).unwrap();
        ring.ready(&[KeyId::Person(ANNA), KeyId::Person(BEN)]).await.unwrap();
        let sealed = ring.seal(KeyId::Person(ANNA), &bonjour()).unwrap();
        let other = Keyring::new(vault).unwrap();
        assert_eq!(sealed.open(&other), Ok(bonjour()));
        assert_eq!(other.fingerprint(BEN, b"body"), ring.fingerprint(BEN, b"body"));
        assert_ne!(ring.fingerprint(ANNA, b"body"), ring.fingerprint(BEN, b"body"));
    }

    #[tokio::test]
    async fn a_box_under_another_persons_name_or_as_another_kind_is_forged() {
        let (_folder, vault) = vault();
        let ring = Keyring::new(vault).unwrap();
        ring.ready(&[KeyId::Person(ANNA), KeyId::Person(BEN)]).await.unwrap();
        let sealed = ring.seal(KeyId::Person(ANNA), &bonjour()).unwrap();
        let renamed = Sealed::<MessageText>::from_box(KeyId::Person(BEN), sealed.boxed.clone());
        assert_eq!(renamed.open(&ring), Err(CannotOpen::Forged));
        let as_comment = Sealed::<Comment>::from_box(KeyId::Person(ANNA), sealed.boxed);
        assert_eq!(as_comment.open(&ring), Err(CannotOpen::Forged));
    }

    #[tokio::test]
    async fn a_key_never_made_neither_seals_nor_opens_until_it_is_made() {
        let (_folder, vault) = vault();
        let ring = Keyring::new(vault).unwrap();
        assert_eq!(ring.seal(KeyId::Person(ANNA), &bonjour()), Err(CannotSeal::NeverMade));
        let nothing = Sealed::<MessageText>::from_box(KeyId::Person(ANNA), vec![0; 60]);
        assert_eq!(nothing.open(&ring), Err(CannotOpen::Forged));
        ring.ready(&[KeyId::Person(ANNA)]).await.unwrap();
        assert_eq!(ring.seal(KeyId::Person(ANNA), &bonjour()).unwrap().open(&ring), Ok(bonjour()));
    }

    #[tokio::test]
    async fn a_destroyed_key_opens_and_seals_nothing_any_more() {
        let (_folder, vault) = vault();
        let ring = Keyring::new(vault).unwrap();
        let (anna, ben) = (KeyId::Person(ANNA), KeyId::Person(BEN));
        ring.ready(&[anna, ben]).await.unwrap();
        let sealed = ring.seal(anna, &bonjour()).unwrap();
        ring.destroy(anna, now()).await.unwrap();
        assert_eq!(sealed.open(&ring), Err(CannotOpen::Erased));
        assert_eq!(ring.seal(anna, &bonjour()), Err(CannotSeal::Erased));
        assert_eq!(ring.fingerprint(ANNA, b"body"), Err(CannotSeal::Erased));
        assert_eq!(ring.ready(&[anna, ben]).await, Err(CannotSeal::Erased));
        assert!(ring.seal(ben, &bonjour()).is_ok());
    }

    #[tokio::test]
    async fn another_process_follows_a_destruction_at_its_next_look() {
        let (_folder, vault) = vault();
        let (here, there) = (Keyring::new(vault.clone()).unwrap(), Keyring::new(vault).unwrap());
        let anna = KeyId::Person(ANNA);
        here.ready(&[anna]).await.unwrap();
        let sealed = here.seal(anna, &bonjour()).unwrap();
        assert_eq!(sealed.open(&there), Ok(bonjour()));
        here.destroy(anna, now()).await.unwrap();
        let long_ago = Instant::now().checked_sub(std::time::Duration::from_millis(2 * ERASURES_CHECKED_MS));
        let mut there = there;
        Arc::get_mut(&mut there.shared).unwrap().erasures.started = long_ago.unwrap();
        assert_eq!(sealed.open(&there), Err(CannotOpen::Erased));
    }

    #[tokio::test]
    async fn what_was_read_before_a_destruction_does_not_come_back_after_it() {
        let (_folder, vault) = vault();
        let ring = Keyring::new(vault).unwrap();
        let anna = KeyId::Person(ANNA);
        ring.destroy(anna, now()).await.unwrap();
        ring.shared.keep(anna, &KeyState::Held(KeyMaterial::generate()));
        assert_eq!(ring.seal(anna, &bonjour()), Err(CannotSeal::Erased));
    }

    #[tokio::test]
    async fn nodes_of_one_vault_know_each_other_and_no_others() {
        let ((_folder, vault), (_other_folder, other_vault)) = (vault(), vault());
        let [here, there] = [vault.clone(), vault].map(|vault| Keyring::new(vault).unwrap());
        let (here, there) = (here.node_key().await.unwrap(), there.node_key().await.unwrap());
        let stranger = Keyring::new(other_vault).unwrap().node_key().await.unwrap();
        assert!(there.knows(b"bonjour", &here.tag(b"bonjour")));
        assert!(!there.knows(b"bonsoir", &here.tag(b"bonjour")));
        assert!(!stranger.knows(b"bonjour", &here.tag(b"bonjour")));
    }

    #[tokio::test]
    async fn a_thousand_callers_ready_overlapping_keys_and_agree() {
        let (_folder, vault) = vault();
        let rings = [Keyring::new(vault.clone()).unwrap(), Keyring::new(vault).unwrap()];
        let person = |n: usize| KeyId::Person(AccountId(Uuid::from_u128(n as u128 % 500)));
        let readied = join_all((0..1000).map(|n| {
            let ring = &rings[n % 2];
            async move { ring.ready(&[person(n), person(n / 2)]).await }
        }));
        assert!(readied.await.iter().all(Result::is_ok));
        for n in 0..500 {
            let sealed = rings[0].seal(person(n), &bonjour()).unwrap();
            assert_eq!(sealed.open(&rings[1]), Ok(bonjour()));
        }
    }

    #[tokio::test]
    async fn a_key_that_left_the_cache_is_read_again() {
        let (_folder, vault) = vault();
        let ring = Keyring::new(vault).unwrap();
        let anna = KeyId::Person(ANNA);
        ring.ready(&[anna]).await.unwrap();
        let sealed = ring.seal(anna, &bonjour()).unwrap();
        ring.shared.shard(anna).lock().clear();
        assert_eq!(sealed.open(&ring), Ok(bonjour()));
    }
}
