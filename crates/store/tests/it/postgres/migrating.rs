//! The schema goes forward as a whole or not at all, and no program serves one that it does not know.

use std::sync::Arc;

use likeness_store::keys::InstallationKey;
use likeness_store::{FaceKey, PostgresStore, PostgresTarget, Store, StoreError};
use sqlx::postgres::PgPoolOptions;

use super::{PostgresBackend, fresh, open_with};
use crate::assert_refused;
use crate::scene::{Backend, Dice, Scene, add_face, group};

async fn past_us(backend: &PostgresBackend, statements: &[&'static str]) {
    let pool = PgPoolOptions::new().connect(&backend.url).await.unwrap();
    for statement in statements {
        sqlx::query(*statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

async fn migrate(backend: &PostgresBackend, key_seed: u64) -> Result<(i64, i64), StoreError> {
    let target = PostgresTarget::new(&backend.url.clone().into())?;
    let key = InstallationKey::generate(&Dice::new(key_seed));
    PostgresStore::migrate(&target, &key, &Dice::new(9)).await
}

/// Takes the database back to its second schema.
const BACK: &[&str] = &[
    "DROP INDEX face_space",
    "DROP TABLE usage",
    "DROP TABLE document",
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
    past_us(&backend, BACK).await;
    assert_refused!(open_with(&backend.url, 1).await, StoreError::SchemaTooOld { found: 2, known: 5 });
    assert_refused!(migrate(&backend, 2).await, StoreError::WrongKey);
    // Any number at once, and again.
    let (one, two) = tokio::join!(migrate(&backend, 1), migrate(&backend, 1));
    let mut found = [one.unwrap(), two.unwrap()];
    found.sort_unstable();
    assert_eq!(found, [(2, 5), (5, 5)]);
    let scene = Scene::visit(backend.open().await, 1);
    assert_eq!(scene.store.rows_after(scene.account, number, FaceKey(0), 10).await.unwrap().len(), 1);
    scene.create(&group("friends")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_fails_halfway_leaves_nothing_of_itself() {
    let Some(backend) = fresh("postgres::migrating::a_migration_that_fails_halfway_leaves_nothing_of_itself") else {
        return;
    };
    Scene::new(&backend).await.store.close().await;
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
    assert_eq!(migrate(&backend, 1).await.unwrap(), (2, 5));
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
    assert_refused!(open_with(&backend.url, 1).await, StoreError::SchemaTooNew { found: 9, known: 5 });
    assert_refused!(migrate(&backend, 1).await, StoreError::SchemaTooNew { found: 9, known: 5 });
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
