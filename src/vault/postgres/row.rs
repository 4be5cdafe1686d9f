//! How values are read from rows.

use palabre_events::{AccountId, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::postgres::Unanswered;
use crate::vault::{EndedSession, Ending, Session, SessionId, TokenHash};

pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, Unanswered> {
    row.try_get(column).map_err(|error| Unanswered::wrong(column, error))
}

pub(super) fn account(row: &Row, column: usize) -> Result<AccountId, Unanswered> {
    get(row, column).map(AccountId)
}

pub(super) fn count(row: &Row, column: usize) -> Result<u64, Unanswered> {
    u64::try_from(get::<i64>(row, column)?).map_err(|error| Unanswered::wrong(column, error))
}

pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp, Unanswered> {
    Timestamp::from_millis(get(row, column)?).ok_or_else(|| Unanswered::wrong(column, "not a time"))
}

pub(super) fn bytes<const LENGTH: usize>(row: &Row, column: usize) -> Result<[u8; LENGTH], Unanswered> {
    get::<&[u8]>(row, column)?.try_into().map_err(|_| Unanswered::wrong(column, "another length is due"))
}

/// Of the columns `session, account, made_at, last_seen_at, expires_at`.
pub(super) fn session(row: &Row) -> Result<Session, Unanswered> {
    Ok(Session {
        id: SessionId(get(row, 0)?),
        account: account(row, 1)?,
        made_at: time(row, 2)?,
        last_seen_at: time(row, 3)?,
        expires_at: time(row, 4)?,
    })
}

/// Of the columns `session, token`.
pub(super) fn ended_session(row: &Row) -> Result<EndedSession, Unanswered> {
    Ok(EndedSession { id: SessionId(get(row, 0)?), token: TokenHash(bytes(row, 1)?) })
}

/// Of the columns `session, token, sequence, account`.
pub(super) fn ending(row: &Row) -> Result<Ending, Unanswered> {
    Ok(Ending { sequence: count(row, 2)?, account: account(row, 3)?, session: ended_session(row)? })
}
