//! Actors: one per aggregate that is awake, found or woken by the directory; effects, the finisher and timers.
//!
//! Nobody waits on another actor's mailbox in a cycle: actors only wait for the log.

use palabre_events::{AccountId, Envelope};
use std::sync::Arc;

/// Tells sessions of what was committed. Called on an actor's thread after the commit and before anybody is answered:
/// it must not block, and its queues are bounded.
pub trait Publish: Send + Sync + 'static {
    /// `events` of one stream, in order of version, for everyone in `audience` (those who took part before ∪ after).
    fn publish(&self, events: &[Arc<Envelope>], audience: &[AccountId]);
}
