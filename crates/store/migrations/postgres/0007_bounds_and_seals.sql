-- How many sealed bytes an account has, so that they can be bounded without reading all of them.
ALTER TABLE account ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE account SET stored_bytes =
    (SELECT CAST(coalesce(sum(length(sealed_name) + coalesce(length(sealed_user_data), 0)), 0) AS BIGINT)
     FROM container_text t WHERE t.account_id = account.account_id)
  + (SELECT CAST(coalesce(sum(length(sealed_name) + coalesce(length(sealed_user_data), 0)), 0) AS BIGINT)
     FROM person t WHERE t.account_id = account.account_id)
  + (SELECT CAST(coalesce(sum(length(sealed_template) + coalesce(length(sealed_user_data), 0)), 0) AS BIGINT)
     FROM face t WHERE t.account_id = account.account_id)
  + (SELECT CAST(coalesce(sum(length(sealed_template)), 0) AS BIGINT) FROM face_id t WHERE t.account_id = account.account_id)
  + (SELECT CAST(coalesce(sum(length(sealed_user_data)), 0) AS BIGINT) FROM snapshot t WHERE t.account_id = account.account_id)
  + (SELECT CAST(coalesce(sum(length(sealed)), 0) AS BIGINT) FROM record t WHERE t.account_id = account.account_id)
  + (SELECT CAST(coalesce(sum(length(sealed)), 0) AS BIGINT) FROM outbox t WHERE t.account_id = account.account_id);

-- What nodes of the version before the last read and wrote.
DROP VIEW document;

-- A row's link to the one before is a MAC from here on, and was a hash that anybody could compute. What a change of who
-- may call has left stands beside it. The columns have new names, so that a node of the former version, which would link
-- with a hash, writes nothing: it is stopped before this.
ALTER TABLE audit RENAME COLUMN hash TO link;
ALTER TABLE audit RENAME COLUMN prev_hash TO previous;
ALTER TABLE audit ADD COLUMN access_digest BYTEA;
CREATE INDEX audit_access ON audit (account_id, seq) WHERE access_digest IS NOT NULL;

-- Tells that all audit logs have been sealed and all records of access bound to their versions; by a value that only the
-- installation key makes.
ALTER TABLE installation ADD COLUMN sealed_check BYTEA;
