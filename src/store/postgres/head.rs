//! Following the log's head: woken by the server, and looking by itself, since a notice may be lost.

use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::watch;
use tokio_postgres::{AsyncMessage, Client};

use crate::backoff::Backoff;
use crate::postgres::{Address, Messages, NoAnswer, answered, connect, explained};
use crate::store::writing::raise;

/// How often the head is looked at although nothing was heard.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) const POSITION: &str = "SELECT position FROM palabre_log.log_head";

/// Lets `head` rise with the log for ever, over every loss of the connection; looks at least each `look_every`.
pub(super) async fn follow(address: Address, head: watch::Sender<u64>, look_every: Duration) {
    let mut backoff = Backoff::default();
    loop {
        // Ends only with a failure.
        let Err(error) = follow_once(&address, &head, look_every, &mut backoff).await;
        let pause = backoff.pause();
        tracing::warn!(error = explained(&error), ?pause, "the log's head is not followed for a moment");
        tokio::time::sleep(pause).await;
    }
}

async fn follow_once(
    address: &Address,
    head: &watch::Sender<u64>,
    look_every: Duration,
    backoff: &mut Backoff,
) -> Result<std::convert::Infallible, NoAnswer> {
    let (notices, mut heard) = watch::channel(0);
    let client = connect(address, |mut messages: Messages| {
        let notices = notices.clone();
        drop(tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notice) = message
                    && let Ok(position) = notice.payload().parse()
                {
                    notices.send_replace(position);
                }
            }
        }));
    })
    .await?;
    // Only what drives the connection keeps it, so that its end is heard.
    drop(notices);
    answered(client.batch_execute("LISTEN palabre_log")).await?;
    loop {
        raise(head, position(&client).await?);
        backoff.reset();
        let look_at = tokio::time::Instant::now() + look_every;
        // Notices that have ended are a connection that is lost, which the next look tells at once.
        while let Ok(Ok(())) = tokio::time::timeout_at(look_at, heard.changed()).await {
            raise(head, *heard.borrow_and_update());
        }
    }
}

async fn position(client: &Client) -> Result<u64, NoAnswer> {
    let row = answered(client.query_one(POSITION, &[])).await?;
    Ok(row.try_get::<_, i64>(0).map(i64::cast_unsigned)?)
}
