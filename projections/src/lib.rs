//! Folds of the log: the views that answer a screen's questions, and the matching index.
//!
//! [`Views`] owns the one connection that writes, and folds the log's events in order; [`ViewsReader`] answers
//! questions from other threads. Views hold nothing that the log does not: they may be thrown away at any time and are
//! then folded anew. Each projection is a file named after its question: [`offers`], [`requests`], [`conversations`]
//! (the inbox with its unread counts), [`proposals`], [`reservations`], [`people`], [`history`], [`pending`] (what is
//! still to be done) and [`timers`] (what is due). [`matching`] is the index that searches; it is fed from [`offers`].
//!
//! Nothing here reads the log, sends anything or knows a clock: whoever calls hands over events and the time.

mod columns;
pub mod compare;
pub mod conversations;
mod file;
mod filling;
pub mod history;
pub mod matching;
pub mod offers;
mod opening;
pub mod paging;
pub mod pending;
pub mod people;
pub mod places;
pub mod projection;
pub mod proposals;
pub mod reader;
pub mod requests;
pub mod reservations;
mod rows;
mod running;
pub mod snapshot;
pub mod timers;
pub mod views;

pub use compare::{Difference, compare};
pub use file::{FOLD_VERSION, OpenFailure};
pub use paging::{Page, Paging};
pub use projection::FoldError;
pub use reader::{ViewError, ViewsReader};
pub use running::{Parked, ProjectionHealth};
pub use snapshot::{replace, snapshot};
pub use views::{FoldFailure, Folded, Views};
