-- Records of every kind: opaque sealed bytes under an id. What the store knows of a kind stands in `src/record.rs`.
CREATE TABLE record (
    account_id BLOB NOT NULL REFERENCES account,
    kind       INTEGER NOT NULL,
    id         TEXT NOT NULL,
    version    INTEGER NOT NULL,                     -- counts up from 1 with each write
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,                              -- what expires is sealed under the key of its hour as well
    container  INTEGER,                              -- of the person with whom it goes
    person     INTEGER,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (account_id, kind, id),
    FOREIGN KEY (account_id, container, person) REFERENCES person
) STRICT;
CREATE INDEX record_expiry ON record (account_id, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX record_person ON record (account_id, container, person) WHERE person IS NOT NULL;

-- By what records are found besides their ids: keyed digests, or small words that say nothing of anybody.
CREATE TABLE record_tag (
    account_id BLOB NOT NULL,
    kind       INTEGER NOT NULL,
    tag        INTEGER NOT NULL,                     -- its place in the row of the kind
    value      BLOB NOT NULL,
    id         TEXT NOT NULL,
    is_unique  INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, tag, value, id),
    FOREIGN KEY (account_id, kind, id) REFERENCES record
) STRICT, WITHOUT ROWID;
CREATE INDEX record_tag_record ON record_tag (account_id, kind, id);
CREATE UNIQUE INDEX record_tag_once ON record_tag (account_id, kind, tag, value) WHERE is_unique = 1;

-- Documents were the first records. Their seals know account, kind, name and expiry, and none of these changes.
INSERT INTO record (account_id, kind, id, version, created_at, updated_at, expires_at, sealed)
SELECT account_id, kind, name, version, written_at, written_at, expires_at, sealed FROM document;
DROP TABLE document;

-- Work that a command caused and that is done after it: of each queue one at a time, in the order in which it came.
ALTER TABLE account ADD COLUMN next_delivery INTEGER NOT NULL DEFAULT 1;
CREATE TABLE outbox (
    account_id  BLOB NOT NULL REFERENCES account,
    seq         INTEGER NOT NULL,
    queue       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    gives_up_at INTEGER NOT NULL,                    -- sealed under the key of that hour as well
    attempts    INTEGER NOT NULL DEFAULT 0,          -- that failed
    holder      BLOB,                             -- who is at it, drawn by each worker
    lease_until INTEGER,
    sealed      BLOB NOT NULL,
    PRIMARY KEY (account_id, seq)
) STRICT;
CREATE INDEX outbox_queue ON outbox (account_id, queue, seq);
CREATE INDEX outbox_end ON outbox (account_id, gives_up_at);
