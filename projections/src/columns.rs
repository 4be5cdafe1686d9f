//! How ids, times and documents lie in SQLite's columns: ids as 16 bytes, times as milliseconds since 1970,
//! everything structured as JSON text.

use palabre_events::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type, ValueRef};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// An id's 16 bytes.
pub(crate) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

/// An id's 16 bytes, or none.
pub(crate) fn uuid_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(Uuid::from_bytes))
}

/// Milliseconds since 1970.
pub(crate) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let millis: i64 = row.get(column)?;
    Timestamp::from_millis(millis).ok_or_else(|| unreadable(column, FromSqlError::OutOfRange(millis)))
}

/// A position, version or seq.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    u64::try_from(count).map_err(|_| unreadable(column, FromSqlError::OutOfRange(count)))
}

/// A document.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| unreadable(column, error))?;
    serde_json::from_str(text).map_err(|error| unreadable(column, NotTheDocument(error.column())))
}

/// A document, or none.
pub(crate) fn json_or_none<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { json(row, column).map(Some) }
}

/// A position, version or seq, or none.
pub(crate) fn count_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { count(row, column).map(Some) }
}

/// A position, version or seq, as SQLite counts.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("positions, versions and seqs count events, of which there are fewer than 2^63")
}

/// A document, to be read by [`json`].
pub(crate) fn to_json<T: Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("documents are plain structs without maps of odd keys")
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(error))
}

/// A document is not what it should be. The value itself may be personal, so only its place is told.
#[derive(Debug, thiserror::Error)]
#[error("the document is of another shape at column {0}")]
struct NotTheDocument(usize);
