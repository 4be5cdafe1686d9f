//! Forgetting keys that are too old to be accepted, in small steps, with pauses. Several nodes may do it at once.

use palabre_events::{CommandKey, Timestamp};
use std::sync::Weak;
use std::time::Duration;
use uuid::Uuid;

use crate::postgres::Database;
use crate::store::keys::{PASS_EVERY, STEP, behind_old_ones, is_kept, oldest_kept};

/// Between two steps, so that appends go first.
const STEP_PAUSE: Duration = Duration::from_millis(500);

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
    let oldest_kept = oldest_kept(now);
    let end = behind_old_ones(oldest_kept);
    let seen = database.ask(move |client| {
        Box::pin(async move {
            let next = client.prepare_cached(NEXT).await?;
            let rows = client.query(&next, &[&after.0, &after.1, &end, &(STEP as i64)]).await?;
            let seen: Vec<(Uuid, Uuid)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            let too_old = |key: Uuid| !is_kept(CommandKey(key), oldest_kept);
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
