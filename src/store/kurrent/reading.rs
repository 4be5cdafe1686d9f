//! Reading from the server: a stream, the whole log, the log's end.
//!
//! A question may be asked twice, so it is when the connection turns out to be lost.

use eventstore::{
    Client, Error, Position, ReadAllOptions, ReadStream, ReadStreamOptions, StreamPosition, SubscriptionFilter,
};
use palabre_events::{StreamId, StreamKind};
use std::time::Duration;

use super::connection::{Connection, may_work_again};
use super::recording;
use crate::store::found::Found;
use crate::store::{PAGE_MAX, ReadFailure};

/// How long a read may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Lets through what is in streams of ours, and so nothing of the server's own.
pub(super) fn ours() -> SubscriptionFilter {
    let any = SubscriptionFilter::on_stream_name();
    StreamKind::ALL.iter().fold(any, |filter, kind| filter.add_prefix(format!("{}-", kind.name())))
}

/// Events of `stream` after `after_version`, dense, at most `limit` and at most a page.
pub(super) async fn stream(
    connection: &Connection,
    stream: StreamId,
    after_version: u64,
    limit: usize,
) -> Result<Vec<Found>, ReadFailure> {
    let limit = limit.min(PAGE_MAX);
    if limit == 0 || i64::try_from(after_version).is_err() {
        return Ok(vec![]);
    }
    let options = ReadStreamOptions::default()
        .position(StreamPosition::Position(after_version))
        .max_count(limit)
        .deadline(ANSWER_WITHIN);
    let options = &options;
    let events = twice(connection, |client| async move {
        match client.read_stream(stream.to_string(), options).await {
            Ok(read) => collected(read).await,
            Err(error) => Err(error.into()),
        }
    });
    let events = events.await?;
    for (event, due) in events.iter().zip(after_version + 1..) {
        if event.envelope.version != due {
            let found = event.envelope.version;
            return Err(ReadFailure::Damaged(format!("{stream} goes on with version {found} where {due} is due")));
        }
    }
    Ok(events)
}

/// Events after `after_position`, which is 0 or that of an event, at most `limit` and at most a page.
pub(super) async fn all(connection: &Connection, after_position: u64, limit: usize) -> Result<Vec<Found>, ReadFailure> {
    let limit = limit.min(PAGE_MAX);
    if limit == 0 {
        return Ok(vec![]);
    }
    // The server begins with the event at the position.
    let mut events = from(connection, after_position, limit + usize::from(after_position > 0)).await?;
    events.retain(|event| event.envelope.position > after_position);
    events.truncate(limit);
    Ok(events)
}

/// Events from `position` on, at most `limit`.
pub(super) async fn from(connection: &Connection, position: u64, limit: usize) -> Result<Vec<Found>, ReadFailure> {
    if i64::try_from(position).is_err() {
        return Ok(vec![]);
    }
    let options = ReadAllOptions::default()
        .position(match position {
            0 => StreamPosition::Start,
            position => StreamPosition::Position(Position { commit: position, prepare: position }),
        })
        .filter(ours())
        .max_count(limit)
        .deadline(ANSWER_WITHIN);
    let options = &options;
    let asked = twice(connection, |client| async move { collected(client.read_all(options).await?).await });
    let events = asked.await?;
    if let Some(pair) = events.windows(2).find(|pair| pair[0].envelope.position >= pair[1].envelope.position) {
        let [before, after] = [0, 1].map(|place| pair[place].envelope.position);
        return Err(ReadFailure::Damaged(format!("position {after} comes after position {before}")));
    }
    Ok(events)
}

/// The position of the last event, or 0.
pub(super) async fn last_position(connection: &Connection) -> Result<u64, ReadFailure> {
    let options = ReadAllOptions::default()
        .backwards()
        .position(StreamPosition::End)
        .filter(ours())
        .max_count(1)
        .deadline(ANSWER_WITHIN);
    let options = &options;
    let asked = twice(connection, |client| async move { collected(client.read_all(options).await?).await });
    let last = asked.await?;
    Ok(last.first().map_or(0, |last| last.envelope.position))
}

/// Why one attempt at a question has no answer.
pub(super) enum Failed {
    Server(Error),
    Damaged(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error {
            Error::ResourceDeleted => Self::Damaged("the server says that a stream was deleted".to_owned()),
            error => Self::Server(error),
        }
    }
}

async fn collected(mut read: ReadStream) -> Result<Vec<Found>, Failed> {
    let mut events = Vec::new();
    loop {
        match read.next().await {
            Ok(Some(event)) => {
                events.push(recording::found(event.get_original_event()).map_err(Failed::Damaged)?);
            }
            Ok(None) => return Ok(events),
            // A stream that nothing was written to.
            Err(Error::ResourceNotFound) => return Ok(vec![]),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Asks, and asks once more when the connection was lost.
pub(super) async fn twice<T, A: Future<Output = Result<T, Failed>>>(
    connection: &Connection,
    question: impl Fn(Client) -> A,
) -> Result<T, ReadFailure> {
    let mut again = true;
    loop {
        let leased = connection.client().ok_or(ReadFailure::Unavailable)?;
        match question(leased.client.clone()).await {
            Ok(answer) => {
                connection.answered(&leased);
                return Ok(answer);
            }
            Err(Failed::Damaged(why)) => return Err(ReadFailure::Damaged(why)),
            Err(Failed::Server(error)) => {
                connection.failed(&leased, &error);
                if !(again && may_work_again(&error)) {
                    tracing::warn!(%error, "the log's server does not answer");
                    return Err(ReadFailure::Unavailable);
                }
                again = false;
            }
        }
    }
}
