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

-- Who may sign in. Facts about the person are in the log; this is what must be forgettable.
CREATE TABLE people (
    account  BLOB PRIMARY KEY CHECK (length(account) = 16),
    -- In its normal form.
    email    TEXT NOT NULL UNIQUE,
    -- An argon2id PHC string; none for who was brought in by an import and has never set one.
    password TEXT,
    language TEXT NOT NULL CHECK (language IN ('fr', 'en')),
    -- The AccountOpened that the log does not hold yet, as JSON with sealed name; none once it does.
    opening  BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
    account BLOB NOT NULL CHECK (length(account) = 16),
    role    TEXT NOT NULL CHECK (role IN ('support', 'admin')),
    PRIMARY KEY (account, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    -- SHA-256 of the token that the browser holds.
    token        BLOB PRIMARY KEY CHECK (length(token) = 32),
    session      BLOB NOT NULL UNIQUE CHECK (length(session) = 16),
    account      BLOB NOT NULL CHECK (length(account) = 16),
    made_at      INTEGER NOT NULL,
    -- Coarse.
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_account ON sessions (account, last_seen_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Links to set a new password; at most one per account.
CREATE TABLE password_resets (
    account    BLOB PRIMARY KEY CHECK (length(account) = 16),
    -- SHA-256 of the token in the link.
    token      BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Work that one node does at a time. Rows stay, so that a term is never given out twice.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     BLOB NOT NULL CHECK (length(holder) = 16),
    -- Rises with each change of holder.
    term       INTEGER NOT NULL,
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
