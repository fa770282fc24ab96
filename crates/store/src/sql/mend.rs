//! Makes of the rows of a backup what may be served: what was deleted, revoked, replaced or closed since stays so.
//!
//! Start at [`mend`], which is done as a whole or not at all. Nothing that expires is among the rows, and nobody else has the
//! store open.

use std::collections::BTreeMap;

use super::access;
use super::delete;
use super::engine::{Connection, begin_to_write};
use super::key_ring::KeyRing;
use super::read::{damaged, uuid};
use super::write::{self, RecordContext};
use crate::audit::RESTORED;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::{Act, Entry};
use crate::keys::Purpose;
use crate::record::RecordKind;
use crate::transfer::{Mended, Restore};
use uuid::Uuid;

/// Does it.
pub(crate) async fn mend(
    connection: &mut Connection,
    key_ring: &KeyRing,
    restore: &Restore,
) -> Result<Vec<Mended>, StoreError> {
    let mut transaction = begin_to_write(connection).await?;
    let ids: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT account_id FROM account ORDER BY account_id").fetch_all(&mut *transaction).await?;
    let mut all = Vec::new();
    for id in ids {
        let account = AccountId(uuid(&id)?);
        let mut one = Account { connection: &mut transaction, key_ring, restore, account, done: Mended::default() };
        one.mend().await?;
        all.push(Mended { account: account.0, ..one.done });
    }
    transaction.commit().await?;
    Ok(all)
}

struct Account<'a> {
    connection: &'a mut Connection,
    key_ring: &'a KeyRing,
    restore: &'a Restore,
    account: AccountId,
    done: Mended,
}

impl Account<'_> {
    fn key(&self) -> Vec<u8> {
        self.account.0.as_bytes().to_vec()
    }

    async fn mend(&mut self) -> Result<(), StoreError> {
        let mut revoked = self.revoked().await?;
        let mut highest_container = 0;
        let mut keys = BTreeMap::new();
        let (mut provider, mut is_disabled) = (None, None);
        let acts: Vec<Entry> =
            self.restore.journal.iter().filter(|entry| entry.account == self.account.0).cloned().collect();
        let highest_row = acts.iter().map(|entry| entry.audit).max().unwrap_or(0);
        for Entry { act, at, .. } in acts {
            match act {
                Act::Face { container, .. } | Act::Person { container, .. } | Act::Container { container } => {
                    highest_container = container.max(highest_container);
                    self.done.deleted += delete::again(self.connection, self.account, &act).await?;
                }
                Act::Record { .. } => self.done.deleted += delete::again(self.connection, self.account, &act).await?,
                Act::Key { slot, lookup } => drop(keys.insert(slot, lookup)),
                Act::Revoked { token, until } => drop(revoked.insert(token, until)),
                Act::SigningKey { id } => {
                    let act = Act::Record { kind: RecordKind::SigningKey.number(), id };
                    self.done.dead_keys += delete::again(self.connection, self.account, &act).await?;
                }
                Act::Settings { version } => self.done.settings_are_older |= self.settings().await? < version,
                Act::Moved { provider: to } => provider = Some(to),
                Act::Disabled => is_disabled = Some(true),
                Act::Enabled => is_disabled = Some(false),
                Act::Closed { ends_at } => self.close(at, ends_at).await?,
                // Its key was destroyed, and must not come back with the backup.
                Act::Destroyed => {
                    self.close(at, at).await?;
                    self.done.deleted += delete::again(self.connection, self.account, &act).await?;
                }
                Act::Reopened => {
                    self.done.is_closed = false;
                    self.set("UPDATE account SET closed_at = NULL, ends_at = NULL WHERE account_id = $1", &[]).await?;
                }
                Act::Void { .. } => {}
            }
        }
        for (slot, lookup) in keys {
            self.done.dead_keys += delete::replaced_key(self.connection, self.account, slot, &lookup).await?;
        }
        if let Some(to) = provider {
            is_disabled = Some(is_disabled.unwrap_or(false) || self.provider().await? != to);
        }
        self.disable(is_disabled).await?;
        self.revoke(revoked).await?;
        count(self.connection, self.account, highest_container).await?;
        let digest = access::digest(self.connection, self.account).await?;
        let told = (self.restore.at, self.restore.told.as_str());
        let row = (RESTORED, self.account, highest_row);
        write::tell_of_arrival(self.connection, self.key_ring, row, told, digest).await
    }

    async fn set(&mut self, statement: &'static str, numbers: &[i64]) -> Result<u64, StoreError> {
        let mut statement = sqlx::query(statement).bind(self.key());
        for number in numbers {
            statement = statement.bind(*number);
        }
        Ok(statement.execute(&mut *self.connection).await?.rows_affected())
    }

    async fn close(&mut self, at: i64, ends_at: i64) -> Result<(), StoreError> {
        self.done.is_closed = true;
        let close = "UPDATE account SET closed_at = coalesce(closed_at, $2), ends_at = $3 WHERE account_id = $1";
        self.set(close, &[at, ends_at]).await.map(drop)
    }

    async fn settings(&mut self) -> Result<u64, StoreError> {
        let version: Option<i64> = sqlx::query_scalar("SELECT version FROM record WHERE account_id = $1 AND kind = $2")
            .bind(self.key())
            .bind(i64::from(RecordKind::Settings.number()))
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(version.map_or(0, i64::unsigned_abs))
    }

    /// Whoever wraps the newest data key.
    async fn provider(&mut self) -> Result<Option<String>, StoreError> {
        let provider: Option<Option<String>> =
            sqlx::query_scalar("SELECT provider FROM data_key WHERE account_id = $1 ORDER BY key_id DESC LIMIT 1")
                .bind(self.key())
                .fetch_optional(&mut *self.connection)
                .await?;
        Ok(provider.flatten())
    }

    async fn disable(&mut self, is_disabled: Option<bool>) -> Result<(), StoreError> {
        let at = self.restore.at.as_millis();
        match is_disabled {
            Some(true) => {
                self.done.is_disabled = true;
                let once = "UPDATE account SET key_disabled_at = coalesce(key_disabled_at, $2) WHERE account_id = $1";
                self.set(once, &[at]).await?;
            }
            Some(false) => {
                self.set("UPDATE account SET key_disabled_at = NULL WHERE account_id = $1", &[]).await?;
            }
            None => {}
        }
        Ok(())
    }

    /// Tokens that were revoked when the backup was made. Their records were sealed under keys of hours, which no backup
    /// holds; their ids say all there is.
    async fn revoked(&mut self) -> Result<BTreeMap<Uuid, Option<i64>>, StoreError> {
        let rows: Vec<(String, Option<i64>)> = sqlx::query_as(
            "SELECT id, expires_at FROM record WHERE account_id = $1 AND kind = $2 AND expires_at IS NOT NULL",
        )
        .bind(self.key())
        .bind(i64::from(RecordKind::RevokedToken.number()))
        .fetch_all(&mut *self.connection)
        .await?;
        rows.into_iter()
            .map(|(id, until)| Ok((Uuid::try_parse(&id).map_err(|_| damaged("a revoked token"))?, until)))
            .collect()
    }

    async fn revoke(&mut self, revoked: BTreeMap<Uuid, Option<i64>>) -> Result<(), StoreError> {
        let (kind, now) = (RecordKind::RevokedToken, self.restore.at.as_millis());
        for (token, expires_at) in revoked {
            let id = token.to_string();
            let gone = Act::Record { kind: kind.number(), id: id.clone() };
            delete::again(self.connection, self.account, &gone).await?;
            if expires_at.is_some_and(|expires_at| expires_at <= now) {
                continue;
            }
            let keys = self.key_ring.keys(self.connection, self.account).await?;
            let hour = expires_at.map(|expires_at| self.key_ring.hour_key(expires_at)).transpose()?;
            let context = RecordContext { kind, id: &id, version: 1, expires_at, person: None };
            let sealer = keys.sealer_until(Purpose::Record, 0, context.epoch(), hour);
            let sealed = sealer.seal(self.key_ring.randomness(), &context.row_context(), b"");
            sqlx::query(
                "INSERT INTO record (account_id, kind, id, version, created_at, updated_at, expires_at, sealed)
                 VALUES ($1, $2, $3, 1, $4, $4, $5, $6)",
            )
            .bind(self.key())
            .bind(i64::from(kind.number()))
            .bind(&id)
            .bind(now)
            .bind(expires_at)
            .bind(sealed)
            .execute(&mut *self.connection)
            .await?;
            self.done.revoked += 1;
        }
        Ok(())
    }
}

/// Counts what is there now, and lets no number be used again that the journal knows.
pub(crate) async fn count(
    connection: &mut Connection,
    account: AccountId,
    highest_container: i64,
) -> Result<(), StoreError> {
    let key = account.0.as_bytes().as_slice();
    for statement in [
        "UPDATE container SET
             persons = (SELECT count(*) FROM person p
                 WHERE p.account_id = container.account_id AND p.container = container.number),
             faces = (SELECT count(*) FROM face f
                 WHERE f.account_id = container.account_id AND f.container = container.number)
         WHERE account_id = $1",
        "UPDATE tally SET
             containers = (SELECT count(*) FROM container c
                 WHERE c.account_id = tally.account_id AND c.kind = tally.kind),
             persons = (SELECT CAST(coalesce(sum(c.persons), 0) AS BIGINT) FROM container c
                 WHERE c.account_id = tally.account_id AND c.kind = tally.kind)
         WHERE account_id = $1",
        concat!("UPDATE account SET stored_bytes = ", sealed_bytes_of!("account.account_id"), " WHERE account_id = $1"),
    ] {
        sqlx::query(statement).bind(key).execute(&mut *connection).await?;
    }
    let next = "UPDATE account SET next_container = CASE WHEN next_container > $2 THEN next_container ELSE $2 + 1 END
             WHERE account_id = $1";
    sqlx::query(next).bind(key).bind(highest_container).execute(connection).await?;
    Ok(())
}
