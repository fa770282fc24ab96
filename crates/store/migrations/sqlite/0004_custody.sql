-- Custody: how accounts are found, documents whose meaning the store does not know, counters, richer audit rows.

-- Moves with everything that decides who may call. Nodes look at it a few times a second.
ALTER TABLE installation ADD COLUMN access_version INTEGER NOT NULL DEFAULT 0;

ALTER TABLE account ADD COLUMN access_version INTEGER NOT NULL DEFAULT 0;  -- that of the installation at the last change
ALTER TABLE account ADD COLUMN resource  TEXT;       -- by which the account is found, in lower case
ALTER TABLE account ADD COLUMN subdomain TEXT;       -- the same
ALTER TABLE account ADD COLUMN closed_at INTEGER;    -- suspended since then
ALTER TABLE account ADD COLUMN ends_at   INTEGER;    -- when it is destroyed
CREATE UNIQUE INDEX account_resource ON account (resource) WHERE resource IS NOT NULL;
CREATE UNIQUE INDEX account_subdomain ON account (subdomain) WHERE subdomain IS NOT NULL;
CREATE INDEX account_access ON account (access_version);

-- What expires is sealed under the key of its hour as well.
CREATE TABLE document (
    account_id BLOB NOT NULL REFERENCES account,
    kind       INTEGER NOT NULL,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,                     -- counts up from 1 with each write
    written_at INTEGER NOT NULL,
    expires_at INTEGER,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (account_id, kind, name)
) STRICT;
CREATE INDEX document_expiry ON document (account_id, expires_at) WHERE expires_at IS NOT NULL;

-- How often each operation was called on each day.
CREATE TABLE usage (
    account_id BLOB NOT NULL,
    day        INTEGER NOT NULL,                     -- days since 1970
    operation  TEXT NOT NULL,
    calls      INTEGER NOT NULL,                     -- answered, refusals included
    billed     INTEGER NOT NULL,                     -- not refused
    PRIMARY KEY (account_id, day, operation)
) STRICT, WITHOUT ROWID;

ALTER TABLE audit ADD COLUMN detail TEXT;            -- what more there is to say; hashed with the row where it is there
