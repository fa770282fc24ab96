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
