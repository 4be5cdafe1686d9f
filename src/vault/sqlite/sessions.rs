//! Sessions and password resets in SQLite.

use palabre_events::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteVault, people, row};
use crate::vault::sessions::{ENDINGS_PER_CALL_MAX, SESSIONS_PER_ACCOUNT_MAX};
use crate::vault::{
    Answer, EndedSession, Endings, PasswordHash, Person, Redeemed, Resets, Roles, Session, SessionId, Sessions,
    TokenHash,
};

impl Sessions for SqliteVault {
    fn open_session(&self, token: TokenHash, session: Session) -> Answer<Vec<EndedSession>> {
        self.write(move |connection| {
            connection.execute("DELETE FROM sessions WHERE expires_at <= ?1", [session.made_at.as_millis()])?;
            let give_way = "DELETE FROM sessions WHERE token IN (
                                SELECT token FROM sessions WHERE account = ?1
                                ORDER BY last_seen_at DESC, token LIMIT -1 OFFSET ?2)
                            RETURNING session, token";
            let kept = SESSIONS_PER_ACCOUNT_MAX as i64 - 1;
            let mut delete = connection.prepare_cached(give_way)?;
            let ended = delete.query_map(params![session.account.0.as_bytes(), kept], row::ended_session)?;
            let ended = note(connection, session.account, ended.collect::<rusqlite::Result<Vec<_>>>()?)?;
            connection.execute(
                "INSERT INTO sessions (token, session, account, made_at, last_seen_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                params![
                    token.0,
                    session.id.0.as_bytes(),
                    session.account.0.as_bytes(),
                    session.made_at.as_millis(),
                    session.last_seen_at.as_millis(),
                    session.expires_at.as_millis()
                ],
            )?;
            Ok(ended)
        })
    }

    fn session(&self, token: TokenHash) -> Answer<Option<(Session, Roles)>> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT session, account, made_at, last_seen_at, expires_at FROM sessions WHERE token = ?1",
            )?;
            let Some(session) = select.query_row([token.0], row::session).optional()? else { return Ok(None) };
            Ok(Some((session, people::roles(connection, session.account)?)))
        })
    }

    fn touch_session(&self, id: SessionId, last_seen_at: Timestamp, expires_at: Timestamp) -> Answer<()> {
        self.write(move |connection| {
            let update = "UPDATE sessions SET last_seen_at = ?2, expires_at = ?3 WHERE session = ?1";
            connection.execute(update, params![id.0.as_bytes(), last_seen_at.as_millis(), expires_at.as_millis()])?;
            Ok(())
        })
    }

    fn sessions(&self, account: AccountId) -> Answer<Vec<Session>> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT session, account, made_at, last_seen_at, expires_at FROM sessions
                 WHERE account = ?1 ORDER BY last_seen_at DESC, token",
            )?;
            select.query_map([account.0.as_bytes()], row::session)?.collect()
        })
    }

    fn end_session(&self, account: AccountId, id: SessionId) -> Answer<Option<EndedSession>> {
        self.write(move |connection| {
            let delete = "DELETE FROM sessions WHERE session = ?1 AND account = ?2 RETURNING session, token";
            let row = params![id.0.as_bytes(), account.0.as_bytes()];
            let ended = connection.query_row(delete, row, row::ended_session).optional()?;
            Ok(note(connection, account, ended.into_iter().collect())?.pop())
        })
    }

    fn end_sessions(&self, account: AccountId, keep: Option<SessionId>) -> Answer<Vec<EndedSession>> {
        self.write(move |connection| end_all(connection, account, keep))
    }

    fn endings_after(&self, sequence: u64) -> Answer<Endings> {
        self.read(move |connection| {
            let head = endings_head(connection)?;
            let mut select = connection.prepare_cached(
                "SELECT session, token, sequence, account FROM session_endings
                 WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            )?;
            let page = select.query_map([sequence.cast_signed(), ENDINGS_PER_CALL_MAX as i64], row::ending)?;
            let page = page.collect::<rusqlite::Result<Vec<_>>>()?;
            // What was added between the two questions counts.
            Ok(Endings { head: page.last().map_or(head, |last| last.sequence.max(head)), page })
        })
    }

    fn endings_head(&self) -> Answer<u64> {
        self.read(endings_head)
    }
}

impl Resets for SqliteVault {
    fn keep_reset(&self, account: AccountId, token: TokenHash, expires_at: Timestamp) -> Answer<()> {
        self.write(move |connection| {
            connection.execute(
                "INSERT INTO password_resets (account, token, expires_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at",
                params![account.0.as_bytes(), token.0, expires_at.as_millis()],
            )?;
            Ok(())
        })
    }

    fn reset_holder(&self, token: TokenHash, now: Timestamp) -> Answer<Option<Person>> {
        self.read(move |connection| match holder_of(connection, token, now)? {
            Some(account) => people::person(connection, account),
            None => Ok(None),
        })
    }

    fn redeem_reset(&self, token: TokenHash, password: PasswordHash, now: Timestamp) -> Answer<Option<Redeemed>> {
        self.write(move |connection| {
            let Some(account) = holder_of(connection, token, now)? else { return Ok(None) };
            let ended = people::set_password(connection, account, &password, None)?;
            Ok(Some(Redeemed { account, ended }))
        })
    }
}

fn endings_head(connection: &Connection) -> rusqlite::Result<u64> {
    // The last one may be forgotten already; SQLite remembers its number.
    let head = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'session_endings'";
    connection.prepare_cached(head)?.query_row([], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))
}

pub(super) fn end_all(
    connection: &Connection,
    account: AccountId,
    keep: Option<SessionId>,
) -> rusqlite::Result<Vec<EndedSession>> {
    let mut delete = connection
        .prepare_cached("DELETE FROM sessions WHERE account = ?1 AND session IS NOT ?2 RETURNING session, token")?;
    let keep = keep.map(|session| session.0.into_bytes());
    let ended = delete.query_map(params![account.0.as_bytes(), keep], row::ended_session)?;
    note(connection, account, ended.collect::<rusqlite::Result<_>>()?)
}

/// Notes endings for whoever serves the sessions, and forgets old notes.
fn note(connection: &Connection, account: AccountId, ended: Vec<EndedSession>) -> rusqlite::Result<Vec<EndedSession>> {
    let insert = "INSERT INTO session_endings (session, token, account) VALUES (?1, ?2, ?3)";
    for EndedSession { id, token } in &ended {
        connection.prepare_cached(insert)?.execute(params![id.0.as_bytes(), token.0, account.0.as_bytes()])?;
    }
    if !ended.is_empty() {
        let forget = "DELETE FROM session_endings WHERE ended_at < unixepoch() - 3600";
        connection.prepare_cached(forget)?.execute([])?;
    }
    Ok(ended)
}

fn holder_of(connection: &Connection, token: TokenHash, now: Timestamp) -> rusqlite::Result<Option<AccountId>> {
    let select = "SELECT account FROM password_resets WHERE token = ?1 AND expires_at > ?2";
    connection.query_row(select, params![token.0, now.as_millis()], |row| row::account(row, 0)).optional()
}
