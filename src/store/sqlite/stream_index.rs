//! The index of streams: where the events of each are. It follows the log in batches, since an entry for each event at
//! once would write another page of the index for nearly each of them; sorted, many share one.
//!
//! Until then [`Recent`](super::recent::Recent) knows the rest, and another process finds it at the end of the log. The
//! index says itself how far it is complete, so that nothing is lost when the process is.

use rusqlite::{Connection, TransactionBehavior};

/// So many events, and they are indexed.
const EVENTS_MAX: u64 = 8 * 1024;
/// So many bytes of events, and they are indexed: they are kept in memory until then.
const BYTES_MAX: usize = 8 * 1024 * 1024;

const ADD: &str = "INSERT INTO stream_index (stream_no, version, position) \
     SELECT stream_no, version, position FROM events WHERE position > (SELECT up_to FROM indexed) \
     ORDER BY stream_no, version";
const SAY: &str = "UPDATE indexed SET up_to = coalesce((SELECT max(position) FROM events), 0)";

/// What the index of one connection still has to take in.
#[derive(Debug, Default)]
pub(super) struct Unindexed {
    events: u64,
    bytes: usize,
}

impl Unindexed {
    /// An event of so many bytes was committed.
    pub fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes;
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Whether it is so much that it must not wait until the log is idle.
    pub fn is_much(&self) -> bool {
        self.events >= EVENTS_MAX || self.bytes >= BYTES_MAX
    }
}

/// Takes in every event that was committed, in a transaction of its own.
pub(super) fn complete(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    complete_within(&transaction)?;
    transaction.commit()
}

/// Takes in every event that is there, within a transaction.
pub(super) fn complete_within(connection: &Connection) -> rusqlite::Result<()> {
    if connection.prepare_cached(ADD)?.execute([])? > 0 {
        connection.prepare_cached(SAY)?.execute([])?;
    }
    Ok(())
}
