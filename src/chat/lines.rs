//! How far each conversation was told to the connections of this node, and its roster where that is known.
//!
//! A bounded memory: a conversation that was not heard of for long is forgotten, and is taken up again with the next
//! event. Sending is for [`super::hub`].

use lru::LruCache;
use palabre_events::ConversationId;
use parking_lot::{Mutex, MutexGuard};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::roster::Roster;

/// The most conversations that are remembered, about 150 bytes each; the one not heard of for longest makes room.
pub const LINES_MAX: usize = SHARDS * LINES_PER_SHARD_MAX;
const SHARDS: usize = 64;
const LINES_PER_SHARD_MAX: usize = 1_024;

/// What is known of one conversation.
#[derive(Debug, Default)]
pub struct Line {
    /// The last `seq` that was told, if that is known.
    pub told: Option<u64>,
    /// Events up to this `seq` are known to exist.
    pub wanted: u64,
    /// The number of the task that reads what was missed, while one does; until it is done nobody else tells anything.
    pub catching_up: Option<u64>,
    /// Who sees what, as of [`Line::era`]. It has folded everybody who came or went up to `told`, and all of them that the
    /// feed has passed: whatever may make that untrue makes it be forgotten.
    pub roster: Option<Arc<Roster>>,
    /// Changes when somebody comes or goes, or may have, so that one read before is not taken for one read after.
    pub era: u64,
}

/// A part of the conversations, each behind a lock of its own.
pub struct Shard {
    lines: LruCache<ConversationId, Line>,
    numbers: Arc<AtomicU64>,
}

impl Shard {
    /// What is known of a conversation, if anything is.
    pub fn known(&mut self, conversation: ConversationId) -> Option<&mut Line> {
        self.lines.get_mut(&conversation)
    }

    /// What is known of a conversation, from now on if nothing was.
    pub fn line(&mut self, conversation: ConversationId) -> &mut Line {
        if !self.lines.contains(&conversation) && self.lines.len() == LINES_PER_SHARD_MAX {
            self.make_room();
        }
        let numbers = &self.numbers;
        self.lines.get_or_insert_mut(conversation, || Line { era: new_number(numbers), ..Line::default() })
    }

    /// Forgets a conversation.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.lines.pop(&conversation);
    }

    /// Forgets the conversation not heard of for longest; one that is catching up only when all are.
    fn make_room(&mut self) {
        let quiet =
            self.lines.iter().rev().find(|(_, line)| line.catching_up.is_none()).map(|(conversation, _)| *conversation);
        match quiet {
            Some(conversation) => self.forget(conversation),
            None => drop(self.lines.pop_lru()),
        }
    }
}

/// What is known of the conversations heard of last.
pub struct Lines {
    shards: [Mutex<Shard>; SHARDS],
    numbers: Arc<AtomicU64>,
}

/// A number that never was before.
fn new_number(numbers: &AtomicU64) -> u64 {
    numbers.fetch_add(1, Ordering::Relaxed)
}

impl Default for Lines {
    fn default() -> Self {
        let size = NonZeroUsize::new(LINES_PER_SHARD_MAX).expect("the limit is not zero");
        let numbers = Arc::<AtomicU64>::default();
        let shard = |_| Mutex::new(Shard { lines: LruCache::sparse(size), numbers: numbers.clone() });
        Self { shards: std::array::from_fn(shard), numbers }
    }
}

impl Lines {
    /// The shard that holds what is known of `conversation`, locked.
    pub fn of(&self, conversation: ConversationId) -> MutexGuard<'_, Shard> {
        // The last byte of an id is random in every version that is used here.
        self.shards[usize::from(conversation.0.as_bytes()[15]) % SHARDS].lock()
    }

    /// Somebody came or went up to `seq`, or may have: a roster of `line` that has not folded that far is forgotten, and
    /// none that is being read at this moment will be remembered.
    pub fn demand_roster(&self, line: &mut Line, seq: u64) {
        line.roster = line.roster.take().filter(|roster| roster.seq() >= seq);
        line.era = self.new_number();
    }

    /// A number that no era and no task has had.
    pub fn new_number(&self) -> u64 {
        new_number(&self.numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn in_first_shard(number: usize) -> ConversationId {
        ConversationId(Uuid::from_u128((number as u128) << 8))
    }

    #[test]
    fn the_one_not_heard_of_for_longest_makes_room_unless_it_catches_up() {
        let lines = Lines::default();
        let mut shard = lines.of(in_first_shard(0));
        for number in 0..LINES_PER_SHARD_MAX {
            shard.line(in_first_shard(number)).catching_up = (number == 0).then_some(1);
        }
        shard.line(in_first_shard(LINES_PER_SHARD_MAX));
        assert!(shard.known(in_first_shard(0)).is_some());
        assert!(shard.known(in_first_shard(1)).is_none());
        assert!(shard.known(in_first_shard(2)).is_some());
    }
}
