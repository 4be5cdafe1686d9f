//! A log on KurrentDB as the original of a copy, and as its target.
//!
//! A target takes one append after the other, so that the server's order is the original's; each is sent at the exact
//! revision, so that nothing is ever written twice, and what has no answer is looked for before it is sent again.

#[cfg(test)]
mod tests;

use futures_util::future::BoxFuture;
use palabre_events::log::AppendFailure;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

use super::append::{Log, Sent};
use super::name::{self, Is};
use super::{APPEND_WITHIN, Address, KurrentStore, OpenFailure, reading};
use crate::backoff::Backoff;
use crate::clock;
use crate::store::clock::RecordingClock;
use crate::store::copy::{NoTarget, Original, Target};
use crate::store::found::Found;
use crate::store::keys::{is_kept, oldest_kept};
use crate::store::writing::raise;
use crate::store::{PAGE_MAX, ReadFailure};

/// The most neighbouring events of one stream that go in one append.
const RUN_EVENTS_MAX: usize = 256;
/// The most bytes of such an append; a server as it is installed takes twice as many, and the largest event an eighth.
const RUN_BYTES_MAX: usize = 512 * 1024;
/// The most bytes of an event beside its data.
const METADATA_BYTES: usize = 1024;
/// A server that does not take an append for so many times the patience for one is given up.
const PATIENCES: u32 = 6;

impl Original for KurrentStore {
    fn read_keyed(&self, after_position: u64) -> BoxFuture<'static, Result<Vec<Found>, ReadFailure>> {
        self.ask(async move |log: Arc<Log>| {
            let oldest_kept = oldest_kept(clock::now());
            let mut events = reading::all(&log.connection, after_position, PAGE_MAX).await?;
            for found in &mut events {
                found.keyed = found.keyed.filter(|keyed| is_kept(keyed.key, oldest_kept));
            }
            Ok(events)
        })
    }
}

/// A server that a log is copied into. Nobody else writes to it meanwhile.
pub struct KurrentTarget {
    store: Arc<KurrentStore>,
}

impl KurrentTarget {
    /// Begins a copy of the log `of` at `address`, where there is no log, or goes on with the one there.
    pub fn open(address: &Address, of: Uuid) -> anyhow::Result<Self> {
        Self::open_with(address, of, APPEND_WITHIN)
    }

    /// As [`KurrentTarget::open`], with another patience for appends.
    pub fn open_with(address: &Address, of: Uuid, append_within: Duration) -> anyhow::Result<Self> {
        let shown = address.to_string();
        let store = KurrentStore::connect(address, RecordingClock::system(), append_within, async move |log| {
            let begun = begin(&log, of).await;
            begun.map_err(|why| OpenFailure::Server { address: shown, why })?.map_err(anyhow::Error::from)
        })?;
        Ok(Self { store: Arc::new(store) })
    }
}

/// Marks what is there as a copy of the log `of`, or says why it can be none.
async fn begin(log: &Log, of: Uuid) -> Result<Result<Uuid, NoTarget>, ReadFailure> {
    let said = name::read(&log.connection).await?;
    let position = reading::last_position(&log.connection).await?;
    log.head.send_replace(position);
    let copy_of = |is| match is {
        Is::CopyOf(named) => Some(named),
        Is::Log(_) => None,
    };
    let before = said.and_then(|said| copy_of(said.is));
    if let Err(no_target) = NoTarget::check(of, position, before) {
        return Ok(Err(no_target));
    }
    let now = match before {
        Some(_) => before,
        None => copy_of(name::say(&log.connection, said, Is::CopyOf(of)).await?),
    };
    match now {
        Some(named) if named == of => Ok(Ok(of)),
        Some(_) => Ok(Err(NoTarget::OfAnother)),
        None => Err(ReadFailure::Unavailable),
    }
}

impl Target for KurrentTarget {
    fn position(&self) -> u64 {
        *self.store.log.head.borrow()
    }

    fn add(&mut self, events: &[Found]) -> anyhow::Result<()> {
        self.store.runtime().block_on(async {
            let mut rest = events;
            while !rest.is_empty() {
                let (run, behind) = rest.split_at(run_length(rest));
                add_run(&self.store.log, run).await?;
                rest = behind;
            }
            Ok(())
        })
    }

    fn read(&self) -> anyhow::Result<Arc<dyn Original>> {
        Ok(self.store.clone())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        let connection = &self.store.log.connection;
        self.store.runtime().block_on(async {
            let said = name::read(connection).await?;
            if let Is::CopyOf(_) = name::say(connection, said, Is::Log(Uuid::new_v4())).await? {
                anyhow::bail!("the copy is complete, but the log's server takes no name for it; run the copy again");
            }
            Ok(())
        })
    }
}

/// How many of `events` go into one append: those of the first one's stream, until another stream's comes or a bound is
/// reached.
fn run_length(events: &[Found]) -> usize {
    let mut bytes = 0;
    let run = events.iter().take(RUN_EVENTS_MAX).take_while(|found| {
        bytes += METADATA_BYTES + found.envelope.data.len();
        found.envelope.stream == events[0].envelope.stream && bytes <= RUN_BYTES_MAX
    });
    run.count().max(1)
}

/// Appends events of one stream, and comes back when they are there. An earlier run, or a call without an answer, may
/// have appended some of them already: those are passed over.
async fn add_run(log: &Log, run: &[Found]) -> anyhow::Result<()> {
    let (mut rest, mut since, mut backoff) = (run, Instant::now(), Backoff::default());
    while let Some(first) = rest.first() {
        let (stream, before) = (first.envelope.stream, first.envelope.version - 1);
        let sent = log.send(stream, before, rest).await;
        match sent {
            Sent::Committed(Some(position)) => {
                raise(&log.head, position);
                return Ok(());
            }
            Sent::Not(AppendFailure::Malformed) => {
                anyhow::bail!("the log's server takes no append of {RUN_BYTES_MAX} bytes; set its MaxAppendSize higher")
            }
            Sent::Committed(None) | Sent::Stale(_) | Sent::Not(_) | Sent::Open => {}
        }
        match log.stored(stream, before, rest.len()).await {
            Ok(stored) => {
                let are_ours = stored.iter().zip(rest).all(|(stored, sent)| is_same(stored, sent));
                let is_cut_off = stored.is_empty() && matches!(sent, Sent::Stale(_));
                anyhow::ensure!(
                    are_ours && !is_cut_off,
                    "{stream} is not as it was copied after version {before}: somebody else wrote there; begin anew \
                     elsewhere"
                );
                if let Some(last) = stored.last() {
                    raise(&log.head, last.envelope.position);
                    (rest, since) = (&rest[stored.len()..], Instant::now());
                    backoff.reset();
                    continue;
                }
            }
            Err(ReadFailure::Unavailable) => {}
            Err(damaged) => return Err(damaged.into()),
        }
        anyhow::ensure!(
            since.elapsed() < log.answer_within * PATIENCES,
            "the log's server takes nothing; run the copy again, and it goes on where it stopped"
        );
        tokio::time::sleep(backoff.pause()).await;
    }
    Ok(())
}

/// Whether what is stored is what was sent. The hash covers everything but the key's account, which the proof compares.
fn is_same(stored: &Found, sent: &Found) -> bool {
    (stored.envelope.event_id, stored.envelope.hash) == (sent.envelope.event_id, sent.envelope.hash)
}
