-- Everything durable. account_id leads every key; two things cannot have it: the one row that describes the
-- installation, and the index by which a request's key finds its account.
--
-- Numbers are counted by us inside their account or container and never used again. Moments are milliseconds
-- since 1970. Text is compared by its bytes. `sealed` columns are AES-256-GCM records that name their key; see the crate's `keys` module.

CREATE TABLE installation (
    only_row    BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    check_value BYTEA NOT NULL            -- opens with the installation key that belongs to this data
);

CREATE TABLE account (
    account_id     BYTEA NOT NULL PRIMARY KEY,
    created_at     BIGINT NOT NULL,
    next_container BIGINT NOT NULL DEFAULT 1,
    next_label     BIGINT NOT NULL DEFAULT 1
);

-- The account's keys that seal its records, wrapped by the installation key. The highest key_id seals.
CREATE TABLE data_key (
    account_id BYTEA NOT NULL REFERENCES account,
    key_id     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    wrapped    BYTEA NOT NULL,
    PRIMARY KEY (account_id, key_id)
);

-- The keys that clients send. Sealed to be listed; found by keyed digest.
CREATE TABLE account_key (
    account_id BYTEA NOT NULL REFERENCES account,
    slot       BIGINT NOT NULL,
    lookup     BYTEA NOT NULL,
    sealed     BYTEA NOT NULL,
    set_at     BIGINT NOT NULL,
    PRIMARY KEY (account_id, slot)
);
CREATE UNIQUE INDEX account_key_lookup ON account_key (lookup);

-- Words that stand on many rows (template spaces, model names), kept once.
CREATE TABLE label (
    account_id BYTEA NOT NULL REFERENCES account,
    number     BIGINT NOT NULL,
    word       TEXT NOT NULL,
    PRIMARY KEY (account_id, number)
);
CREATE UNIQUE INDEX label_word ON label (account_id, word);

-- How much the account holds of each kind, so that quotas need no counting.
CREATE TABLE tally (
    account_id BYTEA NOT NULL REFERENCES account,
    kind       BIGINT NOT NULL,
    containers BIGINT NOT NULL DEFAULT 0,
    persons    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, kind)
);

-- Every write to a container rewrites its row, so the row is small; the texts stand in container_text.
CREATE TABLE container (
    account_id      BYTEA NOT NULL REFERENCES account,
    number          BIGINT NOT NULL,
    kind            BIGINT NOT NULL,
    wire_id         TEXT COLLATE "C" NOT NULL,
    model           BIGINT NOT NULL,            -- label
    created_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1,
    next_person     BIGINT NOT NULL DEFAULT 1,
    next_face       BIGINT NOT NULL DEFAULT 1,
    persons         BIGINT NOT NULL DEFAULT 0,
    faces           BIGINT NOT NULL DEFAULT 0,
    trimmed_version BIGINT NOT NULL DEFAULT 0,  -- change rows up to here are gone
    trim_due        BIGINT,                     -- when the oldest change row may go; NULL: there is none
    training        BIGINT NOT NULL DEFAULT 0,  -- number of the latest training; 0: never trained
    training_state  BIGINT,                     -- 0 not started, 1 running, 2 succeeded, 3 failed
    training_created_at BIGINT,
    training_action_at  BIGINT,
    training_success_at BIGINT,
    training_message    TEXT,
    training_covers     BIGINT,
    trained_version     BIGINT,
    PRIMARY KEY (account_id, number)
);
CREATE UNIQUE INDEX container_wire_id ON container (account_id, kind, wire_id);
CREATE INDEX container_trim ON container (account_id, trim_due) WHERE trim_due IS NOT NULL;
CREATE INDEX container_training ON container (account_id, number) WHERE training_state IN (0, 1);

CREATE TABLE container_text (
    account_id       BYTEA NOT NULL,
    number           BIGINT NOT NULL,
    sealed_name      BYTEA NOT NULL,
    sealed_user_data BYTEA,
    PRIMARY KEY (account_id, number),
    FOREIGN KEY (account_id, number) REFERENCES container
);

CREATE TABLE person (
    account_id       BYTEA NOT NULL,
    container        BIGINT NOT NULL,
    seq              BIGINT NOT NULL,
    person_id        BYTEA NOT NULL,
    sealed_name      BYTEA NOT NULL,
    sealed_user_data BYTEA,
    PRIMARY KEY (account_id, container, seq),
    FOREIGN KEY (account_id, container) REFERENCES container
);
CREATE UNIQUE INDEX person_wire_id ON person (account_id, container, person_id);

-- Sealed bytes do not get smaller by compression, so none is tried.
CREATE TABLE face (
    account_id       BYTEA NOT NULL,
    container        BIGINT NOT NULL,
    seq              BIGINT NOT NULL,
    face_id          BYTEA NOT NULL,
    person           BIGINT,                    -- NULL in lists
    added_version    BIGINT NOT NULL,
    space            BIGINT NOT NULL,           -- label
    sealed_template  BYTEA NOT NULL,
    sealed_user_data BYTEA,
    PRIMARY KEY (account_id, container, seq),
    FOREIGN KEY (account_id, container) REFERENCES container,
    FOREIGN KEY (account_id, container, person) REFERENCES person
);
ALTER TABLE face ALTER COLUMN sealed_template SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX face_wire_id ON face (account_id, container, face_id);
CREATE INDEX face_person ON face (account_id, container, person, seq) WHERE person IS NOT NULL;

-- The feed that galleries follow.
CREATE TABLE change (
    account_id BYTEA NOT NULL,
    container  BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    face       BIGINT NOT NULL,
    op         BIGINT NOT NULL,                 -- 1 added, 2 removed
    at         BIGINT NOT NULL,
    PRIMARY KEY (account_id, container, version, face),
    FOREIGN KEY (account_id, container) REFERENCES container
);

-- Detected faces. The first 16 bits of an id are its hour of expiry, so the
-- index by id is ordered by hour, and both a look-up and a sweep stay among the rows of a few hours.
CREATE TABLE face_id (
    account_id      BYTEA NOT NULL REFERENCES account,
    expires_at      BIGINT NOT NULL,
    face_id         BYTEA NOT NULL,
    space           BIGINT NOT NULL,            -- label
    model           BIGINT NOT NULL,            -- label
    sealed_template BYTEA NOT NULL,
    PRIMARY KEY (account_id, face_id)
);
ALTER TABLE face_id ALTER COLUMN sealed_template SET STORAGE EXTERNAL;
CREATE INDEX face_id_expiry ON face_id (account_id, expires_at);

-- What was done, chained by hash.
CREATE TABLE audit (
    account_id  BYTEA NOT NULL,
    seq         BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    target_kind   BIGINT,
    target_number BIGINT,
    records     BIGINT NOT NULL,
    outcome     BIGINT NOT NULL,
    request_id  BYTEA NOT NULL,
    prev_hash   BYTEA NOT NULL,
    hash        BYTEA NOT NULL,
    PRIMARY KEY (account_id, seq)
);
