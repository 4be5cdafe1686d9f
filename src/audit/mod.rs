//! A ride's record: who did what, when and why, in words and as data, and the state at any time; each reader sees what
//! is theirs to see.
//!
//! [`visibility`] decides alone who may read what. [`report`] merges the ride's stream with the conversations about it,
//! [`narrate`] tells each event in words, [`opened`] as data; [`folded`] is the ride up to a time, [`state`] what a viewer sees of it. Everything comes from
//! the log; the one thing that only a view can list is which conversations a ride has, and whoever calls hands them over.
//! The HTTP API and the command line both come through here.

pub mod folded;
mod merged;
pub mod names;
pub mod narrate;
pub mod opened;
pub mod report;
pub mod state;
#[cfg(test)]
pub(crate) mod story;
mod text;
pub mod visibility;

pub use folded::ride_at;
pub use report::{Report, Sources, Span, ride_report};
pub use state::RideState;
pub use visibility::{Sight, Viewer};

use crate::store::ReadFailure;
use palabre_events::aggregate::UnreadableEvent;

/// Why a record cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFailure {
    /// The log or the vault does not answer at present.
    #[error("the log or the vault does not answer")]
    Unavailable,
    /// What is stored cannot be right; somebody must look at it. Run `palabre verify`.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

impl From<ReadFailure> for AuditFailure {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Unavailable => Self::Unavailable,
            ReadFailure::Damaged(why) => Self::Damaged(why),
        }
    }
}

impl From<UnreadableEvent> for AuditFailure {
    fn from(unreadable: UnreadableEvent) -> Self {
        Self::Damaged(unreadable.to_string())
    }
}
