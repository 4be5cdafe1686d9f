//! The log in PostgreSQL, for several nodes at once.
//!
//! Callers put appends into the bounded queue; the `writer` thread takes what has gathered and writes it as one
//! transaction over its `session`: the row of the log's head is taken first, everything is judged on what is read
//! under it (`batch`, without I/O), and positions become visible in their order. Reads go to a few connections of
//! their own; the `head` is followed by notices and by looking. Every node may do all of it.

mod batch;
mod columns;
mod copy;
mod head;
mod keys;
mod rows;
mod session;
#[cfg(test)]
mod tests;
mod writer;

use deadpool_postgres::Object;
use futures_util::future::{BoxFuture, ready};
use palabre_events::log::{Append, AppendFailure, FirstAnswer, ItemAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::clock::RecordingClock;
use super::queue::WriteQueue;
use super::writing::Writing;
use super::{EventStore, PAGE_MAX, ReadFailure};
use crate::postgres::{Address, Asking, Database, OpenFailure, Schema, Unanswered, answered, demand_durability};
pub use copy::PostgresTarget;
use rows::{FIRST_ANSWERS, READ, READ_ALL};
use writer::Writer;

/// Connections that read.
const READERS: usize = 4;

/// The log's tables.
static SCHEMA: Schema = Schema {
    what: "log",
    name: "palabre_log",
    steps: &[include_str!("../../../migrations/postgres/log/0001_log.sql")],
};

/// A log in a database. Dropping it writes out what was accepted.
pub struct PostgresStore {
    log_id: Uuid,
    /// None when it was opened to read only. Goes first: what was accepted is written before anything else ends.
    writing: Option<Writing>,
    head: watch::Receiver<u64>,
    database: Arc<Database>,
}

impl PostgresStore {
    /// Opens the log at `address` to read and write, and makes it where there is none. Blocks.
    pub fn open(address: &Address) -> Result<Self, OpenFailure> {
        Self::open_with(address, RecordingClock::system())
    }

    /// As [`PostgresStore::open`], recording by another clock.
    pub fn open_with(address: &Address, clock: RecordingClock) -> Result<Self, OpenFailure> {
        let database = Arc::new(Database::new(address, READERS)?);
        let (log_id, position) = database.set_up(address, |mut client, address| {
            Box::pin(async move {
                demand_durability(&client, &address).await?;
                SCHEMA.migrate(&mut client, &address).await?;
                whole_log(&client, &address).await
            })
        })?;
        let (head, head_seen) = watch::channel(position);
        database.runtime().spawn(head::follow(address.clone(), head.clone(), head::LOOK_EVERY));
        database.runtime().spawn(keys::prune(Arc::downgrade(&database)));
        let queue = Arc::new(WriteQueue::default());
        let writer = Writer::new(address.clone(), queue.clone(), head, position, clock)?;
        let writing = Writing::start(queue, move || writer.run())?;
        Ok(Self { log_id, writing: Some(writing), head: head_seen, database })
    }

    /// Opens the log at `address` to read only. Appends are answered [`AppendFailure::Unavailable`], and
    /// [`EventStore::head`] stays what it was at the opening. Blocks.
    pub fn open_read_only(address: &Address) -> Result<Self, OpenFailure> {
        Self::open_to_read(address, true)
    }

    /// To read what is there, be it a whole log or an unfinished copy.
    fn open_unfinished(address: &Address) -> Result<Self, OpenFailure> {
        Self::open_to_read(address, false)
    }

    fn open_to_read(address: &Address, finished: bool) -> Result<Self, OpenFailure> {
        let database = Arc::new(Database::new(address, READERS)?);
        let (log_id, position) = database.set_up(address, move |mut client, address| {
            Box::pin(async move {
                SCHEMA.demand(&mut client, &address).await?;
                if finished { whole_log(&client, &address).await } else { Ok(named(&client, &address).await?.0) }
            })
        })?;
        let (_, head) = watch::channel(position);
        Ok(Self { log_id, writing: None, head, database })
    }

    /// Asks a query that is prepared once per connection, and reads its rows.
    fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Object) -> Asking<'_, Vec<Row>> + Send + Sync + 'static,
        read: impl FnOnce(Vec<Row>) -> Result<T, ReadFailure> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadFailure>> {
        let rows = self.database.ask(question);
        Box::pin(async move { read(rows.await?) })
    }
}

impl From<Unanswered> for ReadFailure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unavailable => Self::Unavailable,
            Unanswered::Damaged(why) => Self::Damaged(why),
        }
    }
}

/// The log's name and the position of its last event; and whether it is a whole log.
async fn named(client: &Client, address: &Address) -> Result<((Uuid, u64), bool), OpenFailure> {
    let asked = "SELECT log_id, position, copy_of IS NULL FROM palabre_log.log_head";
    let row = answered(client.query_one(asked, &[])).await.map_err(|error| OpenFailure::of(address, &error))?;
    Ok(((row.get(0), row.get::<_, i64>(1).cast_unsigned()), row.get(2)))
}

/// The same, of what is a whole log.
async fn whole_log(client: &Client, address: &Address) -> Result<(Uuid, u64), OpenFailure> {
    match named(client, address).await? {
        (log, true) => Ok(log),
        (_, false) => Err(OpenFailure::Unfinished { what: SCHEMA.what }),
    }
}

/// A limit as the server takes it.
fn limited(limit: usize) -> i64 {
    limit.min(PAGE_MAX) as i64
}

impl EventStore for PostgresStore {
    fn log_id(&self) -> Uuid {
        self.log_id
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Vec<ItemAnswer>, AppendFailure>> {
        match &self.writing {
            Some(writing) => writing.append(append),
            None => Box::pin(ready(Err(AppendFailure::Unavailable))),
        }
    }

    fn append_many(&self, appends: Vec<Append>) -> BoxFuture<'static, Vec<Result<Vec<ItemAnswer>, AppendFailure>>> {
        match &self.writing {
            Some(writing) => writing.append_many(appends),
            None => Box::pin(ready(vec![Err(AppendFailure::Unavailable); appends.len()])),
        }
    }

    fn first_answer(
        &self,
        _: StreamId,
        command: KeyedCommand,
    ) -> BoxFuture<'static, Result<Option<FirstAnswer>, ReadFailure>> {
        let (keys, accounts) = (vec![command.key.0], vec![command.account.0]);
        self.ask(
            move |client| {
                let (keys, accounts) = (keys.clone(), accounts.clone());
                Box::pin(async move {
                    let statement = client.prepare_cached(FIRST_ANSWERS).await?;
                    Ok(client.query(&statement, &[&keys, &accounts]).await?)
                })
            },
            |rows| {
                let first = rows.first().map(rows::first_answer).transpose();
                Ok(first.map_err(ReadFailure::Damaged)?.map(|(_, first)| first))
            },
        )
    }

    fn read(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        let Ok(after) = i64::try_from(after_version) else { return Box::pin(ready(Ok(vec![]))) };
        self.ask(
            move |client| {
                Box::pin(async move {
                    let statement = client.prepare_cached(READ).await?;
                    Ok(client.query(&statement, &[&stream.kind.name(), &stream.id, &after, &limited(limit)]).await?)
                })
            },
            move |rows| rows::events_of(stream, after_version, &rows),
        )
    }

    fn read_all(
        &self,
        after_position: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Envelope>>, ReadFailure>> {
        let Ok(after) = i64::try_from(after_position) else { return Box::pin(ready(Ok(vec![]))) };
        self.ask(
            move |client| {
                Box::pin(async move {
                    let statement = client.prepare_cached(READ_ALL).await?;
                    Ok(client.query(&statement, &[&after, &limited(limit)]).await?)
                })
            },
            move |rows| rows::events(after_position, &rows),
        )
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        match &self.writing {
            Some(writing) => writing.close(),
            None => Box::pin(ready(())),
        }
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }
}
