//! Several streams read as one, in the order of the log. Holds a few events of each stream ahead, more of long ones, never
//! more than so many of all.

use futures_util::stream::{self, TryStreamExt};
use palabre_events::{Envelope, StreamId};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::AuditFailure;
use crate::store::{EventStore, PAGE_MAX};

/// How many events of one stream are read ahead at first; then twice as many each time, since it is a long one.
const STRAND_PAGE: usize = 64;
/// How many events of all streams may be held ahead, where that is more than a first page of each.
const AHEAD_MAX: usize = 16 * 1024;
/// How many streams are read at the same time.
const READS_AT_ONCE: usize = 16;

/// Several streams as one, in the order of the log.
pub(super) struct Merged<'a> {
    log: &'a dyn EventStore,
    page_max: usize,
    strands: Vec<Strand>,
}

/// One stream of several: what of it was read ahead.
struct Strand {
    stream: StreamId,
    ahead: VecDeque<Arc<Envelope>>,
    read_to: u64,
    next_page: usize,
    ended: bool,
}

impl<'a> Merged<'a> {
    /// Reads from the beginning of each stream.
    pub(super) fn new(log: &'a dyn EventStore, streams: BTreeSet<StreamId>) -> Self {
        let strand =
            |stream| Strand { stream, ahead: VecDeque::new(), read_to: 0, next_page: STRAND_PAGE, ended: false };
        let page_max = (AHEAD_MAX / streams.len().max(1)).clamp(STRAND_PAGE, PAGE_MAX);
        Self { log, page_max, strands: streams.into_iter().map(strand).collect() }
    }

    /// The next event in the order of the log; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Arc<Envelope>>, AuditFailure> {
        if self.strands.iter().any(Strand::is_used_up) {
            let (log, page_max) = (self.log, self.page_max);
            let strands = stream::iter(self.strands.iter_mut().map(Ok));
            strands.try_for_each_concurrent(READS_AT_ONCE, |strand| strand.read_ahead(log, page_max)).await?;
        }
        let position = |strand: &&mut Strand| strand.ahead.front().map_or(u64::MAX, |next| next.position);
        Ok(self.strands.iter_mut().min_by_key(position).and_then(|strand| strand.ahead.pop_front()))
    }
}

impl Strand {
    /// Whether what comes next in it is to be read.
    fn is_used_up(&self) -> bool {
        self.ahead.is_empty() && !self.ended
    }

    async fn read_ahead(&mut self, log: &dyn EventStore, page_max: usize) -> Result<(), AuditFailure> {
        if !self.is_used_up() {
            return Ok(());
        }
        let page = log.read(self.stream, self.read_to, self.next_page).await?;
        self.ended = page.len() < self.next_page;
        self.next_page = (2 * self.next_page).min(page_max);
        self.read_to = page.last().map_or(self.read_to, |last| last.version);
        self.ahead.extend(page);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::{append, fresh_stream, unkeyed};
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn long_streams_come_in_the_order_of_the_log() {
        const ROUNDS: u64 = 700;
        let (log, streams) = (MemoryStore::new(), [fresh_stream(), fresh_stream()]);
        for round in 0..ROUNDS {
            for (stream, events) in streams.into_iter().zip([1, 2]) {
                let items = (0..events).map(|_| unkeyed("Bonjour")).collect();
                log.append(append(stream, round * events, items)).await.unwrap();
            }
        }
        let mut merged = Merged::new(&log, BTreeSet::from([streams[0], streams[1], fresh_stream()]));
        for position in 1..=3 * ROUNDS {
            assert_eq!(merged.next().await.unwrap().map(|event| event.position), Some(position));
        }
        assert_eq!(merged.next().await, Ok(None));
    }
}
