-- Effects whose fulfilment the log does not hold yet: what any node may have to finish.
CREATE TABLE pending_effects (
    effect_key     TEXT PRIMARY KEY,
    cause_position INTEGER NOT NULL,
    caused_at      INTEGER NOT NULL,
    effect         TEXT NOT NULL          -- JSON
) WITHOUT ROWID;
CREATE INDEX pending_effects_by_cause ON pending_effects (cause_position);

-- Which conversations hear of a ride, and which of its events they hear of: those after they were opened.
CREATE TABLE ride_conversations (
    ride         BLOB NOT NULL,
    conversation BLOB NOT NULL,
    ride_version INTEGER NOT NULL,
    PRIMARY KEY (ride, conversation)
) WITHOUT ROWID;

CREATE TABLE ride_notices (
    ride         BLOB NOT NULL,
    ride_version INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    happened_at  INTEGER NOT NULL,
    notice       TEXT NOT NULL,           -- JSON
    PRIMARY KEY (ride, ride_version)
) WITHOUT ROWID;
