//! From a path to connections on a file of the right schema: one that writes, and a pool that reads.
//!
//! What makes writes durable and overwrites deleted bytes is set in [`options`].

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use likeness_base::Randomness;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use super::sql::key_ring::KeyRing;
use super::sql::{sealing, unlock};
use crate::error::StoreError;
use crate::keys::{Keyholder, TrustedKeys};

/// Number, name and text of every migration, ascending. Never change one that was released.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "records", include_str!("../../migrations/sqlite/0001_records.sql")),
    (2, "directory and snapshots", include_str!("../../migrations/sqlite/0002_directory_and_snapshots.sql")),
    (3, "several nodes", include_str!("../../migrations/sqlite/0003_several_nodes.sql")),
    (4, "custody", include_str!("../../migrations/sqlite/0004_custody.sql")),
    (5, "recognisers", include_str!("../../migrations/sqlite/0005_recognisers.sql")),
    (6, "generic records", include_str!("../../migrations/sqlite/0006_generic_records.sql")),
    (7, "bounds and seals", include_str!("../../migrations/sqlite/0007_bounds_and_seals.sql")),
    (8, "keys and backups", include_str!("../../migrations/sqlite/0008_keys_and_backups.sql")),
];

/// Page size in bytes, fixed when the file is made. With SQLite's default of 4 KiB a page holds six sealed
/// templates of 128 numbers, with this one fourteen: fewer pages are touched and synced per batch.
const PAGE_BYTES: u32 = 8192;
/// How long to wait for another process (the command line beside the server) before giving up as busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that read. Reads are short and the page cache is shared by the operating system;
/// more than a few only wait for processors.
pub(super) const READERS: u32 = 8;

/// Most memory for pages (SQLite counts negative numbers in KiB), taken only as it is used. The writer's 64 MiB
/// hold the indexes by random id of about a million faces, into which every add falls at another place; with
/// SQLite's default of 2 MiB each add would read them from the file again. A reader keeps 8 MiB.
/// The file is not mapped into memory: reading a damaged or cut file must give an error, not a signal.
const WRITER_CACHE: &str = "-65536";
const READER_CACHE: &str = "-8192";

/// Opens the one connection that writes; makes the file, migrates it and finds its key.
pub(super) async fn writer(
    path: &Path,
    holder: &Keyholder,
    key_folder: &Path,
    randomness: Arc<dyn Randomness>,
) -> Result<(SqliteConnection, KeyRing), StoreError> {
    create_private_file(path).map_err(|error| StoreError::Backend(Box::new(error)))?;
    let mut connection = options(path).pragma("cache_size", WRITER_CACHE).connect().await?;
    match prepare(&mut connection, holder, key_folder, randomness).await {
        Ok(key_ring) => Ok((connection, key_ring)),
        Err(error) => {
            // Closed and not just dropped, so that no log is left beside data that is not ours to touch.
            close(connection).await;
            Err(error)
        }
    }
}

async fn prepare(
    connection: &mut SqliteConnection,
    holder: &Keyholder,
    key_folder: &Path,
    randomness: Arc<dyn Randomness>,
) -> Result<KeyRing, StoreError> {
    let schema = schema(connection).await?;
    // Before migrating: who holds the wrong key must not change the data either.
    let found = unlock::find_key(connection, holder, schema).await?;
    migrator().run_direct(None, connection, false).await?;
    let found = unlock::keep_key(connection, holder, found, &*randomness).await?;
    let key_ring = KeyRing::new(TrustedKeys::new(holder, &found), key_folder, randomness);
    sealing::seal(connection, &key_ring).await?;
    Ok(key_ring)
}

/// Opens the connections that read and cannot write.
pub(super) async fn readers(path: &Path) -> Result<SqlitePool, StoreError> {
    let options = options(path).pragma("cache_size", READER_CACHE).pragma("query_only", "ON");
    Ok(SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        // A connection to a file does not go stale.
        .test_before_acquire(false)
        .connect_with(options)
        .await?)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        // Freed bytes are overwritten with zeros, in freed pages and inside pages.
        .pragma("secure_delete", "ON")
        // Sorting and undoing happen in memory: no third file ever holds our bytes.
        .pragma("temp_store", "MEMORY")
        // Broken pages and strange schemas give an error, not strange behaviour.
        .pragma("cell_size_check", "ON")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// SQLite would make the file readable for everybody whom the umask lets; its log takes over the mode.
fn create_private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(number, name, text)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.into())
}

/// The schema of the file, 0 for one that is empty. Refuses a newer one than we know.
async fn schema(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    if !has_table(connection, "_sqlx_migrations").await? {
        return Ok(0);
    }
    let found: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await?;
    let (found, known) = (found.unwrap_or(0), MIGRATIONS[MIGRATIONS.len() - 1].0);
    if found > known { Err(StoreError::SchemaTooNew { found, known }) } else { Ok(found) }
}

async fn has_table(connection: &mut SqliteConnection, name: &str) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1")
        .bind(name)
        .fetch_one(connection)
        .await?;
    Ok(count > 0)
}

/// Closes a connection; an error at that point has nobody left to act on it.
pub(super) async fn close(connection: SqliteConnection) {
    let _ = connection.close().await;
}
