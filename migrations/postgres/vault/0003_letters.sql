-- Mail that is to be sent. Address and words are made when it is sent; rows go when a mail server has taken it.
CREATE TABLE palabre_vault.letters (
    id        uuid PRIMARY KEY,
    account   uuid NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('password_reset', 'password_changed')),
    -- When that which it is about happened.
    about     bigint NOT NULL,
    attempts  bigint NOT NULL,
    due_at    bigint NOT NULL
);
CREATE INDEX letters_by_time ON palabre_vault.letters (due_at);
