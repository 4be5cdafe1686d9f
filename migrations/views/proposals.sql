-- What was proposed: the proposal as JSON (`MadeProposal`), beside what it is looked up by.
CREATE TABLE proposals (
    proposal      BLOB PRIMARY KEY,
    conversation  BLOB NOT NULL,
    driver        BLOB NOT NULL,
    passenger     BLOB NOT NULL,
    waits_for     BLOB,                   -- whose answer it waits for, while it is open
    made_position INTEGER NOT NULL,
    document      TEXT NOT NULL
);
CREATE INDEX proposals_of_conversation ON proposals (conversation, made_position);
CREATE INDEX proposals_waiting ON proposals (waits_for, made_position) WHERE waits_for IS NOT NULL;
CREATE INDEX proposals_of_driver ON proposals (driver, made_position);
CREATE INDEX proposals_of_passenger ON proposals (passenger, made_position);

-- Who negotiates with whom about which ride.
CREATE TABLE negotiations (
    conversation BLOB PRIMARY KEY,
    ride         BLOB NOT NULL,
    driver       BLOB NOT NULL,
    passenger    BLOB NOT NULL
) WITHOUT ROWID;
