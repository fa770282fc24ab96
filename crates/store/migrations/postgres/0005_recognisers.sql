-- Which recognisers an account's faces were made with, without reading all of them.
CREATE INDEX face_space ON face (account_id, space);
