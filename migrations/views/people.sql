-- Who people are to others.
CREATE TABLE people (
    account  BLOB PRIMARY KEY,
    name     TEXT,                        -- none when the person was erased
    language TEXT NOT NULL                -- JSON
) WITHOUT ROWID;
