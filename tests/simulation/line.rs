//! A hub's line to the log. What it reads travels like everything else: it is answered late, in any order, or not at
//! all.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use palabre::store::{EventStore, ReadFailure};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::log::LOG_ID;

pub type Page = Result<Vec<Arc<Envelope>>, ReadFailure>;

/// A read on its way to the log.
pub struct Reading {
    pub stream: StreamId,
    pub after_version: u64,
    pub limit: usize,
    pub reply: oneshot::Sender<Page>,
}

pub struct Line {
    asked: Mutex<Vec<Reading>>,
    head: watch::Sender<u64>,
}

impl Line {
    /// Of a node that starts when the log ends at `head`.
    pub fn new(head: u64) -> Self {
        Self { asked: Mutex::default(), head: watch::Sender::new(head) }
    }

    /// What was asked since the last look.
    pub fn take_asked(&self) -> Vec<Reading> {
        std::mem::take(&mut *self.asked.lock())
    }
}

impl EventStore for Line {
    fn log_id(&self) -> Uuid {
        LOG_ID
    }

    fn append(&self, _: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        unreachable!("a hub only reads")
    }

    fn first_answer(
        &self,
        _: StreamId,
        _: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        unreachable!("a hub does not ask for keys")
    }

    fn read(&self, stream: StreamId, after_version: u64, limit: usize) -> BoxFuture<'static, Page> {
        let (reply, answer) = oneshot::channel();
        self.asked.lock().push(Reading { stream, after_version, limit, reply });
        answer.map(|page| page.unwrap_or(Err(ReadFailure::Unavailable))).boxed()
    }

    fn read_all(&self, _: u64, _: usize) -> BoxFuture<'static, Page> {
        unreachable!("a hub reads one conversation at a time")
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }
}
