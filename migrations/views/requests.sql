-- What passengers look for: the request as JSON (`WantedRide`), beside what it is looked up by.
CREATE TABLE requests (
    request         BLOB PRIMARY KEY,
    passenger       BLOB NOT NULL,
    is_open         INTEGER NOT NULL,
    earliest_at     INTEGER NOT NULL,     -- the wished hour less the tolerance
    latest_at       INTEGER NOT NULL,     -- the wished hour and the tolerance
    posted_position INTEGER NOT NULL,
    document        TEXT NOT NULL
);
CREATE INDEX requests_of_passenger ON requests (passenger, posted_position);
CREATE INDEX requests_open ON requests (latest_at, earliest_at) WHERE is_open;
