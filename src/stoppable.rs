//! Background work that is told to stop and then ends by itself.

use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Whether some work is to stop. Nobody left who could say so is the same.
pub type IsToStop = watch::Receiver<bool>;

/// Work that runs. Dropped, it ends as well.
pub struct Stoppable {
    what: &'static str,
    is_to_stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Stoppable {
    /// Has `spawn` start the work, which the node's own log calls `what`.
    pub fn start(what: &'static str, spawn: impl FnOnce(IsToStop) -> JoinHandle<()>) -> Self {
        let (is_to_stop, told) = watch::channel(false);
        Self { what, is_to_stop, task: spawn(told) }
    }

    /// Has it finish what is under way, give back what it holds, and end. What takes longer than `within`, as with a
    /// vault that is silent, is broken off; another node goes on when its lease has run out.
    pub async fn stop(&self, within: Duration) {
        self.is_to_stop.send_replace(true);
        if tokio::time::timeout(within, self.is_to_stop.closed()).await.is_err() {
            self.task.abort();
            tracing::warn!(what = self.what, "did not stop in time; another node goes on when its lease has run out");
        }
    }

    /// Ends it wherever it is, as a crash would.
    #[cfg(test)]
    pub(crate) async fn break_off(&self) {
        self.task.abort();
        self.is_to_stop.closed().await;
    }
}
