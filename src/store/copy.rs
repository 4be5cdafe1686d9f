//! Copying a log from one store into another: the way from one machine to many, and back from a backup.
//!
//! Events keep their order, versions, ids, times and hashes, keys what they committed; only the log's name is new, so that
//! clients start afresh. Positions stay as well where those of both stores are dense; otherwise they are the target's own.
//! A copy that was interrupted goes on where it stopped; until it is proved complete, nobody else can open it.

use futures_util::future::BoxFuture;
use palabre_events::Envelope;
use std::num::NonZeroUsize;
use std::sync::Arc;
use uuid::Uuid;

use super::found::Found;
use super::keys::{is_kept, oldest_kept};
use super::verify::{NotProved, verify};
use super::{EventStore, ReadFailure};
use crate::clock;

/// Streams whose numbers a target keeps in memory; many more than one page of a log touches.
pub(super) const NUMBERS_KEPT: NonZeroUsize = NonZeroUsize::new(256 * 1024).expect("not zero");

/// A log that can be copied: it also tells the keys of its commands.
pub trait Original: EventStore {
    /// As [`EventStore::read_all`], a page of at most [`super::PAGE_MAX`]. Keys that are not kept any longer may be
    /// missing; see [`super::keys`].
    fn read_keyed(&self, after_position: u64) -> BoxFuture<'static, Result<Vec<Found>, ReadFailure>>;
}

/// A log that is being copied into. Every call blocks until what it did is on disk.
pub trait Target {
    /// Position of the last event that was copied.
    fn position(&self) -> u64;

    /// Adds events behind those that are there, exactly as they are but for their positions, and what their keys
    /// committed. Where keys are unique over the whole log, one that it knows already changes nothing.
    fn add(&mut self, events: &[Found]) -> anyhow::Result<()>;

    /// What was copied, to read only.
    fn read(&self) -> anyhow::Result<Arc<dyn Original>>;

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

/// What a run of a copy did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Events that this run copied.
    pub events: u64,
    /// What the copy holds, once it is finished.
    pub finished: Option<Contents>,
}

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Events.
    pub events: u64,
    /// Keys that are kept.
    pub keys: u64,
}

/// What a copy is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Events go from the original into the copy.
    Copying,
    /// The copy is proved by itself.
    Proving,
    /// Copy and original are compared.
    Comparing,
}

/// What whoever waits for a copy is told, in positions of the log that is read: the copy while it is proved by itself,
/// otherwise the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub stage: Stage,
    /// How far it has come.
    pub done: u64,
    /// How far it goes, as far as is known.
    pub of: u64,
}

/// Copies `original` into `target`. Blocks; call it from a thread without a runtime.
pub fn copy(
    original: &dyn Original,
    target: &mut dyn Target,
    extent: Extent,
    mut progress: impl FnMut(Progress),
) -> anyhow::Result<Copied> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut after = runtime.block_on(resumed(original, &*target.read()?, target.position()))?;
    let mut events = 0;
    loop {
        let page = runtime.block_on(original.read_keyed(after))?;
        let Some(last) = page.last() else { break };
        after = last.envelope.position;
        target.add(&page)?;
        events += page.len() as u64;
        progress(Progress { stage: Stage::Copying, done: after, of: after.max(*original.head().borrow()) });
    }
    if extent == Extent::Ahead {
        return Ok(Copied { events, finished: None });
    }
    let copy = target.read()?;
    let contents = runtime.block_on(prove(original, &*copy, &mut progress))?;
    drop(copy);
    target.finish()?;
    Ok(Copied { events, finished: Some(contents) })
}

/// Where in the original an earlier run stopped. What it copied must be the original's beginning.
async fn resumed(original: &dyn Original, copy: &dyn Original, position: u64) -> anyhow::Result<u64> {
    let Some(last) = copy.event_at(position).await? else { return Ok(0) };
    let same = original.read(last.stream, last.version - 1, 1).await?;
    let same = same.first().filter(|same| is_same(original, same, copy, &last));
    let same = same.ok_or_else(|| {
        anyhow::anyhow!("what was copied before is not the beginning of this log; begin anew elsewhere")
    });
    same.map(|same| same.position)
}

/// The events with the positions that they have in a copy where those are dense, behind `position`.
pub(super) fn counted(events: &[Found], position: u64) -> Vec<Found> {
    let counted = events.iter().cloned().zip(position + 1..).map(|(mut found, position)| {
        if found.envelope.position != position {
            Arc::make_mut(&mut found.envelope).position = position;
        }
        found
    });
    counted.collect()
}

/// Whether an event of the copy is that of the original.
fn is_same(original: &dyn Original, one: &Envelope, copy: &dyn Original, copied: &Envelope) -> bool {
    let positions_stay = original.positions_are_dense() && copy.positions_are_dense();
    let position = if positions_stay { one.position } else { copied.position };
    *copied == Envelope { position, ..one.clone() }
}

/// Proves the copy by itself, and then event by event and key by key against the original.
async fn prove(
    original: &dyn Original,
    copy: &dyn Original,
    progress: &mut impl FnMut(Progress),
) -> anyhow::Result<Contents> {
    let proof = verify(copy, |done, of| progress(Progress { stage: Stage::Proving, done, of })).await;
    let proof = proof.map_err(|failure| match failure {
        NotProved::Wrong(fault) => anyhow::anyhow!("the copy is wrong at {fault}"),
        NotProved::Unavailable => failure.into(),
    })?;
    let contents = compare(original, copy, progress).await?;
    anyhow::ensure!(proof.events == contents.events, "the copy was written to meanwhile; begin anew elsewhere");
    Ok(contents)
}

/// Reads both to their ends, which must be the same.
async fn compare(
    original: &dyn Original,
    copy: &dyn Original,
    progress: &mut impl FnMut(Progress),
) -> anyhow::Result<Contents> {
    let (mut contents, mut in_original, mut in_copy) = (Contents { events: 0, keys: 0 }, 0, 0);
    loop {
        let (ones, copies) = (original.read_keyed(in_original).await?, copy.read_keyed(in_copy).await?);
        anyhow::ensure!(
            ones.is_empty() || !copies.is_empty(),
            "the original was written to meanwhile; stop its nodes, and go on with the copy"
        );
        if copies.is_empty() {
            return Ok(contents);
        }
        anyhow::ensure!(!ones.is_empty(), "the copy goes on after position {in_copy}, where the original ends");
        for (one, copied) in ones.iter().zip(&copies) {
            let position = copied.envelope.position;
            let is_same = is_same(original, &one.envelope, copy, &copied.envelope);
            anyhow::ensure!(is_same, "original and copy differ at position {position} of the copy");
            anyhow::ensure!(
                is_remembered(original, one, copy, copied).await?,
                "original and copy differ in the key at position {position} of the copy"
            );
            (in_original, in_copy) = (one.envelope.position, position);
            contents.events += 1;
            contents.keys += u64::from(copied.keyed.is_some());
        }
        progress(Progress { stage: Stage::Comparing, done: in_original, of: *original.head().borrow() });
    }
}

/// Whether the copy knows the key of an event as the original does, as long as it is kept at all.
async fn is_remembered(
    original: &dyn Original,
    one: &Found,
    copy: &dyn Original,
    copied: &Found,
) -> Result<bool, ReadFailure> {
    // Later than both reads, so that neither has lost a key that is still kept now.
    let oldest_kept = oldest_kept(clock::now());
    let kept = |found: &Found| found.keyed.filter(|keyed| is_kept(keyed.key, oldest_kept));
    match (kept(one), kept(copied)) {
        (Some(keyed), None) if copy.rules_span_streams() && !original.rules_span_streams() => {
            // The original took the key for several streams; the copy knows what it committed to the first of them.
            let first = copy.first_answer(copied.envelope.stream, keyed).await?;
            Ok(first.is_some_and(|first| first.position < copied.envelope.position))
        }
        (one, copied) => Ok(one == copied),
    }
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
