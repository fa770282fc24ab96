//! Rows of the keys by which accounts are called.

use super::engine::Connection;
use super::key_ring::KeyRing;
use super::read::{damaged, key, open_text};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{RowContext, Sealer};

/// What a sealed value of these rows is called when it cannot be opened.
pub(crate) const ACCOUNT_KEY: &str = "an account key";

/// A key by which an account is called, as it is stored.
pub(crate) struct StoredKey {
    pub(crate) slot: i64,
    /// The digest by which it is found.
    pub(crate) lookup: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
    pub(crate) set_at: i64,
}

impl StoredKey {
    pub(crate) fn number(&self) -> Result<u8, StoreError> {
        u8::try_from(self.slot).map_err(|_| damaged("a key slot"))
    }

    pub(crate) fn context(&self) -> Result<RowContext, StoreError> {
        Ok(RowContext::account_key(self.number()?, &self.lookup, self.set_at))
    }

    /// The same key, found by a digest of this installation.
    pub(crate) fn found_here(self, key_ring: &KeyRing, sealer: &Sealer) -> Result<Self, StoreError> {
        let value = open_text(sealer, &self.context()?, &self.sealed, ACCOUNT_KEY)?;
        let lookup = key_ring.installation().lookup_digest(&value).to_vec();
        let found = Self { lookup, ..self };
        let sealed = sealer.seal(key_ring.randomness(), &found.context()?, value.expose().as_bytes());
        Ok(Self { sealed, ..found })
    }
}

/// The keys of an account, in the order of their slots.
pub(crate) async fn of_account(connection: &mut Connection, account: AccountId) -> Result<Vec<StoredKey>, StoreError> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>, i64)> =
        sqlx::query_as("SELECT slot, lookup, sealed, set_at FROM account_key WHERE account_id = $1 ORDER BY slot")
            .bind(key(&account))
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(slot, lookup, sealed, set_at)| StoredKey { slot, lookup, sealed, set_at }).collect())
}

/// Stores a key otherwise: found by another digest, or sealed by another key. It is as old as before.
pub(crate) async fn replace(
    connection: &mut Connection,
    account: AccountId,
    stored: &StoredKey,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE account_key SET lookup = $3, sealed = $4 WHERE account_id = $1 AND slot = $2")
        .bind(key(&account))
        .bind(stored.slot)
        .bind(&stored.lookup)
        .bind(&stored.sealed)
        .execute(connection)
        .await?;
    Ok(())
}
