//! A log in a database as the original of a copy, and as its target.

use futures_util::future::{BoxFuture, ready};
use lru::LruCache;
use palabre_events::StreamId;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::columns::{EventColumns, KeyColumns, NEW_EVENTS, NEW_KEYS, NEW_STREAMS, StreamColumns};
use super::rows::{self, NUMBERS, READ_KEYED};
use super::{PostgresStore, SCHEMA, limited};
use crate::postgres::{ANSWER_WITHIN, Address, NoAnswer, OpenFailure, connect, demand_durability, ignore};
use crate::store::copy::{NUMBERS_KEPT, NoTarget, Original, Target, counted};
use crate::store::found::Found;
use crate::store::{PAGE_MAX, ReadFailure};

impl Original for PostgresStore {
    fn read_keyed(&self, after_position: u64) -> BoxFuture<'static, Result<Vec<Found>, ReadFailure>> {
        let Ok(after) = i64::try_from(after_position) else { return Box::pin(ready(Ok(vec![]))) };
        self.ask(
            move |client| {
                Box::pin(async move {
                    let statement = client.prepare_cached(READ_KEYED).await?;
                    Ok(client.query(&statement, &[&after, &limited(PAGE_MAX)]).await?)
                })
            },
            move |rows| rows::found(after_position, &rows),
        )
    }
}

/// A database that a log is copied into.
pub struct PostgresTarget {
    address: Address,
    runtime: Runtime,
    client: Client,
    numbers: LruCache<StreamId, i64>,
    position: u64,
}

impl PostgresTarget {
    /// Begins a copy of the log `of` at `address`, where there is no log, or goes on with the one there.
    pub fn open(address: &Address, of: Uuid) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (client, position) = runtime.block_on(begin(address, of))?;
        let numbers = LruCache::new(NUMBERS_KEPT);
        Ok(Self { address: address.clone(), runtime, client, numbers, position })
    }
}

async fn begin(address: &Address, of: Uuid) -> anyhow::Result<(Client, u64)> {
    let client = connect(address, |messages| drop(tokio::spawn(ignore(messages)))).await;
    let mut client = client.map_err(|error| OpenFailure::of(address, &error))?;
    demand_durability(&client, address).await?;
    SCHEMA.migrate(&mut client, address).await?;
    let position = patiently(async {
        let transaction = client.transaction().await?;
        let head = "SELECT position, copy_of FROM palabre_log.log_head FOR UPDATE";
        let head = transaction.query_one(head, &[]).await?;
        let position = u64::try_from(head.try_get::<_, i64>(0)?)?;
        NoTarget::check(of, position, head.try_get(1)?)?;
        transaction.execute("UPDATE palabre_log.log_head SET copy_of = $1", &[&of]).await?;
        transaction.commit().await?;
        Ok(position)
    })
    .await?;
    Ok((client, position))
}

/// Does what the server must answer within [`ANSWER_WITHIN`].
async fn patiently<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(ANSWER_WITHIN, work).await.unwrap_or_else(|_| Err(NoAnswer::Silent.into()))
}

impl Target for PostgresTarget {
    fn position(&self) -> u64 {
        self.position
    }

    fn add(&mut self, events: &[Found]) -> anyhow::Result<()> {
        let events = counted(events, self.position);
        let Some(last) = events.last().map(|last| last.envelope.clone()) else { return Ok(()) };
        let (client, numbers) = (&mut self.client, &mut self.numbers);
        self.runtime.block_on(patiently(async {
            let transaction = client.transaction().await?;
            let head = "SELECT streams FROM palabre_log.log_head FOR UPDATE";
            let mut streams: i64 = transaction.query_one(head, &[]).await?.try_get(0)?;
            look_up(&transaction, numbers, events.iter().map(|found| found.envelope.stream)).await?;
            let mut begun = Vec::new();
            for stream in events.iter().map(|found| found.envelope.stream) {
                if !numbers.contains(&stream) {
                    streams += 1;
                    numbers.put(stream, streams);
                    begun.push((streams, stream));
                }
            }
            transaction.execute(NEW_STREAMS, &StreamColumns::of(&begun).parameters()).await?;
            let number_of = |stream: &StreamId| *numbers.peek(stream).expect("looked up or just put");
            let numbered = events.iter().map(|found| (number_of(&found.envelope.stream), &*found.envelope));
            transaction.execute(NEW_EVENTS, &EventColumns::of(numbered).parameters()).await?;
            let keys = events.iter().filter_map(Found::first_answer);
            let keys: Vec<_> = keys.map(|(keyed, first)| (number_of(&first.stream), keyed, first)).collect();
            let new_keys = format!("{NEW_KEYS} ON CONFLICT (key, account) DO NOTHING");
            transaction.execute(&new_keys, &KeyColumns::of(&keys).parameters()).await?;
            let head = "UPDATE palabre_log.log_head SET position = $1, streams = $2, recorded_at = $3";
            let (position, recorded_at) = (last.position.cast_signed(), last.recorded_at.as_millis());
            transaction.execute(head, &[&position, &streams, &recorded_at]).await?;
            transaction.commit().await?;
            Ok(())
        }))?;
        self.position = last.position;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<Arc<dyn Original>> {
        Ok(Arc::new(PostgresStore::open_unfinished(&self.address)?))
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        let finish = self.client.execute("UPDATE palabre_log.log_head SET copy_of = NULL", &[]);
        self.runtime.block_on(patiently(async { Ok(finish.await.map(drop)?) }))
    }
}

/// Has `numbers` know those of `streams` that have an event already, until more than it keeps are asked for.
async fn look_up(
    transaction: &Transaction<'_>,
    numbers: &mut LruCache<StreamId, i64>,
    streams: impl Iterator<Item = StreamId>,
) -> anyhow::Result<()> {
    // Asking also keeps what is known from being pushed out by what is not.
    let unknown: HashSet<StreamId> = streams.filter(|stream| numbers.get(stream).is_none()).collect();
    let (kinds, ids): (Vec<_>, Vec<_>) = unknown.iter().map(|stream| (stream.kind.name(), stream.id)).unzip();
    for row in transaction.query(NUMBERS, &[&kinds, &ids]).await? {
        let (stream, number) = rows::numbered(&row).map_err(anyhow::Error::msg)?;
        numbers.put(stream, number);
    }
    Ok(())
}
