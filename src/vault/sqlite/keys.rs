//! Data keys in SQLite.

use palabre_events::sealed::NotAKey;
use palabre_events::{KeyId, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteVault;
use crate::vault::keys::{DESTROYED_PER_CALL_MAX, KEYS_PER_CALL_MAX};
use crate::vault::{Answer, Destroyed, KeyMaterial, KeyState, Keys, VaultFailure};

impl Keys for SqliteVault {
    fn keys(&self, ids: Vec<KeyId>) -> Answer<Vec<KeyState>> {
        assert!(ids.len() <= KEYS_PER_CALL_MAX, "callers fetch keys in pages");
        self.read(move |connection| ids.into_iter().map(|id| state_of(connection, id)).collect())
    }

    fn ensure_keys(&self, candidates: Vec<(KeyId, KeyMaterial)>) -> Answer<Vec<KeyState>> {
        assert!(candidates.len() <= KEYS_PER_CALL_MAX, "callers make keys in pages");
        self.write(move |connection| {
            let ensured = candidates.into_iter().map(|(id, material)| match state_of(connection, id)? {
                KeyState::NeverMade => {
                    let mut insert =
                        connection.prepare_cached("INSERT INTO data_keys (id, material) VALUES (?1, ?2)")?;
                    insert.execute(params![id.to_string(), material.bytes()])?;
                    Ok(KeyState::Held(material))
                }
                made => Ok(made),
            });
            ensured.collect()
        })
    }

    fn destroy_key(&self, id: KeyId, now: Timestamp) -> Answer<()> {
        self.write_and_wipe(move |connection| {
            connection.execute("DELETE FROM data_keys WHERE id = ?1", [id.to_string()])?;
            connection.execute(
                "INSERT INTO destroyed_keys (id, destroyed_at) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
                params![id.to_string(), now.as_millis()],
            )?;
            Ok(())
        })
    }

    fn key_now(&self, id: KeyId) -> Result<KeyState, VaultFailure> {
        self.read_now(|connection| state_of(connection, id))
    }

    fn destroyed_after(&self, sequence: u64) -> Result<Vec<Destroyed>, VaultFailure> {
        self.read_now(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT sequence, id FROM destroyed_keys WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            )?;
            let destroyed = |row: &rusqlite::Row<'_>| {
                let id: String = row.get(1)?;
                let id = id.parse().map_err(|wrong: NotAKey| {
                    rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(wrong))
                })?;
                Ok(Destroyed { sequence: row.get::<_, i64>(0)?.unsigned_abs(), id })
            };
            select.query_map([sequence.cast_signed(), DESTROYED_PER_CALL_MAX as i64], destroyed)?.collect()
        })
    }

    fn destroyed_head(&self) -> Result<u64, VaultFailure> {
        self.read_now(|connection| {
            let head = "SELECT coalesce(max(sequence), 0) FROM destroyed_keys";
            connection.query_row(head, [], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))
        })
    }
}

fn state_of(connection: &Connection, id: KeyId) -> rusqlite::Result<KeyState> {
    let id = id.to_string();
    let mut held = connection.prepare_cached("SELECT material FROM data_keys WHERE id = ?1")?;
    let material = held.query_row([&id], |row| row.get(0)).optional()?;
    if let Some(material) = material {
        return Ok(KeyState::Held(KeyMaterial::from_bytes(material)));
    }
    let mut destroyed = connection.prepare_cached("SELECT 1 FROM destroyed_keys WHERE id = ?1")?;
    Ok(if destroyed.exists([&id])? { KeyState::Destroyed } else { KeyState::NeverMade })
}
