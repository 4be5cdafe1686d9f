//! What is known of streams: where they end, and what the keys in them committed.
//!
//! What is known of a stream holds up to its version there. An append that the server takes at that version shows that
//! nothing was missing; so keys need no place of their own, and no second look. Bounded: streams that were not asked
//! for lately are forgotten, and read again when they are needed.

use lru::LruCache;
use palabre_events::log::{FirstAnswer, KeyedCommand};
use palabre_events::{AccountId, CommandKey, StreamId, Timestamp};
use std::collections::HashMap;

use crate::clock;
use crate::store::found::Found;
use crate::store::keys::{is_kept, oldest_kept};
use crate::store::ruling::Head;

/// The most streams that are known.
const STREAMS_MAX: usize = 64 * 1024;
/// The most keys that are known, about 150 bytes each.
const KEYS_MAX: usize = 512 * 1024;

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub head: Head,
    /// When its last event was recorded.
    pub recorded_at: Option<Timestamp>,
}

struct Stream {
    end: End,
    keys: HashMap<(AccountId, CommandKey), FirstAnswer>,
}

/// What is known of all streams.
pub(super) struct Known {
    streams: LruCache<StreamId, Stream>,
    keys: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self { streams: LruCache::unbounded(), keys: 0 }
    }
}

impl Known {
    /// Where `stream` ends, as far as it is known.
    pub fn end(&mut self, stream: StreamId) -> Option<End> {
        self.streams.get(&stream).map(|known| known.end)
    }

    /// What `command`'s key committed in `stream`, as far as that is known.
    pub fn first_answer(&self, stream: StreamId, command: &KeyedCommand) -> Option<FirstAnswer> {
        self.streams.peek(&stream)?.keys.get(&(command.account, command.key)).copied()
    }

    /// Takes in events of `stream`, which were read after `after_version`. They help when they begin at or before the end
    /// that is known, and go beyond it.
    pub fn learn(&mut self, stream: StreamId, after_version: u64, events: &[Found]) {
        let start = || Stream { end: End { head: Head::START, recorded_at: None }, keys: HashMap::new() };
        if after_version == 0 && !self.streams.contains(&stream) {
            self.streams.put(stream, start());
        }
        let Some(known) = self.streams.get_mut(&stream).filter(|known| known.end.head.version >= after_version) else {
            return;
        };
        let oldest_kept = oldest_kept(clock::now());
        let before = known.keys.len();
        for found in events.iter().filter(|found| found.envelope.version > known.end.head.version).collect::<Vec<_>>() {
            let event = &found.envelope;
            let head = Head { version: event.version, hash: event.hash };
            known.end = End { head, recorded_at: Some(event.recorded_at) };
            if let Some((keyed, first)) = found.first_answer()
                && is_kept(keyed.key, oldest_kept)
            {
                known.keys.entry((keyed.account, keyed.key)).or_insert(first);
            }
        }
        self.keys += known.keys.len() - before;
        self.shrink();
    }

    /// Forgets what was not asked for lately, down to the bounds, but not what was asked for last.
    fn shrink(&mut self) {
        while self.streams.len() > 1 && (self.streams.len() > STREAMS_MAX || self.keys > KEYS_MAX) {
            let Some((_, forgotten)) = self.streams.pop_lru() else { return };
            self.keys -= forgotten.keys.len();
        }
    }
}
