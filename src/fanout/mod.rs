//! The fan-out: what one node tells the others at once, through Redis.
//!
//! **Redis is the fast path, the log is the truth.** Everything committed reaches every node by its feed as well, so
//! whatever is dropped here (a full queue, a Redis that is away, paused, flushed or replaced) arrives later and in
//! order; nobody who commits ever waits for Redis. What has no place in the log (typing, presence, read marks) may be
//! lost.
//!
//! Out: the hub speaks to [`Peers`], which puts each [`Notice`] into a bounded [`queue`]; the `session` with Redis writes
//! it once and publishes it. In: the session hands what other nodes say to a [`Hear`]. Both on the thread of the fan-out,
//! where the `supervisor` keeps one session going, with pauses in between, for ever. Who is connected to other nodes is
//! in [`presence`].
//!
//! A node subscribes to a channel for each account connected to it, to one for all nodes, and to one of its own by
//! which it checks that it hears. Messages hold ids and sealed bytes, never text, and a tag by a key of the vault:
//! whoever can write to Redis without that key makes up no message. What a node said before they can say again. That
//! changes nothing of what the log has, nor does the end of a session that has ended; typing, presence and read marks may
//! be shown wrongly for a while, as when messages are lost.

mod listener;
pub mod notice;
mod passed;
mod peers;
pub mod presence;
pub mod queue;
mod session;
mod supervisor;
pub mod wire;

pub use notice::{Channel, NodeId, Notice};
pub use peers::{LinkState, Peers};
pub use supervisor::{BadRedisUrl, Fanout};

use palabre_events::AccountId;

/// Hears what other nodes say. Called on the thread of the fan-out, one call after the other; it must not wait.
pub trait Hear: Send + Sync + 'static {
    /// Another node says this to whom it concerns on this node.
    fn hear(&self, notice: Notice);
    /// `account` is connected to one more of the other nodes.
    fn came_elsewhere(&self, account: AccountId);
    /// `account` is connected to one fewer of the other nodes.
    fn gone_elsewhere(&self, account: AccountId);
}
