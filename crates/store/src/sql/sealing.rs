//! Brings the data of an installation to what schemas 7 and 8 promise of it, once.
//!
//! Audit logs get a row that is linked by the installation key and so seals all that came before it; records and keys that
//! decide who may call are bound to their versions. A value that only the installation key makes says that it was done:
//! from then on nothing else is accepted. Account keys are found by digests that are made with a sub-key of their own.

use likeness_base::Randomness;

use super::access;
use super::account_keys::{self, ACCOUNT_KEY, StoredKey};
use super::engine::{Connection, begin_to_write};
use super::key_ring::KeyRing;
use super::read::{damaged, open, uuid};
use super::write;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::{AccountKeys, Purpose, RowContext, Stage};
use crate::record::RecordKind;

/// The action of the row that seals what came before it.
const SEALED: &str = "seal_audit_log";
/// The action of the row that tells of renewed look-up digests.
const RENEWED: &str = "renew_key_lookups";
const RECORD: &str = "a record of access";

/// Whether everything was done.
pub(crate) async fn is_done(connection: &mut Connection, key_ring: &KeyRing) -> Result<bool, StoreError> {
    Ok(stage(connection, key_ring).await? == Some(Stage::JobsApart))
}

/// Does what was not done before.
pub(crate) async fn seal(connection: &mut Connection, key_ring: &KeyRing) -> Result<(), StoreError> {
    if is_done(connection, key_ring).await? {
        return Ok(());
    }
    let mut transaction = begin_to_write(connection).await?;
    let stage = stage(&mut transaction, key_ring).await?;
    if stage < Some(Stage::LogsSealed) {
        seal_logs(&mut transaction, key_ring).await?;
    }
    renew_lookups(&mut transaction, key_ring).await?;
    sqlx::query("UPDATE installation SET sealed_check = $1")
        .bind(key_ring.installation().stage_check(key_ring.randomness(), Stage::JobsApart))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn stage(connection: &mut Connection, key_ring: &KeyRing) -> Result<Option<Stage>, StoreError> {
    let check: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed_check FROM installation").fetch_one(connection).await?;
    let Some(check) = check else { return Ok(None) };
    let stage = key_ring.installation().stage(&check);
    stage.map(Some).ok_or_else(|| damaged("the value that says how far the data has been brought"))
}

async fn seal_logs(connection: &mut Connection, key_ring: &KeyRing) -> Result<(), StoreError> {
    for account in accounts_with_keys(connection).await? {
        let keys = key_ring.keys(connection, account).await?;
        bind_keys(connection, key_ring.randomness(), account, &keys).await?;
        bind_records(connection, key_ring, account, &keys).await?;
    }
    let with_logs: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT account_id FROM audit").fetch_all(&mut *connection).await?;
    for account in with_logs {
        let account = AccountId(uuid(&account)?);
        let digest = access::digest(connection, account).await?;
        write::seal_log(connection, key_ring, account, SEALED, digest).await?;
    }
    Ok(())
}

async fn accounts_with_keys(connection: &mut Connection) -> Result<Vec<AccountId>, StoreError> {
    let ids: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT DISTINCT account_id FROM data_key").fetch_all(connection).await?;
    ids.iter().map(|id| Ok(AccountId(uuid(id)?))).collect()
}

/// Finds account keys by digests under a sub-key that has no other job.
async fn renew_lookups(connection: &mut Connection, key_ring: &KeyRing) -> Result<(), StoreError> {
    for account in accounts_with_keys(connection).await? {
        let rows = account_keys::of_account(connection, account).await?;
        if rows.is_empty() {
            continue;
        }
        // What somebody put back outside the program is not blessed by this: it is found out at the start, as before.
        let is_as_audited = access::is_as_audited(connection, key_ring, account).await?;
        let keys = key_ring.keys(connection, account).await?;
        let sealer = keys.sealer(Purpose::AccountKey, 0, 0);
        for row in rows {
            account_keys::replace(connection, account, &row.found_here(key_ring, &sealer)?).await?;
        }
        if is_as_audited {
            let digest = access::digest(connection, account).await?;
            write::seal_log(connection, key_ring, account, RENEWED, digest).await?;
        }
    }
    Ok(())
}

async fn bind_keys(
    connection: &mut Connection,
    randomness: &dyn Randomness,
    account: AccountId,
    keys: &AccountKeys,
) -> Result<(), StoreError> {
    let sealer = keys.sealer(Purpose::AccountKey, 0, 0);
    for row in account_keys::of_account(connection, account).await? {
        let before = RowContext::account_key_before(row.number()?, &row.lookup);
        let plain = open(&sealer, &before, &row.sealed, ACCOUNT_KEY)?;
        let sealed = sealer.seal(randomness, &row.context()?, plain.expose());
        account_keys::replace(connection, account, &StoredKey { sealed, ..row }).await?;
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
