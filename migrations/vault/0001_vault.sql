-- The vault: what nodes share and what must be forgettable. Never part of the log.
-- Ids are 16-byte blobs, times are milliseconds since 1970, secrets are stored only as hashes, data keys excepted.

-- A key that opens sealed values; its name as in the log, such as person-0190….
CREATE TABLE data_keys (
    id       TEXT PRIMARY KEY,
    material BLOB NOT NULL CHECK (length(material) = 32)
) STRICT, WITHOUT ROWID;

-- A key that once was, or never may be. Rows are never deleted; the sequence tells other nodes what is new.
CREATE TABLE destroyed_keys (
    sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    destroyed_at INTEGER NOT NULL
) STRICT;
