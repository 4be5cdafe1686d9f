//! Has the log take the first fact of an account. A trait, so that whoever has no actors (an import) can give its own.

use futures_util::future::BoxFuture;
use palabre_events::account::{Account, AccountCommand, AccountOpened, AccountRejection};
use palabre_events::shell::{Answer, Submission};
use palabre_events::{Actor, StreamId, Timestamp};
use uuid::Uuid;

use crate::actors::directory::Directory;

/// Has the log take an account's opening.
pub trait OpenAccount: Send + Sync + 'static {
    /// Appends `opened`, as done by `by`. An account that is open already stays as it is, so this can be repeated.
    fn open(&self, opened: AccountOpened, by: Actor, now: Timestamp) -> BoxFuture<'static, Result<Opened, NotOpened>>;
}

/// The account is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The position of its opening, for reads that follow; 0 when it was open before.
    pub position: u64,
}

/// The log did not take it, or it is not known whether it did; try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log does not answer at present")]
pub struct NotOpened;

impl OpenAccount for Directory {
    fn open(&self, opened: AccountOpened, by: Actor, now: Timestamp) -> BoxFuture<'static, Result<Opened, NotOpened>> {
        let directory = self.clone();
        let command_id = Uuid::now_v7();
        let stream = StreamId::account(opened.account);
        let submission = Submission {
            command: AccountCommand::Open(Box::new(opened)),
            by,
            key: None,
            command_id,
            correlation_id: command_id,
            causation_id: None,
            traceparent: None,
            now,
        };
        Box::pin(async move {
            match directory.submit::<Account>(stream, submission).await {
                Answer::Committed(events) => Ok(Opened { position: events.last().map_or(0, |event| event.position) }),
                Answer::Rejected(AccountRejection::AlreadyOpen) => Ok(Opened { position: 0 }),
                answer => {
                    tracing::warn!(?answer, "an account could not be opened");
                    Err(NotOpened)
                }
            }
        })
    }
}
