//! The store in a PostgreSQL database, which any number of nodes share.
//!
//! Start at [`PostgresStore::open`]. Commands of one account are applied one after another, whichever node they came
//! to: a transaction begins by locking the account's row. So versions, numbers, tallies and the audit chain need no
//! further care, and a node that waits holds nothing that another needs. Queries of several parts see one moment of
//! the database. Whatever fails because of others (a deadlock, a serialisation failure, a server that restarts) is
//! tried again for some seconds, and the idempotency key of a command keeps a repeated one from being done twice.

/// A bound JSON list of ids, in hexadecimal digits, as rows of `id`.
macro_rules! ids_in {
    ($list:literal) => {
        concat!("(SELECT DISTINCT decode(value, 'hex') AS id FROM json_array_elements_text(CAST(", $list, " AS json)))")
    };
}

/// A bound JSON list of numbers as rows of `seq`.
macro_rules! numbers_in {
    ($list:literal) => {
        concat!(
            "(SELECT DISTINCT CAST(value AS BIGINT) AS seq FROM json_array_elements_text(CAST(",
            $list,
            " AS json)))"
        )
    };
}

/// PostgreSQL orders joins well by itself.
macro_rules! then_join {
    () => {
        "JOIN"
    };
}

mod engine;
mod lease;
mod open;
#[path = "../sql/mod.rs"]
mod sql;
mod target;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use likeness_base::{Randomness, Timestamp};
use uuid::Uuid;

use crate::command::{Applied, Command};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::Keyholder;
use engine::Connections;
use open::Opener;
use sql::key_ring::KeyRing;
pub use target::PostgresTarget;
use writer::AccountQueues;

/// A [`Store`](crate::Store) in a PostgreSQL database.
pub struct PostgresStore {
    connections: Connections,
    queues: Arc<AccountQueues>,
    key_ring: Arc<KeyRing>,
}

impl PostgresStore {
    /// Opens the database. One that is empty is given its tables; one of an older schema is left as it is, because
    /// other nodes may still serve it: see [`PostgresStore::migrate`]. Must be called inside a Tokio runtime.
    ///
    /// `holder` is who holds the installation key: providers, or whoever gives the key itself. `key_folder` is where the keys of the hours of expiry lie: one folder for all nodes, outside the database, in no
    /// backup.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when the data was sealed under another key, [`StoreError::SchemaTooNew`] and
    /// [`StoreError::SchemaTooOld`], [`StoreError::Unreachable`]. In each case the data is left as it was.
    pub async fn open(
        target: &PostgresTarget,
        holder: impl Into<Keyholder>,
        key_folder: &Path,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, StoreError> {
        let pool = open::pool(target);
        let prepared = open::prepare(&pool, &Opener { holder: &holder.into(), key_folder, randomness }).await;
        let key_ring = match prepared {
            Ok(key_ring) => Arc::new(key_ring),
            Err(error) => {
                pool.close().await;
                return Err(error);
            }
        };
        let connections = Connections::new(pool, target.connections);
        let queues = AccountQueues::new(connections.clone(), Arc::clone(&key_ring), target.connections);
        Ok(Self { connections, queues, key_ring })
    }

    /// Whether the database holds nothing of ours yet.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] and what else the server says.
    pub async fn is_new(target: &PostgresTarget) -> Result<bool, StoreError> {
        let pool = open::pool(target);
        let outcome = open::is_new(&pool).await;
        pool.close().await;
        outcome
    }

    /// Brings the tables to the schema of this program and gives the schema before and after. Any number of nodes may
    /// call it at once. Nodes of the former version are to be stopped before: they could not link audit rows.
    ///
    /// # Errors
    /// As [`PostgresStore::open`]. A migration that fails leaves nothing of itself.
    pub async fn migrate(
        target: &PostgresTarget,
        holder: impl Into<Keyholder>,
        key_folder: &Path,
        randomness: Arc<dyn Randomness>,
    ) -> Result<(i64, i64), StoreError> {
        let pool = open::pool(target);
        let outcome = open::migrate(&pool, &Opener { holder: &holder.into(), key_folder, randomness }).await;
        pool.close().await;
        outcome.map(|(before, after, _)| (before, after))
    }
}

/// What the shared [`Store`](crate::Store) leaves to the engine.
impl PostgresStore {
    async fn write(&self, command: Command) -> Result<Applied, StoreError> {
        AccountQueues::apply(&self.queues, command).await
    }

    async fn take_lease(
        &self,
        account: AccountId,
        job: &str,
        holder: Uuid,
        length: Duration,
    ) -> Result<bool, StoreError> {
        let mut pooled = self.connection(AccountId::INSTALLATION).await?;
        let answer = self.in_time(lease::take(&mut pooled, account, job, holder, length)).await;
        pooled.done(answer).await
    }

    async fn release_lease(&self, account: AccountId, job: &str, holder: Uuid) -> Result<(), StoreError> {
        let mut pooled = self.connection(AccountId::INSTALLATION).await?;
        let answer = self.in_time(lease::release(&mut pooled, account, job, holder)).await;
        pooled.done(answer).await
    }

    async fn own_clock(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut pooled = self.connection(AccountId::INSTALLATION).await?;
        let answer = self.in_time(lease::clock(&mut pooled)).await;
        pooled.done(answer).await.map(Some)
    }

    /// Writes the small table of wrapped keys anew, without those of accounts that were destroyed. A row that is only
    /// dead would stay in its file, and with the installation key all that the account had could be read from a backup.
    async fn rewrite_keys(&self) -> Result<(), StoreError> {
        let mut connection = self.importer().await?;
        // Whoever reads all tables for hours, as a backup does, must not make everybody wait behind us.
        sqlx::query("SET lock_timeout = '1s'").execute(&mut connection).await?;
        sqlx::query("VACUUM (FULL) data_key").execute(&mut connection).await?;
        Ok(())
    }

    /// Dead rows become free space, which the next rows overwrite.
    async fn reclaim(&self) -> Result<(), StoreError> {
        let mut connection = self.importer().await?;
        for table in crate::schema::TABLES {
            sqlx::query(sqlx::AssertSqlSafe(format!("VACUUM {}", table.name))).execute(&mut connection).await?;
        }
        // Again and again: a first attempt may have met a reader, or somebody who still sees what was.
        self.rewrite_keys().await
    }

    /// A connection on which statements may take their time.
    async fn importer(&self) -> Result<engine::Connection, StoreError> {
        let mut connection = self.connections.detached().await?;
        sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
        sqlx::query("SET idle_in_transaction_session_timeout = 0").execute(&mut connection).await?;
        Ok(connection)
    }

    /// PostgreSQL checks its own pages; here the rows are read, so that what cannot be read is found.
    async fn check(&self) -> Result<(), StoreError> {
        open::check(self.importer().await?).await
    }

    async fn shut_down(&self) {
        self.queues.close().await;
        self.connections.close().await;
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresStore(..)")
    }
}
