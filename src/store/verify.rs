//! Proves a whole log: positions rise (by one, where they are dense), every stream's versions count from 1, every hash follows from the one
//! before it, and each stream read by itself ends where the log says.
//!
//! It names the first event that is wrong and repairs nothing. A log whose end was cut off proves as a shorter one;
//! only a checkpoint kept elsewhere shows that.

use futures_util::stream::{self, StreamExt};
use palabre_events::log::Hash;
use palabre_events::{Envelope, StreamId};
use std::collections::HashMap;
use std::fmt;

use super::{EventStore, PAGE_MAX, ReadFailure};

/// Streams whose end is looked up at the same time.
const LOOK_UPS: usize = 32;

/// A log that is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Events that were checked.
    pub events: u64,
    /// Streams that were checked.
    pub streams: u64,
}

/// The first event that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// Where it is, or should be, in the log.
    pub position: u64,
    /// Its stream and its version there, where it can be told.
    pub event: Option<(StreamId, u64)>,
    /// What is wrong with it, in words.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {}", self.position)?;
        if let Some((stream, version)) = &self.event {
            write!(f, " (version {version} of {stream})")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why a log is not proved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotProved {
    /// It is not as it was written.
    #[error(transparent)]
    Wrong(#[from] Fault),
    /// It does not answer.
    #[error("the log does not answer")]
    Unavailable,
}

/// Where a stream ends, as far as the walk has come.
#[derive(Clone, Copy)]
struct End {
    version: u64,
    position: u64,
    hash: Hash,
}

/// Walks the whole log. `progress` is told, page by page, the position up to which it is checked, and the last there is.
///
/// It keeps about 100 bytes per stream in memory.
pub async fn verify(store: &dyn EventStore, mut progress: impl FnMut(u64, u64)) -> Result<Proof, NotProved> {
    let (mut walked, mut last, mut limit, mut ends) = (0, 0, PAGE_MAX, HashMap::new());
    let dense = store.positions_are_dense();
    loop {
        let head = *store.head().borrow();
        let page = match store.read_all(last, limit).await {
            Ok(page) => page,
            Err(ReadFailure::Unavailable) => return Err(NotProved::Unavailable),
            Err(ReadFailure::Damaged(what)) if limit == 1 => return Err(wrong(last + 1, None, what).into()),
            Err(ReadFailure::Damaged(_)) => {
                // Somewhere in the page: what stands before it may be wrong in another way, and comes first.
                limit /= 2;
                continue;
            }
        };
        for event in &page {
            let follows = if dense { event.position == last + 1 } else { event.position > last };
            if !follows {
                let named = Some((event.stream, event.version));
                return Err(wrong(last + 1, named, format!("it says that it is at position {}", event.position)).into());
            }
            check(event, &mut ends)?;
            (walked, last) = (walked + 1, event.position);
        }
        progress(last, head.max(last));
        if page.len() < limit {
            if last < head {
                return Err(wrong(last + 1, None, "the log ends before it").into());
            }
            break;
        }
    }
    let streams = ends.len() as u64;
    check_ends(store, ends).await?;
    Ok(Proof { events: walked, streams })
}

fn wrong(position: u64, event: Option<(StreamId, u64)>, what: impl Into<String>) -> Fault {
    Fault { position, event, what: what.into() }
}

/// The event, behind what its stream held before.
fn check(event: &Envelope, ends: &mut HashMap<StreamId, End>) -> Result<(), Fault> {
    let (position, named) = (event.position, Some((event.stream, event.version)));
    let end = ends.entry(event.stream).or_insert(End { version: 0, position: 0, hash: Hash::START });
    if event.version != end.version + 1 {
        return Err(wrong(position, named, format!("version {} of its stream is due", end.version + 1)));
    }
    if event.hash != event.chained_hash(&end.hash) {
        return Err(wrong(position, named, "its hash does not follow from its fields and the event before it"));
    }
    *end = End { version: event.version, position, hash: event.hash };
    Ok(())
}

/// Reads the end of every stream by itself, and tells the fault that comes first in the log.
async fn check_ends(store: &dyn EventStore, ends: HashMap<StreamId, End>) -> Result<(), NotProved> {
    let checks = stream::iter(ends).map(|(stream, end)| check_end(store, stream, end)).buffer_unordered(LOOK_UPS);
    let first = checks.fold(Ok(()), async |first, check| match (first, check) {
        (Err(NotProved::Wrong(one)), Err(NotProved::Wrong(other))) => {
            Err(if one.position <= other.position { one } else { other }.into())
        }
        (Err(failure), _) => Err(failure),
        (Ok(()), check) => check,
    });
    first.await
}

async fn check_end(store: &dyn EventStore, stream: StreamId, end: End) -> Result<(), NotProved> {
    let fault = |what: String| Err(wrong(end.position, Some((stream, end.version)), what).into());
    match store.read(stream, end.version - 1, 1).await {
        Err(ReadFailure::Unavailable) => Err(NotProved::Unavailable),
        Err(ReadFailure::Damaged(what)) => fault(what),
        Ok(events) => match events.first() {
            None => fault("its stream, read by itself, ends before it".to_owned()),
            Some(last) if last.hash != end.hash => {
                fault("its stream, read by itself, has another event here".to_owned())
            }
            Some(_) => Ok(()),
        },
    }
}
