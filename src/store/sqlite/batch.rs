//! One transaction of the writer: appends one after the other, each judged on what the ones before it leave.
//!
//! Everything is judged before anything of it is written, so that a refused append costs its neighbours nothing. It
//! neither begins nor commits; nothing that it answers is true before the commit.

use lru::LruCache;
use palabre_events::log::{FirstAnswer, Hash, KeyedCommand};
use palabre_events::{Envelope, StreamId, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use std::num::NonZeroUsize;

use super::rows;
use crate::store::queue::{Answer, Offered};
use crate::store::ruling::{Head, place, refusal};

/// The most streams whose ends the writer keeps in memory; others are looked up.
const ENDS_KEPT: NonZeroUsize = NonZeroUsize::new(64 * 1024).expect("not zero");

const END: &str = "SELECT version, hash FROM events WHERE stream_no = ?1 ORDER BY version DESC LIMIT 1";
const NEW_STREAM: &str = "INSERT INTO streams (kind, id) VALUES (?1, ?2)";
const NEW_EVENT: &str = "INSERT INTO events (position, stream_no, version, event_type, schema_version, occurred_at, \
     recorded_at, event_id, actor, key, correlation_id, causation_id, traceparent, data, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const NEW_KEY: &str = "INSERT INTO keys (key, account, fingerprint, stream_no, version, position) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// The ends of the streams that were written to last.
pub(super) type Ends = LruCache<StreamId, End>;

/// Where a stream ends, and its number in the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    stream_no: i64,
    head: Head,
}

/// Remembers no stream yet.
pub(super) fn no_ends() -> Ends {
    LruCache::new(ENDS_KEPT)
}

/// A transaction under way.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    new_event: CachedStatement<'c>,
    new_key: CachedStatement<'c>,
    first_answer: CachedStatement<'c>,
    ends: &'c mut Ends,
    recorded_at: Timestamp,
    position: u64,
}

impl<'c> Batch<'c> {
    /// Goes on after `position`. When the transaction fails, `ends` must be forgotten.
    pub fn new(
        connection: &'c Connection,
        ends: &'c mut Ends,
        position: u64,
        recorded_at: Timestamp,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            new_event: connection.prepare_cached(NEW_EVENT)?,
            new_key: connection.prepare_cached(NEW_KEY)?,
            first_answer: rows::first_answer_statement(connection)?,
            ends,
            recorded_at,
            position,
        })
    }

    /// Position of the last event.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Judges `append` and writes it, or nothing of it. An error is none of the append's: the transaction has failed.
    pub fn write(&mut self, append: &Offered) -> rusqlite::Result<Answer> {
        let append = match append {
            Ok(append) => append,
            Err(failure) => return Ok(Err(*failure)),
        };
        let known = self.end_of(append.stream)?;
        let head = known.map_or(Head::START, |end| end.head);
        let first_answer = &mut self.first_answer;
        let refused =
            refusal(append, head.version, |keyed| rows::first_answer::<rusqlite::Error>(first_answer, keyed))?;
        if let Some(answers) = refused {
            return Ok(Ok(answers));
        }
        let stream_no = match known {
            Some(end) => end.stream_no,
            None => self.number(append.stream)?,
        };
        let placed = place(append, head, self.position, self.recorded_at);
        let mut head = head;
        for envelope in placed.envelopes() {
            self.insert(stream_no, envelope)?;
            head = Head { version: envelope.version, hash: envelope.hash };
            self.position = envelope.position;
        }
        for (keyed, first) in &placed.keys {
            self.remember(stream_no, keyed, first)?;
        }
        self.ends.put(append.stream, End { stream_no, head });
        Ok(Ok(placed.answers))
    }

    fn end_of(&mut self, stream: StreamId) -> rusqlite::Result<Option<End>> {
        if let Some(end) = self.ends.get(&stream) {
            return Ok(Some(*end));
        }
        let Some(stream_no) = rows::stream_no(self.connection, stream)? else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(END)?;
        let head = statement.query_row([stream_no], |row| {
            Ok(Head { version: row.get::<_, i64>(0)?.cast_unsigned(), hash: Hash(row.get(1)?) })
        });
        // A stream is numbered together with its first event.
        head.optional().map(|head| head.map(|head| End { stream_no, head }))
    }

    fn number(&self, stream: StreamId) -> rusqlite::Result<i64> {
        self.connection.prepare_cached(NEW_STREAM)?.insert(params![stream.kind.name(), stream.id.as_bytes()])
    }

    fn insert(&mut self, stream_no: i64, envelope: &Envelope) -> rusqlite::Result<()> {
        let key = envelope.key.as_ref().map(|key| key.0.as_bytes());
        self.new_event.execute(params![
            envelope.position.cast_signed(),
            stream_no,
            envelope.version.cast_signed(),
            envelope.event_type,
            envelope.schema_version,
            envelope.occurred_at.as_millis(),
            envelope.recorded_at.as_millis(),
            envelope.event_id.as_bytes(),
            envelope.actor.to_string(),
            key,
            envelope.correlation_id.as_bytes(),
            envelope.causation_id.as_bytes(),
            envelope.traceparent,
            envelope.data,
            envelope.hash.0,
        ])?;
        Ok(())
    }

    fn remember(&mut self, stream_no: i64, keyed: &KeyedCommand, first: &FirstAnswer) -> rusqlite::Result<()> {
        self.new_key.execute(params![
            keyed.key.0.as_bytes(),
            keyed.account.0.as_bytes(),
            keyed.fingerprint.0,
            stream_no,
            first.version.cast_signed(),
            first.position.cast_signed(),
        ])?;
        Ok(())
    }
}
