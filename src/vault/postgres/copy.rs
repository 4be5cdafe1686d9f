//! A vault in a database as the original of a copy, and as its target.

use palabre_events::{AccountId, KeyId};

use super::{PostgresVault, people, row};
use crate::postgres::Unanswered;
use crate::vault::copy::{Original, ROWS_PER_CALL_MAX, Target};
use crate::vault::{Answer, KeyMaterial, Person, Session, TokenHash};

const KEYS: &str = "
    SELECT id, material FROM palabre_vault.data_keys WHERE id > $1 AND material IS NOT NULL ORDER BY id LIMIT $2";
const PEOPLE: &str = "
    SELECT account, email, password, language, opening FROM palabre_vault.people
    WHERE $1::uuid IS NULL OR account > $1 ORDER BY account LIMIT $2";
const SESSIONS: &str = "
    SELECT session, account, made_at, last_seen_at, expires_at, token FROM palabre_vault.sessions
    WHERE token > $1 ORDER BY token LIMIT $2";
const LIMIT: i64 = ROWS_PER_CALL_MAX as i64;
/// Every server that used the vault has left a key.
const MAY_BEGIN: &str = "
    SELECT EXISTS (SELECT FROM palabre_vault.copying)
        OR NOT (EXISTS (SELECT FROM palabre_vault.data_keys) OR EXISTS (SELECT FROM palabre_vault.people)
                OR EXISTS (SELECT FROM palabre_vault.roles) OR EXISTS (SELECT FROM palabre_vault.sessions))";
/// The tables' files go, and with them keys that the original may have destroyed since an unfinished copy left them.
const BEGIN: &str = "
    TRUNCATE palabre_vault.data_keys, palabre_vault.people, palabre_vault.roles, palabre_vault.sessions;
    UPDATE palabre_vault.counters SET destroyed = 0;
    INSERT INTO palabre_vault.copying DEFAULT VALUES ON CONFLICT DO NOTHING;";

impl Original for PostgresVault {
    fn keys_behind(&self, after: Option<KeyId>) -> Answer<Vec<(KeyId, KeyMaterial)>> {
        // Every name comes behind the empty one.
        let after = after.map_or_else(String::new, |id| id.to_string());
        self.ask(move |client| {
            let after = after.clone();
            Box::pin(async move {
                let rows = client.query(KEYS, &[&after, &LIMIT]).await?;
                let key = |row| {
                    let id = row::get::<&str>(row, 0)?.parse().map_err(|_| Unanswered::wrong(0, "not a key"))?;
                    Ok((id, KeyMaterial::from_bytes(row::bytes(row, 1)?)))
                };
                rows.iter().map(key).collect()
            })
        })
    }

    fn people_behind(&self, after: Option<AccountId>) -> Answer<Vec<Person>> {
        let after = after.map(|account| account.0);
        self.ask(move |client| {
            Box::pin(
                async move { client.query(PEOPLE, &[&after, &LIMIT]).await?.iter().map(people::person_of).collect() },
            )
        })
    }

    fn sessions_behind(&self, after: Option<TokenHash>) -> Answer<Vec<(TokenHash, Session)>> {
        self.ask(move |client| {
            Box::pin(async move {
                let after: &[u8] = after.as_ref().map_or(&[], |token| &token.0);
                let rows = client.query(SESSIONS, &[&after, &LIMIT]).await?;
                rows.iter().map(|row| Ok((TokenHash(row::bytes(row, 5)?), row::session(row)?))).collect()
            })
        })
    }
}

impl Target for PostgresVault {
    fn begin_copy(&self) -> Answer<bool> {
        self.ask(|client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let may_begin = row::get(&transaction.query_one(MAY_BEGIN, &[]).await?, 0)?;
                if may_begin {
                    transaction.batch_execute(BEGIN).await?;
                    transaction.commit().await?;
                }
                Ok(may_begin)
            })
        })
    }

    fn finish_copy(&self) -> Answer<()> {
        self.ask(|client| {
            Box::pin(async move {
                client.execute("DELETE FROM palabre_vault.copying", &[]).await?;
                Ok(())
            })
        })
    }
}
