//! A demo: a store full of made-up people, rides and conversations in every state, for whoever wants to look around.
//!
//! [`mod@store`] says whether a folder may become a demo, and wipes nothing else; its [`marker`] makes the platform know what
//! it is. [`plan`] draws rides over the [`map`], from a seed; [`cast`] are the people whose sign-ins are told; they play the
//! [`scenes`] on a [`stage`]. [`fill`] has all of it said and done through `commands`, as clients would: no event is made
//! here. `palabre demo` calls it and then serves.

pub mod cast;
pub mod fill;
pub mod map;
pub mod marker;
pub mod plan;
pub mod scenes;
pub mod stage;
pub mod store;
pub mod words;

use crate::accounts::AccountRefusal;
use crate::commands::Refusal;
use crate::store::sqlite::OpenFailure;
use std::path::PathBuf;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoFailure {
    /// The folder holds something else.
    #[error("{0} holds real data, and a demo touches none; give it a folder of its own: palabre demo --data FOLDER")]
    RealData(PathBuf),
    /// Another store is set than the embedded one.
    #[error("a demo lives in a folder of its own; leave out --store and --vault")]
    NotEmbedded,
    /// Somebody else has the folder.
    #[error(transparent)]
    Claim(anyhow::Error),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenFailure),
    /// A command was refused that should not have been.
    #[error("a step of the demo was refused: {} ({})", .0.message(), .0.code())]
    Refused(Refusal),
    /// Somebody could not be let in.
    #[error("somebody of the demo could not be let in: {}", .0.message())]
    NotLetIn(AccountRefusal),
    /// What follows from a command did not come about.
    #[error("the demo waited in vain for {0}")]
    InVain(&'static str),
}

impl From<Refusal> for DemoFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<AccountRefusal> for DemoFailure {
    fn from(refusal: AccountRefusal) -> Self {
        Self::NotLetIn(refusal)
    }
}
