//! All rides on offer, found by where and when they pass: what the index keeps under its lock.

use std::cmp::Ordering;
use std::collections::HashMap;

use palabre_events::RideId;

use super::grid::{Grid, Slot};
use super::rule::{Pair, Wanted};
use super::{Change, Entry, Found, Search};

/// Spacings of milestones and edges of cells in km, from short rides to those around the world. Long rides have coarser
/// milestones, so that none has many: with the last spacing, twelve stops on opposite sides of the earth have 220.
const TIERS_KM: [(f64, f64); 3] = [(16.0, 24.0), (128.0, 192.0), (1024.0, 1536.0)];

/// How many spacings long the longest path of a tier is; the last tier has no longest.
const SPACINGS_MAX: f64 = 64.0;

/// Rides on offer.
pub(super) struct Offers {
    entries: Vec<Option<Entry>>,
    vacant: Vec<Slot>,
    slots: HashMap<RideId, Slot>,
    grids: [Grid; TIERS_KM.len()],
}

impl Offers {
    pub(super) fn new() -> Self {
        let grids = TIERS_KM.map(|(spacing_km, edge_km)| Grid::new(spacing_km, edge_km));
        Self { entries: Vec::new(), vacant: Vec::new(), slots: HashMap::new(), grids }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, ride: RideId) -> Option<&Entry> {
        self.entries[*self.slots.get(&ride)? as usize].as_ref()
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Upsert(entry) => self.upsert(*entry),
            Change::Seats { ride, seats, taken } => {
                let slot = self.slots.get(&ride);
                if let Some(entry) = slot.and_then(|slot| self.entries[*slot as usize].as_mut()) {
                    entry.seats = seats;
                    entry.taken = taken;
                }
            }
            Change::Remove(ride) => self.remove(ride),
        }
    }

    fn upsert(&mut self, entry: Entry) {
        if let Some(slot) = self.slots.get(&entry.ride) {
            let known = &mut self.entries[*slot as usize];
            if known.as_ref().is_some_and(|known| known.departs_at == entry.departs_at && known.path == entry.path) {
                *known = Some(entry);
                return;
            }
            self.remove(entry.ride);
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Slot::try_from(self.entries.len() - 1).expect("memory ends long before four billion rides")
        });
        self.slots.insert(entry.ride, slot);
        self.grids[tier(&entry)].insert(slot, &entry.path, entry.departs_at);
        self.entries[slot as usize] = Some(entry);
    }

    fn remove(&mut self, ride: RideId) {
        let Some(slot) = self.slots.remove(&ride) else { return };
        let entry = self.entries[slot as usize].take().expect("a slot in use has an entry");
        self.grids[tier(&entry)].remove(slot, &entry.path, entry.departs_at);
        self.vacant.push(slot);
    }

    pub(super) fn search(&self, search: &Search) -> Found {
        let wanted = Wanted::new(search);
        let mut matching: Vec<(Pair, &Entry)> =
            self.candidates(&wanted).filter_map(|entry| Some((wanted.best_pair(entry)?, entry))).collect();
        let total = matching.len();
        if (1..total).contains(&search.limit) {
            matching.select_nth_unstable_by(search.limit - 1, best_first);
        }
        matching.truncate(search.limit);
        matching.sort_unstable_by(best_first);
        Found { total, best: matching.iter().map(|(pair, entry)| pair.explain(entry)).collect() }
    }

    pub(super) fn count(&self, search: &Search) -> usize {
        let wanted = Wanted::new(search);
        self.candidates(&wanted).filter(|entry| wanted.best_pair(entry).is_some()).count()
    }

    /// Every ride that may match, once.
    fn candidates(&self, wanted: &Wanted<'_>) -> impl Iterator<Item = &Entry> {
        let Search { radius_km, at, tolerance_s, .. } = *wanted.search;
        let mut seen = vec![0_u64; self.entries.len().div_ceil(64)];
        let mut slots = Vec::new();
        for grid in &self.grids {
            grid.passing(wanted.pickup, radius_km, at, tolerance_s, |slot| {
                let (word, bit) = (&mut seen[slot as usize / 64], 1 << (slot % 64));
                if *word & bit == 0 {
                    *word |= bit;
                    slots.push(slot);
                }
            });
        }
        slots.into_iter().filter_map(|slot| self.entries[slot as usize].as_ref())
    }
}

/// The grid that holds a ride.
fn tier(entry: &Entry) -> usize {
    let fits = |(spacing_km, _): &(f64, f64)| entry.path.length_km() <= spacing_km * SPACINGS_MAX;
    TIERS_KM.iter().position(fits).unwrap_or(TIERS_KM.len() - 1)
}

/// Higher scores first; between equals the ride offered first. The id only settles what cannot be: one position twice.
fn best_first((pair, entry): &(Pair, &Entry), (other_pair, other): &(Pair, &Entry)) -> Ordering {
    other_pair
        .score
        .total_cmp(&pair.score)
        .then(entry.offered_position.cmp(&other.offered_position))
        .then(entry.ride.cmp(&other.ride))
}
