//! What is written, as arrays of columns: one statement writes any number of rows.

use palabre_events::log::{FirstAnswer, KeyedCommand};
use palabre_events::{Envelope, StreamId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// Numbers, ids and kinds of new streams.
pub(super) const NEW_STREAMS: &str = "
    INSERT INTO palabre_log.streams (stream_no, id, kind) SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[])";
/// Every column of new events.
pub(super) const NEW_EVENTS: &str = "
    INSERT INTO palabre_log.events (position, stream_no, version, occurred_at, recorded_at, schema_version, event_id,
                                    correlation_id, causation_id, key, hash, event_type, actor, traceparent, data)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::integer[], $7::uuid[],
                         $8::uuid[], $9::uuid[], $10::uuid[], $11::bytea[], $12::text[], $13::text[], $14::text[],
                         $15::bytea[])";
/// Every column of new keys.
pub(super) const NEW_KEYS: &str = "
    INSERT INTO palabre_log.keys (key, account, stream_no, version, position, fingerprint)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])";

/// What [`NEW_STREAMS`] takes.
#[derive(Default)]
pub(super) struct StreamColumns {
    numbers: Vec<i64>,
    ids: Vec<Uuid>,
    kinds: Vec<&'static str>,
}

impl StreamColumns {
    pub fn of(streams: &[(i64, StreamId)]) -> Self {
        Self {
            numbers: streams.iter().map(|(number, _)| *number).collect(),
            ids: streams.iter().map(|(_, stream)| stream.id).collect(),
            kinds: streams.iter().map(|(_, stream)| stream.kind.name()).collect(),
        }
    }

    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.numbers, &self.ids, &self.kinds]
    }
}

/// What [`NEW_EVENTS`] takes, borrowed from the events.
#[derive(Default)]
pub(super) struct EventColumns<'e> {
    positions: Vec<i64>,
    streams: Vec<i64>,
    versions: Vec<i64>,
    occurred_at: Vec<i64>,
    recorded_at: Vec<i64>,
    schema_versions: Vec<i32>,
    event_ids: Vec<Uuid>,
    correlation_ids: Vec<Uuid>,
    causation_ids: Vec<Uuid>,
    keys: Vec<Option<Uuid>>,
    hashes: Vec<&'e [u8]>,
    event_types: Vec<&'e str>,
    actors: Vec<String>,
    traceparents: Vec<Option<&'e str>>,
    data: Vec<&'e [u8]>,
}

impl<'e> EventColumns<'e> {
    pub fn of(events: impl Iterator<Item = (i64, &'e Envelope)>) -> Self {
        let mut columns = Self::default();
        for (stream_no, event) in events {
            columns.positions.push(event.position.cast_signed());
            columns.streams.push(stream_no);
            columns.versions.push(event.version.cast_signed());
            columns.occurred_at.push(event.occurred_at.as_millis());
            columns.recorded_at.push(event.recorded_at.as_millis());
            columns.schema_versions.push(event.schema_version.into());
            columns.event_ids.push(event.event_id);
            columns.correlation_ids.push(event.correlation_id);
            columns.causation_ids.push(event.causation_id);
            columns.keys.push(event.key.map(|key| key.0));
            columns.hashes.push(&event.hash.0);
            columns.event_types.push(&event.event_type);
            columns.actors.push(event.actor.to_string());
            columns.traceparents.push(event.traceparent.as_deref());
            columns.data.push(&event.data);
        }
        columns
    }

    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 15] {
        [
            &self.positions,
            &self.streams,
            &self.versions,
            &self.occurred_at,
            &self.recorded_at,
            &self.schema_versions,
            &self.event_ids,
            &self.correlation_ids,
            &self.causation_ids,
            &self.keys,
            &self.hashes,
            &self.event_types,
            &self.actors,
            &self.traceparents,
            &self.data,
        ]
    }
}

/// What [`NEW_KEYS`] takes.
#[derive(Default)]
pub(super) struct KeyColumns {
    keys: Vec<Uuid>,
    accounts: Vec<Uuid>,
    streams: Vec<i64>,
    versions: Vec<i64>,
    positions: Vec<i64>,
    fingerprints: Vec<Vec<u8>>,
}

impl KeyColumns {
    pub fn of(keys: &[(i64, KeyedCommand, FirstAnswer)]) -> Self {
        Self {
            keys: keys.iter().map(|(_, keyed, _)| keyed.key.0).collect(),
            accounts: keys.iter().map(|(_, keyed, _)| keyed.account.0).collect(),
            streams: keys.iter().map(|(stream_no, ..)| *stream_no).collect(),
            versions: keys.iter().map(|(.., first)| first.version.cast_signed()).collect(),
            positions: keys.iter().map(|(.., first)| first.position.cast_signed()).collect(),
            fingerprints: keys.iter().map(|(_, keyed, _)| keyed.fingerprint.0.to_vec()).collect(),
        }
    }

    pub fn parameters(&self) -> [&(dyn ToSql + Sync); 6] {
        [&self.keys, &self.accounts, &self.streams, &self.versions, &self.positions, &self.fingerprints]
    }
}
