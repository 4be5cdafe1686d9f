//! Bringing a schema to the present shape, step by step, one program at a time.

use tokio_postgres::{Client, Transaction};

use super::{Address, NoAnswer, OpenFailure, answered};

/// A schema of this program in a database, and the steps from nothing to its present shape. Its version, the number of
/// steps that were taken, is in its table `schema_version`, which the first step makes.
#[derive(Debug)]
pub(crate) struct Schema {
    /// What is in it, for messages.
    pub what: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The steps.
    pub steps: &'static [&'static str],
}

/// Of the advisory lock under which a program looks at a schema and changes it ("Palabre").
const LOCK: i64 = 0x50_61_6c_61_62_72_65;

impl Schema {
    /// The newest version that this program knows.
    pub fn known(&self) -> i64 {
        self.steps.len() as i64
    }

    /// Takes the steps that are missing, all of them or none.
    pub async fn migrate(&self, client: &mut Client, address: &Address) -> Result<(), OpenFailure> {
        let failed = |error: NoAnswer| OpenFailure::of(address, &error);
        let transaction = answered(client.transaction()).await.map_err(failed)?;
        // Another node may be at it, and a step over a long log takes as long as it takes.
        let patience = transaction.batch_execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0");
        answered(patience).await.map_err(failed)?;
        let said = |error| failed(NoAnswer::Said(error));
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(said)?;
        let taken = answered(self.taken(&transaction)).await.map_err(failed)?;
        if taken > self.known() {
            return Err(OpenFailure::Newer { what: self.what, found: taken, known: self.known() });
        }
        let missing = &self.steps[usize::try_from(taken).unwrap_or(0)..];
        for step in missing {
            transaction.batch_execute(step).await.map_err(said)?;
        }
        if !missing.is_empty() {
            let note = format!("UPDATE {}.schema_version SET version = $1", self.name);
            answered(transaction.execute(&note, &[&self.known()])).await.map_err(failed)?;
        }
        answered(transaction.commit()).await.map_err(failed)
    }

    /// Fails unless it has the shape that this program reads.
    pub async fn demand(&self, client: &mut Client, address: &Address) -> Result<(), OpenFailure> {
        let failed = |error: NoAnswer| OpenFailure::of(address, &error);
        let transaction = answered(client.transaction()).await.map_err(failed)?;
        let (what, known) = (self.what, self.known());
        match answered(self.taken(&transaction)).await.map_err(failed)? {
            0 => Err(OpenFailure::Missing { what, address: address.to_string() }),
            found if found < known => Err(OpenFailure::Older { what, found, known }),
            found if found > known => Err(OpenFailure::Newer { what, found, known }),
            _ => Ok(()),
        }
    }

    async fn taken(&self, transaction: &Transaction<'_>) -> Result<i64, tokio_postgres::Error> {
        let table = format!("{}.schema_version", self.name);
        let there = transaction.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await?;
        if !there.get::<_, bool>(0) {
            return Ok(0);
        }
        transaction.query_one(&format!("SELECT version FROM {table}"), &[]).await?.try_get(0)
    }
}
