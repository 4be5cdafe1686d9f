//! The finisher: runs effects that are still missing some time after their cause, because a crash or a full queue
//! interrupted them. It reads them from the view of pending effects, at start and while running.
//!
//! Several nodes may do the same: every effect can be repeated, and the first outcome is final.

use palabre_events::Envelope;
use palabre_events::policy::EffectKey;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::effects::{Ran, Runner};
use crate::clock;
use crate::feed::ViewsHandle;
use crate::store::EventStore;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// Younger effects are left to the node that committed their cause, in seconds.
const OLDER_THAN_S: i64 = 2;
/// The most effects of one look.
const AT_ONCE_MAX: usize = 256;
/// The longest pause before an effect that fails is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Runs what a crash left undone.
pub struct Finisher {
    runner: Runner,
    views: ViewsHandle,
    log: Arc<dyn EventStore>,
    /// Effects that failed: how often, and when to try again. At most as many as are pending.
    failed: HashMap<EffectKey, (u32, Instant)>,
}

impl Finisher {
    /// A finisher that looks into `views` and runs with `runner`.
    pub fn new(runner: Runner, views: ViewsHandle, log: Arc<dyn EventStore>) -> Self {
        Self { runner, views, log, failed: HashMap::new() }
    }

    /// Looks for ever. The first look takes everything that is pending, whatever its age.
    pub async fn run(mut self) {
        let mut older_than_s = 0;
        loop {
            let position = self.finish(older_than_s).await;
            if let Some(position) = position {
                // So that the next look does not find the same again.
                self.views.wait_for(position, EVERY * 4).await;
            }
            older_than_s = OLDER_THAN_S;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One look; answers the last position that it made.
    async fn finish(&mut self, older_than_s: i64) -> Option<u64> {
        let before = clock::now().plus_seconds(-older_than_s);
        let seen = self.views.position();
        let pending = match self.views.query(move |views| views.pending_effects(seen, before, AT_ONCE_MAX)).await {
            Ok(pending) => pending,
            Err(failure) => {
                tracing::warn!(%failure, "cannot look for effects that are missing");
                return None;
            }
        };
        self.failed.retain(|key, _| pending.iter().any(|pending| pending.effect.key() == *key));
        let mut last_position = None;
        for pending in pending {
            let key = pending.effect.key();
            if self.failed.get(&key).is_some_and(|(_, again_at)| Instant::now() < *again_at) {
                continue;
            }
            let Some(cause) = self.cause(pending.cause_position).await else { continue };
            match self.runner.run_effect(pending.effect, &cause).await {
                Ran::Done(position) => {
                    tracing::info!(effect = %key, "finished what was interrupted");
                    last_position = last_position.max(position);
                }
                Ran::Later | Ran::Refused => {
                    let (failures, again_at) = self.failed.entry(key).or_insert((0, Instant::now()));
                    *failures += 1;
                    *again_at = Instant::now() + EVERY.saturating_mul(1 << (*failures).min(16)).min(PAUSE_MAX);
                }
            }
        }
        last_position
    }

    async fn cause(&self, position: u64) -> Option<Arc<Envelope>> {
        let events = self.log.read_all(position - 1, 1).await;
        events.inspect_err(|failure| tracing::warn!(%failure, position, "cannot read a cause")).ok()?.into_iter().next()
    }
}
