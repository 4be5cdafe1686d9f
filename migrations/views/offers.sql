-- What drivers offer: a ride's page as JSON (`OfferedRide`), beside what it is looked up by.
CREATE TABLE offers (
    ride             BLOB PRIMARY KEY,
    driver           BLOB NOT NULL,
    stage            TEXT NOT NULL,
    departs_at       INTEGER NOT NULL,
    offered_position INTEGER NOT NULL,
    document         TEXT NOT NULL
);
CREATE INDEX offers_of_driver ON offers (driver, offered_position);
CREATE INDEX offers_open ON offers (departs_at) WHERE stage = 'offered';
