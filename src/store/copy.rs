//! Copying a log from one store into another: the way from one machine to many, and back from a backup.
//!
//! Events keep their positions, versions, ids, times and hashes, keys what they committed; only the log's name is new,
//! so that clients start afresh. A copy that was interrupted goes on where it stopped; until it is proved complete,
//! nobody else can open it.

use futures_util::future::{BoxFuture, join_all};
use palabre_events::log::{FirstAnswer, KeyedCommand};
use palabre_events::{AccountId, CommandKey, Envelope};
use std::sync::Arc;
use uuid::Uuid;

use super::verify::{NotProved, verify};
use super::{EventStore, PAGE_MAX, ReadFailure};

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
    runtime.block_on(expect_beginning(original, &*target.read()?, resumed_at))?;
    loop {
        let page = runtime.block_on(original.read_all(target.position(), PAGE_MAX))?;
        if page.is_empty() {
            break;
        }
        target.add_events(&page)?;
        progress(Progress::Copying(target.position()));
    }
    let events = target.position();
    if extent == Extent::Ahead {
        return Ok(Copied { events, resumed_at, keys: 0 });
    }
    let (mut keys, mut after) = (0, None);
    loop {
        let page = runtime.block_on(original.keys_after(after))?;
        let Some((last, _)) = page.last() else { break };
        after = Some((last.key, last.account));
        keys += page.len() as u64;
        target.add_keys(&page)?;
    }
    let copy = target.read()?;
    runtime.block_on(prove(original, &*copy, events, &mut progress))?;
    drop(copy);
    target.finish()?;
    Ok(Copied { events, resumed_at, keys })
}

/// What an earlier run copied must be the beginning of this original.
async fn expect_beginning(original: &dyn Original, copy: &dyn EventStore, position: u64) -> anyhow::Result<()> {
    let Some(before) = position.checked_sub(1) else { return Ok(()) };
    let (original, copy) = (original.read_all(before, 1).await?, copy.read_all(before, 1).await?);
    anyhow::ensure!(original == copy, "what was copied before is not the beginning of this log; begin anew elsewhere");
    Ok(())
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
    let mut compared = 0;
    while compared < events {
        let (one, other) = (original.read_all(compared, PAGE_MAX).await?, copy.read_all(compared, PAGE_MAX).await?);
        anyhow::ensure!(one == other, "original and copy differ after position {compared}");
        compared += one.len() as u64;
    }
    let mut after = None;
    loop {
        let page = original.keys_after(after).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some((last.key, last.account));
        for some in page.chunks(LOOK_UPS) {
            let answers = join_all(some.iter().map(|(keyed, first)| copy.first_answer(first.stream, *keyed))).await;
            for ((keyed, first), answer) in some.iter().zip(answers) {
                anyhow::ensure!(answer? == Some(*first), "the copy has forgotten the key {}", keyed.key.0);
            }
        }
    }
    let rest = original.read_all(events, 1).await?;
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
