//! Sessions and password resets in PostgreSQL.

use deadpool_postgres::GenericClient;
use palabre_events::{AccountId, Timestamp};
use uuid::Uuid;

use super::{PostgresVault, people, row};
use crate::postgres::Unanswered;
use crate::vault::sessions::{ENDINGS_PER_CALL_MAX, SESSIONS_PER_ACCOUNT_MAX};
use crate::vault::{
    Answer, EndedSession, Endings, PasswordHash, Person, Redeemed, Resets, Roles, Session, SessionId, Sessions,
    TokenHash,
};

/// The most expired sessions that one opening forgets; the next one forgets more.
const FORGOTTEN_MAX: i64 = 1000;

/// What ends sessions, given what chooses them, and notes their endings for whoever serves them. The row of counters is
/// held to the commit, so that endings become visible in the order of their numbers.
macro_rules! end {
    ($chosen:literal) => {
        concat!(
            "WITH ended AS (DELETE FROM palabre_vault.sessions WHERE ",
            $chosen,
            " RETURNING session, token, account),
              counted AS (UPDATE palabre_vault.counters SET endings = endings + (SELECT count(*) FROM ended)
                          WHERE EXISTS (SELECT FROM ended) RETURNING endings),
              noted AS (INSERT INTO palabre_vault.session_endings (sequence, session, token, account)
                        SELECT endings - count(*) OVER () + row_number() OVER (), session, token, account
                        FROM ended, counted),
              forgotten AS (DELETE FROM palabre_vault.session_endings
                            WHERE ended_at < now() - interval '1 hour' AND EXISTS (SELECT FROM ended))
              SELECT session, token FROM ended"
        )
    };
}

const END_ONE: &str = end!("session = $1 AND account = $2");
const END_ALL: &str = end!("account = $1 AND session IS DISTINCT FROM $2");
const END_UNUSED: &str = end!(
    "token IN (SELECT token FROM palabre_vault.sessions WHERE account = $1
               ORDER BY last_seen_at DESC, token OFFSET $2)"
);
const FORGET_EXPIRED: &str = "
    DELETE FROM palabre_vault.sessions WHERE token IN (
        SELECT token FROM palabre_vault.sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const OPEN: &str = "
    INSERT INTO palabre_vault.sessions (token, session, account, made_at, last_seen_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const FIND: &str = "
    SELECT session, account, made_at, last_seen_at, expires_at,
           ARRAY(SELECT role FROM palabre_vault.roles r WHERE r.account = s.account)
    FROM palabre_vault.sessions s WHERE token = $1";

impl Sessions for PostgresVault {
    fn open_session(&self, token: TokenHash, session: Session) -> Answer<Vec<EndedSession>> {
        self.ask(move |client| {
            Box::pin(async move {
                let made_at = session.made_at.as_millis();
                client.execute(FORGET_EXPIRED, &[&made_at, &FORGOTTEN_MAX]).await?;
                let transaction = client.transaction().await?;
                // Sign-ins of one account take turns, so that together they keep its limit.
                let turn = "SELECT pg_advisory_xact_lock(hashtext('palabre session'), hashtext($1::uuid::text))";
                transaction.execute(turn, &[&session.account.0]).await?;
                let kept = SESSIONS_PER_ACCOUNT_MAX as i64 - 1;
                let ended = transaction.query(END_UNUSED, &[&session.account.0, &kept]).await?;
                let (last_seen_at, expires_at) = (session.last_seen_at.as_millis(), session.expires_at.as_millis());
                let (hash, id, account) = (&token.0[..], session.id.0, session.account.0);
                transaction.execute(OPEN, &[&hash, &id, &account, &made_at, &last_seen_at, &expires_at]).await?;
                transaction.commit().await?;
                ended.iter().map(row::ended_session).collect()
            })
        })
    }

    fn session(&self, token: TokenHash) -> Answer<Option<(Session, Roles)>> {
        self.ask(move |client| {
            Box::pin(async move {
                let find = client.prepare_cached(FIND).await?;
                let Some(found) = client.query_opt(&find, &[&&token.0[..]]).await? else { return Ok(None) };
                let roles = row::get::<Vec<&str>>(&found, 5)?.into_iter().map(people::role_of);
                Ok(Some((row::session(&found)?, roles.collect::<Result<_, _>>()?)))
            })
        })
    }

    fn touch_session(&self, id: SessionId, last_seen_at: Timestamp, expires_at: Timestamp) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let update = "UPDATE palabre_vault.sessions SET last_seen_at = $2, expires_at = $3 WHERE session = $1";
                client.execute(update, &[&id.0, &last_seen_at.as_millis(), &expires_at.as_millis()]).await?;
                Ok(())
            })
        })
    }

    fn sessions(&self, account: AccountId) -> Answer<Vec<Session>> {
        self.ask(move |client| {
            Box::pin(async move {
                let select = "SELECT session, account, made_at, last_seen_at, expires_at FROM palabre_vault.sessions
                              WHERE account = $1 ORDER BY last_seen_at DESC, token";
                client.query(select, &[&account.0]).await?.iter().map(row::session).collect()
            })
        })
    }

    fn end_session(&self, account: AccountId, id: SessionId) -> Answer<Option<EndedSession>> {
        self.ask_once(move |client| {
            Box::pin(async move {
                client.query_opt(END_ONE, &[&id.0, &account.0]).await?.as_ref().map(row::ended_session).transpose()
            })
        })
    }

    fn end_sessions(&self, account: AccountId, keep: Option<SessionId>) -> Answer<Vec<EndedSession>> {
        self.ask(move |client| Box::pin(async move { end_all(&*client, account, keep).await }))
    }

    fn endings_after(&self, sequence: u64) -> Answer<Endings> {
        let (after, limit) = (sequence.cast_signed(), ENDINGS_PER_CALL_MAX as i64);
        self.ask(move |client| {
            Box::pin(async move {
                let select = client
                    .prepare_cached(
                        "SELECT session, token, sequence, account, endings FROM palabre_vault.counters
                         LEFT JOIN LATERAL (SELECT * FROM palabre_vault.session_endings
                                            WHERE sequence > $1 ORDER BY sequence LIMIT $2) AS page ON true
                         ORDER BY sequence",
                    )
                    .await?;
                let rows = client.query(&select, &[&after, &limit]).await?;
                let head = rows.first().map_or(Ok(0), |row| row::count(row, 4))?;
                // Without an ending after it there is one row, which says nothing but the head.
                let endings = rows.iter().filter(|row| !matches!(row.try_get::<_, Option<i64>>(2), Ok(None)));
                Ok(Endings { head, page: endings.map(row::ending).collect::<Result<_, _>>()? })
            })
        })
    }

    fn endings_head(&self) -> Answer<u64> {
        self.ask(|client| {
            Box::pin(async move {
                row::count(&client.query_one("SELECT endings FROM palabre_vault.counters", &[]).await?, 0)
            })
        })
    }
}

impl Resets for PostgresVault {
    fn keep_reset(&self, account: AccountId, token: TokenHash, expires_at: Timestamp) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let insert = "INSERT INTO palabre_vault.password_resets (account, token, expires_at)
                              VALUES ($1, $2, $3) ON CONFLICT (account) DO UPDATE
                              SET token = excluded.token, expires_at = excluded.expires_at";
                client.execute(insert, &[&account.0, &&token.0[..], &expires_at.as_millis()]).await?;
                Ok(())
            })
        })
    }

    fn reset_holder(&self, token: TokenHash, now: Timestamp) -> Answer<Option<Person>> {
        self.ask(move |client| {
            Box::pin(async move {
                let select = "SELECT account FROM palabre_vault.password_resets WHERE token = $1 AND expires_at > $2";
                match client.query_opt(select, &[&&token.0[..], &now.as_millis()]).await? {
                    Some(holder) => people::person(&*client, row::account(&holder, 0)?).await,
                    None => Ok(None),
                }
            })
        })
    }

    fn redeem_reset(&self, token: TokenHash, password: PasswordHash, now: Timestamp) -> Answer<Option<Redeemed>> {
        self.ask_once(move |client| {
            let password = password.clone();
            Box::pin(async move {
                let transaction = client.transaction().await?;
                // Of many who come at once, one takes it away.
                let delete = "DELETE FROM palabre_vault.password_resets WHERE token = $1 AND expires_at > $2
                              RETURNING account";
                let taken = transaction.query_opt(delete, &[&&token.0[..], &now.as_millis()]).await?;
                let Some(taken) = taken else { return Ok(None) };
                let account = row::account(&taken, 0)?;
                let ended = people::set_password(&transaction, account, &password, None).await?;
                transaction.commit().await?;
                Ok(Some(Redeemed { account, ended }))
            })
        })
    }
}

pub(super) async fn end_all(
    client: &impl GenericClient,
    account: AccountId,
    keep: Option<SessionId>,
) -> Result<Vec<EndedSession>, Unanswered> {
    let keep: Option<Uuid> = keep.map(|session| session.0);
    client.query(END_ALL, &[&account.0, &keep]).await?.iter().map(row::ended_session).collect()
}
