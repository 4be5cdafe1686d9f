//! A log on KurrentDB as the original of a copy.
//!
//! Its keys lie in the events, in no order of their own: they are gathered from the whole log when they are first asked
//! for, and kept in memory.

use futures_util::future::BoxFuture;
use palabre_events::log::KeyedCommand;
use palabre_events::{AccountId, CommandKey};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::append::Log;
use super::{KurrentStore, reading};
use crate::clock;
use crate::store::copy::{Original, Remembered};
use crate::store::keys::{is_kept, oldest_kept};
use crate::store::{PAGE_MAX, ReadFailure};

/// What keys committed, in the order of (key, account).
pub(super) type Keys = BTreeMap<(CommandKey, AccountId), Remembered>;

impl Original for KurrentStore {
    fn keys_after(
        &self,
        after: Option<(CommandKey, AccountId)>,
    ) -> BoxFuture<'static, Result<Vec<Remembered>, ReadFailure>> {
        let log = self.log.clone();
        // Not within the bounds of other reads: it takes as long as the log is.
        let asked = self.runtime().spawn(async move {
            let keys = log.keys.get_or_try_init(|| gathered(&log)).await?;
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            Ok(keys.range((from, Bound::Unbounded)).take(PAGE_MAX).map(|(_, remembered)| *remembered).collect())
        });
        Box::pin(async { asked.await.unwrap_or(Err(ReadFailure::Unavailable)) })
    }
}

async fn gathered(log: &Arc<Log>) -> Result<Keys, ReadFailure> {
    let (mut keys, mut after, oldest_kept) = (Keys::new(), 0, oldest_kept(clock::now()));
    loop {
        let page = reading::all(&log.connection, after, PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok(keys) };
        after = last.envelope.position;
        for (keyed, first) in page.iter().filter_map(|found| found.first_answer()) {
            let KeyedCommand { key, account, .. } = keyed;
            if is_kept(key, oldest_kept) {
                keys.entry((key, account)).or_insert((keyed, first));
            }
        }
    }
}
