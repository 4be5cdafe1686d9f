//! The vault in PostgreSQL, for several nodes: beside the log in the same database, or in one of its own.
//!
//! Every write is one statement or one transaction; each trait of the port has its file here. A destroyed key is gone
//! from the table at once, and from the table's file as far as a vacuum can reach it; the server's write-ahead log, its
//! standbys and its backups keep traces for as long as they are kept (`docs/OPERATING.md`).

mod copy;
mod keys;
mod leases;
mod letters;
mod people;
mod row;
mod sessions;
#[cfg(test)]
mod tests;

use deadpool_postgres::Object;
use tokio_postgres::Client;

use super::{Answer, Vault, VaultFailure};
use crate::postgres::{Address, Asking, Database, OpenFailure, Schema, Unanswered, answered, demand_durability};

/// Connections to the vault.
const CONNECTIONS: usize = 6;

/// The vault's tables.
static SCHEMA: Schema = Schema {
    what: "vault",
    name: "palabre_vault",
    steps: &[
        include_str!("../../../migrations/postgres/vault/0001_vault.sql"),
        include_str!("../../../migrations/postgres/vault/0002_copying.sql"),
        include_str!("../../../migrations/postgres/vault/0003_letters.sql"),
    ],
};

/// A vault in a database.
pub struct PostgresVault {
    database: Database,
}

impl Vault for PostgresVault {}

impl PostgresVault {
    /// Opens the vault at `address`, which is made where there is none and then brought to the present schema. Blocks.
    pub fn open(address: &Address) -> Result<Self, OpenFailure> {
        let database = Database::new(address, CONNECTIONS)?;
        database.set_up(address, |mut client, address| {
            Box::pin(async move {
                demand_durability(&client, &address).await?;
                SCHEMA.migrate(&mut client, &address).await?;
                demand_finished(&client, &address).await
            })
        })?;
        Ok(Self { database })
    }

    /// As [`PostgresVault::open`], be it a whole vault or an unfinished copy.
    pub fn open_unfinished(address: &Address) -> Result<Self, OpenFailure> {
        let database = Database::new(address, CONNECTIONS)?;
        database.set_up(address, |mut client, address| {
            Box::pin(async move {
                demand_durability(&client, &address).await?;
                SCHEMA.migrate(&mut client, &address).await
            })
        })?;
        Ok(Self { database })
    }

    /// As [`PostgresVault::open`], but fails unless the vault is there in the present schema.
    pub fn open_existing(address: &Address) -> Result<Self, OpenFailure> {
        let database = Database::new(address, CONNECTIONS)?;
        database.set_up(address, |mut client, address| {
            Box::pin(async move {
                SCHEMA.demand(&mut client, &address).await?;
                demand_finished(&client, &address).await
            })
        })?;
        Ok(Self { database })
    }

    /// Answers `question`, which may be asked twice.
    fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Object) -> Asking<'_, T> + Send + Sync + 'static,
    ) -> Answer<T> {
        let answer = self.database.ask(question);
        Box::pin(async { Ok(answer.await?) })
    }

    /// Answers `question`, which, asked twice, would say that there was nothing to do.
    fn ask_once<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Object) -> Asking<'_, T> + Send + Sync + 'static,
    ) -> Answer<T> {
        let answer = self.database.ask_once(question);
        Box::pin(async { Ok(answer.await?) })
    }
}

async fn demand_finished(client: &Client, address: &Address) -> Result<(), OpenFailure> {
    let asked = "SELECT EXISTS (SELECT FROM palabre_vault.copying)";
    let row = answered(client.query_one(asked, &[])).await.map_err(|error| OpenFailure::of(address, &error))?;
    if row.get(0) { Err(OpenFailure::Unfinished { what: SCHEMA.what }) } else { Ok(()) }
}

impl From<Unanswered> for VaultFailure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unavailable => Self::Unavailable,
            Unanswered::Damaged(why) => Self::Damaged(why),
        }
    }
}
