//! Why something about an account is not done, with stable codes that clients translate.

use crate::commands::FieldError;
use crate::vault::{CannotSeal, VaultFailure};

/// Why something about an account is not done. Holds nothing internal, and no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountRefusal {
    /// The form is not acceptable.
    Invalid(Vec<FieldError>),
    /// The address has an account. Said openly, since nobody has to confirm an address before signing in; throttled,
    /// so that it is no way to sift addresses.
    EmailTaken,
    /// Address or password is wrong; which one is not said.
    WrongCredentials,
    /// The link to set a new password was used, replaced, or is too old.
    ResetOver,
    /// Too many tries from there.
    TooManyAttempts {
        /// After how long to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The vault or the log does not answer at present, or too many passwords wait to be checked.
    Unavailable,
}

impl AccountRefusal {
    /// One field is wrong.
    pub(super) fn field(field: &str, code: &'static str, message: &str) -> Self {
        Self::Invalid(vec![FieldError { field: field.to_owned(), code, message: message.to_owned() }])
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::EmailTaken => "email_taken",
            Self::WrongCredentials => "wrong_credentials",
            Self::ResetOver => "reset_over",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Unavailable => "unavailable",
        }
    }

    /// One plain English sentence.
    pub fn message(&self) -> &str {
        match self {
            Self::Invalid(fields) => fields.first().map_or("", |first| first.message.as_str()),
            Self::EmailTaken => "this e-mail address has an account; sign in, or have a new password set",
            Self::WrongCredentials => "the e-mail address or the password is wrong",
            Self::ResetOver => "this link was used or is too old; ask for a new one",
            Self::TooManyAttempts { .. } => "too many tries; wait a little",
            Self::Unavailable => "this cannot be done at the moment; try again",
        }
    }

    /// After how long to try again, in milliseconds, when it is temporary.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after_ms } => Some(*retry_after_ms),
            Self::Unavailable => Some(1_000),
            _ => None,
        }
    }
}

impl From<VaultFailure> for AccountRefusal {
    /// The adapter has logged it.
    fn from(_: VaultFailure) -> Self {
        Self::Unavailable
    }
}

impl From<CannotSeal> for AccountRefusal {
    fn from(why: CannotSeal) -> Self {
        tracing::error!(%why, "a name cannot be sealed");
        Self::Unavailable
    }
}
