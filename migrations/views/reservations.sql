-- Who rides with whom: the reservation as JSON (`BookedSeats`), beside what it is looked up by.
CREATE TABLE reservations (
    reservation   BLOB PRIMARY KEY,
    ride          BLOB NOT NULL,
    driver        BLOB NOT NULL,
    passenger     BLOB NOT NULL,
    is_active     INTEGER NOT NULL,       -- neither cancelled nor a no-show
    asked_again   INTEGER NOT NULL,       -- the ride was rescheduled, and the passenger has not answered
    pickup_at     INTEGER NOT NULL,       -- as it is expected now
    made_position INTEGER NOT NULL,
    document      TEXT NOT NULL
);
CREATE INDEX reservations_of_ride ON reservations (ride);
CREATE INDEX reservations_of_driver ON reservations (driver, pickup_at);
CREATE INDEX reservations_of_passenger ON reservations (passenger, pickup_at);
CREATE INDEX reservations_asked_again ON reservations (passenger) WHERE asked_again;

-- What reservations need to know of their ride.
CREATE TABLE reserved_rides (
    ride     BLOB PRIMARY KEY,
    document TEXT NOT NULL                -- JSON
) WITHOUT ROWID;
