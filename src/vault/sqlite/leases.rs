//! Leases in SQLite.

use palabre_events::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::{SqliteVault, row};
use crate::vault::{Acquired, Answer, Lease, Leases};

impl Leases for SqliteVault {
    fn acquire_lease(&self, name: &'static str, holder: Uuid, now: Timestamp, until: Timestamp) -> Answer<Acquired> {
        self.write(move |connection| {
            // The assignments of an update all see the row as it was.
            connection.execute(
                "INSERT INTO leases (name, holder, term, held_until) VALUES (?1, ?2, 1, ?4)
                 ON CONFLICT (name) DO UPDATE
                 SET term = term + (holder <> excluded.holder), holder = excluded.holder, held_until = ?4
                 WHERE holder = excluded.holder OR held_until <= ?3",
                params![name, holder.as_bytes(), now.as_millis(), until.as_millis()],
            )?;
            let select = "SELECT holder, term, held_until FROM leases WHERE name = ?1";
            connection.query_row(select, [name], |row| {
                let (holds, until) = (row::id(row, 0)?, row::time(row, 2)?);
                Ok(if holds == holder {
                    Acquired::Held(Lease { name, holder, term: row.get::<_, i64>(1)?.unsigned_abs(), until })
                } else {
                    Acquired::HeldByAnother { until }
                })
            })
        })
    }

    fn release_lease(&self, lease: Lease) -> Answer<()> {
        self.write(move |connection| {
            // The holder is forgotten, so that whoever comes next, even the same node, begins a new term.
            let update = "UPDATE leases SET held_until = 0, holder = ?4 WHERE name = ?1 AND holder = ?2 AND term = ?3";
            connection.execute(
                update,
                params![lease.name, lease.holder.as_bytes(), lease.term.cast_signed(), Uuid::nil().as_bytes()],
            )?;
            Ok(())
        })
    }
}
