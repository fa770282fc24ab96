//! The schema goes forward as a whole or not at all, and no program serves one that it does not know.

use std::collections::BTreeSet;
use std::sync::Arc;

use likeness_store::keys::InstallationKey;
use likeness_store::{FaceNumber, PostgresStore, PostgresTarget, Store, StoreError};
use sqlx::postgres::PgPoolOptions;

use super::{PostgresBackend, fresh, key_folder, open_with};
use crate::former::BACK_TO_THE_SIXTH;
use crate::scene::{Backend, Dice, Scene, add_face, group};
use crate::schema::{Found, is_listed};
use crate::{assert_refused, former};

async fn past_us(backend: &PostgresBackend, statements: &[&'static str]) {
    let pool = PgPoolOptions::new().connect(&backend.url).await.unwrap();
    for statement in statements {
        sqlx::query(*statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

async fn migrate(backend: &PostgresBackend, key_seed: u64) -> Result<(i64, i64), StoreError> {
    let target = PostgresTarget::new(&backend.url.clone().into())?;
    let key = Arc::new(InstallationKey::generate(&Dice::new(key_seed)));
    PostgresStore::migrate(&target, key, &key_folder(&backend.url), Arc::new(Dice::new(9))).await
}

/// Takes the database back to its second schema.
const BACK: &[&str] = &[
    "DROP INDEX face_space",
    "DROP TABLE usage",
    "DROP TABLE record_tag",
    "DROP TABLE record",
    "DROP FUNCTION likeness_now",
    "DROP TABLE outbox",
    "ALTER TABLE account DROP COLUMN next_delivery",
    "ALTER TABLE audit DROP COLUMN detail",
    "ALTER TABLE account DROP COLUMN access_version, DROP COLUMN resource, DROP COLUMN subdomain,
         DROP COLUMN closed_at, DROP COLUMN ends_at",
    "ALTER TABLE installation DROP COLUMN access_version",
    "DROP TABLE command_note",
    "DROP TABLE lease",
    "DELETE FROM _sqlx_migrations WHERE version > 2",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_schema_waits_for_the_order_to_migrate() {
    let Some(backend) = fresh("postgres::migrating::an_older_schema_waits_for_the_order_to_migrate") else { return };
    let scene = Scene::new(&backend).await;
    let number = scene.create(&group("family")).await.container.unwrap();
    let person = scene.create_person(&group("family")).await;
    scene.write(add_face(&group("family"), Some(person), scene.face())).await.unwrap();
    scene.store.close().await;
    past_us(&backend, &BACK_TO_THE_SIXTH).await;
    past_us(&backend, BACK).await;
    assert_refused!(open_with(&backend.url, 1).await, StoreError::SchemaTooOld { found: 2, known: 8 });
    assert_refused!(migrate(&backend, 2).await, StoreError::WrongKey);
    // Any number at once, and again.
    let (one, two) = tokio::join!(migrate(&backend, 1), migrate(&backend, 1));
    let mut found = [one.unwrap(), two.unwrap()];
    found.sort_unstable();
    assert_eq!(found, [(2, 8), (8, 8)]);
    let scene = Scene::visit(backend.open().await, 1);
    assert_eq!(scene.store.rows_after(scene.account, number, FaceNumber(0), 10).await.unwrap().len(), 1);
    scene.create(&group("friends")).await;
}

/// The table that the sixth schema replaced, without what came in its place.
const BACK_TO_THE_FIFTH: &[&str] = &[
    "DROP TABLE record_tag",
    "DROP TABLE record",
    "DROP FUNCTION likeness_now",
    "DROP TABLE outbox",
    "ALTER TABLE account DROP COLUMN next_delivery",
    "CREATE TABLE document (
         account_id BYTEA NOT NULL REFERENCES account, kind BIGINT NOT NULL, name TEXT COLLATE \"C\" NOT NULL,
         version BIGINT NOT NULL, written_at BIGINT NOT NULL, expires_at BIGINT, sealed BYTEA NOT NULL,
         PRIMARY KEY (account_id, kind, name))",
    "DELETE FROM _sqlx_migrations WHERE version > 5",
];

/// Documents of the fifth schema, as the program of that time left them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_the_fifth_schema_become_records() {
    let Some(backend) = fresh("postgres::migrating::documents_of_the_fifth_schema_become_records") else { return };
    backend.open().await.close().await;
    past_us(&backend, &BACK_TO_THE_SIXTH).await;
    past_us(&backend, BACK_TO_THE_FIFTH).await;
    for statement in former::DOCUMENTS {
        let statement = statement.replace("X'", "'\\x");
        let pool = PgPoolOptions::new().connect(&backend.url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
        pool.close().await;
    }
    former::keep_hour_key(&key_folder(&backend.url));
    assert_eq!(migrate(&backend, 1).await.unwrap(), (5, 8));
    former::documents_are_records(backend.open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_listed() {
    let Some(backend) = fresh("postgres::migrating::the_schema_is_listed") else { return };
    backend.open().await.close().await;
    let pool = PgPoolOptions::new().connect(&backend.url).await.unwrap();
    let strings = async |statement: &'static str, table: &str| -> BTreeSet<String> {
        let rows: Vec<String> = sqlx::query_scalar(statement).bind(table).fetch_all(&pool).await.unwrap();
        rows.into_iter().collect()
    };
    let tables = "SELECT relname::TEXT FROM pg_class WHERE relkind = 'r' AND relnamespace = $1::regnamespace";
    let mut found = Vec::new();
    for name in strings(tables, "public").await {
        let columns = "SELECT attname::TEXT FROM pg_attribute
                       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped";
        let key = "SELECT a.attname::TEXT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
                       AND a.attnum = ANY (i.indkey) WHERE i.indrelid = $1::regclass AND i.indisprimary";
        let others =
            "SELECT confrelid::regclass::TEXT FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f'";
        found.push(Found {
            columns: strings(columns, &name).await,
            key: strings(key, &name).await,
            refers_to: strings(others, &name).await,
            name,
        });
    }
    is_listed(found, false);
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_fails_halfway_leaves_nothing_of_itself() {
    let Some(backend) = fresh("postgres::migrating::a_migration_that_fails_halfway_leaves_nothing_of_itself") else {
        return;
    };
    Scene::new(&backend).await.store.close().await;
    past_us(&backend, &BACK_TO_THE_SIXTH).await;
    past_us(&backend, BACK).await;
    // The second table of the migration is in the way, so it fails after its first.
    past_us(&backend, &["CREATE TABLE lease (something_else INT)"]).await;
    assert_refused!(migrate(&backend, 1).await, StoreError::Backend(_));
    let pool = PgPoolOptions::new().connect(&backend.url).await.unwrap();
    let half: bool =
        sqlx::query_scalar("SELECT to_regclass('command_note') IS NOT NULL").fetch_one(&pool).await.unwrap();
    pool.close().await;
    assert!(!half, "half a migration stayed");
    assert_refused!(open_with(&backend.url, 1).await, StoreError::SchemaTooOld { found: 2, .. });
    past_us(&backend, &["DROP TABLE lease"]).await;
    assert_eq!(migrate(&backend, 1).await.unwrap(), (2, 8));
    Scene::visit(backend.open().await, 1).create(&group("family")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_schemas_and_keys_are_refused() {
    let Some(backend) = fresh("postgres::migrating::strange_schemas_and_keys_are_refused") else { return };
    Scene::new(&backend).await.store.close().await;
    assert_refused!(open_with(&backend.url, 2).await, StoreError::WrongKey);
    let future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9, 'things to come', TRUE, '', 0)";
    past_us(&backend, &[future]).await;
    assert_refused!(open_with(&backend.url, 1).await, StoreError::SchemaTooNew { found: 9, known: 8 });
    assert_refused!(migrate(&backend, 1).await, StoreError::SchemaTooNew { found: 9, known: 8 });
    let nowhere = "postgres:///x?host=/nowhere".to_owned();
    assert_refused!(open_with(&nowhere, 1).await, StoreError::Unreachable | StoreError::Busy);
    assert_refused!(PostgresTarget::new(&"mysql://x".to_owned().into()), StoreError::Address);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_open_an_empty_database_at_once_all_succeed() {
    let Some(backend) = fresh("postgres::migrating::nodes_that_open_an_empty_database_at_once_all_succeed") else {
        return;
    };
    let backend = Arc::new(backend);
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let backend = Arc::clone(&backend);
        opening.spawn(async move { open_with(&backend.url, 1).await.unwrap() });
    }
    for store in opening.join_all().await {
        assert!(store.accounts().await.unwrap().is_empty());
    }
}
