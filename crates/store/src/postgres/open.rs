//! From an address to a pool of connections over tables of the right schema.

use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgPool, SqlSafeStr};

use super::engine::{PATIENCE, PooledConnection, in_time};
use super::sql::integrity::check_stored_bytes;
use super::sql::key_ring::KeyRing;
use super::sql::sealing;
use super::target::PostgresTarget;
use crate::error::StoreError;
use crate::keys::InstallationKey;

/// Number, name and text of every migration, ascending, numbered like those of SQLite. Never change one that was
/// released.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "records", include_str!("../../migrations/postgres/0001_records.sql")),
    (2, "directory and snapshots", include_str!("../../migrations/postgres/0002_directory_and_snapshots.sql")),
    (3, "several nodes", include_str!("../../migrations/postgres/0003_several_nodes.sql")),
    (4, "custody", include_str!("../../migrations/postgres/0004_custody.sql")),
    (5, "recognisers", include_str!("../../migrations/postgres/0005_recognisers.sql")),
    (6, "generic records", include_str!("../../migrations/postgres/0006_generic_records.sql")),
    (7, "bounds and seals", include_str!("../../migrations/postgres/0007_bounds_and_seals.sql")),
];
const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// How long to wait for a connection, a new one included.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);

pub(super) fn pool(target: &PostgresTarget) -> PgPool {
    let options = target
        .options
        .clone()
        // The server gives up a moment after we would have: no statement of a node that is gone holds a lock for long.
        .options([
            ("statement_timeout", (PATIENCE.as_millis() + 2_000).to_string()),
            ("idle_in_transaction_session_timeout", (PATIENCE.as_millis() + 2_000).to_string()),
            // What was acknowledged is on the disk, whatever the server's default; "on" also waits for a
            // synchronous standby where there is one.
            ("synchronous_commit", "on".to_owned()),
        ])
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(target.connections)
        .acquire_timeout(ACQUIRE)
        // Asking first would double the way of every query; a stale connection is found out by the query.
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

pub(super) async fn is_new(pool: &PgPool) -> Result<bool, StoreError> {
    let mut pooled = PooledConnection::acquire(pool).await?;
    let found = in_time(schema(&mut pooled)).await;
    Ok(pooled.done(found).await? == 0)
}

/// Makes an empty database ours, and refuses one that this program cannot work on.
pub(super) async fn prepare(pool: &PgPool, key_ring: &KeyRing) -> Result<(), StoreError> {
    let mut pooled = PooledConnection::acquire(pool).await?;
    let mut found = in_time(schema(&mut pooled)).await;
    if found.as_ref().is_ok_and(|found| (1..KNOWN).contains(found)) {
        // Another node may be at it, one migration after another: wait for it before judging.
        found = settled_schema(&mut pooled).await;
    }
    match pooled.done(found).await? {
        0 => migrate(pool, key_ring).await.map(drop),
        found if found > KNOWN => Err(StoreError::SchemaTooNew { found, known: KNOWN }),
        found if found < KNOWN => Err(StoreError::SchemaTooOld { found, known: KNOWN }),
        _ => {
            let mut pooled = PooledConnection::acquire(pool).await?;
            let checked = in_time(is_ready(&mut pooled, key_ring.installation())).await;
            match pooled.done(checked).await? {
                true => Ok(()),
                // Stopped between migration and key check, or before the seals.
                false => migrate(pool, key_ring).await.map(drop),
            }
        }
    }
}

/// The schema when nobody is migrating.
async fn settled_schema(connection: &mut PgConnection) -> Result<i64, StoreError> {
    if has_table(connection, "migration_lock").await? {
        let mut guard = connection.begin().await?;
        sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *guard).await?;
        sqlx::query("SELECT only_row FROM migration_lock FOR UPDATE").execute(&mut *guard).await?;
        guard.rollback().await?;
    }
    schema(connection).await
}

/// One node at a time, held by the lock on a row: the relatives of PostgreSQL do not all have advisory locks.
pub(super) async fn migrate(pool: &PgPool, key_ring: &KeyRing) -> Result<(i64, i64), StoreError> {
    let mut lock = PooledConnection::acquire(pool).await?;
    make_lock(&mut lock).await?;
    let mut guard = lock.begin().await?;
    // Whoever is at it may take as long as they need.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *guard).await?;
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *guard).await?;
    sqlx::query("SELECT only_row FROM migration_lock FOR UPDATE").execute(&mut *guard).await?;

    let mut worker = pool.acquire().await?.detach();
    let outcome = migrate_locked(&mut worker, key_ring).await;
    drop(worker);
    guard.rollback().await?;
    lock.done(outcome).await
}

async fn migrate_locked(connection: &mut PgConnection, key_ring: &KeyRing) -> Result<(i64, i64), StoreError> {
    let key = key_ring.installation();
    let found = schema(connection).await?;
    if found > KNOWN {
        return Err(StoreError::SchemaTooNew { found, known: KNOWN });
    }
    // Before migrating: who holds the wrong key must not change the data either.
    let known_key = found > 0 && check_key(connection, key).await?;
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
    migrator().run_direct(None, connection, false).await?;
    if !known_key {
        sqlx::query("INSERT INTO installation (only_row, check_value) VALUES (1, $1)")
            .bind(key.check_value(key_ring.randomness()))
            .execute(&mut *connection)
            .await?;
    }
    sealing::seal(connection, key_ring).await?;
    Ok((found, KNOWN))
}

/// Two nodes that start at once may both try: the one that comes second is told so by the catalogue.
async fn make_lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    for statement in [
        "CREATE TABLE IF NOT EXISTS migration_lock (only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1))",
        "INSERT INTO migration_lock (only_row) VALUES (1) ON CONFLICT DO NOTHING",
    ] {
        match sqlx::query(statement).execute(&mut *connection).await {
            Err(sqlx::Error::Database(error))
                if error.is_unique_violation() || matches!(error.code().as_deref(), Some("42P07" | "42710")) => {}
            other => {
                other?;
            }
        }
    }
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(number, name, text)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.set_locking(false);
    migrator
}

/// The number of the last migration; 0 for a database without any.
async fn schema(connection: &mut PgConnection) -> Result<i64, StoreError> {
    if !has_table(connection, "_sqlx_migrations").await? {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await?)
}

async fn has_table(connection: &mut PgConnection, table: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table).fetch_one(connection).await?)
}

/// `false` for new data, which belongs to no key yet.
async fn check_key(connection: &mut PgConnection, key: &InstallationKey) -> Result<bool, StoreError> {
    let check_value: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT check_value FROM installation").fetch_optional(&mut *connection).await?;
    match check_value {
        Some(check_value) if key.made(&check_value) => Ok(true),
        Some(_) => Err(StoreError::WrongKey),
        None => {
            // With accounts in it, somebody took the row away.
            let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(connection).await?;
            if accounts == 0 { Ok(false) } else { Err(StoreError::WrongKey) }
        }
    }
}

/// `false`: something is still to be done before this database can be served.
async fn is_ready(connection: &mut PgConnection, key: &InstallationKey) -> Result<bool, StoreError> {
    if !check_key(connection, key).await? {
        return Ok(false);
    }
    Ok(sqlx::query_scalar("SELECT sealed_check IS NOT NULL FROM installation").fetch_one(connection).await?)
}

/// Reads every row of the tables that hold sealed records.
pub(super) async fn check(mut connection: PgConnection) -> Result<(), StoreError> {
    for statement in [
        "SELECT coalesce(sum(length(wrapped)), 0)::BIGINT FROM data_key",
        "SELECT coalesce(sum(length(sealed_name)), 0)::BIGINT FROM container_text",
        "SELECT coalesce(sum(length(sealed_name)), 0)::BIGINT FROM person",
        "SELECT coalesce(sum(length(sealed_template)), 0)::BIGINT FROM face",
        "SELECT coalesce(sum(length(sealed_template)), 0)::BIGINT FROM face_id",
        "SELECT coalesce(sum(length(link)), 0)::BIGINT FROM audit",
    ] {
        let _bytes: i64 = sqlx::query_scalar(statement).fetch_one(&mut connection).await?;
    }
    check_stored_bytes(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
