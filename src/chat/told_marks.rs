//! How far the read marks of each account were told, so that they are not told again when the feed reads them.
//!
//! A bounded memory: what is forgotten may be told twice, which changes nothing for whoever hears it.

use lru::LruCache;
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use uuid::Uuid;

/// Accounts whose marks are remembered.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// The last version of the marks of those who read last.
pub struct ToldMarks(Mutex<LruCache<Uuid, u64>>);

impl Default for ToldMarks {
    fn default() -> Self {
        Self(Mutex::new(LruCache::sparse(REMEMBERED_MAX)))
    }
}

impl ToldMarks {
    /// Takes note of `version` of a stream of marks; whether it is news.
    pub fn note(&self, stream: Uuid, version: u64) -> bool {
        let mut told = self.0.lock();
        let last = told.get_or_insert_mut(stream, || 0);
        let is_news = *last < version;
        *last = version.max(*last);
        is_news
    }
}
