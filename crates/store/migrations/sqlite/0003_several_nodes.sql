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
