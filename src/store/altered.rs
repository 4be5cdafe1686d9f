//! Logs for tests that do as another does, but for one thing.

use futures_util::future::BoxFuture;
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

use super::{EventStore, ReadFailure};

/// A log that does as [`Altered::log`] does where it does not say otherwise. To be implemented by its path and not brought
/// into scope: its methods have the names of those that they stand for. What is not among them is the other log's own.
pub trait Altered: Send + Sync + 'static {
    /// The other log.
    fn log(&self) -> &dyn EventStore;

    /// As [`EventStore::append`].
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        self.log().append(append)
    }

    /// As [`EventStore::read`].
    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.log().read(stream, after_version, limit)
    }

    /// As [`EventStore::read_all`].
    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        self.log().read_all(after_position, limit)
    }

    /// As [`EventStore::head`].
    fn head(&self) -> watch::Receiver<u64> {
        self.log().head()
    }
}

impl<L: Altered> EventStore for L {
    fn log_id(&self) -> Uuid {
        self.log().log_id()
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        Altered::append(self, append)
    }

    fn first_answer(
        &self,
        stream: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        self.log().first_answer(stream, command)
    }

    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        Altered::read(self, stream, after_version, limit)
    }

    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        Altered::read_all(self, after_position, limit)
    }

    fn event_at(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Envelope>>, ReadFailure>> {
        self.log().event_at(position)
    }

    fn positions_are_dense(&self) -> bool {
        self.log().positions_are_dense()
    }

    fn rules_span_streams(&self) -> bool {
        self.log().rules_span_streams()
    }

    fn is_shared(&self) -> bool {
        self.log().is_shared()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.log().close()
    }

    fn head(&self) -> watch::Receiver<u64> {
        Altered::head(self)
    }
}
