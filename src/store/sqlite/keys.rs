//! Forgetting keys that are too old to be accepted, in small steps, when the log is idle.

use palabre_events::{CommandKey, Timestamp};
use rusqlite::{Connection, params};
use std::time::Instant;
use uuid::Uuid;

use crate::store::keys::{PASS_EVERY, STEP, behind_old_ones, is_kept, oldest_kept};

/// Where the present pass stands.
#[derive(Debug)]
pub(super) struct Pruning {
    after: (Uuid, Uuid),
    next_pass: Option<Instant>,
}

impl Default for Pruning {
    fn default() -> Self {
        Self { after: (Uuid::nil(), Uuid::nil()), next_pass: None }
    }
}

impl Pruning {
    /// Whether a step is to be made.
    pub fn is_due(&self) -> bool {
        self.next_pass.is_none_or(|at| at <= Instant::now())
    }

    /// Drops what is too old among the next keys.
    pub fn step(&mut self, connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
        let oldest_kept = oldest_kept(now);
        let transaction = connection.transaction()?;
        let seen = next_keys(&transaction, self.after, oldest_kept)?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM keys WHERE key = ?1 AND account = ?2")?;
            for (key, account) in seen.iter().filter(|(key, _)| !is_kept(CommandKey(*key), oldest_kept)) {
                delete.execute(params![key.as_bytes(), account.as_bytes()])?;
            }
        }
        transaction.commit()?;
        match seen.last() {
            Some(last) if seen.len() == STEP => self.after = *last,
            _ => *self = Self { next_pass: Some(Instant::now() + PASS_EVERY), ..Self::default() },
        }
        Ok(())
    }
}

/// The next keys, in order, among those that may be too old.
fn next_keys(
    connection: &Connection,
    after: (Uuid, Uuid),
    oldest_kept: Timestamp,
) -> rusqlite::Result<Vec<(Uuid, Uuid)>> {
    let end = behind_old_ones(oldest_kept);
    let mut statement = connection.prepare_cached(
        "SELECT key, account FROM keys WHERE (key, account) > (?1, ?2) AND key < ?3 ORDER BY key, account LIMIT ?4",
    )?;
    let found = statement
        .query_map(params![after.0.as_bytes(), after.1.as_bytes(), end.as_bytes(), STEP as i64], |row| {
            Ok((Uuid::from_bytes(row.get(0)?), Uuid::from_bytes(row.get(1)?)))
        })?;
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys::KEPT_S;
    use crate::store::sqlite::schema;

    fn key_made(at: Timestamp, other: u8) -> Uuid {
        uuid::Builder::from_unix_timestamp_millis(at.as_millis().unsigned_abs(), &[other; 10]).into_uuid()
    }

    #[test]
    fn keys_go_a_month_after_they_were_made_step_by_step() {
        let mut connection = schema::in_memory();
        let now = Timestamp::from_seconds(1_795_443_583).expect("in 2026");
        let (old, kept) = (now.plus_seconds(-KEPT_S - 1), now.plus_seconds(-KEPT_S));
        let not_by_time = Uuid::from_u128(5);
        let mut keys: Vec<_> =
            (0..STEP + 500).map(|count| (key_made(old, 1), Uuid::from_u128(count as u128))).collect();
        keys.extend([(key_made(kept, 2), Uuid::nil()), (not_by_time, Uuid::nil()), (key_made(now, 3), Uuid::nil())]);
        for (key, account) in &keys {
            let row = params![key.as_bytes(), account.as_bytes(), [0_u8; 16]];
            connection.execute("INSERT INTO keys VALUES (?1, ?2, ?3, 1, 1, 1)", row).expect("inserts");
        }
        let left = |connection: &Connection| -> Vec<Uuid> {
            let mut statement = connection.prepare("SELECT key FROM keys ORDER BY key").expect("a statement");
            let keys = statement.query_map([], |row| row.get(0).map(Uuid::from_bytes)).expect("reads");
            keys.collect::<Result<_, _>>().expect("reads")
        };

        let mut pruning = Pruning::default();
        pruning.step(&mut connection, now).expect("a step");
        assert!(pruning.is_due(), "one step does not look at everything");
        pruning.step(&mut connection, now).expect("a step");
        assert!(!pruning.is_due());
        assert_eq!(left(&connection), [not_by_time, key_made(kept, 2), key_made(now, 3)]);
    }
}
