//! What a projection is: a fold of the log into tables of its own, which answer one kind of question.
//!
//! Each keeps to its own tables, so that one that stops takes no other with it.

use palabre_events::domain::Recorded;
use palabre_events::{ConversationId, Opener, RideId};
use rusqlite::{Connection, ErrorCode};

/// A fold of the log into tables of its own.
pub(crate) trait Projection: Send {
    /// Its name, for health, metrics and the checkpoint.
    fn name(&self) -> &'static str;
    /// Folds one event in. May keep the rows that it changes in memory until [`Projection::flush`].
    fn fold(&mut self, recorded: &Recorded, folding: &Folding<'_>) -> Result<(), FoldError>;
    /// Writes what [`Projection::fold`] kept in memory; says in `touched` what others must look at again.
    fn flush(&mut self, db: &Connection, touched: &mut Touched) -> Result<(), FoldError>;
    /// Forgets what is in memory, because the transaction that it belongs to did not commit.
    fn forget(&mut self);
}

/// What a fold may use.
pub(crate) struct Folding<'a> {
    /// The views' connection, within the transaction of the batch.
    pub db: &'a Connection,
    /// Opens sealed values.
    pub opener: &'a dyn Opener,
}

/// What a batch has changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Rides whose row in the offers has changed, each once.
    pub rides: Vec<RideId>,
    /// Conversations with new events or marks, each once.
    pub conversations: Vec<ConversationId>,
}

/// Why a fold stops at an event. Says nothing personal.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The vault does not answer; the same events may be folded later.
    #[error("the vault does not answer")]
    VaultUnavailable,
    /// The database does not take it at present, such as a full disk; the same events may be folded later.
    #[error("the views cannot be written: {0}")]
    Database(#[source] rusqlite::Error),
    /// The event does not fit what was folded before it. Folding it again cannot help.
    #[error("{0}")]
    DoesNotFit(String),
}

impl FoldError {
    /// The event is about a `what` that no earlier event has made.
    pub(crate) fn unknown(what: &str, id: uuid::Uuid) -> Self {
        Self::DoesNotFit(format!("it is about {what} {id}, which no earlier event has made"))
    }
}

impl From<rusqlite::Error> for FoldError {
    fn from(error: rusqlite::Error) -> Self {
        let in_the_rows = matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
            || matches!(error, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..));
        if in_the_rows { Self::DoesNotFit(error.to_string()) } else { Self::Database(error) }
    }
}
