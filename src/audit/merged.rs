//! Several streams read as one, in the order of the log. Holds a few events of each stream ahead, never a whole stream.

use futures_util::stream::{self, TryStreamExt};
use palabre_events::{Envelope, StreamId};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::AuditFailure;
use crate::store::EventStore;

/// How many events of one stream are read ahead at a time.
const STRAND_PAGE: usize = 64;
/// How many streams are read at the same time.
const READS_AT_ONCE: usize = 16;

/// Several streams as one, in the order of the log.
pub(super) struct Merged<'a> {
    log: &'a dyn EventStore,
    strands: Vec<Strand>,
}

/// One stream of several: what of it was read ahead.
struct Strand {
    stream: StreamId,
    ahead: VecDeque<Arc<Envelope>>,
    read_to: u64,
    ended: bool,
}

impl<'a> Merged<'a> {
    /// Reads from the beginning of each stream.
    pub(super) fn new(log: &'a dyn EventStore, streams: BTreeSet<StreamId>) -> Self {
        let strand = |stream| Strand { stream, ahead: VecDeque::new(), read_to: 0, ended: false };
        Self { log, strands: streams.into_iter().map(strand).collect() }
    }

    /// The next event in the order of the log; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Arc<Envelope>>, AuditFailure> {
        if self.strands.iter().any(Strand::is_used_up) {
            let log = self.log;
            let strands = stream::iter(self.strands.iter_mut().map(Ok));
            strands.try_for_each_concurrent(READS_AT_ONCE, |strand| strand.read_ahead(log)).await?;
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

    async fn read_ahead(&mut self, log: &dyn EventStore) -> Result<(), AuditFailure> {
        if !self.is_used_up() {
            return Ok(());
        }
        let page = log.read(self.stream, self.read_to, STRAND_PAGE).await?;
        self.ended = page.len() < STRAND_PAGE;
        self.read_to = page.last().map_or(self.read_to, |last| last.version);
        self.ahead.extend(page);
        Ok(())
    }
}
