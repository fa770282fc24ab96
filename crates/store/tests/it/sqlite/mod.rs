//! What only the SQLite backend has: files.

mod crash;
mod damage;
mod deletion;
mod full;
mod opening;
mod sealing;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use likeness_store::keys::{InstallationKey, Keyholder};
use likeness_store::{SqliteStore, Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use crate::scene::{Backend, Dice, Frozen};

/// A folder with a database in it.
pub(crate) struct SqliteBackend {
    folder: TempDir,
}

/// A backend with nothing in it.
pub(crate) fn fresh() -> SqliteBackend {
    SqliteBackend { folder: tempfile::tempdir().unwrap() }
}

/// The same for a case of the conformance suite. It is never missing.
pub(crate) fn fresh_for(_test: &str) -> Option<SqliteBackend> {
    Some(fresh())
}

impl SqliteBackend {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("likeness.db")
    }

    /// Every byte of every file of the database.
    pub(crate) fn raw_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            // The folder of the keys of hours is no part of the database.
            if path.is_file() {
                bytes.extend(std::fs::read(path).unwrap());
            }
        }
        bytes
    }

    /// A connection that goes past the store, as somebody with the file in hand would.
    pub(crate) async fn burglar(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).pragma("secure_delete", "ON").connect().await.unwrap()
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(open_with(&self.path(), 1).await.unwrap())
    }

    async fn open_held(&self, holder: Keyholder) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(open_held(&self.path(), holder).await?))
    }

    async fn tamper(&self, statement: &str) {
        let mut burglar = self.burglar().await;
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut burglar).await.unwrap();
        burglar.close().await.unwrap();
    }

    /// One process needs no shared clock.
    async fn pass(&self, _length: Duration) -> bool {
        false
    }

    async fn freeze(&self) -> Box<dyn Frozen> {
        let mut burglar = self.burglar().await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut burglar).await.unwrap();
        Box::new(FrozenFile(burglar))
    }
}

/// Somebody else has the right to write to the file.
struct FrozenFile(SqliteConnection);

#[async_trait]
impl Frozen for FrozenFile {
    async fn count(&mut self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&mut self.0).await.unwrap()
    }

    async fn release(mut self: Box<Self>) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
        self.0.close().await.unwrap();
    }
}

/// Opens with the installation key of that seed.
pub(crate) async fn open_with(path: &Path, key_seed: u64) -> Result<SqliteStore, StoreError> {
    open_held(path, Arc::new(InstallationKey::generate(&Dice::new(key_seed))).into()).await
}

async fn open_held(path: &Path, holder: Keyholder) -> Result<SqliteStore, StoreError> {
    // Nonces must differ between openings of the same data: the position of the file's end will do.
    let seed = std::fs::metadata(path).map_or(0, |file| file.len()) + 1_000;
    SqliteStore::open(path, holder, &path.with_file_name("keys"), Arc::new(Dice::new(seed))).await
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    assert!(needle.len() >= 8, "too short to look for");
    haystack.windows(needle.len()).any(|window| window == needle)
}
