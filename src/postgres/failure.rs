//! What a failure of PostgreSQL means.

use tokio_postgres::error::SqlState;

use super::{Address, NoAnswer};

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// It cannot be reached, or says no.
    #[error("the database at {address} cannot be used: {why}")]
    Database {
        /// Where, without secrets.
        address: String,
        /// What it said.
        why: String,
    },
    /// There is nothing to read.
    #[error("there is no {what} of palabre in the database at {address}")]
    Missing {
        /// The log or the vault.
        what: &'static str,
        /// Where, without secrets.
        address: String,
    },
    /// It was written by a later program.
    #[error("the {what} has schema {found}, this palabre knows up to {known}; use a newer palabre")]
    Newer {
        /// The log or the vault.
        what: &'static str,
        /// The schema's version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It was written by an earlier program, and may only be read here.
    #[error(
        "the {what} has schema {found}, this palabre reads {known}; start the server once, which brings it up to date"
    )]
    Older {
        /// The log or the vault.
        what: &'static str,
        /// The schema's version.
        found: i64,
        /// The one that this program reads.
        known: i64,
    },
    /// It would lose what it acknowledged when the power fails.
    #[error("the database at {address} runs with fsync=off: a power cut would lose what was acknowledged")]
    NotDurable {
        /// Where, without secrets.
        address: String,
    },
    /// It is a copy that was never finished.
    #[error("this {what} is an unfinished copy; finish it with `palabre copy {what}`, or use another database")]
    Unfinished {
        /// The log or the vault.
        what: &'static str,
    },
    /// A thread cannot be had.
    #[error("cannot open the database: {0}")]
    Io(#[from] std::io::Error),
}

impl OpenFailure {
    /// What a failure to connect, or to set up, means to whoever opens.
    pub(crate) fn of(address: &Address, error: &NoAnswer) -> Self {
        Self::Database { address: address.to_string(), why: explained(error) }
    }
}

/// The error with its causes: the driver's own text leaves out what the server said.
pub(crate) fn explained(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether what is stored cannot be right, or is not there: somebody must look at it.
pub(crate) fn is_damage(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            // Class 42: the tables are not as this program made them.
            *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED || code.code().starts_with("42")
        }
        None => false,
    }
}

/// Whether the server judged the statement and went on: nothing of the statement's transaction is there or will be,
/// and the fault may lie in what it was given.
pub(crate) fn only_this_statement(error: &tokio_postgres::Error) -> bool {
    // Class 22: a value cannot be stored; class 23: it breaks a constraint.
    error.code().is_some_and(|code| code.code().starts_with("22") || code.code().starts_with("23"))
}
