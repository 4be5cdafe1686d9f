//! The port for leases: work that one node does at a time, such as expiry or mail; and [`Holding`], how a node keeps
//! one while it works.
//!
//! Times are the callers' clocks, so a lease is as good as the nodes' clocks agree: hold it for many times their
//! difference. Whoever must be certain compares terms, which never repeat.

use palabre_events::Timestamp;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::Answer;
use crate::clock;

/// The leases of a vault.
pub trait Leases: Send + Sync + 'static {
    /// Takes the lease `name` for `holder` until `until`, when nobody else holds it at `now`. Asking again extends it.
    fn acquire_lease(&self, name: &'static str, holder: Uuid, now: Timestamp, until: Timestamp) -> Answer<Acquired>;

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

/// A lease as one node has it: asked for, kept while there is work, and given back.
pub struct Holding {
    vault: Arc<dyn Leases>,
    name: &'static str,
    holder: Uuid,
    lasts_s: u32,
    held: Option<Held>,
}

struct Held {
    lease: Lease,
    /// When half of its time is over: the other half is for the vault's answer and for clocks that differ.
    fresh_until: Instant,
}

impl Holding {
    /// The lease `name`, not held yet, which lasts `lasts_s` seconds from each time that `holder` gets it.
    pub fn new(vault: Arc<dyn Leases>, name: &'static str, holder: Uuid, lasts_s: u32) -> Self {
        Self { vault, name, holder, lasts_s, held: None }
    }

    /// Until when the holder may work without asking again; at least half of the lease is then left. `None` when
    /// another holds it or the vault does not answer.
    pub async fn take(&mut self) -> Option<Instant> {
        if self.fresh_until().is_none() {
            self.ask().await;
        }
        self.fresh_until()
    }

    /// Does `work` and keeps the lease meanwhile. `None` once it cannot be kept: the work is then left where it was.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let fresh_until = self.take().await?;
            if let Ok(done) = timeout_at(fresh_until, work.as_mut()).await {
                return Some(done);
            }
        }
    }

    /// Gives the lease back, if it is held.
    pub async fn give_back(&mut self) {
        if let Some(Held { lease, .. }) = self.held.take()
            && let Err(failure) = self.vault.release_lease(lease).await
        {
            tracing::warn!(%failure, lease = self.name, "cannot give a lease back; it runs out by itself");
        }
    }

    fn fresh_until(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.fresh_until).filter(|fresh_until| Instant::now() < *fresh_until)
    }

    async fn ask(&mut self) {
        let (asked_at, now) = (Instant::now(), clock::now());
        let until = now.plus_seconds(self.lasts_s.into());
        match self.vault.acquire_lease(self.name, self.holder, now, until).await {
            Ok(Acquired::Held(lease)) => {
                let fresh_until = asked_at + Duration::from_secs(self.lasts_s.into()) / 2;
                self.held = Some(Held { lease, fresh_until });
            }
            Ok(Acquired::HeldByAnother { .. }) => {
                if self.held.take().is_some() {
                    tracing::warn!(lease = self.name, "another node has taken a lease, as this one came too late");
                }
            }
            Err(failure) => tracing::warn!(%failure, lease = self.name, "cannot ask for a lease"),
        }
    }
}
