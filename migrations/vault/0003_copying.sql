-- Whether the vault is a copy that is not complete yet; at most one row.
CREATE TABLE copying (
    one INTEGER PRIMARY KEY CHECK (one = 1)
) STRICT;
