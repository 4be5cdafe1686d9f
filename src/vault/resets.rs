//! The port for password resets: a link, sent by mail, that lets its holder set a new password once.

use palabre_events::{AccountId, Timestamp};

use super::sessions::EndedSession;
use super::{Answer, PasswordHash, Person, TokenHash};

/// The password resets of a vault.
pub trait Resets: Send + Sync + 'static {
    /// Keeps a reset for the account until `expires_at`; one that it had is forgotten.
    fn keep_reset(&self, account: AccountId, token: TokenHash, expires_at: Timestamp) -> Answer<()>;

    /// Whose reset this is, if it is there and has not expired by `now`; does not use it up.
    fn reset_holder(&self, token: TokenHash, now: Timestamp) -> Answer<Option<Person>>;

    /// Uses the reset up, all in one: sets the password and ends all sessions of its holder. `None`, and nothing
    /// changes, when it is not there or has expired by `now`.
    fn redeem_reset(&self, token: TokenHash, password: PasswordHash, now: Timestamp) -> Answer<Option<Redeemed>>;
}

/// What using a reset did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// Whose password was set.
    pub account: AccountId,
    /// Their sessions, which ended.
    pub ended: Vec<EndedSession>,
}
