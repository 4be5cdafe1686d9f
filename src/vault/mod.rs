//! The vault: the small second store for what nodes must share and what must be forgettable.
//!
//! Facts live in the log and stay; what lives here can be destroyed, and then is gone: the data keys that open sealed
//! text, who may sign in with what, sessions, mail that waits, leases. The port is [`Vault`], a trait per noun; its adapters are
//! [`SqliteVault`] for one machine and [`PostgresVault`] for several nodes, [`open`](mod@open) chooses, and a contract
//! suite (`contract/`) runs against each. [`Keyring`] seals and opens
//! with the vault's keys and is what the rest of the program calls for text; `accounts` calls the rest of the port.
//! Nothing here judges passwords, sends mail or reads the log.

pub mod copy;
pub mod data_key;
pub mod email;
pub mod keyring;
pub mod keys;
pub mod leases;
pub mod letters;
pub mod open;
pub mod people;
pub mod postgres;
pub mod resets;
pub mod sessions;
pub mod sqlite;
pub mod token;

#[cfg(test)]
mod contract;

use futures_util::future::BoxFuture;

pub use email::{Email, NotAnEmail};
pub use keyring::{CannotSeal, Keyring};
pub use keys::{Destroyed, KeyMaterial, KeyState, Keys};
pub use leases::{Acquired, Holding, Lease, Leases};
pub use letters::{KeptLetter, LetterKind, Letters};
pub use people::{Admission, PasswordHash, People, Person, Role, Roles};
pub use postgres::PostgresVault;
pub use resets::{Redeemed, Resets};
pub use sessions::{EndedSession, Ending, Endings, Session, SessionId, Sessions};
pub use sqlite::SqliteVault;
pub use token::{Token, TokenHash};

/// A vault. Cheap to share behind an `Arc`; every method may be called from any thread.
///
/// Every write may be repeated safely: after [`VaultFailure::Unavailable`] it may have been done or not.
pub trait Vault: Keys + People + Sessions + Resets + Letters + Leases {}

/// What a vault answers, later.
pub type Answer<T> = BoxFuture<'static, Result<T, VaultFailure>>;

/// Why the vault has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultFailure {
    /// It does not answer at present, or too much waits for it; a write may have been done or not.
    #[error("the vault does not answer")]
    Unavailable,
    /// What is stored cannot be right; somebody must look at it.
    #[error("the vault cannot be used: {0}")]
    Damaged(String),
}
