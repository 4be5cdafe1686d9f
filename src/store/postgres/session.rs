//! The writer's connection: its statements, and the two trips that a transaction takes.
//!
//! The first trip begins, takes the row of the log's head, which makes every other writer wait, and reads what the
//! appends are judged on. The second writes and commits. Each trip sends all it has to say before it waits.

use futures_util::future::{OptionFuture, join, join5};
use palabre_events::{AccountId, CommandKey, StreamId, Timestamp};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, Row, Statement};
use uuid::Uuid;

use super::batch::{Batch, FirstAnswers, LogHead};
use super::columns::{EventColumns, KeyColumns, NEW_EVENTS, NEW_KEYS, NEW_STREAMS, StreamColumns};
use super::rows::{self, ENDS, FIRST_ANSWERS, NEWS};
use crate::postgres::{ANSWER_WITHIN, Address, NoAnswer, connect, ignore};
use crate::store::ends::End;

/// Whoever holds this row is alone in writing. Everything read after it is what it leaves.
const TAKE_HEAD: &str = "SELECT position, streams, recorded_at FROM palabre_log.log_head FOR UPDATE";
/// Moves the head, and wakes whoever listens on this or another node.
const MOVE_HEAD: &str = "
    WITH moved AS (UPDATE palabre_log.log_head SET position = $1, streams = $2, recorded_at = $3)
    SELECT pg_notify('palabre_log', $1::bigint::text)";
/// The most events of other writers that are read to catch up; after more, what was remembered is forgotten.
const NEWS_MAX: usize = 2048;

/// How long hanging up may take.
const HANG_UP_WITHIN: Duration = Duration::from_secs(1);

/// A connection that writes.
pub(super) struct Session {
    client: Client,
    /// Drives the connection whenever this thread's runtime runs.
    driver: JoinHandle<()>,
    take_head: Statement,
    news: Statement,
    ends: Statement,
    first_answers: Statement,
    new_streams: Statement,
    new_events: Statement,
    new_keys: Statement,
    move_head: Statement,
}

/// What is asked on the first trip.
#[derive(Default)]
pub(super) struct Asked {
    /// The position up to which the ends that are remembered hold.
    pub known_up_to: u64,
    /// Streams whose ends are not remembered.
    pub streams: Vec<StreamId>,
    /// Keys of the appends.
    pub keys: Vec<(AccountId, CommandKey)>,
}

/// What the log says on the first trip.
pub(super) struct Found {
    pub head: LogHead,
    pub recorded_at: Option<Timestamp>,
    /// Ends that other writers have moved; none when there is too much to tell.
    pub news: Option<Vec<(StreamId, End)>>,
    pub ends: Vec<(StreamId, End)>,
    pub first_answers: FirstAnswers,
}

/// Why a trip did not arrive.
pub(super) enum Failure {
    /// Nothing of the transaction is in the log, nor ever will be.
    Undone(Error),
    /// It may have been committed or not.
    Open(Error),
    /// The server said nothing for too long, and may still commit.
    Silent,
    /// What is in the log cannot be right.
    Damaged(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Damaged(why)
    }
}

impl Session {
    /// Connects; the connection is driven by the runtime that this runs on.
    pub async fn open(address: &Address) -> Result<Self, NoAnswer> {
        let mut driver = None;
        let client = connect(address, |messages| driver = Some(tokio::spawn(ignore(messages)))).await?;
        let driver = driver.expect("a connection comes with what drives it");
        let preparing = join(
            join5(
                client.prepare(TAKE_HEAD),
                client.prepare(NEWS),
                client.prepare(ENDS),
                client.prepare(FIRST_ANSWERS),
                client.prepare(NEW_STREAMS),
            ),
            futures_util::future::join3(
                client.prepare(NEW_EVENTS),
                client.prepare(NEW_KEYS),
                client.prepare(MOVE_HEAD),
            ),
        );
        let prepared = tokio::time::timeout(ANSWER_WITHIN, preparing).await.map_err(|_| NoAnswer::Silent)?;
        let ((take_head, news, ends, first_answers, new_streams), (new_events, new_keys, move_head)) = prepared;
        Ok(Self {
            take_head: take_head?,
            news: news?,
            ends: ends?,
            first_answers: first_answers?,
            new_streams: new_streams?,
            new_events: new_events?,
            new_keys: new_keys?,
            move_head: move_head?,
            client,
            driver,
        })
    }

    /// Whether the connection is lost.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The first trip.
    pub async fn begin(&self, asked: &Asked) -> Result<Found, Failure> {
        let (after, limit) = (asked.known_up_to.cast_signed(), NEWS_MAX as i64 + 1);
        let keys: Vec<Uuid> = asked.keys.iter().map(|(_, key)| key.0).collect();
        let accounts: Vec<Uuid> = asked.keys.iter().map(|(account, _)| account.0).collect();
        let first_answers = async { self.client.query(&self.first_answers, &[&keys, &accounts]).await };
        let (begun, head, news, ends, first_answers) = join5(
            self.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
            self.client.query_one(&self.take_head, &[]),
            self.client.query(&self.news, &[&after, &limit]),
            OptionFuture::from((!asked.streams.is_empty()).then(|| self.ends(&asked.streams))),
            OptionFuture::from((!keys.is_empty()).then_some(first_answers)),
        )
        .await;
        let undone = Failure::Undone;
        begun.map_err(undone)?;
        let (head, news) = (head.map_err(undone)?, news.map_err(undone)?);
        let (ends, first_answers) = (ends.transpose().map_err(undone)?, first_answers.transpose().map_err(undone)?);
        let position = u64::try_from(head.get::<_, i64>(0)).map_err(|error| error.to_string())?;
        let pairs = |rows: Vec<Row>| rows.iter().map(rows::end).collect::<Result<Vec<_>, _>>();
        Ok(Found {
            head: LogHead { position, streams: head.get(1) },
            recorded_at: Timestamp::from_millis(head.get(2)),
            news: if news.len() > NEWS_MAX { None } else { Some(pairs(news)?) },
            ends: pairs(ends.unwrap_or_default())?,
            first_answers: first_answers
                .unwrap_or_default()
                .iter()
                .map(rows::first_answer)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Where these streams end, within the transaction.
    pub async fn look_up(&self, streams: &[StreamId]) -> Result<Vec<(StreamId, End)>, Failure> {
        let rows = self.ends(streams).await.map_err(Failure::Undone)?;
        Ok(rows.iter().map(rows::end).collect::<Result<_, _>>()?)
    }

    async fn ends(&self, streams: &[StreamId]) -> Result<Vec<Row>, Error> {
        let kinds: Vec<&str> = streams.iter().map(|stream| stream.kind.name()).collect();
        let ids: Vec<Uuid> = streams.iter().map(|stream| stream.id).collect();
        self.client.query(&self.ends, &[&kinds, &ids]).await
    }

    /// The second trip: writes and commits.
    pub async fn commit(&self, batch: &Batch, recorded_at: Timestamp) -> Result<(), Failure> {
        let streams = StreamColumns::of(&batch.streams);
        let events = EventColumns::of(batch.events.iter().map(|(stream_no, event)| (*stream_no, &**event)));
        let keys = KeyColumns::of(&batch.keys);
        let (position, count, at) = (batch.head.position.cast_signed(), batch.head.streams, recorded_at.as_millis());
        let (streams, events, keys) = (streams.parameters(), events.parameters(), keys.parameters());
        let (streams, events, keys, moved, committed) = join5(
            OptionFuture::from((!batch.streams.is_empty()).then(|| self.client.execute(&self.new_streams, &streams))),
            self.client.execute(&self.new_events, &events),
            OptionFuture::from((!batch.keys.is_empty()).then(|| self.client.execute(&self.new_keys, &keys))),
            self.client.execute(&self.move_head, &[&position, &count, &at]),
            self.client.batch_execute("COMMIT"),
        )
        .await;
        // When the server refused a statement, its COMMIT after that was a rollback, and says nothing of it.
        let refused = |error: Error| {
            if error.as_db_error().is_some() { Failure::Undone(error) } else { Failure::Open(error) }
        };
        streams.transpose().map_err(refused)?;
        events.map_err(refused)?;
        keys.transpose().map_err(refused)?;
        moved.map_err(refused)?;
        committed.map_err(Failure::Open)
    }

    /// Hangs up, so that the server lets go of what this connection holds.
    pub async fn close(self) {
        drop(self.client);
        // A connection that does not end in time is left to the server's own patience.
        drop(tokio::time::timeout(HANG_UP_WITHIN, self.driver).await);
    }

    /// Ends a transaction that writes nothing.
    pub async fn roll_back(&self) -> Result<(), Error> {
        self.client.batch_execute("ROLLBACK").await
    }
}
