//! The one thread of a node that writes: takes what has gathered in the queue while the last commit ran, writes it as
//! one transaction, and answers each caller once the server has committed.
//!
//! No timer delays a commit: whoever comes alone is written alone. Other nodes write too; the row of the log's head
//! makes their transactions take turns. The connection lives on this thread.

use palabre_events::log::AppendFailure;
use palabre_events::{AccountId, CommandKey, StreamId};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::batch::Batch;
use super::session::{Asked, Failure, Found, Session};
use crate::backoff::Backoff;
use crate::postgres::{ANSWER_WITHIN, Address, explained, only_this_statement};
use crate::store::clock::RecordingClock;
use crate::store::ends::{End, Ends, no_ends};
use crate::store::queue::{Answer, Offered, Request, Taken, WriteQueue, all, answer_each};
use crate::store::writing::raise;

/// How long appends wait for a server that is away, as while it restarts. After that, appends are refused at once as
/// long as it stays away, or, where it is silent, after the next attempt to connect.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the same appends are written again after the connection was lost before anything of them was.
const ATTEMPTS: usize = 3;
/// How long the thread waits for an append before it looks again whether the log is closed.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// The writer, before and while its thread runs.
pub(super) struct Writer {
    address: Address,
    runtime: Runtime,
    queue: Arc<WriteQueue>,
    head: watch::Sender<u64>,
    clock: RecordingClock,
    /// None from a failure until it is connected anew.
    session: Option<Session>,
    /// Valid up to `known_up_to`.
    ends: Ends,
    known_up_to: u64,
    away: Away,
}

/// How long the server has been away.
#[derive(Default)]
struct Away {
    since: Option<Instant>,
    backoff: Backoff,
    again_at: Option<Instant>,
}

impl Writer {
    pub fn new(
        address: Address,
        queue: Arc<WriteQueue>,
        head: watch::Sender<u64>,
        known_up_to: u64,
        clock: RecordingClock,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            address,
            runtime,
            queue,
            head,
            clock,
            session: None,
            ends: no_ends(),
            known_up_to,
            away: Away::default(),
        })
    }

    /// Serves the queue until it is closed and empty.
    pub fn run(mut self) {
        loop {
            match self.queue.take(LOOK_EVERY) {
                Taken::Group(requests) => self.serve(requests),
                Taken::Nothing => {}
                Taken::Closed => break,
            }
        }
        self.forget();
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let appends: Vec<_> = requests.iter().flat_map(|request| &request.appends).collect();
        let answers = self.write(&appends);
        answer_each(requests, answers);
    }

    /// Writes them in one transaction; when one of them spoils it, each in a transaction of its own.
    fn write(&mut self, appends: &[&Offered]) -> Vec<Answer> {
        for _ in 0..ATTEMPTS {
            if !self.is_connected() {
                break;
            }
            match self.transaction(appends) {
                Ok(answers) => return answers,
                Err(Failure::Silent) => {
                    tracing::error!("the log's database is silent; it is unknown whether it will commit");
                    self.forget();
                    return all(appends, AppendFailure::Unknown);
                }
                Err(Failure::Undone(error)) if only_this_statement(&error) && appends.len() > 1 => {
                    tracing::error!(
                        error = explained(&error),
                        "an append of a group cannot be written; each is tried alone"
                    );
                    self.forget();
                    return appends.iter().flat_map(|append| self.write(&[append])).collect();
                }
                Err(Failure::Undone(error)) => {
                    tracing::warn!(error = explained(&error), "a transaction of the log was undone");
                    let lost = self.session.as_ref().is_none_or(Session::is_closed);
                    self.forget();
                    // Nothing of it is there, so that it can be written again, once the server is back.
                    if !lost {
                        return all(appends, AppendFailure::Unavailable);
                    }
                }
                Err(Failure::Open(error)) => {
                    tracing::error!(
                        error = explained(&error),
                        "it is unknown whether a transaction of the log was committed"
                    );
                    self.forget();
                    return all(appends, AppendFailure::Unknown);
                }
                Err(Failure::Damaged(why)) => {
                    tracing::error!(why, "the log is damaged; run `palabre verify`");
                    self.forget();
                    return all(appends, AppendFailure::Unavailable);
                }
            }
        }
        all(appends, AppendFailure::Unavailable)
    }

    fn transaction(&mut self, appends: &[&Offered]) -> Result<Vec<Answer>, Failure> {
        let session = self.session.as_ref().expect("it was connected just before");
        let (ends, known_up_to, clock) = (&mut self.ends, self.known_up_to, &mut self.clock);
        let asked = asked(appends, ends, known_up_to);
        let written = self.runtime.block_on(async {
            let work = async {
                let found = session.begin(&asked).await?;
                write(session, found, appends, ends, clock).await
            };
            // A server that is silent for so long may still commit.
            tokio::time::timeout(ANSWER_WITHIN, work).await
        });
        let batch = written.unwrap_or_else(|_| Err(Failure::Silent))?;
        self.known_up_to = batch.head.position;
        // Before anybody is answered, so that whoever is finds the head there already.
        raise(&self.head, batch.head.position);
        Ok(batch.answers)
    }

    /// Forgets what may not hold any more.
    fn forget(&mut self) {
        if let Some(session) = self.session.take() {
            self.runtime.block_on(session.close());
        }
        self.ends.clear();
    }

    /// Connects where that is needed, with patience the first time.
    fn is_connected(&mut self) -> bool {
        while self.session.as_ref().is_none_or(Session::is_closed) {
            self.forget();
            let since = *self.away.since.get_or_insert_with(Instant::now);
            let impatient = since.elapsed() > PATIENCE;
            if let Some(wait) = self.away.again_at.and_then(|at| at.checked_duration_since(Instant::now())) {
                if impatient {
                    return false;
                }
                std::thread::sleep(wait);
            }
            match self.runtime.block_on(Session::open(&self.address)) {
                Ok(session) => {
                    self.session = Some(session);
                    self.away = Away::default();
                }
                Err(error) => {
                    tracing::warn!(error = explained(&error), "the log's database does not let us in");
                    self.away.again_at = Some(Instant::now() + self.away.backoff.pause());
                }
            }
        }
        true
    }
}

/// Judges and writes what can be, behind what was found.
async fn write(
    session: &Session,
    found: Found,
    appends: &[&Offered],
    ends: &mut Ends,
    clock: &mut RecordingClock,
) -> Result<Batch, Failure> {
    let mut known = found.first_answers;
    match found.news {
        Some(news) => remember(ends, news),
        None => {
            ends.clear();
            let all: HashSet<StreamId> = streams_of(appends).collect();
            let all: Vec<_> = all.into_iter().collect();
            remember(ends, session.look_up(&all).await?);
        }
    }
    remember(ends, found.ends);
    if let Some(last) = found.recorded_at {
        clock.not_before(last);
    }
    let recorded_at = clock.tell();
    let batch = Batch::judge(appends, found.head, recorded_at, ends, &mut known);
    if batch.events.is_empty() {
        session.roll_back().await.map_err(Failure::Undone)?;
    } else {
        session.commit(&batch, recorded_at).await?;
    }
    Ok(batch)
}

/// Remembers ends in the order in which they were told: the last of a stream holds.
fn remember(ends: &mut Ends, told: Vec<(StreamId, End)>) {
    for (stream, end) in told {
        ends.put(stream, end);
    }
}

fn streams_of<'a>(appends: &'a [&Offered]) -> impl Iterator<Item = StreamId> + 'a {
    appends.iter().filter_map(|append| append.as_ref().ok()).map(|append| append.stream)
}

/// What is to be asked for these appends. The ends that are remembered become the last to be pushed out.
fn asked(appends: &[&Offered], ends: &mut Ends, known_up_to: u64) -> Asked {
    let streams: HashSet<StreamId> = streams_of(appends).filter(|stream| ends.get(stream).is_none()).collect();
    let items = appends.iter().filter_map(|append| append.as_ref().ok()).flat_map(|append| &append.items);
    let keys: HashSet<(AccountId, CommandKey)> =
        items.filter_map(|item| item.key).map(|keyed| (keyed.account, keyed.key)).collect();
    Asked { known_up_to, streams: streams.into_iter().collect(), keys: keys.into_iter().collect() }
}
