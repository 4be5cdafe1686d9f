//! The matching index as threads share it: any number search while one writes, a little at a time.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use palabre_events::RideId;

use super::loosen::{Loosening, loosenings};
use super::offers::Offers;
use super::{Change, Entry, Found, Search};

/// Which offered rides suit a search. Exact: it finds what holding the rule against every ride would find.
///
/// Writes come in batches. A batch is applied in portions of [`MatchingIndex::PORTION_MAX`] changes, between which
/// searches go ahead; so a search may see a part of a batch, never a part of a change.
pub struct MatchingIndex {
    offers: RwLock<Offers>,
}

impl Default for MatchingIndex {
    fn default() -> Self {
        Self { offers: RwLock::new(Offers::new()) }
    }
}

impl MatchingIndex {
    /// The most changes for which searches wait, about a millisecond.
    pub const PORTION_MAX: usize = 256;

    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `changes`, in their order.
    pub fn apply(&self, changes: impl IntoIterator<Item = Change>) {
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let mut offers = self.offers.write().unwrap_or_else(stay_open);
            changes.by_ref().take(Self::PORTION_MAX).for_each(|change| offers.apply(change));
        }
    }

    /// Puts a ride on offer, or what is known of it now in the place of what was.
    pub fn upsert(&self, entry: Entry) {
        self.apply([Change::Upsert(Box::new(entry))]);
    }

    /// Takes a ride off; nothing where it was not on offer.
    pub fn remove(&self, ride: RideId) {
        self.apply([Change::Remove(ride)]);
    }

    /// What is known of a ride on offer.
    pub fn get(&self, ride: RideId) -> Option<Entry> {
        self.read().get(ride).cloned()
    }

    /// How many rides are on offer.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rides match, and the best of them.
    pub fn search(&self, search: &Search) -> Found {
        self.read().search(search)
    }

    /// For a search that finds nothing: which wish to loosen, how far, and how many rides that finds. Where none helps
    /// alone, hour and distance together; empty when not even that helps. It counts 80 times at most.
    pub fn explain_none(&self, search: &Search) -> Vec<Loosening> {
        // Locks for one count at a time: changes need not wait for all of them.
        loosenings(search, |looser| self.read().count(looser))
    }

    fn read(&self) -> RwLockReadGuard<'_, Offers> {
        self.offers.read().unwrap_or_else(stay_open)
    }
}

/// Goes on after a writer died of a bug: what it left is at worst one ride that cannot be found, and whoever feeds the
/// index stops and says so. Searches for all the others need not die with it.
fn stay_open<Guard>(poisoned: PoisonError<Guard>) -> Guard {
    poisoned.into_inner()
}
