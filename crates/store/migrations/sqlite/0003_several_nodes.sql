-- Commands that were done lately, by the keys that their callers drew, with the answers they got.
CREATE TABLE command_note (
    account_id BLOB NOT NULL,
    command_id BLOB NOT NULL,
    at         INTEGER NOT NULL,
    container  INTEGER,
    version    INTEGER NOT NULL,
    person     INTEGER,
    face       INTEGER,
    training   INTEGER,
    removed    INTEGER NOT NULL,
    more       INTEGER NOT NULL,
    PRIMARY KEY (account_id, command_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX command_note_at ON command_note (account_id, at);

-- Leases are not here: one process serves a file and keeps them in memory.
