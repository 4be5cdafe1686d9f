//! Copying a log from one store into another: the way from one machine to many, and back from a backup.
//!
//! Events keep their order, versions, ids, times and hashes, keys what they committed; only the log's name is new, so that
//! clients start afresh. Positions stay as well where the original's are dense; otherwise they are counted anew, since
//! those of every target are. A copy that was interrupted goes on where it stopped; until it is proved complete, nobody
//! else can open it.

use futures_util::future::{BoxFuture, join_all};
use palabre_events::log::{FirstAnswer, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope};
use std::num::NonZeroUsize;
use std::sync::Arc;
use uuid::Uuid;

use super::verify::{NotProved, verify};
use super::{EventStore, PAGE_MAX, ReadFailure};

/// Streams whose numbers a target keeps in memory; many more than one page of a log touches.
pub(super) const NUMBERS_KEPT: NonZeroUsize = NonZeroUsize::new(256 * 1024).expect("not zero");
/// Keys that are looked up at the same time.
const LOOK_UPS: usize = 256;

/// What a key committed, with all that recognises it.
pub type Remembered = (KeyedCommand, FirstAnswer);

/// A log that can be copied: it also tells what its keys committed.
pub trait Original: EventStore {
    /// The keys behind `after` in the order of (key, account), at most [`PAGE_MAX`].
    fn keys_after(
        &self,
        after: Option<(CommandKey, AccountId)>,
    ) -> BoxFuture<'static, Result<Vec<Remembered>, ReadFailure>>;
}

/// A log that is being copied into. Every call blocks until what it did is on disk.
pub trait Target {
    /// Position of the last event that was copied.
    fn position(&self) -> u64;

    /// Adds events, which follow [`Target::position`], exactly as they are.
    fn add_events(&mut self, events: &[Arc<Envelope>]) -> anyhow::Result<()>;

    /// Remembers what keys committed. Those that it knows already change nothing.
    fn add_keys(&mut self, keys: &[Remembered]) -> anyhow::Result<()>;

    /// What was copied, to read only.
    fn read(&self) -> anyhow::Result<Arc<dyn EventStore>>;

    /// Declares the copy complete: from now on it is a log as any other.
    fn finish(&mut self) -> anyhow::Result<()>;
}

/// How far a copy is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As far as the original has got, which goes on meanwhile; to be finished by another run.
    Ahead,
    /// To the end of the original, which nobody writes to; then it is proved and finished.
    Whole,
}

/// What a copy did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Events in the copy.
    pub events: u64,
    /// Events that an earlier run had copied.
    pub resumed_at: u64,
    /// Keys in the copy that the original knows; none are copied ahead.
    pub keys: u64,
}

/// What whoever waits for a copy is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many events are copied.
    Copying(u64),
    /// So many events are proved.
    Proving(u64),
}

/// Copies `original` into `target`. Blocks; call it from a thread without a runtime.
pub fn copy(
    original: &dyn Original,
    target: &mut dyn Target,
    extent: Extent,
    mut progress: impl FnMut(Progress),
) -> anyhow::Result<Copied> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let resumed_at = target.position();
    let mut after = runtime.block_on(resumed(original, &*target.read()?, resumed_at))?;
    loop {
        let page = runtime.block_on(original.read_all(after, PAGE_MAX))?;
        let Some(last) = page.last() else { break };
        after = last.position;
        target.add_events(&counted(original, page, target.position()))?;
        progress(Progress::Copying(target.position()));
    }
    let events = target.position();
    if extent == Extent::Ahead {
        return Ok(Copied { events, resumed_at, keys: 0 });
    }
    let copy = target.read()?;
    let (mut keys, mut after) = (0, None);
    loop {
        let page = runtime.block_on(original.keys_after(after))?;
        let Some((last, _)) = page.last() else { break };
        after = Some((last.key, last.account));
        keys += page.len() as u64;
        target.add_keys(&runtime.block_on(placed(original, &*copy, page))?)?;
    }
    runtime.block_on(prove(original, &*copy, events, &mut progress))?;
    drop(copy);
    target.finish()?;
    Ok(Copied { events, resumed_at, keys })
}

/// Where in the original an earlier run stopped. What it copied must be the original's beginning.
async fn resumed(original: &dyn Original, copy: &dyn EventStore, position: u64) -> anyhow::Result<u64> {
    let Some(last) = copy.event_at(position).await? else { return Ok(0) };
    let same = original.read(last.stream, last.version - 1, 1).await?;
    let same = same.first().filter(|same| is_same(original, same, &last));
    let same = same.ok_or_else(|| {
        anyhow::anyhow!("what was copied before is not the beginning of this log; begin anew elsewhere")
    });
    same.map(|same| same.position)
}

/// The events with the positions that they have in the copy, behind `position`.
fn counted(original: &dyn Original, page: Vec<Arc<Envelope>>, position: u64) -> Vec<Arc<Envelope>> {
    if original.positions_are_dense() {
        return page;
    }
    let counted = page.into_iter().zip(position + 1..);
    counted.map(|(event, position)| Arc::new(Envelope { position, ..Arc::unwrap_or_clone(event) })).collect()
}

/// What keys committed, with the positions that it has in the copy.
async fn placed(
    original: &dyn Original,
    copy: &dyn EventStore,
    mut page: Vec<Remembered>,
) -> anyhow::Result<Vec<Remembered>> {
    if original.positions_are_dense() {
        return Ok(page);
    }
    for some in page.chunks_mut(LOOK_UPS) {
        let events = join_all(some.iter().map(|(_, first)| copy.read(first.stream, first.version - 1, 1))).await;
        for ((_, first), event) in some.iter_mut().zip(events) {
            let event = event?;
            let event = event.first().ok_or_else(|| anyhow::anyhow!("an event of {} was not copied", first.stream))?;
            first.position = event.position;
        }
    }
    Ok(page)
}

/// Whether an event of the copy is that of the original.
fn is_same(original: &dyn Original, one: &Envelope, copied: &Envelope) -> bool {
    let position = if original.positions_are_dense() { one.position } else { copied.position };
    *copied == Envelope { position, ..one.clone() }
}

/// Proves the copy by itself, and then event by event and key by key against the original.
async fn prove(
    original: &dyn Original,
    copy: &dyn EventStore,
    events: u64,
    progress: &mut impl FnMut(Progress),
) -> anyhow::Result<()> {
    match verify(copy, |done, _| progress(Progress::Proving(done))).await {
        Ok(proof) => anyhow::ensure!(proof.events == events, "the copy ends at {}, not {events}", proof.events),
        Err(NotProved::Wrong(fault)) => anyhow::bail!("the copy is wrong at {fault}"),
        Err(unread) => return Err(unread.into()),
    }
    let (mut compared, mut in_original) = (0, 0);
    while compared < events {
        let (one, other) = (original.read_all(in_original, PAGE_MAX).await?, copy.read_all(compared, PAGE_MAX).await?);
        let are_same = one.iter().zip(&other).all(|(one, copied)| is_same(original, one, copied));
        let (Some(last), true) = (one.last(), are_same && one.len() == other.len()) else {
            anyhow::bail!("original and copy differ after position {compared} of the copy");
        };
        in_original = last.position;
        compared += one.len() as u64;
    }
    let mut after = None;
    loop {
        let page = original.keys_after(after).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some((last.key, last.account));
        for some in placed(original, copy, page).await?.chunks(LOOK_UPS) {
            let answers = join_all(some.iter().map(|(keyed, first)| copy.first_answer(first.stream, *keyed))).await;
            for ((keyed, first), answer) in some.iter().zip(answers) {
                anyhow::ensure!(answer? == Some(*first), "the copy has forgotten the key {}", keyed.key.0);
            }
        }
    }
    let rest = original.read_all(in_original, 1).await?;
    anyhow::ensure!(rest.is_empty(), "the original was written to meanwhile; stop its nodes, and go on with the copy");
    Ok(())
}

/// Why a log cannot be copied into a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// A log is there, complete and in its own right.
    #[error("there is a log already; copy into an empty place")]
    Taken,
    /// A copy of another log is there.
    #[error("an unfinished copy of another log is there; copy into an empty place")]
    OfAnother,
    /// The original has no name by which the copy could be gone on with.
    #[error(
        "a backup has no name until a server or a whole copy opens it, so none can be copied ahead: leave out --ahead"
    )]
    Unnamed,
}

impl NoTarget {
    /// Whether a store can take the copy of the log `of`, given its own end and what it is an unfinished copy of.
    pub(super) fn check(of: Uuid, position: u64, copy_of: Option<Uuid>) -> Result<(), Self> {
        match copy_of {
            Some(named) if named != of => Err(Self::OfAnother),
            None if position > 0 => Err(Self::Taken),
            _ => Ok(()),
        }
    }
}
