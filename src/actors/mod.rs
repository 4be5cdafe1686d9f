//! Actors: one per aggregate that is awake, found or woken by the directory; effects, the finisher and timers.
//!
//! [`directory`] finds or wakes the one actor of a stream on this node, [`aggregate`] is that actor, which only drives
//! the shell of `palabre-events`. [`effects`] runs what a committed fact causes, [`finisher`] what a crash left undone,
//! [`timers`] what is due. [`news`] brings what other nodes committed to the actors that are awake. Nobody waits on another actor's mailbox in a cycle: actors only wait for the log.
//! Correctness comes from expected versions in the log, never from there being one actor.

pub mod aggregate;
pub mod directory;
pub mod effects;
pub mod finisher;
pub mod news;
pub mod timers;

#[cfg(test)]
mod tests;

use palabre_events::{AccountId, Envelope};
use std::sync::Arc;

pub use directory::Directory;

/// Tells sessions of what was committed. Called on an actor's thread after the commit and before anybody is answered:
/// it must not block, and its queues are bounded.
pub trait Publish: Send + Sync + 'static {
    /// `events` of one stream, in order of version, for everyone in `audience` (those who took part before ∪ after).
    fn publish(&self, events: &[Arc<Envelope>], audience: &[AccountId]);
}
