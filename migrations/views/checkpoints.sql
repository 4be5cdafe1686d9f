-- How far each projection has folded the log; written in the same transaction as its rows.
CREATE TABLE checkpoints (
    projection TEXT PRIMARY KEY,
    position   INTEGER NOT NULL,     -- of the last event that is folded
    parked_at  INTEGER,              -- of the event that it stopped at, which it never skips
    parked_why TEXT
) WITHOUT ROWID;

-- The log that the views are folded from. Another log's events would not fit.
CREATE TABLE folded_log (id BLOB NOT NULL);
