//! Data keys in PostgreSQL.

use palabre_events::{KeyId, Timestamp};
use std::collections::HashMap;
use tokio_postgres::Row;

use super::{PostgresVault, row};
use crate::postgres::{Asking, Unanswered};
use crate::vault::keys::{DESTROYED_PER_CALL_MAX, KEYS_PER_CALL_MAX};
use crate::vault::{Answer, Destroyed, KeyMaterial, KeyState, Keys, VaultFailure};

const STATES: &str = "SELECT id, material FROM palabre_vault.data_keys WHERE id = ANY($1)";
/// In the order of their names, so that nodes which make the same keys at once never wait for each other in a circle.
const MAKE: &str = "
    INSERT INTO palabre_vault.data_keys (id, material)
    SELECT id, material FROM unnest($1::text[], $2::bytea[]) AS made (id, material) ORDER BY id
    ON CONFLICT (id) DO NOTHING";
const DESTROY: &str = "
    INSERT INTO palabre_vault.data_keys AS known (id, destroyed, destroyed_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE
    SET material = NULL, destroyed = excluded.destroyed, destroyed_at = excluded.destroyed_at
    WHERE known.destroyed IS NULL";
const COUNT: &str = "UPDATE palabre_vault.counters SET destroyed = destroyed + 1 RETURNING destroyed";

impl Keys for PostgresVault {
    fn keys(&self, ids: Vec<KeyId>) -> Answer<Vec<KeyState>> {
        assert!(ids.len() <= KEYS_PER_CALL_MAX, "callers fetch keys in pages");
        let names = names(&ids);
        self.ask(move |client| states(client, names.clone()))
    }

    fn ensure_keys(&self, candidates: Vec<(KeyId, KeyMaterial)>) -> Answer<Vec<KeyState>> {
        assert!(candidates.len() <= KEYS_PER_CALL_MAX, "callers make keys in pages");
        let (ids, materials): (Vec<_>, Vec<_>) = candidates.into_iter().unzip();
        let names = names(&ids);
        self.ask(move |client| {
            let (names, materials) = (names.clone(), materials.clone());
            Box::pin(async move {
                let make = client.prepare_cached(MAKE).await?;
                let bytes: Vec<&[u8]> = materials.iter().map(|material| &material.bytes()[..]).collect();
                client.execute(&make, &[&names, &bytes]).await?;
                // In a statement of its own, which sees what others made meanwhile.
                states(client, names).await
            })
        })
    }

    fn destroy_key(&self, id: KeyId, now: Timestamp) -> Answer<()> {
        let name = id.to_string();
        self.ask(move |client| {
            let name = name.clone();
            Box::pin(async move {
                let transaction = client.transaction().await?;
                let sequence = row::get::<i64>(&transaction.query_one(COUNT, &[]).await?, 0)?;
                let destroyed = transaction.execute(DESTROY, &[&name, &sequence, &now.as_millis()]).await?;
                if destroyed == 0 {
                    // Destroyed before; its number stays the only one.
                    transaction.rollback().await?;
                    return Ok(());
                }
                transaction.commit().await?;
                // The old row's bytes may now be written over. The key is destroyed all the same when this fails: the
                // server's own vacuum follows.
                if let Err(error) = client.batch_execute("VACUUM palabre_vault.data_keys").await {
                    tracing::warn!(%error, "a destroyed key's row is left to the server's own vacuum");
                }
                Ok(())
            })
        })
    }

    fn key_now(&self, id: KeyId) -> Result<KeyState, VaultFailure> {
        let state = self.database.ask_now(move |client| states(client, vec![id.to_string()]))?;
        Ok(state.into_iter().next().unwrap_or(KeyState::NeverMade))
    }

    fn destroyed_after(&self, sequence: u64) -> Result<Vec<Destroyed>, VaultFailure> {
        let (after, limit) = (sequence.cast_signed(), DESTROYED_PER_CALL_MAX as i64);
        let destroyed = self.database.ask_now(move |client| {
            Box::pin(async move {
                let select = client
                    .prepare_cached(
                        "SELECT destroyed, id FROM palabre_vault.data_keys
                         WHERE destroyed > $1 ORDER BY destroyed LIMIT $2",
                    )
                    .await?;
                client.query(&select, &[&after, &limit]).await?.iter().map(destroyed).collect()
            })
        });
        Ok(destroyed?)
    }

    fn destroyed_head(&self) -> Result<u64, VaultFailure> {
        let head = self.database.ask_now(|client| {
            Box::pin(async move {
                row::count(&client.query_one("SELECT destroyed FROM palabre_vault.counters", &[]).await?, 0)
            })
        });
        Ok(head?)
    }
}

fn names(ids: &[KeyId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// What became of each of `names`, in their order.
fn states(client: &mut deadpool_postgres::Object, names: Vec<String>) -> Asking<'_, Vec<KeyState>> {
    Box::pin(async move {
        let select = client.prepare_cached(STATES).await?;
        let rows = client.query(&select, &[&names]).await?;
        let found: HashMap<&str, KeyState> = rows.iter().map(state).collect::<Result<_, _>>()?;
        Ok(names.iter().map(|name| found.get(&**name).cloned().unwrap_or(KeyState::NeverMade)).collect())
    })
}

fn state(row: &Row) -> Result<(&str, KeyState), Unanswered> {
    let state = match row::get::<Option<&[u8]>>(row, 1)? {
        Some(_) => KeyState::Held(KeyMaterial::from_bytes(row::bytes(row, 1)?)),
        None => KeyState::Destroyed,
    };
    Ok((row::get(row, 0)?, state))
}

fn destroyed(row: &Row) -> Result<Destroyed, Unanswered> {
    let id = row::get::<&str>(row, 1)?.parse().map_err(|_| Unanswered::wrong(1, "not a key"))?;
    Ok(Destroyed { sequence: row::count(row, 0)?, id })
}
