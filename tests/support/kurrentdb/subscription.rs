//! A subscription to everything that a filter lets through.

use futures_util::stream::{self, StreamExt};
use std::sync::Arc;
use tokio::sync::watch;
use tonic::Status;

use super::calls::{Answers, answered, first_place, lets_through, told};
use super::wire::read_resp::Content;
use super::wire::{self, ReadOptions};
use super::{CHECKPOINT_EVERY, Shared};

/// What is after the position, and then what comes; how far it has come where the filter keeps all back.
pub(super) fn subscribe(
    shared: Arc<Shared>,
    from: Option<wire::all_options::From>,
    options: ReadOptions,
) -> Result<Answers, Status> {
    let place = first_place(&shared.records.lock(), from)?;
    let after = match from {
        Some(wire::all_options::From::Position(position)) => Some((position.commit, position.prepare)),
        _ => None,
    };
    shared.subscribed_from.send_modify(|from| from.push(after.map_or(0, |(commit, _)| commit)));
    let (grown, dropped) = (shared.grown.subscribe(), shared.dropped.subscribe());
    let state = Subscribed { shared, options, grown, dropped, after, place, kept_back: 0, is_confirmed: false };
    Ok(stream::unfold(Some(state), async |state| {
        let mut state = state?;
        match state.next().await {
            Ok(content) => Some((Ok(answered(content)), Some(state))),
            Err(dropped) => Some((Err(dropped), None)),
        }
    })
    .boxed())
}

struct Subscribed {
    shared: Arc<Shared>,
    options: ReadOptions,
    grown: watch::Receiver<u64>,
    dropped: watch::Receiver<u64>,
    after: Option<(u64, u64)>,
    place: usize,
    kept_back: usize,
    is_confirmed: bool,
}

impl Subscribed {
    async fn next(&mut self) -> Result<Content, Status> {
        if !self.is_confirmed {
            self.is_confirmed = true;
            return Ok(Content::Confirmation(wire::Confirmation { subscription: "one".to_owned() }));
        }
        loop {
            self.grown.mark_unchanged();
            if let Some(content) = self.next_recorded() {
                return Ok(content);
            }
            tokio::select! {
                biased;
                grown = self.grown.changed() => grown.map_err(|_| Status::unavailable("the server ends"))?,
                _ = self.dropped.changed() => return Err(Status::unavailable("as the test wishes")),
            }
        }
    }

    fn next_recorded(&mut self) -> Option<Content> {
        let records = self.shared.records.lock();
        while let Some(event) = records.all().get(self.place) {
            self.place += 1;
            if Some((event.commit, event.prepare)) <= self.after {
                continue;
            }
            if lets_through(&self.options, event) {
                self.kept_back = 0;
                return told(event).content;
            }
            self.kept_back += 1;
            let is_last = self.place == records.all().len();
            if self.kept_back >= CHECKPOINT_EVERY && is_last {
                self.kept_back = 0;
                // The place where the next record will begin.
                return Some(Content::Checkpoint(wire::Position { commit: records.end(), prepare: 0 }));
            }
        }
        None
    }
}
