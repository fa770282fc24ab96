//! A file is opened again, migrated, or refused and left as it was; and its settings are those that durability needs.

use likeness_store::{ExpireDue, FaceNumber, StoreError};
use sqlx::Connection;

use super::{fresh, open_with};
use crate::former::BACK_TO_THE_SIXTH;
use crate::scene::{Backend, Scene, add_face, group, list};
use crate::schema::{Found, is_listed};
use crate::{assert_refused, former};

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    let face = scene.face();
    let applied = scene.write(add_face(&container, None, face.clone())).await.unwrap();
    // Dropped as in a crash of the owner, without `close`.
    drop(scene);

    let scene = Scene::visit(backend.open().await, 1);
    let rows = scene.store.rows(scene.account, number, &[applied.face.unwrap()]).await.unwrap();
    assert_eq!(rows[0].template.expose(), face.template.expose());
    scene.add_face(&container, None).await;
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    scene.store.close().await;
    scene.store.close().await;
    assert_refused!(scene.write(ExpireDue { limit: 1, ..ExpireDue::default() }).await, StoreError::Closed);
    assert_refused!(scene.store.accounts().await, StoreError::Closed);
    let files: Vec<_> = std::fs::read_dir(backend.path().parent().unwrap()).unwrap().collect();
    assert_eq!(files.len(), 1, "the log was folded into the database file");
}

#[tokio::test]
async fn another_key_is_refused_and_changes_nothing() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    scene.create(&list("faces")).await;
    scene.store.close().await;
    let before = backend.raw_bytes();
    assert_refused!(open_with(&backend.path(), 2).await, StoreError::WrongKey);
    assert!(backend.raw_bytes() == before, "the data was touched");
    let scene = Scene::visit(backend.open().await, 1);
    assert_eq!(scene.container(&list("faces")).await.version, 1);
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused_and_left_alone() {
    let backend = fresh();
    Scene::new(&backend).await.store.close().await;
    let mut burglar = backend.burglar().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9, 'things to come', TRUE, x'00', 0)",
    )
    .execute(&mut burglar)
    .await
    .unwrap();
    burglar.close().await.unwrap();
    let before = backend.raw_bytes();
    assert_refused!(open_with(&backend.path(), 1).await, StoreError::SchemaTooNew { found: 9, known: 8 });
    assert!(backend.raw_bytes() == before, "the data was touched");
}

/// Takes back what the sixth, the fifth and the fourth schema added.
const BACK_TO_THE_THIRD: [&str; 15] = [
    "DROP TABLE outbox",
    "ALTER TABLE account DROP COLUMN next_delivery",
    "DROP TABLE record_tag",
    "DROP TABLE record",
    "DROP INDEX face_space",
    "DROP TABLE usage",
    "DROP INDEX account_access",
    "DROP INDEX account_resource",
    "DROP INDEX account_subdomain",
    "ALTER TABLE audit DROP COLUMN detail",
    "ALTER TABLE account DROP COLUMN access_version",
    "ALTER TABLE account DROP COLUMN resource",
    "ALTER TABLE account DROP COLUMN subdomain",
    "ALTER TABLE account DROP COLUMN closed_at",
    "ALTER TABLE account DROP COLUMN ends_at",
];

/// The table that the sixth schema replaced, without what came in its place.
const BACK_TO_THE_FIFTH: [&str; 6] = [
    "DROP TABLE outbox",
    "ALTER TABLE account DROP COLUMN next_delivery",
    "DROP TABLE record_tag",
    "DROP TABLE record",
    "CREATE TABLE document (
         account_id BLOB NOT NULL REFERENCES account, kind INTEGER NOT NULL, name TEXT NOT NULL,
         version INTEGER NOT NULL, written_at INTEGER NOT NULL, expires_at INTEGER, sealed BLOB NOT NULL,
         PRIMARY KEY (account_id, kind, name)) STRICT",
    "DELETE FROM _sqlx_migrations WHERE version > 5",
];

/// Documents of the fifth schema, as the program of that time left them.
#[tokio::test]
async fn documents_of_the_fifth_schema_become_records() {
    let backend = fresh();
    backend.open().await.close().await;
    let mut burglar = backend.burglar().await;
    for statement in BACK_TO_THE_SIXTH.into_iter().chain(BACK_TO_THE_FIFTH).chain(former::DOCUMENTS) {
        sqlx::query(statement).execute(&mut burglar).await.unwrap();
    }
    burglar.close().await.unwrap();
    former::keep_hour_key(&backend.path().with_file_name("keys"));
    let store = backend.open().await;
    former::documents_are_records(store.clone()).await;
    store.check_integrity().await.unwrap();
    store.close().await;
    // Opened once more, it is as it was left.
    backend.open().await;
}

#[tokio::test]
async fn the_schema_is_listed() {
    let backend = fresh();
    backend.open().await.close().await;
    let mut burglar = backend.burglar().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut burglar)
    .await
    .unwrap();
    let mut found = Vec::new();
    for name in tables {
        let columns: Vec<(String, i64)> = sqlx::query_as("SELECT name, pk FROM pragma_table_info(?1)")
            .bind(&name)
            .fetch_all(&mut burglar)
            .await
            .unwrap();
        let refers_to: Vec<String> = sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_list(?1)")
            .bind(&name)
            .fetch_all(&mut burglar)
            .await
            .unwrap();
        let key = columns.iter().filter(|(_, place)| *place > 0).map(|(name, _)| name.clone()).collect();
        let columns = columns.into_iter().map(|(name, _)| name).collect();
        found.push(Found { name, columns, key, refers_to: refers_to.into_iter().collect() });
    }
    is_listed(found, true);
}

/// Data that the first schema holds, as the program of that time left it.
#[tokio::test]
async fn data_of_the_first_schema_is_taken_over() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let family = group("family");
    let number = scene.create(&family).await.container.unwrap();
    let person = scene.create_person(&family).await;
    let face = scene.face();
    scene.write(add_face(&family, Some(person), face.clone())).await.unwrap();
    scene.store.close().await;
    let mut burglar = backend.burglar().await;
    for statement in BACK_TO_THE_SIXTH.into_iter().chain(BACK_TO_THE_THIRD).chain([
        "DROP TABLE command_note",
        "ALTER TABLE installation DROP COLUMN access_version",
        "DROP TABLE snapshot_offer",
        "DROP TABLE snapshot_scope",
        "DROP TABLE snapshot",
        "DROP TABLE operation",
        "DROP TABLE membership",
        "ALTER TABLE face DROP COLUMN model",
        "DELETE FROM _sqlx_migrations WHERE version > 1",
    ]) {
        sqlx::query(statement).execute(&mut burglar).await.unwrap();
    }
    burglar.close().await.unwrap();

    let scene = Scene::visit(backend.open().await, 1);
    let rows = scene.store.rows_after(scene.account, number, FaceNumber(0), 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].template.expose()), (1, face.template.expose()));
    scene.take(&family, &[scene.account]).await;
    scene.store.check_integrity().await.unwrap();
}

#[tokio::test]
async fn a_migration_that_fails_halfway_leaves_nothing_of_itself() {
    let backend = fresh();
    Scene::new(&backend).await.store.close().await;
    let mut burglar = backend.burglar().await;
    for statement in BACK_TO_THE_SIXTH.into_iter().chain(BACK_TO_THE_THIRD).chain([
        "DROP TABLE command_note",
        "ALTER TABLE installation DROP COLUMN access_version",
        "DELETE FROM _sqlx_migrations WHERE version > 2",
        // In the way of the second statement of the third migration.
        "CREATE INDEX command_note_at ON account (created_at)",
    ]) {
        sqlx::query(statement).execute(&mut burglar).await.unwrap();
    }
    assert_refused!(open_with(&backend.path(), 1).await, StoreError::Backend(_));
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'command_note'";
    let half: i64 = sqlx::query_scalar(tables).fetch_one(&mut burglar).await.unwrap();
    assert_eq!(half, 0, "half a migration stayed");
    sqlx::query("DROP INDEX command_note_at").execute(&mut burglar).await.unwrap();
    burglar.close().await.unwrap();
    Scene::visit(backend.open().await, 1).create(&group("family")).await;
}

#[tokio::test]
async fn an_altered_schema_is_damage() {
    let backend = fresh();
    Scene::new(&backend).await.store.close().await;
    let mut burglar = backend.burglar().await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut burglar).await.unwrap();
    burglar.close().await.unwrap();
    assert_refused!(open_with(&backend.path(), 1).await, StoreError::Damaged { .. });
}

#[tokio::test]
async fn a_missing_key_check_is_damage_once_there_is_data() {
    let backend = fresh();
    Scene::new(&backend).await.store.close().await;
    let mut burglar = backend.burglar().await;
    sqlx::query("DELETE FROM installation").execute(&mut burglar).await.unwrap();
    burglar.close().await.unwrap();
    assert_refused!(open_with(&backend.path(), 2).await, StoreError::Damaged { .. });
}

#[tokio::test]
async fn the_settings_are_in_force() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let mut burglar = backend.burglar().await;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut burglar).await.unwrap();
    let page: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut burglar).await.unwrap();
    assert_eq!((journal.as_str(), page), ("wal", 8192));
    let loose: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0
                            AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'",
    )
    .fetch_all(&mut burglar)
    .await
    .unwrap();
    assert_eq!(loose, [""; 0], "every table is STRICT");
    drop(scene);
}

/// Isolation must be visible in every key: all begin with the account but those by which an account is found.
#[tokio::test]
async fn the_account_leads_every_key() {
    let backend = fresh();
    let _scene = Scene::new(&backend).await;
    let mut burglar = backend.burglar().await;
    let keys: Vec<(String, String)> = sqlx::query_as(
        "SELECT il.name, ii.name
         FROM pragma_table_list t, pragma_index_list(t.name) il, pragma_index_info(il.name) ii
         WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx_%' AND ii.seqno = 0",
    )
    .fetch_all(&mut burglar)
    .await
    .unwrap();
    assert!(keys.len() >= 15, "{keys:?}");
    for (index, first) in keys {
        let finds_accounts =
            ["account_key_lookup", "account_resource", "account_subdomain", "account_access", "data_key_provider"];
        if !finds_accounts.contains(&index.as_str()) {
            assert_eq!(first, "account_id", "{index}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    scene.create(&list("faces")).await;
    let mut seen = 0;
    for entry in std::fs::read_dir(backend.path().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        seen += 1;
    }
    assert_eq!(seen, 3, "database, log and its index");
}

/// The command line beside a running server.
#[tokio::test]
async fn two_programs_share_a_database() {
    let backend = fresh();
    let server = Scene::new(&backend).await;
    server.create(&list("one")).await;
    let command_line = Scene::visit(backend.open().await, 1);
    command_line.create(&list("two")).await;
    server.add_face(&list("two"), None).await;
    command_line.add_face(&list("two"), None).await;
    assert_eq!(server.container(&list("two")).await.faces, 2);
    let rows = server.store.audit(server.account, 0, 100).await.unwrap();
    crate::scene::chain(&*server.store, &rows).unwrap();
    assert_eq!(rows.len(), 5);
}

/// A lock of another program is waited out; it is not an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_program_is_waited_out() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let mut other = backend.burglar().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = async {
        scene.create(&list("faces")).await;
    };
    let release = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(scene.store.container(scene.account, &list("faces")).await.unwrap().is_none(), "readers do not wait");
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    };
    tokio::join!(waiting, release);
    assert_eq!(scene.container(&list("faces")).await.version, 1);
}
