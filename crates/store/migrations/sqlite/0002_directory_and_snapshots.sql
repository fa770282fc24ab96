-- The person directory, dynamic person groups, operations and snapshots.

-- Faces of the directory belong to a recognition model of their own; elsewhere the container says it.
ALTER TABLE face ADD COLUMN model INTEGER;       -- label; NULL outside the directory

-- Who of the directory is in which dynamic group. The person's id is here so that pages need no other table.
CREATE TABLE membership (
    account_id    BLOB NOT NULL,
    dynamic_group INTEGER NOT NULL,              -- number of the group's container
    person_id     BLOB NOT NULL,
    directory     INTEGER NOT NULL,              -- number of the directory's container
    person        INTEGER NOT NULL,
    PRIMARY KEY (account_id, dynamic_group, person_id),
    FOREIGN KEY (account_id, dynamic_group) REFERENCES container,
    FOREIGN KEY (account_id, directory, person) REFERENCES person
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_person ON membership (account_id, directory, person);

-- What was asked for and answered with "accepted". A row is written with the work itself, so it tells of work
-- that is done.
CREATE TABLE operation (
    account_id   BLOB NOT NULL REFERENCES account,
    operation_id BLOB NOT NULL,
    expires_at   INTEGER NOT NULL,
    about        INTEGER NOT NULL,               -- 1 the directory, 2 snapshots
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL,
    resource     TEXT,                           -- where what it made is found; NULL: it made nothing
    PRIMARY KEY (account_id, operation_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX operation_expiry ON operation (account_id, expires_at);

-- A copy of a container at one moment. The copy itself is a container of a kind that nobody lists.
CREATE TABLE snapshot (
    account_id       BLOB NOT NULL,              -- who took it
    snapshot_id      BLOB NOT NULL,
    expires_at       INTEGER NOT NULL,
    container        INTEGER NOT NULL,           -- number of the copy
    source_kind      INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    sealed_user_data BLOB,
    PRIMARY KEY (account_id, snapshot_id),
    FOREIGN KEY (account_id, container) REFERENCES container
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_expiry ON snapshot (account_id, expires_at);

-- Who may apply a snapshot, from both sides, so that on either side the own account leads the key.
CREATE TABLE snapshot_scope (
    account_id  BLOB NOT NULL,
    snapshot_id BLOB NOT NULL,
    offered_to  BLOB NOT NULL REFERENCES account,
    PRIMARY KEY (account_id, snapshot_id, offered_to),
    FOREIGN KEY (account_id, snapshot_id) REFERENCES snapshot
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshot_offer (
    account_id  BLOB NOT NULL REFERENCES account,
    snapshot_id BLOB NOT NULL,
    taken_by    BLOB NOT NULL REFERENCES account,
    PRIMARY KEY (account_id, snapshot_id)
) STRICT, WITHOUT ROWID;
