-- The installation key as a provider wraps it. Without it, the key is what the key file held before there were providers.
ALTER TABLE installation ADD COLUMN provider TEXT;
ALTER TABLE installation ADD COLUMN provider_version INTEGER;
ALTER TABLE installation ADD COLUMN wrapped BLOB;
ALTER TABLE installation ADD COLUMN backed_up_at INTEGER;

-- Data keys that a provider of the account's own wraps, by which of its versions, and what the key it gives must open.
ALTER TABLE data_key ADD COLUMN provider TEXT;
ALTER TABLE data_key ADD COLUMN provider_version INTEGER;
ALTER TABLE data_key ADD COLUMN check_value BLOB;
CREATE INDEX data_key_provider ON data_key (provider, provider_version) WHERE provider IS NOT NULL;

ALTER TABLE account ADD COLUMN key_disabled_at INTEGER;
ALTER TABLE account ADD COLUMN key_used_at INTEGER;
ALTER TABLE account ADD COLUMN backed_up_at INTEGER;
