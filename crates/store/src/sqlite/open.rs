//! From a path to connections on a file of the right schema: one that writes, and a pool that reads.
//!
//! What makes writes durable and overwrites deleted bytes is set in [`options`].

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use super::sql::key_ring::KeyRing;
use super::sql::sealing;
use crate::error::StoreError;
use crate::keys::InstallationKey;

/// Number, name and text of every migration, ascending. Never change one that was released.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "records", include_str!("../../migrations/sqlite/0001_records.sql")),
    (2, "directory and snapshots", include_str!("../../migrations/sqlite/0002_directory_and_snapshots.sql")),
    (3, "several nodes", include_str!("../../migrations/sqlite/0003_several_nodes.sql")),
    (4, "custody", include_str!("../../migrations/sqlite/0004_custody.sql")),
    (5, "recognisers", include_str!("../../migrations/sqlite/0005_recognisers.sql")),
    (6, "generic records", include_str!("../../migrations/sqlite/0006_generic_records.sql")),
    (7, "bounds and seals", include_str!("../../migrations/sqlite/0007_bounds_and_seals.sql")),
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

/// Opens the one connection that writes; makes the file, migrates it and checks the key.
pub(super) async fn writer(path: &Path, key_ring: &KeyRing) -> Result<SqliteConnection, StoreError> {
    create_private_file(path).map_err(|error| StoreError::Backend(Box::new(error)))?;
    let mut connection = options(path).pragma("cache_size", WRITER_CACHE).connect().await?;
    match prepare(&mut connection, key_ring).await {
        Ok(()) => Ok(connection),
        Err(error) => {
            // Closed and not just dropped, so that no log is left beside data that is not ours to touch.
            close(connection).await;
            Err(error)
        }
    }
}

async fn prepare(connection: &mut SqliteConnection, key_ring: &KeyRing) -> Result<(), StoreError> {
    let key = key_ring.installation();
    refuse_newer_schema(connection).await?;
    // Before migrating: who holds the wrong key must not change the data either.
    let known_key = refuse_wrong_key(connection, key).await?;
    migrator().run_direct(None, connection, false).await?;
    if !known_key {
        sqlx::query("INSERT INTO installation (only_row, check_value) VALUES (1, ?1)")
            .bind(key.check_value(key_ring.randomness()))
            .execute(&mut *connection)
            .await?;
    }
    sealing::seal(connection, key_ring).await
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

async fn refuse_newer_schema(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if !has_table(connection, "_sqlx_migrations").await? {
        return Ok(());
    }
    let found: Option<i64> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection).await?;
    let known = MIGRATIONS[MIGRATIONS.len() - 1].0;
    match found {
        Some(found) if found > known => Err(StoreError::SchemaTooNew { found, known }),
        _ => Ok(()),
    }
}

/// `false` for new data, which belongs to no key yet.
async fn refuse_wrong_key(connection: &mut SqliteConnection, key: &InstallationKey) -> Result<bool, StoreError> {
    if !has_table(connection, "installation").await? {
        return Ok(false);
    }
    let check_value: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT check_value FROM installation").fetch_optional(&mut *connection).await?;
    match check_value {
        Some(check_value) if key.made(&check_value) => Ok(true),
        Some(_) => Err(StoreError::WrongKey),
        None => {
            // Stopped between migration and key check. With accounts in it, somebody took the row away.
            let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(connection).await?;
            if accounts == 0 { Ok(false) } else { Err(StoreError::Damaged { what: "no key check value".into() }) }
        }
    }
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
