//! How the rest of the program reads the views: queries on blocking threads, and waiting until they have seen a position.

use palabre_projections::matching::MatchingIndex;
use palabre_projections::{ViewError, ViewsReader};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use crate::store::EventStore;

/// How long a read waits for the views to see what was written before it.
pub const FRESH_WITHIN: Duration = Duration::from_secs(1);

/// Reads the views. Cheap to clone.
#[derive(Clone)]
pub struct ViewsHandle {
    reader: ViewsReader,
    index: Arc<MatchingIndex>,
    position: watch::Receiver<u64>,
    /// The position that somebody has asked the views to have seen.
    wanted: watch::Sender<u64>,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryFailure {
    /// The database of the views fails.
    #[error("the views cannot be read: {0}")]
    View(#[from] ViewError),
    /// The program is shutting down, or the query panicked.
    #[error("the query was abandoned")]
    Abandoned,
}

impl ViewsHandle {
    pub(super) fn new(reader: ViewsReader, index: Arc<MatchingIndex>, position: watch::Receiver<u64>) -> Self {
        Self { reader, index, position, wanted: watch::Sender::new(0) }
    }

    /// Follows what the views are to have seen.
    pub(super) fn follow_wanted(&self) -> watch::Receiver<u64> {
        self.wanted.subscribe()
    }

    /// Asks `question` on a thread that may block.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&ViewsReader) -> Result<T, ViewError> + Send + 'static,
    ) -> Result<T, QueryFailure> {
        let reader = self.reader.clone();
        let answer = tokio::task::spawn_blocking(move || question(&reader)).await;
        answer.map_err(|_| QueryFailure::Abandoned)?.map_err(QueryFailure::View)
    }

    /// The position up to which the views are folded.
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// Waits until the views have seen `position`; whether they have `within` that time.
    pub async fn wait_for(&self, position: u64, within: Duration) -> bool {
        let mut seen = self.position.clone();
        if *seen.borrow() < position {
            self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, position.max(*wanted)) < position);
        }
        let reached = tokio::time::timeout(within, seen.wait_for(|seen| *seen >= position)).await;
        matches!(reached, Ok(Ok(_)))
    }

    /// Waits until the views have seen all that is in the log now, at most [`FRESH_WITHIN`].
    pub async fn wait_for_head(&self, log: &Arc<dyn EventStore>) -> bool {
        let head = *log.head().borrow();
        self.wait_for(head, FRESH_WITHIN).await
    }

    /// The matching index.
    pub fn index(&self) -> &MatchingIndex {
        &self.index
    }
}
