//! A vault in a file as the original of a copy.

use palabre_events::{AccountId, KeyId};
use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::{SqliteVault, people, row};
use crate::vault::copy::{Original, ROWS_PER_CALL_MAX};
use crate::vault::{Answer, KeyMaterial, Person, Session, TokenHash};

const LIMIT: i64 = ROWS_PER_CALL_MAX as i64;

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
