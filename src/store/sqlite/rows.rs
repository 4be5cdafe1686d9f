//! Rows and what they mean: envelopes, streams and first answers, read from any connection.
//!
//! Whatever cannot be right is told as damage, never skipped.

use palabre_events::log::{Fingerprint, FirstAnswer, Hash, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope, StreamId, StreamKind, Timestamp};
use rusqlite::types::{FromSqlError, Type, ValueRef};
use rusqlite::{CachedStatement, Connection, Error, ErrorCode, OptionalExtension, Row, params};
use std::sync::Arc;
use uuid::Uuid;

use crate::store::ReadFailure;
use crate::store::ruling::Head;

macro_rules! columns {
    () => {
        "e.position, e.version, e.event_type, e.schema_version, e.occurred_at, e.recorded_at, e.event_id, e.actor, \
         e.key, e.correlation_id, e.causation_id, e.traceparent, e.data, e.hash"
    };
}

const STREAM_NO: &str = "SELECT stream_no FROM streams WHERE id = ?1 AND kind = ?2";
const READ: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM stream_index i JOIN events e ON e.position = i.position AND e.stream_no = i.stream_no \
     WHERE i.stream_no = ?1 AND i.version > ?2 ORDER BY i.version LIMIT ?3"
);
const READ_UNINDEXED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM events e WHERE e.position > (SELECT up_to FROM indexed) AND e.stream_no = ?1 AND e.version > ?2 \
     ORDER BY e.position LIMIT ?3"
);
const INDEXED_END: &str = "SELECT e.version, e.hash FROM stream_index i JOIN events e ON e.position = i.position \
     WHERE i.stream_no = ?1 ORDER BY i.version DESC LIMIT 1";
const UNINDEXED_END: &str = "SELECT version, hash FROM events \
     WHERE position > (SELECT up_to FROM indexed) AND stream_no = ?1 ORDER BY position DESC LIMIT 1";
const READ_ALL: &str = concat!(
    "SELECT ",
    columns!(),
    ", s.kind, s.id FROM events e LEFT JOIN streams s ON s.stream_no = e.stream_no \
     WHERE e.position > ?1 ORDER BY e.position LIMIT ?2"
);
const FIRST_ANSWER: &str = "SELECT s.kind, s.id, k.version, k.position, k.fingerprint \
     FROM keys k LEFT JOIN streams s ON s.stream_no = k.stream_no WHERE k.key = ?1 AND k.account = ?2";

const COMMAND_AT: &str = "SELECT account, fingerprint FROM keys WHERE key = ?1 AND position = ?2";

impl From<Error> for ReadFailure {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => Self::Damaged(error.to_string()),
            Some(_) => {
                tracing::warn!(%error, "the log does not read");
                Self::Unavailable
            }
        }
    }
}

/// The number of `stream`, once it has an event.
pub(super) fn stream_no(connection: &Connection, stream: StreamId) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(STREAM_NO)?;
    statement.query_row(params![stream.id.as_bytes(), stream.kind.name()], |row| row.get(0)).optional()
}

/// Events of `stream` after `after_version`, dense, at most `limit`. What of the stream is not indexed is `unindexed`, if
/// that was known before this was called; otherwise it is looked for at the end of the log.
pub(super) fn read(
    connection: &Connection,
    stream: StreamId,
    after_version: u64,
    limit: usize,
    unindexed: Option<Vec<Arc<Envelope>>>,
) -> Result<Vec<Arc<Envelope>>, ReadFailure> {
    let Some(stream_no) = stream_no(connection, stream)? else { return Ok(vec![]) };
    let mut part = Part { connection, stream, stream_no, after_version, limit, events: Vec::new() };
    part.extend(part.rows(READ)?)?;
    if part.events.len() < limit {
        let unindexed = match unindexed {
            Some(known) => known,
            None => {
                let found = part.rows(READ_UNINDEXED)?;
                // What was indexed between the two.
                part.extend(part.rows(READ)?)?;
                found
            }
        };
        let (last, room) = (part.last(), limit - part.events.len());
        part.extend(behind(last, &unindexed).take(room).cloned())?;
    }
    Ok(part.events)
}

/// Those of a stream's `events` that come after `version`.
pub(super) fn behind(version: u64, events: &[Arc<Envelope>]) -> impl Iterator<Item = &Arc<Envelope>> {
    events[events.partition_point(|event| event.version <= version)..].iter()
}

/// Part of a stream, while it is read.
struct Part<'c> {
    connection: &'c Connection,
    stream: StreamId,
    stream_no: i64,
    after_version: u64,
    limit: usize,
    events: Vec<Arc<Envelope>>,
}

impl Part<'_> {
    /// Version of the last event that is read.
    fn last(&self) -> u64 {
        self.after_version + self.events.len() as u64
    }

    /// What `select` finds behind that, as much as there is room for.
    fn rows(&self, select: &str) -> Result<Vec<Arc<Envelope>>, ReadFailure> {
        let Ok(last) = i64::try_from(self.last()) else { return Ok(vec![]) };
        let (room, mut found) = (self.limit - self.events.len(), Vec::new());
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query(params![self.stream_no, last, room as i64])?;
        while let Some(row) = rows.next()? {
            let event = envelope(row, self.stream).map_err(|error| {
                let version = self.last() + 1 + found.len() as u64;
                ReadFailure::Damaged(format!("version {version} of {}: {error}", self.stream))
            })?;
            found.push(Arc::new(event));
        }
        Ok(found)
    }

    fn extend(&mut self, events: impl IntoIterator<Item = Arc<Envelope>>) -> Result<(), ReadFailure> {
        for event in events {
            let (stream, expected, found) = (self.stream, self.last() + 1, event.version);
            if found != expected {
                let damage = format!("{stream} goes on with version {found} where {expected} is due");
                return Err(ReadFailure::Damaged(damage));
            }
            self.events.push(event);
        }
        Ok(())
    }
}

/// Where the stream of that number ends. `unindexed_end` is its last event that is not indexed, if that is known;
/// otherwise it is looked for at the end of the log.
pub(super) fn end(
    connection: &Connection,
    stream_no: i64,
    unindexed_end: Option<Option<Arc<Envelope>>>,
) -> rusqlite::Result<Option<Head>> {
    let ask = |select: &str| {
        let head = |row: &Row<'_>| Ok(Head { version: count(row, 0)?, hash: Hash(row.get(1)?) });
        connection.prepare_cached(select)?.query_row([stream_no], head).optional()
    };
    let unindexed = match unindexed_end {
        Some(known) => known.map(|event| Head { version: event.version, hash: event.hash }),
        None => ask(UNINDEXED_END)?,
    };
    if unindexed.is_some() { Ok(unindexed) } else { ask(INDEXED_END) }
}

/// Events after `after_position`, dense, at most `limit`.
pub(super) fn read_all(
    connection: &Connection,
    after_position: u64,
    limit: usize,
) -> Result<Vec<Arc<Envelope>>, ReadFailure> {
    let Ok(after) = i64::try_from(after_position) else { return Ok(vec![]) };
    let mut statement = connection.prepare_cached(READ_ALL)?;
    let mut rows = statement.query(params![after, limit as i64])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let expected = after_position + 1 + events.len() as u64;
        let event = stream(row, 14)
            .and_then(|stream| envelope(row, stream))
            .map_err(|error| ReadFailure::Damaged(format!("position {expected}: {error}")))?;
        if event.position != expected {
            let found = event.position;
            return Err(ReadFailure::Damaged(format!("the log goes on with position {found} where {expected} is due")));
        }
        events.push(Arc::new(event));
    }
    Ok(events)
}

/// The command that `event` is the last one of, where its key is remembered.
pub(super) fn command_at(connection: &Connection, event: &Envelope) -> rusqlite::Result<Option<KeyedCommand>> {
    let Some(key) = event.key else { return Ok(None) };
    let mut statement = connection.prepare_cached(COMMAND_AT)?;
    let command = |row: &Row<'_>| {
        Ok(KeyedCommand { account: AccountId(uuid(row, 0)?), key, fingerprint: Fingerprint(row.get(1)?) })
    };
    statement.query_row(params![key.0.as_bytes(), event.position.cast_signed()], command).optional()
}

/// The statement that [`first_answer`] asks with.
pub(super) fn first_answer_statement(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(FIRST_ANSWER)
}

/// What a key committed first.
pub(super) fn first_answer<E: From<Error>>(
    statement: &mut CachedStatement<'_>,
    command: &KeyedCommand,
) -> Result<Option<FirstAnswer>, E> {
    let key = params![command.key.0.as_bytes(), command.account.0.as_bytes()];
    Ok(statement.query_row(key, first_answer_of).optional()?)
}

fn first_answer_of(row: &Row<'_>) -> rusqlite::Result<FirstAnswer> {
    Ok(FirstAnswer {
        stream: stream(row, 0)?,
        version: count(row, 2)?,
        position: count(row, 3)?,
        fingerprint: Fingerprint(row.get(4)?),
    })
}

fn wrong(column: usize, kind: Type, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, kind, Box::new(why))
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    row.get_ref(column)?.as_str().map_err(|why| wrong(column, Type::Text, why))
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|why| wrong(column, Type::Integer, why))
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let millis: i64 = row.get(column)?;
    Timestamp::from_millis(millis).ok_or_else(|| wrong(column, Type::Integer, FromSqlError::OutOfRange(millis)))
}

/// The stream that `column` and the next one name.
fn stream(row: &Row<'_>, column: usize) -> rusqlite::Result<StreamId> {
    let name = text(row, column)?;
    let kind = StreamKind::of_name(name).ok_or_else(|| wrong(column, Type::Text, palabre_events::log::NotAStream))?;
    Ok(StreamId { kind, id: uuid(row, column + 1)? })
}

fn envelope(row: &Row<'_>, stream: StreamId) -> rusqlite::Result<Envelope> {
    let key = match row.get_ref(8)? {
        ValueRef::Null => None,
        _ => Some(CommandKey(uuid(row, 8)?)),
    };
    Ok(Envelope {
        position: count(row, 0)?,
        stream,
        version: count(row, 1)?,
        event_type: text(row, 2)?.to_owned(),
        schema_version: row.get(3)?,
        occurred_at: time(row, 4)?,
        recorded_at: time(row, 5)?,
        event_id: uuid(row, 6)?,
        actor: text(row, 7)?.parse().map_err(|why: palabre_events::actor::NotAnActor| wrong(7, Type::Text, why))?,
        key,
        correlation_id: uuid(row, 9)?,
        causation_id: uuid(row, 10)?,
        traceparent: row.get(11)?,
        data: row.get(12)?,
        hash: Hash(row.get(13)?),
    })
}
