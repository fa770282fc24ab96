-- The one clock of all nodes. Everything that asks this database for the time asks this function. It has no offset and
-- reads no setting or table, so that in service there is nothing by which time could be moved. Tests that move it put
-- another function of the same name into databases of their own, for which one must own the schema: whoever does, owns
-- every row in it as well. A table or a setting would have been one statement, or one forgotten row, away from moving
-- the leases and the expiry of a server in service.
CREATE FUNCTION likeness_now() RETURNS TIMESTAMPTZ LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

-- Records of every kind: opaque sealed bytes under an id. What the store knows of a kind stands in `src/record.rs`.
CREATE TABLE record (
    account_id BYTEA NOT NULL REFERENCES account,
    kind       BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,                     -- counts up from 1 with each write
    -- Nodes of the former version do not say it.
    created_at BIGINT NOT NULL DEFAULT CAST(extract(epoch FROM likeness_now()) * 1000 AS BIGINT),
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,                              -- what expires is sealed under the key of its hour as well
    container  BIGINT,                              -- of the person with whom it goes
    person     BIGINT,
    sealed     BYTEA NOT NULL,
    PRIMARY KEY (account_id, kind, id),
    FOREIGN KEY (account_id, container, person) REFERENCES person
);
CREATE INDEX record_expiry ON record (account_id, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX record_person ON record (account_id, container, person) WHERE person IS NOT NULL;

-- By what records are found besides their ids: keyed digests, or small words that say nothing of anybody.
CREATE TABLE record_tag (
    account_id BYTEA NOT NULL,
    kind       BIGINT NOT NULL,
    tag        BIGINT NOT NULL,                     -- its place in the row of the kind
    value      BYTEA NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    is_unique  BIGINT NOT NULL,
    PRIMARY KEY (account_id, kind, tag, value, id),
    FOREIGN KEY (account_id, kind, id) REFERENCES record
);
CREATE INDEX record_tag_record ON record_tag (account_id, kind, id);
CREATE UNIQUE INDEX record_tag_once ON record_tag (account_id, kind, tag, value) WHERE is_unique = 1;

-- Documents were the first records. Their seals know account, kind, name and expiry, and none of these changes.
INSERT INTO record (account_id, kind, id, version, created_at, updated_at, expires_at, sealed)
SELECT account_id, kind, name, version, written_at, written_at, expires_at, sealed FROM document;
DROP TABLE document;

-- What nodes of the former version read and write until the last of them is gone. A later migration takes it away.
CREATE VIEW document AS
SELECT account_id, kind, id AS name, version, updated_at AS written_at, expires_at, sealed FROM record
WHERE kind IN (1, 2, 3);

-- Work that a command caused and that is done after it: of each queue one at a time, in the order in which it came.
ALTER TABLE account ADD COLUMN next_delivery BIGINT NOT NULL DEFAULT 1;
CREATE TABLE outbox (
    account_id  BYTEA NOT NULL REFERENCES account,
    seq         BIGINT NOT NULL,
    queue       TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    gives_up_at BIGINT NOT NULL,                    -- sealed under the key of that hour as well
    attempts    BIGINT NOT NULL DEFAULT 0,          -- that failed
    holder      BYTEA,                             -- who is at it, drawn by each worker
    lease_until BIGINT,
    sealed      BYTEA NOT NULL,
    PRIMARY KEY (account_id, seq)
);
CREATE INDEX outbox_queue ON outbox (account_id, queue, seq);
CREATE INDEX outbox_end ON outbox (account_id, gives_up_at);
