//! Where streams end, as a writer that numbers them remembers it.

use lru::LruCache;
use palabre_events::StreamId;
use std::num::NonZeroUsize;

use super::ruling::Head;

/// The most streams whose ends are kept in memory; others are looked up. Many more than one commit touches, so that none
/// is pushed out between its look-up and its use.
const ENDS_KEPT: NonZeroUsize = NonZeroUsize::new(64 * 1024).expect("not zero");

/// The ends of the streams that were written to last.
pub(super) type Ends = LruCache<StreamId, End>;

/// Where a stream ends, and its number in the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub stream_no: i64,
    pub head: Head,
}

/// Remembers no stream yet.
pub(super) fn no_ends() -> Ends {
    LruCache::new(ENDS_KEPT)
}
