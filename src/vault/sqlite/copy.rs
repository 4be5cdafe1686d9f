//! A vault in a file as the original of a copy, and as its target.

use palabre_events::{AccountId, KeyId};
use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::{SqliteVault, people, row};
use crate::vault::copy::{Original, ROWS_PER_CALL_MAX, Target};
use crate::vault::{Answer, KeyMaterial, Person, Session, TokenHash};

const LIMIT: i64 = ROWS_PER_CALL_MAX as i64;
/// Every server that used the vault has left a key.
const MAY_BEGIN: &str = "
    SELECT EXISTS (SELECT 1 FROM copying)
        OR NOT (EXISTS (SELECT 1 FROM data_keys) OR EXISTS (SELECT 1 FROM destroyed_keys)
                OR EXISTS (SELECT 1 FROM people) OR EXISTS (SELECT 1 FROM roles) OR EXISTS (SELECT 1 FROM sessions))";
const BEGIN: &str = "
    DELETE FROM data_keys; DELETE FROM destroyed_keys; DELETE FROM people; DELETE FROM roles; DELETE FROM sessions;
    INSERT INTO copying (one) VALUES (1) ON CONFLICT DO NOTHING;";

impl Original for SqliteVault {
    fn keys_behind(&self, after: Option<KeyId>) -> Answer<Vec<(KeyId, KeyMaterial)>> {
        // Every name comes behind the empty one.
        let after = after.map_or_else(String::new, |id| id.to_string());
        self.read(move |connection| {
            let select = "SELECT id, material FROM data_keys WHERE id > ?1 ORDER BY id LIMIT ?2";
            let key = |row: &Row<'_>| {
                let id = row.get_ref(0)?.as_str()?.parse().map_err(|_| row::wrong(0, Type::Text, "not a key"))?;
                Ok((id, KeyMaterial::from_bytes(row.get(1)?)))
            };
            connection.prepare_cached(select)?.query_map(params![after, LIMIT], key)?.collect()
        })
    }

    fn people_behind(&self, after: Option<AccountId>) -> Answer<Vec<Person>> {
        self.read(move |connection| {
            let select = "SELECT account, email, password, language, opening FROM people
                          WHERE account > ?1 ORDER BY account LIMIT ?2";
            let after: &[u8] = after.as_ref().map_or(&[], |account| account.0.as_bytes());
            connection.prepare_cached(select)?.query_map(params![after, LIMIT], people::person_of)?.collect()
        })
    }

    fn sessions_behind(&self, after: Option<TokenHash>) -> Answer<Vec<(TokenHash, Session)>> {
        self.read(move |connection| {
            let select = "SELECT session, account, made_at, last_seen_at, expires_at, token FROM sessions
                          WHERE token > ?1 ORDER BY token LIMIT ?2";
            let after: &[u8] = after.as_ref().map_or(&[], |token| &token.0);
            let session = |row: &Row<'_>| Ok((TokenHash(row.get(5)?), row::session(row)?));
            connection.prepare_cached(select)?.query_map(params![after, LIMIT], session)?.collect()
        })
    }
}

impl Target for SqliteVault {
    fn begin_copy(&self) -> Answer<bool> {
        // What an unfinished copy left may be a key that the original has destroyed meanwhile.
        self.write_and_wipe(|connection| {
            let may_begin = connection.query_row(MAY_BEGIN, [], |row| row.get(0))?;
            if may_begin {
                connection.execute_batch(BEGIN)?;
            }
            Ok(may_begin)
        })
    }

    fn finish_copy(&self) -> Answer<()> {
        self.write(|connection| connection.execute("DELETE FROM copying", []).map(drop))
    }
}
