//! Letters in SQLite.

use palabre_events::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{SqliteVault, row};
use crate::vault::letters::LETTERS_MAX;
use crate::vault::{Answer, KeptLetter, LetterKind, Letters};

impl Letters for SqliteVault {
    fn keep_letter(&self, letter: KeptLetter) -> Answer<bool> {
        self.write(move |connection| {
            connection.execute(
                "INSERT INTO letters (id, account, kind, about, attempts, due_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE (SELECT count(*) FROM letters) < ?7 ON CONFLICT (id) DO NOTHING",
                params![
                    letter.id.as_bytes(),
                    letter.account.0.as_bytes(),
                    letter.kind.name(),
                    letter.about.as_millis(),
                    letter.attempts,
                    letter.due_at.as_millis(),
                    LETTERS_MAX as i64,
                ],
            )?;
            connection.prepare_cached("SELECT 1 FROM letters WHERE id = ?1")?.exists([letter.id.as_bytes()])
        })
    }

    fn letters_due(&self, now: Timestamp, limit: usize) -> Answer<Vec<KeptLetter>> {
        self.read(move |connection| {
            let select = "SELECT id, account, kind, about, attempts, due_at FROM letters WHERE due_at <= ?1
                          ORDER BY due_at, id LIMIT ?2";
            let mut select = connection.prepare_cached(select)?;
            select.query_map(params![now.as_millis(), limit as i64], letter)?.collect()
        })
    }

    fn put_off_letter(&self, id: Uuid, attempts: u32, due_at: Timestamp) -> Answer<()> {
        self.write(move |connection| {
            let update = "UPDATE letters SET attempts = ?2, due_at = ?3 WHERE id = ?1";
            connection.execute(update, params![id.as_bytes(), attempts, due_at.as_millis()])?;
            Ok(())
        })
    }

    fn drop_letter(&self, id: Uuid) -> Answer<()> {
        self.write(move |connection| {
            connection.execute("DELETE FROM letters WHERE id = ?1", [id.as_bytes()])?;
            Ok(())
        })
    }
}

fn letter(row: &Row<'_>) -> rusqlite::Result<KeptLetter> {
    let kind = LetterKind::named(row.get_ref(2)?.as_str()?);
    Ok(KeptLetter {
        id: row::id(row, 0)?,
        account: row::account(row, 1)?,
        kind: kind.ok_or_else(|| row::wrong(2, Type::Text, "not a kind of letter"))?,
        about: row::time(row, 3)?,
        attempts: row.get(4)?,
        due_at: row::time(row, 5)?,
    })
}
