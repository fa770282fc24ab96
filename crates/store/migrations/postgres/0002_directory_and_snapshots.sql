-- The person directory, dynamic person groups, operations and snapshots.

-- Faces of the directory belong to a recognition model of their own; elsewhere the container says it.
ALTER TABLE face ADD COLUMN model BIGINT;       -- label; NULL outside the directory

-- Who of the directory is in which dynamic group. The person's id is here so that pages need no other table.
CREATE TABLE membership (
    account_id    BYTEA NOT NULL,
    dynamic_group BIGINT NOT NULL,              -- number of the group's container
    person_id     BYTEA NOT NULL,
    directory     BIGINT NOT NULL,              -- number of the directory's container
    person        BIGINT NOT NULL,
    PRIMARY KEY (account_id, dynamic_group, person_id),
    FOREIGN KEY (account_id, dynamic_group) REFERENCES container,
    FOREIGN KEY (account_id, directory, person) REFERENCES person
);
CREATE INDEX membership_person ON membership (account_id, directory, person);

-- What was asked for and answered with "accepted". A row is written with the work itself, so it tells of work
-- that is done.
CREATE TABLE operation (
    account_id   BYTEA NOT NULL REFERENCES account,
    operation_id BYTEA NOT NULL,
    expires_at   BIGINT NOT NULL,
    about        BIGINT NOT NULL,               -- 1 the directory, 2 snapshots
    created_at   BIGINT NOT NULL,
    finished_at  BIGINT NOT NULL,
    resource     TEXT,                           -- where what it made is found; NULL: it made nothing
    PRIMARY KEY (account_id, operation_id)
);
CREATE INDEX operation_expiry ON operation (account_id, expires_at);

-- A copy of a container at one moment. The copy itself is a container of a kind that nobody lists.
CREATE TABLE snapshot (
    account_id       BYTEA NOT NULL,              -- who took it
    snapshot_id      BYTEA NOT NULL,
    expires_at       BIGINT NOT NULL,
    container        BIGINT NOT NULL,           -- number of the copy
    source_kind      BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    sealed_user_data BYTEA,
    PRIMARY KEY (account_id, snapshot_id),
    FOREIGN KEY (account_id, container) REFERENCES container
);
CREATE INDEX snapshot_expiry ON snapshot (account_id, expires_at);

-- Who may apply a snapshot, from both sides, so that on either side the own account leads the key.
CREATE TABLE snapshot_scope (
    account_id  BYTEA NOT NULL,
    snapshot_id BYTEA NOT NULL,
    offered_to  BYTEA NOT NULL REFERENCES account,
    PRIMARY KEY (account_id, snapshot_id, offered_to),
    FOREIGN KEY (account_id, snapshot_id) REFERENCES snapshot
);
CREATE TABLE snapshot_offer (
    account_id  BYTEA NOT NULL REFERENCES account,
    snapshot_id BYTEA NOT NULL,
    taken_by    BYTEA NOT NULL REFERENCES account,
    PRIMARY KEY (account_id, snapshot_id)
);
