//! The one thread that writes: takes what has gathered in the queue while the last commit ran, writes it as one
//! transaction, and answers each caller once the commit is on disk.
//!
//! No timer delays a commit: whoever comes alone is written alone. After a failure nothing that was in memory counts;
//! the database is opened anew.

use palabre_events::Envelope;
use palabre_events::log::{AppendFailure, ItemAnswer};
use rusqlite::{Connection, ErrorCode, ffi};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

use super::batch::Batch;
use super::folder::Folder;
use super::keys::Pruning;
use super::recent::{self, Recent};
use super::stream_index::{self, Unindexed};
use super::transaction::Transaction;
use super::wal::Wal;
use super::{OpenFailure, schema};
use crate::store::clock::RecordingClock;
use crate::store::ends::{Ends, no_ends};
use crate::store::queue::{Answer, Offered, Request, Taken, WriteQueue, all, answer_each};
use crate::store::writing::raise;

/// So long without an append, and the writer tidies up.
const IDLE_AFTER: Duration = Duration::from_millis(250);
/// How often the writer looks whether something is to be tidied when nothing is known to be.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// The writer, before and while its thread runs.
#[derive(Debug)]
pub(super) struct Writer {
    folder: Folder,
    queue: Arc<WriteQueue>,
    recent: Arc<Recent>,
    head: watch::Sender<u64>,
    clock: RecordingClock,
    pruning: Pruning,
    /// None from a failure until it is opened anew.
    log: Option<Log>,
}

/// The database as it was opened last.
#[derive(Debug)]
struct Log {
    connection: Connection,
    position: u64,
    ends: Ends,
    unindexed: Unindexed,
    wal: Wal,
}

/// Also when its thread ends in a panic: what it committed last may not have been told.
impl Drop for Writer {
    fn drop(&mut self) {
        self.recent.forget();
    }
}

/// Why a transaction was not committed.
enum Failure {
    /// Nothing of it is in the log, nor ever will be.
    Undone(rusqlite::Error),
    /// It may be found in the log, at the latest after a crash.
    Open(rusqlite::Error),
}

impl Failure {
    /// A commit failed. What marks it as one is written last, so when a write failed, as on a full disk, the mark is
    /// not there; when anything after the writes failed, such as the flush, it may be.
    fn at_commit(error: rusqlite::Error) -> Self {
        match error.sqlite_error().map(|error| error.extended_code) {
            Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_WRITE) => Self::Undone(error),
            _ => Self::Open(error),
        }
    }
}

impl Log {
    fn open(folder: &Folder, clock: &mut RecordingClock) -> Result<Self, OpenFailure> {
        let mut connection = schema::open_to_write(folder)?;
        schema::demand_finished(&connection)?;
        stream_index::complete(&mut connection)?;
        let position = schema::last_position(&connection)?;
        if let Some(last) = schema::last_recorded_at(&connection)? {
            clock.not_before(last);
        }
        let wal = Wal::of(&mut connection)?;
        let mut log = Self { connection, position, ends: no_ends(), unindexed: Unindexed::default(), wal };
        // After a crash, or on a full disk: a folded WAL is written again from its start, and needs no more room.
        log.wal.idle(&log.connection);
        Ok(log)
    }

    fn write(
        &mut self,
        appends: &[&Offered],
        recent: &Recent,
        clock: &mut RecordingClock,
    ) -> Result<Vec<Answer>, Failure> {
        let written = self.transaction(appends, recent, clock);
        if written.is_err() {
            // They may tell of what was rolled back.
            self.ends.clear();
        }
        written
    }

    fn transaction(
        &mut self,
        appends: &[&Offered],
        recent: &Recent,
        clock: &mut RecordingClock,
    ) -> Result<Vec<Answer>, Failure> {
        let transaction = Transaction::begin(&self.connection).map_err(Failure::Undone)?;
        let mut batch = Batch::new(&self.connection, &mut self.ends, recent, self.position, clock.tell())
            .map_err(Failure::Undone)?;
        let answers = appends.iter().map(|append| batch.write(append)).collect::<Result<Vec<_>, _>>();
        let position = batch.position();
        drop(batch);
        let answers = answers.map_err(Failure::Undone)?;
        transaction.commit().map_err(Failure::at_commit)?;
        self.position = position;
        committed(&answers).for_each(|event| self.unindexed.add(recent::cost(event)));
        Ok(answers)
    }

    /// Indexes all that was committed.
    fn index(&mut self) -> rusqlite::Result<()> {
        stream_index::complete(&mut self.connection)?;
        self.unindexed = Unindexed::default();
        Ok(())
    }
}

impl Writer {
    /// Opens the database to write; the caller holds the folder's lock. Also tells the log's name.
    pub fn open(
        folder: Folder,
        queue: Arc<WriteQueue>,
        recent: Arc<Recent>,
        head: watch::Sender<u64>,
        mut clock: RecordingClock,
    ) -> Result<(Uuid, Self), OpenFailure> {
        let log = Log::open(&folder, &mut clock)?;
        let log_id = schema::name(&log.connection)?;
        recent.begin_at(log.position);
        head.send_replace(log.position);
        Ok((log_id, Self { folder, queue, recent, head, clock, pruning: Pruning::default(), log: Some(log) }))
    }

    /// Serves the queue until it is closed and empty.
    pub fn run(&mut self) {
        loop {
            match self.queue.take(self.patience()) {
                Taken::Group(requests) => self.serve(requests),
                Taken::Nothing => self.tidy(),
                Taken::Closed => break,
            }
        }
    }

    /// Leaves everything in the one file. Readers must be gone.
    pub fn close(mut self) {
        self.index();
        if let Some(log) = self.log.take() {
            Wal::close(&log.connection);
        }
    }

    fn patience(&self) -> Duration {
        let is_untidy = |log: &Log| !log.unindexed.is_empty() || log.wal.is_unfolded();
        let untidy = self.log.as_ref().is_some_and(is_untidy) || self.pruning.is_due();
        if untidy { IDLE_AFTER } else { LOOK_EVERY }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let appends: Vec<_> = requests.iter().flat_map(|request| &request.appends).collect();
        let answers = self.write(&appends);
        self.recent.add(committed(&answers));
        // What was committed counts also when the log was given up after it.
        let last =
            committed(&answers).last().map(|event| event.position).max(self.log.as_ref().map(|log| log.position));
        // Before anybody is answered, so that whoever is finds the head there already.
        raise(&self.head, last.unwrap_or(0));
        answer_each(requests, answers);
        if self.log.as_ref().is_some_and(|log| log.unindexed.is_much()) {
            self.index();
        }
        if let Some(log) = &mut self.log {
            log.wal.committed(&log.connection);
        }
    }

    /// Writes them in one transaction; when one of them spoils it, each in a transaction of its own.
    fn write(&mut self, appends: &[&Offered]) -> Vec<Answer> {
        let recent = self.recent.clone();
        let Some((log, clock)) = self.opened() else { return all(appends, AppendFailure::Unavailable) };
        match log.write(appends, &recent, clock) {
            Ok(answers) => answers,
            Err(Failure::Undone(error)) if appends.len() > 1 && concerns_one(&error) => {
                tracing::error!(%error, "an append of a group cannot be written; each is tried alone");
                appends.iter().flat_map(|append| self.write(&[append])).collect()
            }
            Err(Failure::Undone(error)) => {
                tracing::error!(%error, "the log cannot write");
                self.give_up();
                all(appends, AppendFailure::Unavailable)
            }
            Err(Failure::Open(error)) => {
                tracing::error!(%error, "the log cannot commit");
                self.give_up();
                all(appends, AppendFailure::Unknown)
            }
        }
    }

    /// Indexes all that was committed. A log that cannot is opened anew, which tries again.
    fn index(&mut self) {
        match self.log.as_mut().map(Log::index) {
            None => {}
            Some(Ok(())) => self.recent.indexed(),
            Some(Err(error)) => {
                tracing::error!(%error, "the streams of the log cannot be indexed; run `palabre verify` if this stays so");
                self.give_up();
            }
        }
    }

    /// Nothing that was in memory counts any more.
    fn give_up(&mut self) {
        self.log = None;
        self.recent.forget();
    }

    fn opened(&mut self) -> Option<(&mut Log, &mut RecordingClock)> {
        if self.log.is_none() {
            match Log::open(&self.folder, &mut self.clock) {
                Ok(log) => {
                    self.recent.begin_at(log.position);
                    self.log = Some(log);
                }
                Err(error) => tracing::error!(%error, "the log does not open anew"),
            }
        }
        self.log.as_mut().map(|log| (log, &mut self.clock))
    }

    fn tidy(&mut self) {
        if self.log.as_ref().is_some_and(|log| !log.unindexed.is_empty()) {
            self.index();
        }
        let now = self.clock.tell();
        let Some(log) = &mut self.log else { return };
        if log.wal.is_unfolded() {
            log.wal.idle(&log.connection);
        } else if self.pruning.is_due() {
            match self.pruning.step(&mut log.connection, now) {
                Ok(()) => log.wal.committed(&log.connection),
                Err(error) => tracing::warn!(%error, "old keys are not dropped"),
            }
        }
    }
}

/// The events that were committed, in order.
fn committed(answers: &[Answer]) -> impl Iterator<Item = &Arc<Envelope>> {
    answers.iter().flatten().flatten().flat_map(ItemAnswer::committed)
}

/// Whether the failure may lie in one append or one stream alone, and not in the medium.
fn concerns_one(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig | ErrorCode::DatabaseCorrupt
        ),
        None => true,
    }
}
