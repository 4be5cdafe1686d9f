//! Folding the whole log anew: for views that are lost or of another version, and to compare with the live ones.
//!
//! One thread reads and decodes while another folds.

use palabre_events::Opener;
use palabre_events::domain::Recorded;
use palabre_projections::{FoldFailure, Views};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use crate::store::{EventStore, PAGE_MAX};

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

/// Opens the views in `file`, or makes them, and folds `log` from where they are up to and with position `up_to`.
/// `progress` is told the position now and then.
pub fn fold_up_to(
    file: &Path,
    log: &Arc<dyn EventStore>,
    opener: Arc<dyn Opener + Send + Sync>,
    up_to: u64,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<(Views, Rebuilt)> {
    let mut views = Views::open(file, log.log_id(), opener)?;
    let (started, from) = (Instant::now(), views.position());
    let (decoded, batches) = sync_channel::<anyhow::Result<Vec<Recorded>>>(BATCHES_AHEAD);
    let log = log.clone();
    let reading = std::thread::Builder::new().name("rebuild-read".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let mut after = from;
        while after < up_to {
            let batch = match &runtime {
                Ok(runtime) => runtime.block_on(read_batch(&*log, after, up_to)),
                Err(error) => Err(anyhow::anyhow!("no runtime for reading: {error}")),
            };
            after += batch.as_ref().map_or(0, |batch| batch.len() as u64);
            let failed = batch.is_err();
            // A fold that failed has hung up; its own error says why.
            if decoded.send(batch).is_err() || failed {
                return;
            }
        }
    })?;
    for batch in batches {
        let batch = batch?;
        loop {
            match views.fold(&batch) {
                Ok(folded) => {
                    progress(folded.position);
                    break;
                }
                Err(FoldFailure::Retry) => std::thread::sleep(Duration::from_millis(200)),
                Err(failure) => return Err(failure.into()),
            }
        }
    }
    reading.join().map_err(|_| anyhow::anyhow!("reading the log panicked"))?;
    let rebuilt = Rebuilt { events: views.position() - from, took: started.elapsed() };
    Ok((views, rebuilt))
}

async fn read_batch(log: &dyn EventStore, mut after: u64, up_to: u64) -> anyhow::Result<Vec<Recorded>> {
    let wanted = usize::try_from(up_to - after).unwrap_or(usize::MAX).min(Views::BATCH_MAX);
    let mut batch = Vec::with_capacity(wanted);
    while batch.len() < wanted {
        let page = log.read_all(after, PAGE_MAX.min(wanted - batch.len())).await?;
        anyhow::ensure!(!page.is_empty(), "the log ends at {after}, before position {up_to}");
        after += page.len() as u64;
        for envelope in &page {
            batch.push(Recorded::read(envelope)?);
        }
    }
    Ok(batch)
}
