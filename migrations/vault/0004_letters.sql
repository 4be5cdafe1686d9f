-- Mail that is to be sent. Address and words are made when it is sent; rows go when a mail server has taken it.
CREATE TABLE letters (
    id       BLOB PRIMARY KEY CHECK (length(id) = 16),
    account  BLOB NOT NULL CHECK (length(account) = 16),
    kind     TEXT NOT NULL CHECK (kind IN ('password_reset', 'password_changed')),
    -- When that which it is about happened.
    about    INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX letters_by_time ON letters (due_at);
