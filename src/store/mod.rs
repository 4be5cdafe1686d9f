//! The log's port, and its adapters. The log is the truth: everything else is folded from it or may be forgotten.
//!
//! One contract suite runs against every adapter.

#[cfg(test)]
pub mod altered;
pub mod clock;
#[cfg(test)]
pub(crate) mod contract;
pub mod copy;
mod ends;
pub mod found;
pub mod keys;
#[cfg(feature = "kurrentdb")]
pub mod kurrent;
pub mod memory;
pub mod open;
pub mod postgres;
mod queue;
mod ruling;
pub mod sqlite;
pub mod verify;
mod writing;

use futures_util::future::{BoxFuture, join_all, ready};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// The most events that one read answers.
pub const PAGE_MAX: usize = 4096;
/// The most appends in one call of [`EventStore::append_many`].
pub const APPENDS_MAX: usize = 4096;

/// A log of events. Cheap to share; every method may be called from any thread.
pub trait EventStore: Send + Sync + 'static {
    /// Names this log. A restored or copied log has another name, and clients then start afresh.
    fn log_id(&self) -> Uuid;

    /// Appends to one stream, all or nothing, and answers each item once it is on disk; see [`ItemAnswer`].
    /// Answers [`AppendFailure::Unavailable`] at once when too much waits already.
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>>;

    /// Appends to many streams in one go, for imports: an answer to each, in order, as [`EventStore::append`] gives it.
    /// Each stands for itself; an earlier one counts as done for a later one. More than [`APPENDS_MAX`] are all
    /// [`AppendFailure::Malformed`].
    fn append_many(&self, appends: Vec<Append>) -> BoxFuture<'static, Vec<Result<Vec<ItemAnswer>, AppendFailure>>> {
        if appends.len() > APPENDS_MAX {
            return Box::pin(ready(vec![Err(AppendFailure::Malformed); appends.len()]));
        }
        // Adapters take appends in the order of the calls.
        let answers: Vec<_> = appends.into_iter().map(|append| self.append(append)).collect();
        Box::pin(join_all(answers))
    }

    /// What `command`'s key committed, if it did; `stream` is where the command goes. Fingerprints are compared by the
    /// caller.
    fn first_answer(
        &self,
        stream: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>>;

    /// Events of `stream` after `after_version`, in order, at most `limit` (and at most [`PAGE_MAX`]). An answer
    /// shorter than that limit is the end of the stream.
    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>>;

    /// Events after `after_position` in commit order, at most `limit` (and at most [`PAGE_MAX`]). Where positions are
    /// not dense, `after_position` is 0 or the position of an event.
    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>>;

    /// The event at `position`, where there is one.
    fn event_at(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Envelope>>, ReadFailure>> {
        let Some(before) = position.checked_sub(1) else { return Box::pin(ready(Ok(None))) };
        let page = self.read_all(before, 1);
        Box::pin(async move { Ok(page.await?.into_iter().next()) })
    }

    /// Whether positions count from 1 without a gap, so that whoever reads asserts `next == last + 1`. Otherwise they
    /// only rise. Versions are dense in every stream of every log.
    fn positions_are_dense(&self) -> bool {
        true
    }

    /// Whether a key is unique, and times of recording never go back, over the whole log. Otherwise both hold within
    /// each stream: a key that comes back for the same stream finds its first answer, as every repeat does.
    fn rules_span_streams(&self) -> bool {
        true
    }

    /// Whether other processes append to it as well.
    fn is_shared(&self) -> bool {
        false
    }

    /// Takes nothing more, writes and answers what was accepted, and lets go of what it holds. Reads may fail from then
    /// on.
    fn close(&self) -> BoxFuture<'static, ()> {
        // Unless an adapter says otherwise, it holds nothing.
        Box::pin(ready(()))
    }

    /// The position of the last event, as it rises. May skip values, never goes back; readers poll as well.
    fn head(&self) -> watch::Receiver<u64>;
}

/// Why a read has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    /// The log does not answer at present.
    #[error("the log does not answer")]
    Unavailable,
    /// What is stored cannot be right; somebody must look at it. Run `palabre verify`.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}
