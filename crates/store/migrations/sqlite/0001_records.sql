-- Everything durable. account_id leads every key; two things cannot have it: the one row that describes the
-- installation, and the index by which a request's key finds its account.
--
-- Numbers are counted by us inside their account or container and never used again. Moments are milliseconds
-- since 1970. `sealed` columns are AES-256-GCM records that name their key; see the crate's `keys` module.

CREATE TABLE installation (
    only_row    INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    check_value BLOB NOT NULL            -- opens with the installation key that belongs to this data
) STRICT;

CREATE TABLE account (
    account_id     BLOB NOT NULL PRIMARY KEY,
    created_at     INTEGER NOT NULL,
    next_container INTEGER NOT NULL DEFAULT 1,
    next_label     INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

-- The account's keys that seal its records, wrapped by the installation key. The highest key_id seals.
CREATE TABLE data_key (
    account_id BLOB NOT NULL REFERENCES account,
    key_id     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    wrapped    BLOB NOT NULL,
    PRIMARY KEY (account_id, key_id)
) STRICT, WITHOUT ROWID;

-- The keys that clients send. Sealed to be listed; found by keyed digest.
CREATE TABLE account_key (
    account_id BLOB NOT NULL REFERENCES account,
    slot       INTEGER NOT NULL,
    lookup     BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    set_at     INTEGER NOT NULL,
    PRIMARY KEY (account_id, slot)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_key_lookup ON account_key (lookup);

-- Words that stand on many rows (template spaces, model names), kept once.
CREATE TABLE label (
    account_id BLOB NOT NULL REFERENCES account,
    number     INTEGER NOT NULL,
    word       TEXT NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX label_word ON label (account_id, word);

-- How much the account holds of each kind, so that quotas need no counting.
CREATE TABLE tally (
    account_id BLOB NOT NULL REFERENCES account,
    kind       INTEGER NOT NULL,
    containers INTEGER NOT NULL DEFAULT 0,
    persons    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, kind)
) STRICT, WITHOUT ROWID;

-- Every write to a container rewrites its row, so the row is small; the texts stand in container_text.
CREATE TABLE container (
    account_id      BLOB NOT NULL REFERENCES account,
    number          INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    wire_id         TEXT NOT NULL,
    model           INTEGER NOT NULL,            -- label
    created_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1,
    next_person     INTEGER NOT NULL DEFAULT 1,
    next_face       INTEGER NOT NULL DEFAULT 1,
    persons         INTEGER NOT NULL DEFAULT 0,
    faces           INTEGER NOT NULL DEFAULT 0,
    trimmed_version INTEGER NOT NULL DEFAULT 0,  -- change rows up to here are gone
    trim_due        INTEGER,                     -- when the oldest change row may go; NULL: there is none
    training        INTEGER NOT NULL DEFAULT 0,  -- number of the latest training; 0: never trained
    training_state  INTEGER,                     -- 0 not started, 1 running, 2 succeeded, 3 failed
    training_created_at INTEGER,
    training_action_at  INTEGER,
    training_success_at INTEGER,
    training_message    TEXT,
    training_covers     INTEGER,
    trained_version     INTEGER,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX container_wire_id ON container (account_id, kind, wire_id);
CREATE INDEX container_trim ON container (account_id, trim_due) WHERE trim_due IS NOT NULL;
CREATE INDEX container_training ON container (account_id, number) WHERE training_state IN (0, 1);

CREATE TABLE container_text (
    account_id       BLOB NOT NULL,
    number           INTEGER NOT NULL,
    sealed_name      BLOB NOT NULL,
    sealed_user_data BLOB,
    PRIMARY KEY (account_id, number),
    FOREIGN KEY (account_id, number) REFERENCES container
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
    account_id       BLOB NOT NULL,
    container        INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    person_id        BLOB NOT NULL,
    sealed_name      BLOB NOT NULL,
    sealed_user_data BLOB,
    PRIMARY KEY (account_id, container, seq),
    FOREIGN KEY (account_id, container) REFERENCES container
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX person_wire_id ON person (account_id, container, person_id);

-- With a rowid, unlike the tables above: SQLite keeps only a quarter of a page of a row inside a table
-- WITHOUT ROWID and spends a page of its own on the rest. Measured, a face of 512 numbers took 9.6 KB that way
-- and takes 3.1 KB this way. Rows lie in the order in which they came, so a container reads in runs.
CREATE TABLE face (
    account_id       BLOB NOT NULL,
    container        INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    face_id          BLOB NOT NULL,
    person           INTEGER,                    -- NULL in lists
    added_version    INTEGER NOT NULL,
    space            INTEGER NOT NULL,           -- label
    sealed_template  BLOB NOT NULL,
    sealed_user_data BLOB,
    PRIMARY KEY (account_id, container, seq),
    FOREIGN KEY (account_id, container) REFERENCES container,
    FOREIGN KEY (account_id, container, person) REFERENCES person
) STRICT;
CREATE UNIQUE INDEX face_wire_id ON face (account_id, container, face_id);
CREATE INDEX face_person ON face (account_id, container, person, seq) WHERE person IS NOT NULL;

-- The feed that galleries follow.
CREATE TABLE change (
    account_id BLOB NOT NULL,
    container  INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    face       INTEGER NOT NULL,
    op         INTEGER NOT NULL,                 -- 1 added, 2 removed
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, container, version, face),
    FOREIGN KEY (account_id, container) REFERENCES container
) STRICT, WITHOUT ROWID;

-- Detected faces. With a rowid for the same reason. The first 16 bits of an id are its hour of expiry, so the
-- index by id is ordered by hour, and both a look-up and a sweep stay among the rows of a few hours.
CREATE TABLE face_id (
    account_id      BLOB NOT NULL REFERENCES account,
    expires_at      INTEGER NOT NULL,
    face_id         BLOB NOT NULL,
    space           INTEGER NOT NULL,            -- label
    model           INTEGER NOT NULL,            -- label
    sealed_template BLOB NOT NULL,
    PRIMARY KEY (account_id, face_id)
) STRICT;
CREATE INDEX face_id_expiry ON face_id (account_id, expires_at);

-- What was done, chained by hash.
CREATE TABLE audit (
    account_id  BLOB NOT NULL,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    target_kind   INTEGER,
    target_number INTEGER,
    records     INTEGER NOT NULL,
    outcome     INTEGER NOT NULL,
    request_id  BLOB NOT NULL,
    prev_hash   BLOB NOT NULL,
    hash        BLOB NOT NULL,
    PRIMARY KEY (account_id, seq)
) STRICT, WITHOUT ROWID;
