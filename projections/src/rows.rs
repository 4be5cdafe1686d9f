//! Rows that a projection keeps in memory while it changes them: read once, changed many times, written once a batch.
//!
//! Rows stay for later batches, so that a replay seldom reads. At most [`KEPT_MAX`] rows, and those of the batch under
//! way, are kept; those that were not used for longest go first.

use rusqlite::Connection;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::FoldError;

/// The most rows of one projection that are kept in memory between batches.
pub(crate) const KEPT_MAX: usize = 10_000;

/// A row of a projection's table.
pub(crate) trait Row: Sized + Send {
    /// The primary key.
    type Key: Copy + Eq + Hash + Send;
    /// Reads the row.
    fn load(key: Self::Key, db: &Connection) -> Result<Option<Self>, FoldError>;
    /// Writes the row, whether it is new or changed; or deletes it, when that is what it says.
    fn save(&mut self, key: Self::Key, db: &Connection) -> Result<(), FoldError>;
}

struct Slot<R> {
    /// The row, or none where there is none.
    row: Option<R>,
    dirty: bool,
    /// The batch in which it was last used.
    batch: u64,
}

/// The rows of one table that are in memory.
pub(crate) struct Rows<R: Row> {
    slots: HashMap<R::Key, Slot<R>>,
    dirty: Vec<R::Key>,
    batch: u64,
}

impl<R: Row> Default for Rows<R> {
    fn default() -> Self {
        Self { slots: HashMap::new(), dirty: Vec::new(), batch: 0 }
    }
}

impl<R: Row> Rows<R> {
    /// The row to look at, read when it is not in memory.
    pub fn get(&mut self, key: R::Key, db: &Connection) -> Result<Option<&R>, FoldError> {
        Ok(slot_of(&mut self.slots, self.batch, key, db)?.row.as_ref())
    }

    /// The row to change, read when it is not in memory.
    pub fn edit(&mut self, key: R::Key, db: &Connection) -> Result<Option<&mut R>, FoldError> {
        let slot = slot_of(&mut self.slots, self.batch, key, db)?;
        if slot.row.is_some() && !slot.dirty {
            slot.dirty = true;
            self.dirty.push(key);
        }
        Ok(slot.row.as_mut())
    }

    /// Puts a row in place of what was there.
    pub fn put(&mut self, key: R::Key, row: R) {
        let slot = self.slots.entry(key).or_insert(Slot { row: None, dirty: false, batch: 0 });
        slot.row = Some(row);
        slot.batch = self.batch;
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(key);
        }
    }

    /// Writes every changed row and answers their keys; then lets go of rows beyond [`KEPT_MAX`].
    pub fn flush(&mut self, db: &Connection) -> Result<Vec<R::Key>, FoldError> {
        for key in &self.dirty {
            let slot = self.slots.get_mut(key).expect("a changed row stays in memory until it is written");
            slot.row.as_mut().expect("only rows that are there change").save(*key, db)?;
            slot.dirty = false;
        }
        let written = std::mem::take(&mut self.dirty);
        self.let_go();
        self.batch += 1;
        Ok(written)
    }

    /// Forgets every row, written or not.
    pub fn forget(&mut self) {
        self.slots.clear();
        self.dirty.clear();
    }

    fn let_go(&mut self) {
        if self.slots.len() <= KEPT_MAX {
            return;
        }
        let mut batches: Vec<u64> = self.slots.values().map(|slot| slot.batch).collect();
        let surplus = self.slots.len() - KEPT_MAX / 2;
        let (_, last_to_go, _) = batches.select_nth_unstable(surplus - 1);
        let last_to_go = *last_to_go;
        self.slots.retain(|_, slot| slot.batch > last_to_go);
    }
}

/// The slot of `key`, read when it is not in memory; it counts as used now.
fn slot_of<'a, R: Row>(
    slots: &'a mut HashMap<R::Key, Slot<R>>,
    batch: u64,
    key: R::Key,
    db: &Connection,
) -> Result<&'a mut Slot<R>, FoldError> {
    let slot = match slots.entry(key) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(vacant) => vacant.insert(Slot { row: R::load(key, db)?, dirty: false, batch }),
    };
    slot.batch = batch;
    Ok(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is stored nowhere: what is let go is gone.
    struct Forgotten(u64);

    impl Row for Forgotten {
        type Key = u64;

        fn load(_: u64, _: &Connection) -> Result<Option<Self>, FoldError> {
            Ok(None)
        }

        fn save(&mut self, _: u64, _: &Connection) -> Result<(), FoldError> {
            Ok(())
        }
    }

    #[test]
    fn rows_used_lately_stay_and_the_others_go() {
        let db = Connection::open_in_memory().unwrap();
        let mut rows = Rows::default();
        let kept_max = KEPT_MAX as u64;
        for batch in 0..4 {
            rows.put(0, Forgotten(batch));
            (1..=kept_max / 3).for_each(|number| rows.put(batch * kept_max + number, Forgotten(number)));
            assert_eq!(rows.flush(&db).unwrap().len() as u64, kept_max / 3 + 1);
            assert!(rows.slots.len() <= KEPT_MAX);
        }
        assert_eq!(rows.get(0, &db).unwrap().map(|row| row.0), Some(3), "it is used in every batch");
        assert!(rows.get(1, &db).unwrap().is_none(), "it was used in the first batch only");
    }
}
