//! Passwords: what one must be like, and how it is hashed and checked without exhausting memory.
//!
//! Length is what makes a password strong; there are no rules on its composition (NIST SP 800-63B, 3.1.1.2).

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::vault::{Email, PasswordHash};

/// The shortest password, in characters.
pub const CHARS_MIN: usize = 10;
/// The longest password, in characters.
pub const CHARS_MAX: usize = 200;
/// Hashes computed at once; each takes [`MEMORY_KIB`].
const HASHES_AT_ONCE: usize = 2;
/// Hashes that are computed or wait; more are answered [`Busy`].
const HASHES_WAITING_MAX: usize = 200;
/// Memory of one hash, in KiB; with [`PASSES`] and [`LANES`] the first choice of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// A hash with these parameters, checked in place of that of somebody who is not there, so that time tells nothing.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$hNWUOmc3InuhlJDiZaRVGZeHpiH7gpuyK1WiY6+xYR8";
/// Characters of a generated password: 114 random bits.
const GENERATED_CHARS: usize = 20;
/// 56 characters that nobody mistakes for each other.
const GENERATED_FROM: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// Why a password is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Fewer than [`CHARS_MIN`] characters.
    TooShort,
    /// More than [`CHARS_MAX`] characters.
    TooLong,
    /// It is the person's own address, or the part before the `@`.
    IsEmail,
}

/// Whether `password` may be chosen by who has `email`.
pub fn judge(password: &str, email: &Email) -> Result<(), Unfit> {
    let lower = password.trim().to_lowercase();
    match password.chars().count() {
        ..CHARS_MIN => Err(Unfit::TooShort),
        CHARS_MIN..=CHARS_MAX if lower == email.as_str() || lower == email.local_part() => Err(Unfit::IsEmail),
        CHARS_MIN..=CHARS_MAX => Ok(()),
        _ => Err(Unfit::TooLong),
    }
}

/// A random password that nobody has to believe in: it is shown once and never stored.
pub fn generate() -> Zeroizing<String> {
    let whole_turns = u8::MAX - u8::MAX % GENERATED_FROM.len() as u8;
    let mut password = Zeroizing::new(String::with_capacity(GENERATED_CHARS));
    while password.len() < GENERATED_CHARS {
        let [byte] = crate::random::bytes();
        // Bytes past the last whole turn would make the first letters likelier.
        if byte < whole_turns {
            password.push(char::from(GENERATED_FROM[usize::from(byte) % GENERATED_FROM.len()]));
        }
    }
    password
}

/// Too many passwords wait to be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Hashes and checks passwords with argon2id on threads of its own, a few at once.
pub struct Hasher {
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// None only while it is dropped. As few threads as hashes: the system's allocator keeps what each thread once needed,
    /// and on threads that are shared with others that would come to hundreds of megabytes.
    threads: Option<Runtime>,
}

impl Hasher {
    /// A hasher to which nobody waits yet.
    pub fn new() -> Self {
        let (waiting, running) = (Semaphore::new(HASHES_WAITING_MAX), Semaphore::new(HASHES_AT_ONCE));
        let mut threads = Builder::new_current_thread();
        threads.thread_name("passwords").max_blocking_threads(HASHES_AT_ONCE);
        let threads = threads.build().expect("a runtime without timers and sockets asks nothing of the system");
        Self { waiting: Arc::new(waiting), running: Arc::new(running), threads: Some(threads) }
    }

    /// The hash of `password`, under a fresh salt.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash, Busy> {
        let password = Zeroizing::new(password.to_owned());
        self.run(move || hash_now(&password)).await
    }

    /// Whether `password` is the one of `hash`. Without a hash the answer is no, after as long a time.
    pub async fn verify(&self, password: &str, hash: Option<&PasswordHash>) -> Result<bool, Busy> {
        let password = Zeroizing::new(password.to_owned());
        let known = hash.is_some();
        let hash = hash.map_or_else(|| DECOY.to_owned(), |hash| hash.0.clone());
        let matches = self.run(move || argon2().verify_password(password.as_bytes(), hash.as_str()).is_ok()).await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let waiting = self.waiting.clone().try_acquire_owned().map_err(|_| Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        let threads = self.threads.as_ref().expect("it is not being dropped");
        let done = threads.spawn_blocking(move || {
            let done = work();
            // Held to the end even if whoever asked has gone: it is the work that takes the memory.
            drop((waiting, running));
            done
        });
        done.await.map_err(|_| Busy)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // Whoever drops it may be on a thread that must not wait.
            threads.shutdown_background();
        }
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("these parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &str) -> PasswordHash {
    let salt = crate::random::bytes::<16>();
    let hash = argon2().hash_password_with_salt(password.as_bytes(), &salt);
    PasswordHash(hash.expect("argon2 takes any password of this length").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::collections::HashSet;

    #[test]
    fn length_in_characters_is_the_rule() {
        let email: Email = "anna.dupont@exemple.fr".parse().unwrap();
        let judged = |password: &str| judge(password, &email);
        assert_eq!(judged("123456789"), Err(Unfit::TooShort));
        assert_eq!(judged("éééééééééé"), Ok(()));
        assert_eq!(judged("          "), Ok(()), "a phrase of spaces is odd, and theirs to choose");
        assert_eq!(judged(&"x".repeat(CHARS_MAX)), Ok(()));
        assert_eq!(judged(&"é".repeat(CHARS_MAX + 1)), Err(Unfit::TooLong));
        for own in ["anna.dupont@exemple.fr", "Anna.Dupont@Exemple.fr ", "ANNA.DUPONT"] {
            assert_eq!(judged(own), Err(Unfit::IsEmail), "{own}");
        }
    }

    #[test]
    fn generated_passwords_pass_their_own_rule_and_differ() {
        let email: Email = "anna@exemple.fr".parse().unwrap();
        let generated: HashSet<String> = (0..100).map(|_| generate().to_string()).collect();
        assert_eq!(generated.len(), 100);
        assert!(generated.iter().all(|password| judge(password, &email).is_ok()));
    }

    #[tokio::test]
    async fn a_password_is_recognised_and_another_is_not() {
        let hasher = Hasher::new();
        let hash = hasher.hash("une voiture verte").await.unwrap();
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(parameters(&hash.0).as_deref(), Some("$argon2id$v=19$m=19456,t=2,p=1"));
        assert_eq!(parameters(DECOY), parameters(&hash.0), "the decoy takes as long");
        assert_eq!(hasher.verify("une voiture verte", Some(&hash)).await, Ok(true));
        assert_eq!(hasher.verify("une voiture rouge", Some(&hash)).await, Ok(false));
        assert_ne!(hasher.hash("une voiture verte").await.unwrap(), hash, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right() {
        let hasher = Hasher::new();
        assert_eq!(hasher.verify("une voiture verte", None).await, Ok(false), "not even the decoy's");
    }

    /// What was stored must be recognised for ever. Computed apart, by the reference implementation in C.
    #[tokio::test]
    async fn golden_hash() {
        let stored = PasswordHash(DECOY.to_owned());
        assert_eq!(Hasher::new().verify("une voiture verte", Some(&stored)).await, Ok(true));
    }

    #[tokio::test]
    async fn more_than_may_wait_are_told_busy() {
        let hasher = Hasher::new();
        let _all = hasher.running.clone().acquire_many_owned(HASHES_AT_ONCE as u32).await.unwrap();
        let queued = join_all((0..HASHES_WAITING_MAX).map(|_| hasher.hash("une voiture verte")));
        let one_more = async {
            // The queued ones were polled first, so each of them waits by now.
            hasher.hash("une voiture verte").await
        };
        tokio::select! {
            biased;
            _ = queued => panic!("nothing can run"),
            refused = one_more => assert_eq!(refused, Err(Busy)),
        }
    }
}
