//! Accounts: signing up and in, sessions, password reset by mail, roles.
//!
//! [`Accounts`] is what the HTTP handlers, the chat socket and the command line call; each of its jobs has a file:
//! `sign_up`, `sign_in`, `reset`, `sessions`. They lean on `password` (rules and hashing), [`throttle`], [`mail`] (which
//! hands letters to an [`outlet`]) and
//! [`opening`] (which has the log take an account's first fact). State lives in the vault, facts in the log; cookies,
//! forms and status codes are `http`'s affair.

pub mod mail;
pub mod opening;
pub mod outlet;
pub mod password;
pub mod refusal;
pub mod throttle;

mod letters;
mod reset;
mod sessions;
mod sign_in;
mod sign_up;

#[cfg(test)]
mod tests;

use palabre_events::{AccountId, Timestamp};
use std::sync::Arc;
use tokio::sync::{Semaphore, broadcast};
use uuid::Uuid;

use crate::vault::{EndedSession, KeptLetter, Keyring, LetterKind, SessionId, Vault};
use mail::Bell;
use opening::OpenAccount;
use password::Hasher;
use sessions::SessionCache;
use throttle::{Quotas, Throttle};

pub use refusal::AccountRefusal;
pub use sessions::SessionInfo;
pub use sign_in::SignedIn;
pub(crate) use sign_up::check_name;
pub use sign_up::{Introduced, SignUp};

/// Endings of sessions that a listener may be behind; one that is further behind is told so, and then asks anew about
/// every session that it serves.
const ENDINGS_MAX: usize = 1024;
/// Resets that are looked up at once; more are answered [`AccountRefusal::Unavailable`].
const RESETS_AT_ONCE_MAX: usize = 64;

/// What [`Accounts`] is made of.
pub struct Parts {
    /// Where people, sessions and resets are kept.
    pub vault: Arc<dyn Vault>,
    /// Seals names.
    pub keyring: Keyring,
    /// Has the log take the first fact of an account.
    pub opening: Arc<dyn OpenAccount>,
    /// Wakes whoever sends mail.
    pub bell: Bell,
    /// How often somebody may try.
    pub quotas: Quotas,
}

/// The accounts of the platform.
pub struct Accounts {
    vault: Arc<dyn Vault>,
    keyring: Keyring,
    opening: Arc<dyn OpenAccount>,
    bell: Bell,
    hasher: Hasher,
    throttle: Throttle,
    cache: SessionCache,
    endings: broadcast::Sender<SessionEnded>,
    resets: Arc<Semaphore>,
}

/// A session was ended before its time: by its person, by a new password, or because too many were open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEnded {
    /// Whose it was.
    pub account: AccountId,
    /// Which.
    pub session: SessionId,
}

impl Accounts {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { vault, keyring, opening, bell, quotas } = parts;
        Self {
            vault,
            keyring,
            opening,
            bell,
            hasher: Hasher::new(),
            throttle: Throttle::new(quotas),
            cache: SessionCache::new(),
            endings: broadcast::Sender::new(ENDINGS_MAX),
            resets: Arc::new(Semaphore::new(RESETS_AT_ONCE_MAX)),
        }
    }

    /// Hears of sessions that end on this node, so that their sockets can be closed at once, here and elsewhere. Those
    /// that end on another node are in the vault's list of endings; those that end by their own time are found out by
    /// [`Accounts::who`], which a socket asks at every command and at every ping.
    pub fn endings(&self) -> broadcast::Receiver<SessionEnded> {
        self.endings.subscribe()
    }

    fn tell_ended(&self, account: AccountId, ended: &[EndedSession]) {
        for EndedSession { id, token } in ended {
            self.cache.forget(*token);
            // Nobody listening is fine: then no socket is open.
            drop(self.endings.send(SessionEnded { account, session: *id }));
        }
    }

    /// Tells somebody by mail that their password was changed. It is changed, whether they can be told or not.
    async fn tell_password_changed(&self, account: AccountId, now: Timestamp) {
        if let Err(refusal) = self.keep_letter(account, LetterKind::PasswordChanged, now).await {
            tracing::warn!(%account, code = refusal.code(), "nobody was told of a new password");
        }
    }

    /// Has a letter sent, by whichever node sends mail.
    async fn keep_letter(&self, account: AccountId, kind: LetterKind, now: Timestamp) -> Result<(), AccountRefusal> {
        let letter = KeptLetter { id: Uuid::now_v7(), account, kind, about: now, attempts: 0, due_at: now };
        if self.vault.keep_letter(letter).await? {
            self.bell.ring();
            return Ok(());
        }
        tracing::error!("too much mail waits");
        Err(AccountRefusal::Unavailable)
    }
}
