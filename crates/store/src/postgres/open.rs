//! From an address to a pool of connections over tables of the right schema.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use likeness_base::Randomness;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, PgPool, SqlSafeStr};

use super::engine::{PATIENCE, PooledConnection, in_time};
use super::sql::integrity::check_stored_bytes;
use super::sql::key_ring::KeyRing;
use super::sql::{sealing, unlock};
use super::target::PostgresTarget;
use crate::error::StoreError;
use crate::keys::{InstallationKeyOf, Keyholder, TrustedKeys};

/// Number, name and text of every migration, ascending, numbered like those of SQLite. Never change one that was
/// released.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "records", include_str!("../../migrations/postgres/0001_records.sql")),
    (2, "directory and snapshots", include_str!("../../migrations/postgres/0002_directory_and_snapshots.sql")),
    (3, "several nodes", include_str!("../../migrations/postgres/0003_several_nodes.sql")),
    (4, "custody", include_str!("../../migrations/postgres/0004_custody.sql")),
    (5, "recognisers", include_str!("../../migrations/postgres/0005_recognisers.sql")),
    (6, "generic records", include_str!("../../migrations/postgres/0006_generic_records.sql")),
    (7, "bounds and seals", include_str!("../../migrations/postgres/0007_bounds_and_seals.sql")),
    (8, "keys and backups", include_str!("../../migrations/postgres/0008_keys_and_backups.sql")),
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
pub(super) async fn prepare(pool: &PgPool, opener: &Opener<'_>) -> Result<KeyRing, StoreError> {
    let mut pooled = PooledConnection::acquire(pool).await?;
    let mut found = in_time(schema(&mut pooled)).await;
    if found.as_ref().is_ok_and(|found| (1..KNOWN).contains(found)) {
        // Another node may be at it, one migration after another: wait for it before judging.
        found = settled_schema(&mut pooled).await;
    }
    match pooled.done(found).await? {
        0 => {}
        found if found > KNOWN => return Err(StoreError::SchemaTooNew { found, known: KNOWN }),
        found if found < KNOWN => return Err(StoreError::SchemaTooOld { found, known: KNOWN }),
        _ => {
            let mut pooled = PooledConnection::acquire(pool).await?;
            let found = in_time(opener.ready(&mut pooled)).await;
            if let Some(key_ring) = pooled.done(found).await? {
                return Ok(key_ring);
            }
            // Stopped between migration and key check, or before the seals.
        }
    }
    Ok(migrate(pool, opener).await?.2)
}

/// What a database is opened with.
pub(super) struct Opener<'a> {
    pub(super) holder: &'a Keyholder,
    pub(super) key_folder: &'a Path,
    pub(super) randomness: Arc<dyn Randomness>,
}

impl Opener<'_> {
    fn key_ring(&self, found: &InstallationKeyOf) -> KeyRing {
        KeyRing::new(TrustedKeys::new(self.holder, found), self.key_folder, self.randomness.clone())
    }

    /// `None`: something is still to be done before this database can be served.
    async fn ready(&self, connection: &mut PgConnection) -> Result<Option<KeyRing>, StoreError> {
        let Some(mut found) = unlock::find_key(connection, self.holder, KNOWN).await? else { return Ok(None) };
        if self.holder.wrap(&mut found).await?.is_some() {
            return Ok(None);
        }
        let key_ring = self.key_ring(&found);
        Ok(sealing::is_done(connection, &key_ring).await?.then_some(key_ring))
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
pub(super) async fn migrate(pool: &PgPool, opener: &Opener<'_>) -> Result<(i64, i64, KeyRing), StoreError> {
    let mut lock = PooledConnection::acquire(pool).await?;
    make_lock(&mut lock).await?;
    let mut guard = lock.begin().await?;
    // Whoever is at it may take as long as they need.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *guard).await?;
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *guard).await?;
    sqlx::query("SELECT only_row FROM migration_lock FOR UPDATE").execute(&mut *guard).await?;

    let mut worker = pool.acquire().await?.detach();
    let outcome = migrate_locked(&mut worker, opener).await;
    drop(worker);
    guard.rollback().await?;
    lock.done(outcome).await
}

async fn migrate_locked(connection: &mut PgConnection, opener: &Opener<'_>) -> Result<(i64, i64, KeyRing), StoreError> {
    let schema = schema(connection).await?;
    if schema > KNOWN {
        return Err(StoreError::SchemaTooNew { found: schema, known: KNOWN });
    }
    // Before migrating: who holds the wrong key must not change the data either.
    let found = unlock::find_key(connection, opener.holder, schema).await?;
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
    migrator().run_direct(None, connection, false).await?;
    let found = unlock::keep_key(connection, opener.holder, found, &*opener.randomness).await?;
    let key_ring = opener.key_ring(&found);
    sealing::seal(connection, &key_ring).await?;
    Ok((schema, KNOWN, key_ring))
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
