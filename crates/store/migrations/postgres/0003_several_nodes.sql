-- Commands that were done lately, by the keys that their callers drew, with the answers they got.
CREATE TABLE command_note (
    account_id BYTEA NOT NULL,
    command_id BYTEA NOT NULL,
    at         BIGINT NOT NULL,
    container  BIGINT,
    version    BIGINT NOT NULL,
    person     BIGINT,
    face       BIGINT,
    training   BIGINT,
    removed    BIGINT NOT NULL,
    more       BIGINT NOT NULL,
    PRIMARY KEY (account_id, command_id)
);
CREATE INDEX command_note_at ON command_note (account_id, at);

-- Who does a job that must be done once across all nodes, and until when by the clock of the database.
CREATE TABLE lease (
    account_id  BYTEA NOT NULL,
    job         TEXT NOT NULL,
    holder      BYTEA NOT NULL,                  -- drawn by each node when it starts
    lease_until TIMESTAMPTZ NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 1,       -- how often the job went to another holder
    PRIMARY KEY (account_id, job)
);

-- What expires is sealed under keys of its hour from now on. What was sealed otherwise lives two days at most; it ends
-- here.
DELETE FROM face_id;
DELETE FROM snapshot_offer;
DELETE FROM snapshot_scope;
DELETE FROM snapshot;
DELETE FROM face WHERE (account_id, container) IN (SELECT account_id, number FROM container WHERE kind = 7);
DELETE FROM person WHERE (account_id, container) IN (SELECT account_id, number FROM container WHERE kind = 7);
DELETE FROM container_text WHERE (account_id, number) IN (SELECT account_id, number FROM container WHERE kind = 7);
DELETE FROM container WHERE kind = 7;
UPDATE tally SET containers = 0, persons = 0 WHERE kind = 7;
