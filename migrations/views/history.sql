-- What happened to each person's rides, requests and reservations.
CREATE TABLE history (
    account      BLOB NOT NULL,
    position     INTEGER NOT NULL,
    happened_at  INTEGER NOT NULL,
    what         TEXT NOT NULL,           -- JSON
    ride         BLOB,
    request      BLOB,
    reservation  BLOB,
    conversation BLOB,
    other_party  BLOB,
    PRIMARY KEY (account, position)
) WITHOUT ROWID;

-- Whose requests and rides they are, and who is aboard.
CREATE TABLE history_subjects (
    subject BLOB PRIMARY KEY,
    owner   BLOB NOT NULL,
    aboard  TEXT NOT NULL                 -- JSON: of a ride
) WITHOUT ROWID;
