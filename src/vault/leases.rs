//! The port for leases: work that one node does at a time, such as expiry or mail.
//!
//! Times are the callers' clocks, so a lease is as good as the nodes' clocks agree: hold it for many times their
//! difference. Whoever must be certain compares terms, which never repeat.

use palabre_events::Timestamp;
use uuid::Uuid;

use super::Answer;

/// The leases of a vault.
pub trait Leases: Send + Sync + 'static {
    /// Takes the lease `name` for `holder` until `until`, when nobody else holds it at `now`.
    fn acquire_lease(&self, name: &'static str, holder: Uuid, now: Timestamp, until: Timestamp) -> Answer<Acquired>;

    /// Extends `lease` until `until`; `None` when another has taken it since.
    fn renew_lease(&self, lease: Lease, until: Timestamp) -> Answer<Option<Lease>>;

    /// Gives `lease` back, so that others need not wait for its end. Changes nothing when another has taken it.
    fn release_lease(&self, lease: Lease) -> Answer<()>;
}

/// A lease that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Of what.
    pub name: &'static str,
    /// By which node: an id that it draws anew at each start.
    pub holder: Uuid,
    /// Rises with each change of holder.
    pub term: u64,
    /// Until when.
    pub until: Timestamp,
}

/// What became of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The caller holds it.
    Held(Lease),
    /// Another holds it until this time.
    HeldByAnother {
        /// When to ask again.
        until: Timestamp,
    },
}
