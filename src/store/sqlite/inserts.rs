//! The statements that add rows: streams, events, keys.

use palabre_events::log::{FirstAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use rusqlite::{CachedStatement, Connection, params};

const NEW_STREAM: &str = "INSERT INTO streams (kind, id) VALUES (?1, ?2)";
const NEW_EVENT: &str = "INSERT INTO events (position, stream_no, version, event_type, schema_version, occurred_at, \
     recorded_at, event_id, actor, key, correlation_id, causation_id, traceparent, data, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const NEW_KEY: &str = "INSERT INTO keys (key, account, fingerprint, stream_no, version, position) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Adds rows over one connection.
pub(super) struct Inserts<'c> {
    connection: &'c Connection,
    event: CachedStatement<'c>,
    key: CachedStatement<'c>,
}

impl<'c> Inserts<'c> {
    pub fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let (event, key) = (connection.prepare_cached(NEW_EVENT)?, connection.prepare_cached(NEW_KEY)?);
        Ok(Self { connection, event, key })
    }

    /// Numbers a stream that begins.
    pub fn stream(&self, stream: StreamId) -> rusqlite::Result<i64> {
        self.connection.prepare_cached(NEW_STREAM)?.insert(params![stream.kind.name(), stream.id.as_bytes()])
    }

    /// Adds an event of the stream of that number.
    pub fn event(&mut self, stream_no: i64, envelope: &Envelope) -> rusqlite::Result<()> {
        let key = envelope.key.as_ref().map(|key| key.0.as_bytes());
        self.event.execute(params![
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

    /// Remembers what a key committed to the stream of that number.
    pub fn key(&mut self, stream_no: i64, keyed: &KeyedCommand, first: &FirstAnswer) -> rusqlite::Result<()> {
        self.key.execute(params![
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
