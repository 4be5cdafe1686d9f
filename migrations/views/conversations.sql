-- The heads of conversations. What was said is in the log alone.
CREATE TABLE conversations (
    conversation     BLOB PRIMARY KEY,
    kind             TEXT NOT NULL,      -- "ride" or "group", as JSON
    ride             BLOB NOT NULL,
    driver           BLOB NOT NULL,
    passenger        BLOB,               -- none in a group
    in_answer_to     BLOB,               -- the request that the driver answers
    opened_at        INTEGER NOT NULL,
    head_seq         INTEGER NOT NULL,
    last_message_seq INTEGER,
    last_correction_seq INTEGER,         -- the event that corrected that message last, or took it back
    booking          TEXT,               -- JSON: how far the booking is, once there is one
    open_proposals   TEXT,               -- JSON: proposals that wait for an answer
    tail             BLOB NOT NULL       -- whom each seq of the unfinished chunk is by; see counted_seqs
) WITHOUT ROWID;
CREATE INDEX conversations_of_ride ON conversations (ride);

-- Who takes or took part, what they see, and how far they have read.
CREATE TABLE members (
    conversation  BLOB NOT NULL,
    number        INTEGER NOT NULL,      -- within the conversation, by first appearance
    account       BLOB NOT NULL,
    stays         TEXT NOT NULL,         -- JSON: from which seq to which they see
    head_seq      INTEGER NOT NULL,      -- the last seq that they see, its position and its time
    head_position INTEGER NOT NULL,
    head_at       INTEGER NOT NULL,
    read_seq      INTEGER NOT NULL,
    unread        INTEGER NOT NULL,
    PRIMARY KEY (conversation, number)
) WITHOUT ROWID;
CREATE INDEX inbox ON members (account, head_position);

-- Whom each seq of a finished chunk of 256 is by, one byte each; seq 1 is the first byte of chunk 0.
CREATE TABLE counted_seqs (
    conversation BLOB NOT NULL,
    chunk        INTEGER NOT NULL,
    authors      BLOB NOT NULL,
    PRIMARY KEY (conversation, chunk)
) WITHOUT ROWID;
