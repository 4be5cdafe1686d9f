-- Whether the vault is a copy that is not complete yet; at most one row.
CREATE TABLE palabre_vault.copying (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one)
);
