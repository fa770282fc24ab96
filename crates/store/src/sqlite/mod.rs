//! The store in one SQLite file. The only place that speaks SQL for it.
//!
//! One task writes, through one connection, on which accounts take turns; a few connections read, each seeing one moment of
//! the database, and accounts take turns at them too.
//! `synchronous=FULL` with a write-ahead log means: what was acknowledged survives the process and the power.

/// A bound JSON list of ids, in hexadecimal digits, as rows of `id`.
macro_rules! ids_in {
    ($list:literal) => {
        concat!("(SELECT DISTINCT unhex(value) AS id FROM json_each(", $list, "))")
    };
}

/// A bound JSON list of numbers as rows of `seq`.
macro_rules! numbers_in {
    ($list:literal) => {
        concat!("(SELECT DISTINCT value AS seq FROM json_each(", $list, "))")
    };
}

/// A join from left to right, whatever the planner thinks of it: its statistics know nothing of bound lists.
macro_rules! then_join {
    () => {
        "CROSS JOIN"
    };
}

mod engine;
mod fold;
mod integrity;
mod leases;
mod open;
#[expect(clippy::duplicate_mod, reason = "one text, compiled for each engine; see the opening of the folder")]
#[path = "../sql/mod.rs"]
mod sql;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use likeness_base::{Randomness, Timestamp};
use likeness_shares::Shares;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqlitePool};
use uuid::Uuid;

use crate::command::{Applied, Command};
use crate::connections;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::Keyholder;
use fold::ReaderGate;
use leases::Leases;
use sql::key_ring::KeyRing;
use writer::WriterHandle;

/// A [`Store`] in one SQLite file (and, while it is open, the log beside it).
#[derive(Debug)]
pub struct SqliteStore {
    writer: WriterHandle,
    readers: SqlitePool,
    /// Turns of accounts at them.
    turns: Arc<Shares<AccountId>>,
    gate: ReaderGate,
    key_ring: Arc<KeyRing>,
    leases: Leases,
}

impl SqliteStore {
    /// Opens the database, making or migrating it where needed. Must be called inside a Tokio runtime,
    /// which then carries the writing task.
    ///
    /// `holder` is who holds the installation key: providers, or whoever gives the key itself. `key_folder` is where the keys of the hours of expiry lie; it is made when needed, and belongs into no backup.
    /// `randomness` gives the nonces and the accounts' data keys.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when the data was sealed under another key, [`StoreError::SchemaTooNew`] when
    /// a newer program wrote it, [`StoreError::Damaged`] when it is not a database. In each case the data is
    /// left as it was.
    pub async fn open(
        path: &Path,
        holder: impl Into<Keyholder>,
        key_folder: &Path,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, StoreError> {
        let (connection, key_ring) = open::writer(path, &holder.into(), key_folder, randomness).await?;
        let key_ring = Arc::new(key_ring);
        let readers = open::readers(path).await?;
        let gate = ReaderGate::default();
        Ok(Self {
            writer: WriterHandle::spawn(connection, Arc::clone(&key_ring), gate.clone()),
            readers,
            turns: connections::turns("store readers", open::READERS, open::PATIENCE),
            gate,
            key_ring,
            leases: Leases::default(),
        })
    }
}

/// What the shared [`Store`](crate::Store) leaves to the engine.
impl SqliteStore {
    async fn write(&self, command: Command) -> Result<Applied, StoreError> {
        self.writer.apply(command).await
    }

    async fn take_lease(
        &self,
        account: AccountId,
        job: &str,
        holder: Uuid,
        length: Duration,
    ) -> Result<bool, StoreError> {
        Ok(self.leases.take(account, job, holder, length))
    }

    async fn release_lease(&self, account: AccountId, job: &str, holder: Uuid) -> Result<(), StoreError> {
        self.leases.release(account, job, holder);
        Ok(())
    }

    /// One process needs no other clock than its own.
    async fn own_clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// A connection that writes past the writing task, which has nothing to do meanwhile.
    async fn importer(&self) -> Result<engine::Connection, StoreError> {
        let options = SqliteConnectOptions::clone(&self.readers.connect_options());
        Ok(options.pragma("query_only", "OFF").connect().await?)
    }

    /// The same for the keys of an account.
    #[expect(clippy::unused_async, reason = "the other engine has something to do")]
    async fn rewrite_keys(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Every delete has overwritten what it freed.
    #[expect(clippy::unused_async, reason = "the other engine has something to do")]
    async fn reclaim(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn check(&self) -> Result<(), StoreError> {
        integrity::check(&self.readers).await
    }

    async fn shut_down(&self) {
        // Readers first: the connection that closes last folds the log into the database file.
        self.readers.close().await;
        self.writer.close().await;
    }
}
