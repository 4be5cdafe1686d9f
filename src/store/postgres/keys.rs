//! Forgetting keys that are too old to be accepted, in small steps, with pauses. Several nodes may do it at once.
//!
//! Refusing such keys is the edge's business; here they are kept a day longer than it accepts them.

use palabre_events::{CommandKey, Timestamp};
use std::sync::Weak;
use std::time::Duration;
use uuid::Uuid;

use crate::postgres::Database;

/// How long a key is kept, from the time that it carries.
pub(super) const KEPT_S: i64 = 31 * 24 * 3600;
/// The most keys looked at in one step.
pub(super) const STEP: usize = 2000;
/// Between two steps, so that appends go first.
const STEP_PAUSE: Duration = Duration::from_millis(500);
/// Between two passes through the old keys.
const PASS_EVERY: Duration = Duration::from_secs(3600);

const NEXT: &str = "
    SELECT key, account FROM palabre_log.keys WHERE (key, account) > ($1, $2) AND key < $3
    ORDER BY key, account LIMIT $4";
const DROP: &str = "
    DELETE FROM palabre_log.keys k USING unnest($1::uuid[], $2::uuid[]) AS old (key, account)
    WHERE k.key = old.key AND k.account = old.account";

/// Prunes for as long as the database is in use.
pub(super) async fn prune(database: Weak<Database>) {
    loop {
        let mut after = (Uuid::nil(), Uuid::nil());
        loop {
            let Some(step) = database.upgrade().map(|database| step(&database, after, now())) else { return };
            match step.await {
                Some(last) => after = last,
                None => break,
            }
            tokio::time::sleep(STEP_PAUSE).await;
        }
        tokio::time::sleep(PASS_EVERY).await;
    }
}

fn now() -> Timestamp {
    crate::clock::now()
}

/// Drops what is too old among the next keys; the last of them, unless there are no more.
pub(super) fn step(
    database: &Database,
    after: (Uuid, Uuid),
    now: Timestamp,
) -> impl Future<Output = Option<(Uuid, Uuid)>> + Send + use<> {
    let oldest_kept = now.plus_seconds(-KEPT_S);
    let end = Uuid::from_u128(u128::try_from(oldest_kept.as_millis()).unwrap_or(0) << 80);
    let seen = database.ask(move |client| {
        Box::pin(async move {
            let next = client.prepare_cached(NEXT).await?;
            let rows = client.query(&next, &[&after.0, &after.1, &end, &(STEP as i64)]).await?;
            let seen: Vec<(Uuid, Uuid)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            let too_old = |key: Uuid| CommandKey(key).made_at().is_some_and(|made| made < oldest_kept);
            let (keys, accounts): (Vec<_>, Vec<_>) = seen.iter().filter(|(key, _)| too_old(*key)).copied().unzip();
            if !keys.is_empty() {
                client.execute(DROP, &[&keys, &accounts]).await?;
            }
            Ok(seen)
        })
    });
    async move {
        // A failure was logged; the next pass begins anew.
        let seen = seen.await.ok()?;
        (seen.len() == STEP).then(|| seen.last().copied()).flatten()
    }
}
