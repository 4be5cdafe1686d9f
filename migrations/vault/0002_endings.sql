-- Sessions that ended before their time, for nodes and processes that serve their sockets. Rows are dropped after an
-- hour; the sequence is never used again.
CREATE TABLE session_endings (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    session  BLOB NOT NULL CHECK (length(session) = 16),
    token    BLOB NOT NULL CHECK (length(token) = 32),
    account  BLOB NOT NULL CHECK (length(account) = 16),
    -- In seconds since 1970, by the clock of the machine.
    ended_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
CREATE INDEX session_endings_by_time ON session_endings (ended_at);
