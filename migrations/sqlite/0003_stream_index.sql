-- Where the events of each stream are. An entry for each event at once would write another page for each: so it is
-- brought up to date in batches, in the order of the streams. What is not in it yet is found by its position alone.
CREATE TABLE stream_index (
    stream_no  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (stream_no, version)
) STRICT, WITHOUT ROWID;

-- The position up to which it is complete; one row.
CREATE TABLE indexed (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    up_to  INTEGER NOT NULL
) STRICT;

DROP INDEX events_of_stream;
INSERT INTO stream_index SELECT stream_no, version, position FROM events ORDER BY stream_no, version;
INSERT INTO indexed SELECT 1, coalesce(max(position), 0) FROM events;
