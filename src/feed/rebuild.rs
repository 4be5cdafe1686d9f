//! Folding the whole log anew: for views that are lost or of another version, and to compare with the live ones.
//!
//! One thread reads, one decodes, one folds.

use palabre_events::domain::Recorded;
use palabre_events::{Envelope, Opener};
use palabre_projections::{FoldFailure, Views};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::store::{EventStore, PAGE_MAX};

/// Pages that are read ahead of decoding.
const PAGES_AHEAD: usize = 4;
/// Batches that are decoded ahead of the fold.
const BATCHES_AHEAD: usize = 2;

/// What a rebuild did.
#[derive(Clone, Copy, Debug)]
pub struct Rebuilt {
    /// Events that were folded.
    pub events: u64,
    /// How long it took.
    pub took: Duration,
}

impl Rebuilt {
    /// Events per second.
    pub fn events_per_s(&self) -> f64 {
        self.events as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Opens the views of `log` in `file`, or makes them.
pub fn open_views(
    file: &Path,
    log: &dyn EventStore,
    opener: Arc<dyn Opener + Send + Sync>,
) -> Result<Views, palabre_projections::OpenFailure> {
    let views = Views::open(file, log.log_id(), opener)?;
    Ok(if log.positions_are_dense() { views } else { views.with_gaps() })
}

/// Opens the views in `file`, or makes them, and folds `log` from where they are up to and with position `up_to`.
/// `progress` is told the position now and then.
pub fn fold_up_to(
    file: &Path,
    log: &Arc<dyn EventStore>,
    opener: Arc<dyn Opener + Send + Sync>,
    up_to: u64,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<(Views, Rebuilt)> {
    let mut views = open_views(file, &**log, opener)?;
    let (started, from, mut events) = (Instant::now(), views.position(), 0);
    let (pages, read) = sync_channel::<anyhow::Result<Vec<Arc<Envelope>>>>(PAGES_AHEAD);
    let (decoded, batches) = sync_channel::<anyhow::Result<Vec<Recorded>>>(BATCHES_AHEAD);
    let log = log.clone();
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let reading = thread("rebuild-read").spawn(move || read_pages(&*log, from, up_to, &pages))?;
    let decoding = thread("rebuild-decode").spawn(move || decode(&read, &decoded))?;
    for batch in batches {
        let batch = batch?;
        loop {
            match views.fold(&batch) {
                Ok(folded) => {
                    events += batch.len() as u64;
                    progress(folded.position);
                    break;
                }
                Err(FoldFailure::Retry) => std::thread::sleep(Duration::from_millis(200)),
                Err(failure) => return Err(failure.into()),
            }
        }
    }
    for stage in [reading, decoding] {
        stage.join().map_err(|_| anyhow::anyhow!("reading the log panicked"))?;
    }
    let rebuilt = Rebuilt { events, took: started.elapsed() };
    Ok((views, rebuilt))
}

/// Sends the pages of the log up to and with `up_to`; an error is the last that it sends. Ends early when nobody
/// listens any more: whoever hung up has said why.
fn read_pages(log: &dyn EventStore, from: u64, up_to: u64, pages: &SyncSender<anyhow::Result<Vec<Arc<Envelope>>>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(pages.send(Err(error.into()))),
    };
    let mut after = from;
    while after < up_to {
        let limit = PAGE_MAX.min(usize::try_from(up_to - after).unwrap_or(PAGE_MAX));
        let page = runtime.block_on(log.read_all(after, limit)).map_err(anyhow::Error::from).and_then(|mut page| {
            anyhow::ensure!(!page.is_empty(), "the log ends at {after}, before position {up_to}");
            after = page.last().map_or(after, |last| last.position);
            // Where positions have gaps, a page may go further.
            page.truncate(page.partition_point(|event| event.position <= up_to));
            Ok(page)
        });
        if page.is_err() {
            after = u64::MAX;
        }
        if pages.send(page).is_err() {
            return;
        }
    }
}

/// Decodes pages into full batches.
fn decode(pages: &Receiver<anyhow::Result<Vec<Arc<Envelope>>>>, batches: &SyncSender<anyhow::Result<Vec<Recorded>>>) {
    let mut batch = Vec::with_capacity(Views::BATCH_MAX);
    for page in pages {
        let read = page.and_then(|page| {
            batch.extend(page.iter().map(|it| Recorded::read(it)).collect::<Result<Vec<_>, _>>()?);
            Ok(())
        });
        if let Err(error) = read {
            return drop(batches.send(Err(error)));
        }
        let full = batch.len() + PAGE_MAX > Views::BATCH_MAX;
        if full && batches.send(Ok(std::mem::replace(&mut batch, Vec::with_capacity(Views::BATCH_MAX)))).is_err() {
            return;
        }
    }
    drop(batches.send(Ok(batch)));
}
