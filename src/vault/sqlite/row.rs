//! How values are written in rows and read from them.

use palabre_events::{AccountId, Timestamp};
use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

use crate::vault::{EndedSession, Ending, Session, SessionId, TokenHash};

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

pub(super) fn account(row: &Row<'_>, column: usize) -> rusqlite::Result<AccountId> {
    id(row, column).map(AccountId)
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millis(row.get(column)?).ok_or_else(|| wrong(column, Type::Integer, "not a time"))
}

/// Of the columns `session, account, made_at, last_seen_at, expires_at`.
pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(id(row, 0)?),
        account: account(row, 1)?,
        made_at: time(row, 2)?,
        last_seen_at: time(row, 3)?,
        expires_at: time(row, 4)?,
    })
}

/// Of the columns `session, token, sequence, account`.
pub(super) fn ending(row: &Row<'_>) -> rusqlite::Result<Ending> {
    let sequence = row.get::<_, i64>(2)?.unsigned_abs();
    Ok(Ending { sequence, account: account(row, 3)?, session: ended_session(row)? })
}

/// Of the columns `session, token`.
pub(super) fn ended_session(row: &Row<'_>) -> rusqlite::Result<EndedSession> {
    Ok(EndedSession { id: SessionId(id(row, 0)?), token: TokenHash(row.get(1)?) })
}

/// What is stored cannot be right.
pub(super) fn wrong(column: usize, kind: Type, why: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, why.into())
}
