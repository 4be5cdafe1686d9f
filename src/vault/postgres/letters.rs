//! Letters in PostgreSQL.

use palabre_events::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{PostgresVault, row};
use crate::postgres::Unanswered;
use crate::vault::letters::LETTERS_MAX;
use crate::vault::{Answer, KeptLetter, LetterKind, Letters};

impl Letters for PostgresVault {
    fn keep_letter(&self, letter: KeptLetter) -> Answer<bool> {
        self.ask(move |client| {
            Box::pin(async move {
                // Those who come at once may be a few too many.
                let insert = "INSERT INTO palabre_vault.letters (id, account, kind, about, attempts, due_at)
                              SELECT $1, $2, $3, $4, $5, $6
                              WHERE (SELECT count(*) FROM palabre_vault.letters) < $7 ON CONFLICT (id) DO NOTHING";
                let KeptLetter { id, account, kind, about, attempts, due_at } = letter;
                let (about, due_at) = (about.as_millis(), due_at.as_millis());
                let (attempts, most) = (i64::from(attempts), LETTERS_MAX as i64);
                client.execute(insert, &[&id, &account.0, &kind.name(), &about, &attempts, &due_at, &most]).await?;
                let select = "SELECT EXISTS (SELECT FROM palabre_vault.letters WHERE id = $1)";
                row::get(&client.query_one(select, &[&id]).await?, 0)
            })
        })
    }

    fn letters_due(&self, now: Timestamp, limit: usize) -> Answer<Vec<KeptLetter>> {
        self.ask(move |client| {
            Box::pin(async move {
                let select = "SELECT id, account, kind, about, attempts, due_at FROM palabre_vault.letters
                              WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";
                let select = client.prepare_cached(select).await?;
                let due = client.query(&select, &[&now.as_millis(), &(limit as i64)]).await?;
                due.iter().map(letter).collect()
            })
        })
    }

    fn put_off_letter(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                let update = "UPDATE palabre_vault.letters SET attempts = $2, due_at = $3 WHERE id = $1";
                client.execute(update, &[&id, &i64::from(attempts), &due_at.as_millis()]).await?;
                Ok(())
            })
        })
    }

    fn drop_letter(&self, id: Uuid) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                client.execute("DELETE FROM palabre_vault.letters WHERE id = $1", &[&id]).await?;
                Ok(())
            })
        })
    }
}

fn letter(row: &Row) -> Result<KeptLetter, Unanswered> {
    let kind = LetterKind::named(row::get(row, 2)?);
    Ok(KeptLetter {
        id: row::get(row, 0)?,
        account: row::account(row, 1)?,
        kind: kind.ok_or_else(|| Unanswered::wrong(2, "not a kind of letter"))?,
        about: row::time(row, 3)?,
        attempts: u32::try_from(row::count(row, 4)?).map_err(|error| Unanswered::wrong(4, error))?,
        due_at: row::time(row, 5)?,
    })
}
