//! Brings the data of an installation to what schema 7 promises of it, once.
//!
//! Audit logs get a row that is linked by the installation key and so seals all that came before it; records and keys that
//! decide who may call are bound to their versions. A value that only the installation key makes says that it was done:
//! from then on nothing else is accepted.

use likeness_base::Randomness;
use sqlx::Connection as _;

use super::access;
use super::engine::Connection;
use super::key_ring::KeyRing;
use super::read::{damaged, open, uuid};
use super::write;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{AccountKeys, Purpose, RowContext};
use crate::record::RecordKind;

/// The action of the row that seals what came before it.
const SEALED: &str = "seal_audit_log";
const RECORD: &str = "a record of access";

/// Seals, if that was not done before.
pub(crate) async fn seal(connection: &mut Connection, key_ring: &KeyRing) -> Result<(), StoreError> {
    let installation = key_ring.installation();
    let mut transaction = connection.begin().await?;
    let check: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed_check FROM installation").fetch_one(&mut *transaction).await?;
    match check {
        Some(check) if installation.made_sealed_check(&check) => return Ok(()),
        Some(_) => return Err(damaged("the value that says that audit logs are sealed")),
        None => {}
    }
    let with_keys: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT account_id FROM data_key").fetch_all(&mut *transaction).await?;
    for account in with_keys {
        let account = AccountId(uuid(&account)?);
        let keys = key_ring.keys(&mut transaction, account).await?;
        bind_keys(&mut transaction, key_ring.randomness(), account, &keys).await?;
        bind_records(&mut transaction, key_ring, account, &keys).await?;
    }
    let with_logs: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT account_id FROM audit").fetch_all(&mut *transaction).await?;
    for account in with_logs {
        let account = AccountId(uuid(&account)?);
        let digest = access::digest(&mut transaction, account).await?;
        write::seal_log(&mut transaction, key_ring, account, SEALED, digest).await?;
    }
    sqlx::query("UPDATE installation SET sealed_check = $1")
        .bind(installation.sealed_check(key_ring.randomness()))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn bind_keys(
    connection: &mut Connection,
    randomness: &dyn Randomness,
    account: AccountId,
    keys: &AccountKeys,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>, i64)> =
        sqlx::query_as("SELECT slot, lookup, sealed, set_at FROM account_key WHERE account_id = $1")
            .bind(account.0.as_bytes().as_slice())
            .fetch_all(&mut *connection)
            .await?;
    let sealer = keys.sealer(Purpose::AccountKey, 0, 0);
    for (slot, lookup, sealed, set_at) in rows {
        let number = u8::try_from(slot).map_err(|_| damaged("a key slot"))?;
        let plain = open(&sealer, &RowContext::account_key_before(number, &lookup), &sealed, "an account key")?;
        let context = RowContext::account_key(number, &lookup, set_at);
        sqlx::query("UPDATE account_key SET sealed = $3 WHERE account_id = $1 AND slot = $2")
            .bind(account.0.as_bytes().as_slice())
            .bind(slot)
            .bind(sealer.seal(randomness, &context, plain.expose()))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn bind_records(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    keys: &AccountKeys,
) -> Result<(), StoreError> {
    for kind in [RecordKind::Settings, RecordKind::SigningKey, RecordKind::RevokedToken] {
        let rows: Vec<(String, i64, Option<i64>, Vec<u8>)> =
            sqlx::query_as("SELECT id, version, expires_at, sealed FROM record WHERE account_id = $1 AND kind = $2")
                .bind(account.0.as_bytes().as_slice())
                .bind(i64::from(kind.number()))
                .fetch_all(&mut *connection)
                .await?;
        for (id, version, expires_at, sealed) in rows {
            let hour = match expires_at {
                None => None,
                Some(expires_at) => match key_ring.known_hour_key(expires_at)? {
                    Some(hour) => Some(hour),
                    // It has expired, and the sweep takes it.
                    None => continue,
                },
            };
            let before = keys.sealer_until(Purpose::Document, 0, 0, hour.clone());
            let plain = open(&before, &RowContext::document(kind.number(), &id, expires_at), &sealed, RECORD)?;
            let context = RowContext::record(kind.number(), &id, version.unsigned_abs(), expires_at, None);
            let sealer = keys.sealer_until(Purpose::Record, 0, i64::from(kind.number()), hour);
            let sealed_anew = sealer.seal(key_ring.randomness(), &context, plain.expose());
            sqlx::query("UPDATE record SET sealed = $4 WHERE account_id = $1 AND kind = $2 AND id = $3")
                .bind(account.0.as_bytes().as_slice())
                .bind(i64::from(kind.number()))
                .bind(&id)
                .bind(sealed_anew)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}
