//! The port for letters: mail that is to be sent, kept until a mail server has taken it.
//!
//! A letter says what is to be told to whom, and not the words: address and language are those at the time of sending,
//! and the link of a password reset is made then, so that none lies here.

use palabre_events::{AccountId, Timestamp};
use uuid::Uuid;

use super::Answer;

/// The most letters that are kept; more are refused.
pub const LETTERS_MAX: usize = 1_000;

/// The letters of a vault.
pub trait Letters: Send + Sync + 'static {
    /// Keeps a letter, once. Answers false, and keeps nothing, when there are [`LETTERS_MAX`].
    fn keep_letter(&self, letter: KeptLetter) -> Answer<bool>;

    /// At most `limit` of those due at `now`, the one due longest first.
    fn letters_due(&self, now: Timestamp, limit: usize) -> Answer<Vec<KeptLetter>>;

    /// Notes that a letter was tried so often, and when it is due again.
    fn put_off_letter(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Answer<()>;

    /// Forgets a letter: it was sent, or never will be.
    fn drop_letter(&self, id: Uuid) -> Answer<()>;
}

/// A letter that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptLetter {
    /// Its id; with each attempt the mail has the same.
    pub id: Uuid,
    /// To whom.
    pub account: AccountId,
    /// What it says.
    pub kind: LetterKind,
    /// When that which it is about happened.
    pub about: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be sent.
    pub due_at: Timestamp,
}

/// What a letter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterKind {
    /// A link to set a new password, which somebody asked for.
    PasswordReset,
    /// That the password was changed.
    PasswordChanged,
}

impl LetterKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::PasswordReset, Self::PasswordChanged];

    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
        }
    }

    /// That of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
