//! The log's name, in a stream of its own. The last one holds: a log that was restored is given another one.

use eventstore::{AppendToStreamOptions, Error, EventData, ReadStreamOptions, StreamPosition, StreamState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::Connection;
use super::reading::{ANSWER_WITHIN, Failed, twice};
use crate::store::ReadFailure;

const STREAM: &str = "palabre-log";
const TYPE: &str = "LogNamed";

#[derive(Serialize, Deserialize)]
struct LogNamed {
    log_id: Uuid,
}

/// The log's name, where it has one.
pub(super) async fn read(connection: &Connection) -> Result<Option<Uuid>, ReadFailure> {
    let options =
        ReadStreamOptions::default().backwards().position(StreamPosition::End).max_count(1).deadline(ANSWER_WITHIN);
    let options = &options;
    let last = twice(connection, |client| async move {
        let mut events = match client.read_stream(STREAM, options).await {
            Ok(events) => events,
            Err(Error::ResourceNotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match events.next().await {
            Ok(last) => Ok(last),
            Err(Error::ResourceNotFound) => Ok(None),
            Err(error) => Err(Failed::from(error)),
        }
    });
    let Some(last) = last.await? else { return Ok(None) };
    let last = last.get_original_event();
    match last.as_json::<LogNamed>() {
        Ok(named) if last.event_type == TYPE => Ok(Some(named.log_id)),
        _ => Err(ReadFailure::Damaged(format!("the last event of {STREAM} does not name the log"))),
    }
}

/// The log's name; it is given one where it has none.
pub(super) async fn read_or_give(connection: &Connection) -> Result<Uuid, ReadFailure> {
    if let Some(name) = read(connection).await? {
        return Ok(name);
    }
    let named = LogNamed { log_id: Uuid::new_v4() };
    let event = EventData::json(TYPE, &named).expect("a name is plain data").id(Uuid::now_v7());
    let options = AppendToStreamOptions::default().stream_state(StreamState::NoStream).deadline(ANSWER_WITHIN);
    let leased = connection.client().ok_or(ReadFailure::Unavailable)?;
    if let Err(error) = leased.client.append_to_stream(STREAM, &options, event).await {
        connection.failed(&leased, &error);
        // Another node may have been faster; and what has no answer may have been done.
        tracing::info!(%error, "the log was not named; looking whether it is");
    }
    read(connection).await?.ok_or(ReadFailure::Unavailable)
}
