//! Following the log's head: a subscription to `$all` that lets through what is ours, and begins again where it had got
//! to, over every loss of the connection.
//!
//! Where it has got to is the last event, or a checkpoint, by which the server tells how far it has looked at what is not
//! ours. The head itself rises with events alone: whoever waits for it waits for an event.

use eventstore::{Error, Position, StreamPosition, SubscribeToAllOptions, SubscriptionEvent};
use std::io;
use std::time::Duration;
use tokio::sync::watch;

use super::connection::Connection;
use super::{Address, reading};
use crate::backoff::Backoff;
use crate::store::writing::raise;

/// How long the head waits for its thread's own work at the end.
const END_WITHIN: Duration = Duration::from_millis(100);

/// Follows the head until `ended` is dropped, on a thread and over a connection of its own: the client spins when a server
/// ends a subscription without an error, and must not stop anything else then.
pub(super) fn follow_on_a_thread(
    address: Address,
    head: watch::Sender<u64>,
    mut ended: watch::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let follow = move || {
        let connection = Connection::new(runtime.handle().clone(), address.settings());
        runtime.block_on(async {
            tokio::select! {
                () = follow(&connection, &head) => {}
                // An error means that the log is closed.
                _ = ended.changed() => {}
            }
        });
        runtime.shutdown_timeout(END_WITHIN);
    };
    std::thread::Builder::new().name("palabre-log-head".to_owned()).spawn(follow).map(drop)
}

/// Lets `head` rise with the log for ever.
async fn follow(connection: &Connection, head: &watch::Sender<u64>) {
    let mut backoff = Backoff::default();
    let mut seen = at(*head.borrow());
    loop {
        // Ends only with a failure.
        let failure = follow_once(connection, head, &mut seen, &mut backoff).await;
        let pause = backoff.pause();
        if let Some(error) = failure {
            tracing::warn!(%error, ?pause, "the log's head is not followed for a moment");
        }
        tokio::time::sleep(pause).await;
    }
}

/// Where the event at `position` is.
fn at(position: u64) -> Position {
    Position { commit: position, prepare: position }
}

/// Follows it while the connection lasts, from behind `seen`. Both halves of that matter: a checkpoint may lie between two
/// events, at the place where the next one begins.
async fn follow_once(
    connection: &Connection,
    head: &watch::Sender<u64>,
    seen: &mut Position,
    backoff: &mut Backoff,
) -> Option<Error> {
    let leased = connection.client()?;
    let position = if *seen == Position::start() { StreamPosition::Start } else { StreamPosition::Position(*seen) };
    let options = SubscribeToAllOptions::default().position(position).filter(reading::ours());
    let mut subscription = leased.client.subscribe_to_all(&options).await;
    loop {
        match subscription.next_subscription_event().await {
            Ok(heard) => {
                connection.worked();
                backoff.reset();
                match heard {
                    SubscriptionEvent::EventAppeared(event) => {
                        let position = event.get_original_event().position.commit;
                        *seen = at(position).max(*seen);
                        raise(head, position);
                    }
                    SubscriptionEvent::Checkpoint(position) => *seen = position.max(*seen),
                    _ => {}
                }
            }
            Err(error) => {
                connection.failed(&leased, &error);
                return Some(error);
            }
        }
    }
}
