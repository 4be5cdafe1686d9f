//! The finisher: runs effects that are still missing some time after their cause, because a crash or a full queue
//! interrupted them. It reads them from the view of pending effects, at start and while running.
//!
//! Several nodes may do the same: every effect can be repeated, and the first outcome is final.

use palabre_events::Envelope;
use palabre_events::policy::EffectKey;
use palabre_projections::pending::{EffectsSought, PendingEffect};
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
/// The most effects of one page of a look.
const AT_ONCE_MAX: usize = 256;
/// The longest pause before an effect that fails is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Runs what a crash left undone.
pub struct Finisher {
    runner: Runner,
    views: ViewsHandle,
    log: Arc<dyn EventStore>,
    /// Effects that failed. At most as many as are pending.
    failed: HashMap<EffectKey, Failed>,
    /// Counts the looks.
    look: u64,
}

/// The log does not answer.
struct LogAway;

/// An effect that failed.
struct Failed {
    times: u32,
    again_at: Instant,
    /// The last look that found it pending; what a look does not find any more is forgotten.
    seen_in_look: u64,
}

impl Finisher {
    /// A finisher that looks into `views` and runs with `runner`.
    pub fn new(runner: Runner, views: ViewsHandle, log: Arc<dyn EventStore>) -> Self {
        Self { runner, views, log, failed: HashMap::new(), look: 0 }
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

    /// One look at everything that is pending, page by page, so that effects which fail keep nobody waiting; answers the
    /// last position that it made.
    async fn finish(&mut self, older_than_s: i64) -> Option<u64> {
        let caused_by = clock::now().plus_seconds(-older_than_s);
        let mut sought = EffectsSought { cause_position: self.views.position(), caused_by, after: None };
        let mut last_position = None;
        self.look += 1;
        loop {
            let page = match self.views.query(move |views| views.pending_effects(sought, AT_ONCE_MAX)).await {
                Ok(page) => page,
                Err(failure) => {
                    tracing::warn!(%failure, "cannot look for effects that are missing");
                    return last_position;
                }
            };
            let Some(last) = page.last() else { break };
            sought.after = Some((last.cause_position, last.effect.key()));
            let more = page.len() == AT_ONCE_MAX;
            for pending in page {
                match self.try_again(pending).await {
                    Ok(position) => last_position = last_position.max(position),
                    // Nothing else can be finished either.
                    Err(LogAway) => return last_position,
                }
            }
            if !more {
                break;
            }
        }
        self.failed.retain(|_, failed| failed.seen_in_look == self.look);
        last_position
    }

    /// Runs an effect, unless it failed a short while ago; answers the position that it made.
    async fn try_again(&mut self, pending: PendingEffect) -> Result<Option<u64>, LogAway> {
        let key = pending.effect.key();
        if let Some(failed) = self.failed.get_mut(&key) {
            failed.seen_in_look = self.look;
            if Instant::now() < failed.again_at {
                return Ok(None);
            }
        }
        let Some(cause) = self.cause(pending.cause_position).await? else { return Ok(None) };
        match self.runner.run_effect(pending.effect, &cause).await {
            Ran::Done(position) => {
                tracing::info!(effect = %key, "finished what was interrupted");
                Ok(position)
            }
            Ran::Later | Ran::Refused => {
                let first = Failed { times: 0, again_at: Instant::now(), seen_in_look: self.look };
                let failed = self.failed.entry(key).or_insert(first);
                failed.times += 1;
                failed.again_at = Instant::now() + EVERY.saturating_mul(1 << failed.times.min(16)).min(PAUSE_MAX);
                Ok(None)
            }
        }
    }

    async fn cause(&self, position: u64) -> Result<Option<Arc<Envelope>>, LogAway> {
        self.log.event_at(position).await.map_err(|failure| {
            tracing::warn!(%failure, position, "cannot read a cause; looking again later");
            LogAway
        })
    }
}
