-- The log on SQLite, first shape. Ids are 16 bytes, hashes 32, times milliseconds since 1970 (UTC).

-- Names the log; one row.
CREATE TABLE log (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    log_id  BLOB NOT NULL CHECK (length(log_id) = 16)
) STRICT;

-- Numbers the streams in the order of their first events, so that streams of the same days share index pages.
CREATE TABLE streams (
    stream_no  INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    id         BLOB NOT NULL CHECK (length(id) = 16),
    UNIQUE (id, kind)
) STRICT;

-- Everything that happened. Rows are only ever added, at the end.
CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    stream_no       INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    event_type      TEXT NOT NULL,
    schema_version  INTEGER NOT NULL,
    occurred_at     INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL,
    event_id        BLOB NOT NULL,
    actor           TEXT NOT NULL,
    key             BLOB,
    correlation_id  BLOB NOT NULL,
    causation_id    BLOB NOT NULL,
    traceparent     TEXT,
    data            BLOB NOT NULL,
    hash            BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_of_stream ON events (stream_no, version);

-- What each key of a client committed: the last event that it made. The key comes first because it begins with its
-- time, so that new rows go to the end. Rows are dropped once the key is too old to be accepted.
CREATE TABLE keys (
    key          BLOB NOT NULL CHECK (length(key) = 16),
    account      BLOB NOT NULL CHECK (length(account) = 16),
    fingerprint  BLOB NOT NULL CHECK (length(fingerprint) = 16),
    stream_no    INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    PRIMARY KEY (key, account)
) STRICT, WITHOUT ROWID;
