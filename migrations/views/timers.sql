-- What is due, and when. `subject` is a proposal, a ride or a request.
CREATE TABLE timers (
    kind         TEXT NOT NULL,           -- "proposal", "ride" or "request"
    subject      BLOB NOT NULL,
    due_at       INTEGER NOT NULL,
    conversation BLOB,                    -- of a proposal
    departed     INTEGER NOT NULL,        -- of a ride: whether it has left, and its arrival is due
    length_m     INTEGER NOT NULL,        -- of a ride
    PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due_at);
