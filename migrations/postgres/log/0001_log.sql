-- The log on PostgreSQL, first shape. Hashes are 32 bytes, times milliseconds since 1970 (UTC).
CREATE SCHEMA palabre_log;

-- How many steps of the schema were taken; one row.
CREATE TABLE palabre_log.schema_version (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    version  bigint NOT NULL
);
INSERT INTO palabre_log.schema_version (version) VALUES (0);

-- Names the log and says where it ends; one row. Whoever writes holds this row until its commit, so that positions are
-- dense and become visible in their order. It is updated at every commit, hence the room on its page.
CREATE TABLE palabre_log.log_head (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    log_id       uuid NOT NULL,
    position     bigint NOT NULL,
    streams      bigint NOT NULL,
    recorded_at  bigint NOT NULL,
    -- The log that this is being copied from, until the copy is complete.
    copy_of      uuid
) WITH (fillfactor = 10);
INSERT INTO palabre_log.log_head (log_id, position, streams, recorded_at) VALUES (gen_random_uuid(), 0, 0, 0);

-- Numbers the streams in the order of their first events, so that streams of the same days share index pages.
CREATE TABLE palabre_log.streams (
    stream_no  bigint PRIMARY KEY,
    id         uuid NOT NULL,
    kind       text NOT NULL,
    UNIQUE (id, kind)
);

-- Everything that happened. Rows are only ever added. Wide numbers come first, so that no row is padded.
CREATE TABLE palabre_log.events (
    position        bigint PRIMARY KEY,
    stream_no       bigint NOT NULL,
    version         bigint NOT NULL,
    occurred_at     bigint NOT NULL,
    recorded_at     bigint NOT NULL,
    schema_version  integer NOT NULL,
    event_id        uuid NOT NULL,
    correlation_id  uuid NOT NULL,
    causation_id    uuid NOT NULL,
    key             uuid,
    hash            bytea NOT NULL,
    event_type      text NOT NULL,
    actor           text NOT NULL,
    traceparent     text,
    data            bytea NOT NULL
);
-- What is in it is sealed: it does not get shorter.
ALTER TABLE palabre_log.events ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX events_of_stream ON palabre_log.events (stream_no, version);

-- What each key of a client committed: the last event that it made. The key comes first because it begins with its
-- time, so that new rows go to the end. Rows are dropped once the key is too old to be accepted.
CREATE TABLE palabre_log.keys (
    key          uuid NOT NULL,
    account      uuid NOT NULL,
    stream_no    bigint NOT NULL,
    version      bigint NOT NULL,
    position     bigint NOT NULL,
    fingerprint  bytea NOT NULL,
    PRIMARY KEY (key, account)
);
