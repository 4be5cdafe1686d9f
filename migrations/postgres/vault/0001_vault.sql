-- The vault on PostgreSQL: what nodes share and what must be forgettable. Never part of the log.
-- Times are milliseconds since 1970; secrets are stored only as hashes, data keys excepted.
CREATE SCHEMA palabre_vault;

-- How many steps of the schema were taken; one row.
CREATE TABLE palabre_vault.schema_version (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    version  bigint NOT NULL
);
INSERT INTO palabre_vault.schema_version (version) VALUES (0);

-- How many keys were destroyed and how many sessions ended. Whoever adds one holds the row until its commit, so that
-- numbers are dense and become visible in their order.
CREATE TABLE palabre_vault.counters (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    destroyed  bigint NOT NULL DEFAULT 0,
    endings    bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO palabre_vault.counters DEFAULT VALUES;

-- Keys that open sealed values, named as in the log, such as person-0190…. A destroyed key keeps its row without its
-- bytes, so that it is never made again; one row decides between those who make it and those who destroy it.
CREATE TABLE palabre_vault.data_keys (
    id            text PRIMARY KEY,
    material      bytea CHECK (length(material) = 32),
    -- Its place among the destroyed.
    destroyed     bigint,
    destroyed_at  bigint,
    CHECK ((material IS NULL) = (destroyed IS NOT NULL))
);
CREATE UNIQUE INDEX data_keys_destroyed ON palabre_vault.data_keys (destroyed) WHERE destroyed IS NOT NULL;
-- What was deleted is to be gone from the table's file soon, not when a fifth of it has changed.
ALTER TABLE palabre_vault.data_keys SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);

-- Who may sign in. Facts about the person are in the log; this is what must be forgettable.
CREATE TABLE palabre_vault.people (
    account   uuid PRIMARY KEY,
    -- In its normal form.
    email     text NOT NULL UNIQUE,
    -- An argon2id PHC string; none for who was brought in by an import and has never set one.
    password  text,
    language  text NOT NULL CHECK (language IN ('fr', 'en')),
    -- The AccountOpened that the log does not hold yet, as JSON with sealed name; none once it does.
    opening   bytea
);

CREATE TABLE palabre_vault.roles (
    account  uuid NOT NULL,
    role     text NOT NULL CHECK (role IN ('support', 'admin')),
    PRIMARY KEY (account, role)
);

CREATE TABLE palabre_vault.sessions (
    -- SHA-256 of the token that the browser holds.
    token         bytea PRIMARY KEY CHECK (length(token) = 32),
    session       uuid NOT NULL UNIQUE,
    account       uuid NOT NULL,
    made_at       bigint NOT NULL,
    -- Coarse.
    last_seen_at  bigint NOT NULL,
    expires_at    bigint NOT NULL
);
CREATE INDEX sessions_of_account ON palabre_vault.sessions (account, last_seen_at);
CREATE INDEX sessions_by_expiry ON palabre_vault.sessions (expires_at);

-- Sessions that ended before their time, for the nodes that serve their sockets. Rows are dropped after an hour.
CREATE TABLE palabre_vault.session_endings (
    sequence  bigint PRIMARY KEY,
    session   uuid NOT NULL,
    token     bytea NOT NULL CHECK (length(token) = 32),
    account   uuid NOT NULL,
    ended_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX session_endings_by_time ON palabre_vault.session_endings (ended_at);

-- Links to set a new password; at most one per account.
CREATE TABLE palabre_vault.password_resets (
    account     uuid PRIMARY KEY,
    -- SHA-256 of the token in the link.
    token       bytea NOT NULL UNIQUE CHECK (length(token) = 32),
    expires_at  bigint NOT NULL
);

-- Work that one node does at a time. Rows stay, so that a term is never given out twice.
CREATE TABLE palabre_vault.leases (
    name        text PRIMARY KEY,
    holder      uuid NOT NULL,
    -- Rises with each change of holder.
    term        bigint NOT NULL,
    held_until  bigint NOT NULL
);
