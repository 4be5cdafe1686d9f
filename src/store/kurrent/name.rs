//! What the log is, in a stream of its own: a log of a name, or a copy of another one that is not finished. The last
//! event there holds: a log that was restored is given another name.

use eventstore::{AppendToStreamOptions, Error, EventData, ReadStreamOptions, StreamPosition, StreamState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::Connection;
use super::reading::{ANSWER_WITHIN, Failed, twice};
use crate::store::ReadFailure;

const STREAM: &str = "palabre-log";
const NAMED: &str = "LogNamed";
const COPY_BEGUN: &str = "CopyBegun";

/// The data of both: the log's own name, or that of the original.
#[derive(Serialize, Deserialize)]
struct Data {
    log_id: Uuid,
}

/// What a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// A log of this name.
    Log(Uuid),
    /// An unfinished copy of the log of this name.
    CopyOf(Uuid),
}

/// The last word on what the log is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub is: Is,
    revision: u64,
}

/// What the log was last said to be, if anything.
pub(super) async fn read(connection: &Connection) -> Result<Option<Said>, ReadFailure> {
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
    let is = last.as_json::<Data>().ok().and_then(|Data { log_id }| match last.event_type.as_str() {
        NAMED => Some(Is::Log(log_id)),
        COPY_BEGUN => Some(Is::CopyOf(log_id)),
        _ => None,
    });
    let is = is.ok_or_else(|| ReadFailure::Damaged(format!("the last event of {STREAM} does not name the log")))?;
    Ok(Some(Said { is, revision: last.revision }))
}

/// Says what the log is, unless something was said since `last`; answers what holds then.
pub(super) async fn say(connection: &Connection, last: Option<Said>, is: Is) -> Result<Is, ReadFailure> {
    let (event_type, log_id) = match is {
        Is::Log(name) => (NAMED, name),
        Is::CopyOf(name) => (COPY_BEGUN, name),
    };
    let event = EventData::json(event_type, &Data { log_id }).expect("a name is plain data").id(Uuid::now_v7());
    let expected = last.map_or(StreamState::NoStream, |last| StreamState::StreamRevision(last.revision));
    let options = AppendToStreamOptions::default().stream_state(expected).deadline(ANSWER_WITHIN);
    let leased = connection.client().ok_or(ReadFailure::Unavailable)?;
    if let Err(error) = leased.client.append_to_stream(STREAM, &options, event).await {
        connection.failed(&leased, &error);
        // Another node may have been faster; and what has no answer may have been done.
        tracing::info!(%error, "what the log is was not said; looking whether it is");
    }
    read(connection).await?.map(|said| said.is).ok_or(ReadFailure::Unavailable)
}

/// What the log is; it is given a name where nothing was said yet.
pub(super) async fn read_or_give(connection: &Connection) -> Result<Is, ReadFailure> {
    match read(connection).await? {
        Some(said) => Ok(said.is),
        None => say(connection, None, Is::Log(Uuid::new_v4())).await,
    }
}
