//! Leases in PostgreSQL.

use palabre_events::Timestamp;
use uuid::Uuid;

use super::{PostgresVault, row};
use crate::vault::{Acquired, Answer, Lease, Leases};

const TAKE: &str = "
    INSERT INTO palabre_vault.leases AS held (name, holder, term, held_until) VALUES ($1, $2, 1, $4)
    ON CONFLICT (name) DO UPDATE
    SET term = held.term + (held.holder <> excluded.holder)::int, holder = excluded.holder,
        held_until = excluded.held_until
    WHERE held.holder = excluded.holder OR held.held_until <= $3
    RETURNING term";

impl Leases for PostgresVault {
    fn acquire_lease(&self, name: &'static str, holder: Uuid, now: Timestamp, until: Timestamp) -> Answer<Acquired> {
        self.ask(move |client| {
            Box::pin(async move {
                let take = client.prepare_cached(TAKE).await?;
                let taken = client.query_opt(&take, &[&name, &holder, &now.as_millis(), &until.as_millis()]).await?;
                if let Some(taken) = taken {
                    return Ok(Acquired::Held(Lease { name, holder, term: row::count(&taken, 0)?, until }));
                }
                let select = "SELECT held_until FROM palabre_vault.leases WHERE name = $1";
                let held = client.query_one(select, &[&name]).await?;
                // It may have been given back just now.
                Ok(Acquired::HeldByAnother { until: row::time(&held, 0)?.max(now.plus_seconds(1)) })
            })
        })
    }

    fn release_lease(&self, lease: Lease) -> Answer<()> {
        self.ask(move |client| {
            Box::pin(async move {
                // The holder is forgotten, so that whoever comes next, even the same node, begins a new term.
                let update = "UPDATE palabre_vault.leases SET held_until = 0, holder = $4
                              WHERE name = $1 AND holder = $2 AND term = $3";
                let term = lease.term.cast_signed();
                client.execute(update, &[&lease.name, &lease.holder, &term, &Uuid::nil()]).await?;
                Ok(())
            })
        })
    }
}
