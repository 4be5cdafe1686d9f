//! Rows and what they mean: envelopes, ends of streams and first answers.
//!
//! Whatever cannot be right is told as damage, never skipped.

use palabre_events::log::{Fingerprint, FirstAnswer, Hash, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope, StreamId, StreamKind, Timestamp};
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::store::ReadFailure;
use crate::store::ends::End;
use crate::store::found::Found;
use crate::store::ruling::Head;

macro_rules! columns {
    () => {
        "e.position, e.version, e.event_type, e.schema_version, e.occurred_at, e.recorded_at, e.event_id, e.actor, \
         e.key, e.correlation_id, e.causation_id, e.traceparent, e.data, e.hash"
    };
}

/// Of a stream: kind, id, after this version, at most so many.
pub(super) const READ: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM palabre_log.events e
      WHERE e.stream_no = (SELECT stream_no FROM palabre_log.streams WHERE kind = $1 AND id = $2) AND e.version > $3
      ORDER BY e.version LIMIT $4"
);
/// Of the log: after this position, at most so many.
pub(super) const READ_ALL: &str = concat!(
    "SELECT ",
    columns!(),
    ", s.kind, s.id FROM palabre_log.events e LEFT JOIN palabre_log.streams s USING (stream_no)
       WHERE e.position > $1 ORDER BY e.position LIMIT $2"
);
/// As [`READ_ALL`], with the account and fingerprint of each command at its last event, where its key is known.
pub(super) const READ_KEYED: &str = concat!(
    "SELECT ",
    columns!(),
    ", s.kind, s.id, k.account, k.fingerprint
       FROM (SELECT * FROM palabre_log.events WHERE position > $1 ORDER BY position LIMIT $2) e
       LEFT JOIN palabre_log.streams s USING (stream_no)
       LEFT JOIN LATERAL (SELECT account, fingerprint FROM palabre_log.keys
                          WHERE key = e.key AND stream_no = e.stream_no AND version = e.version AND position = e.position
                          LIMIT 1) k ON true
       ORDER BY e.position"
);
/// What these keys of these accounts committed.
pub(super) const FIRST_ANSWERS: &str = "
    SELECT k.key, k.account, k.fingerprint, s.kind, s.id, k.version, k.position
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (key, account)
    JOIN palabre_log.keys k USING (key, account) LEFT JOIN palabre_log.streams s USING (stream_no)";
/// Numbers of those of these streams that have an event.
pub(super) const NUMBERS: &str = "
    SELECT s.kind, s.id, s.stream_no
    FROM unnest($1::text[], $2::uuid[]) AS asked (kind, id) JOIN palabre_log.streams s USING (kind, id)";
/// Where these streams end.
pub(super) const ENDS: &str = "
    SELECT s.kind, s.id, s.stream_no, e.version, e.hash
    FROM unnest($1::text[], $2::uuid[]) AS asked (kind, id) JOIN palabre_log.streams s USING (kind, id)
    CROSS JOIN LATERAL (SELECT version, hash FROM palabre_log.events WHERE stream_no = s.stream_no
                        ORDER BY version DESC LIMIT 1) e";
/// Where streams end after what was written since a position, at most so many events of it.
pub(super) const NEWS: &str = "
    SELECT s.kind, s.id, e.stream_no, e.version, e.hash
    FROM palabre_log.events e LEFT JOIN palabre_log.streams s USING (stream_no)
    WHERE e.position > $1 ORDER BY e.position LIMIT $2";

/// Why a row means nothing, in words.
type Wrong = String;

/// Rows of [`READ`] as events of `stream`, dense after `after_version`.
pub(super) fn events_of(stream: StreamId, after_version: u64, rows: &[Row]) -> Result<Vec<Arc<Envelope>>, ReadFailure> {
    let dense = rows.iter().zip(after_version + 1..).map(|(row, expected)| {
        let event = envelope(row, stream)
            .map_err(|why| ReadFailure::Damaged(format!("version {expected} of {stream}: {why}")))?;
        if event.version == expected {
            return Ok(Arc::new(event));
        }
        let found = event.version;
        Err(ReadFailure::Damaged(format!("{stream} goes on with version {found} where {expected} is due")))
    });
    dense.collect()
}

/// Rows of [`READ_ALL`] as events, dense after `after_position`.
pub(super) fn events(after_position: u64, rows: &[Row]) -> Result<Vec<Arc<Envelope>>, ReadFailure> {
    let dense = rows.iter().zip(after_position + 1..).map(|(row, expected)| {
        let event = stream(row, 14)
            .and_then(|stream| envelope(row, stream))
            .map_err(|why| ReadFailure::Damaged(format!("position {expected}: {why}")))?;
        if event.position == expected {
            return Ok(Arc::new(event));
        }
        let found = event.position;
        Err(ReadFailure::Damaged(format!("the log goes on with position {found} where {expected} is due")))
    });
    dense.collect()
}

/// Rows of [`READ_KEYED`] as events with their keys, dense after `after_position`.
pub(super) fn found(after_position: u64, rows: &[Row]) -> Result<Vec<Found>, ReadFailure> {
    let found = events(after_position, rows)?.into_iter().zip(rows).map(|(envelope, row)| {
        let keyed = keyed(row, envelope.key)
            .map_err(|why| ReadFailure::Damaged(format!("the key at position {}: {why}", envelope.position)))?;
        Ok(Found { envelope, keyed })
    });
    found.collect()
}

fn keyed(row: &Row, key: Option<CommandKey>) -> Result<Option<KeyedCommand>, Wrong> {
    let (Some(key), Some(account)) = (key, get::<Option<Uuid>>(row, 16)?) else { return Ok(None) };
    Ok(Some(KeyedCommand { account: AccountId(account), key, fingerprint: Fingerprint(bytes(row, 17)?) }))
}

/// A row of [`FIRST_ANSWERS`].
pub(super) fn first_answer(row: &Row) -> Result<((AccountId, CommandKey), FirstAnswer), Wrong> {
    let first = FirstAnswer {
        stream: stream(row, 3)?,
        version: count(row, 5)?,
        position: count(row, 6)?,
        fingerprint: Fingerprint(bytes(row, 2)?),
    };
    Ok(((AccountId(get(row, 1)?), CommandKey(get(row, 0)?)), first))
}

/// A row of [`NUMBERS`].
pub(super) fn numbered(row: &Row) -> Result<(StreamId, i64), Wrong> {
    Ok((stream(row, 0)?, get(row, 2)?))
}

/// A row of [`ENDS`] or [`NEWS`].
pub(super) fn end(row: &Row) -> Result<(StreamId, End), Wrong> {
    let head = Head { version: count(row, 3)?, hash: Hash(bytes(row, 4)?) };
    Ok((stream(row, 0)?, End { stream_no: get(row, 2)?, head }))
}

fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, Wrong> {
    row.try_get(column).map_err(|error| format!("column {column}: {error}"))
}

fn count(row: &Row, column: usize) -> Result<u64, Wrong> {
    u64::try_from(get::<i64>(row, column)?).map_err(|error| format!("column {column}: {error}"))
}

fn bytes<const LENGTH: usize>(row: &Row, column: usize) -> Result<[u8; LENGTH], Wrong> {
    get::<&[u8]>(row, column)?.try_into().map_err(|_| format!("column {column} has not {LENGTH} bytes"))
}

fn time(row: &Row, column: usize) -> Result<Timestamp, Wrong> {
    Timestamp::from_millis(get(row, column)?).ok_or_else(|| format!("column {column} is not a time"))
}

/// The stream that `column` and the next one name.
fn stream(row: &Row, column: usize) -> Result<StreamId, Wrong> {
    let name = get::<Option<&str>>(row, column)?.ok_or("its stream has no name")?;
    Ok(StreamId {
        kind: StreamKind::of_name(name).ok_or_else(|| format!("there is no kind of stream `{name}`"))?,
        id: get(row, column + 1)?,
    })
}

fn envelope(row: &Row, stream: StreamId) -> Result<Envelope, Wrong> {
    let actor: &str = get(row, 7)?;
    Ok(Envelope {
        position: count(row, 0)?,
        stream,
        version: count(row, 1)?,
        event_type: get(row, 2)?,
        schema_version: u16::try_from(get::<i32>(row, 3)?).map_err(|error| error.to_string())?,
        occurred_at: time(row, 4)?,
        recorded_at: time(row, 5)?,
        event_id: get(row, 6)?,
        actor: actor.parse().map_err(|why: palabre_events::actor::NotAnActor| why.to_string())?,
        key: get::<Option<Uuid>>(row, 8)?.map(CommandKey),
        correlation_id: get(row, 9)?,
        causation_id: get(row, 10)?,
        traceparent: get(row, 11)?,
        data: get(row, 12)?,
        hash: Hash(bytes(row, 13)?),
    })
}
