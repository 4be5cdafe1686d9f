-- The log that this one is being copied from, until the copy is complete; at most one row.
CREATE TABLE copying (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    log_id  BLOB NOT NULL CHECK (length(log_id) = 16)
) STRICT;
