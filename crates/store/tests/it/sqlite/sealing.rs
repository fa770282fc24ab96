//! Whoever holds the files reads no personal text in them, and a sealed record that they move elsewhere does not open.

use likeness_base::Timestamp;
use likeness_store::{
    AccountWrite, ContainerKind, ContainerName, ContainerWrite, DirectoryWrite, FaceIdWrite, FaceWrite, KeySlot,
    NewFace, NewRecord, PageStart, PersonWrite, RecordKind, RecordWrite, SnapshotWrite, StoreError, Write,
};
use sqlx::Connection;
use uuid::Uuid;

use super::{SqliteBackend, contains, fresh};
use crate::scene::{Backend, HOUR_MILLIS, Scene, group, list, text};

const PAGE: fn() -> PageStart = || PageStart { after: String::new(), top: 100 };

#[tokio::test]
async fn nothing_personal_is_in_the_files_in_clear() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let container = group("visible-wire-id");
    let person = scene.id();
    let face = NewFace { user_data: Some(text("Face-Remark-5")), ..scene.face() };
    let detected = scene.detected(HOUR_MILLIS);
    let enrolled = scene.face();
    let templates = [face.template.clone(), detected.template.clone(), enrolled.template.clone()];
    let writes: [Write; _] = [
        AccountWrite::SetKey { slot: KeySlot::Key1, value: text("Account-Key-0"), lookup: [1; 32] }.into(),
        ContainerWrite::Create {
            container: container.clone(),
            name: text("Container-Name-1"),
            user_data: Some(text("Container-Remark-2")),
            model: "recognition_04".into(),
            limit: None,
        }
        .into(),
        PersonWrite::Create {
            container: container.clone(),
            person,
            name: text("Person-Name-3"),
            user_data: Some(text("Person-Remark-4")),
            limit: None,
            account_limit: None,
        }
        .into(),
        FaceWrite::Add { container: container.clone(), person: Some(person), face, limit: None }.into(),
        FaceIdWrite::Keep { faces: vec![detected] }.into(),
        PersonWrite::Create {
            container: ContainerName::directory(),
            person,
            name: text("Directory-Name-6"),
            user_data: Some(text("Directory-Remark-7")),
            limit: None,
            account_limit: None,
        }
        .into(),
        DirectoryWrite::AddFace { person, model: "recognition_04".into(), face: enrolled, limit: None }.into(),
        DirectoryWrite::CreateGroup {
            id: "staff".into(),
            name: text("Dynamic-Name-8"),
            user_data: Some(text("Dynamic-Remark-9")),
            add: vec![person],
        }
        .into(),
        SnapshotWrite::Take {
            limit: None,
            offers: None,
            snapshot: scene.id(),
            source: container.clone(),
            scope: vec![scene.account],
            user_data: Some(text("Snapshot-Remark-10")),
            expires_at: Timestamp::from_millis(scene.now().as_millis() + HOUR_MILLIS),
        }
        .into(),
    ];
    for write in writes {
        scene.write(write).await.unwrap();
    }
    let check = |bytes: &[u8]| {
        assert!(contains(bytes, b"visible-wire-id"), "the search would find what is there");
        for secret in [
            "Account-Key-0",
            "Container-Name-1",
            "Container-Remark-2",
            "Person-Name-3",
            "Person-Remark-4",
            "Face-Remark-5",
            "Directory-Name-6",
            "Directory-Remark-7",
            "Dynamic-Name-8",
            "Dynamic-Remark-9",
            "Snapshot-Remark-10",
        ] {
            assert!(!contains(bytes, secret.as_bytes()), "{secret}");
        }
        for template in &templates {
            for piece in template.expose().chunks_exact(16) {
                assert!(!contains(bytes, piece), "a piece of a template");
            }
        }
    };
    check(&backend.raw_bytes());
    scene.store.close().await;
    check(&backend.raw_bytes());
}

/// Somebody with the file in hand moves a sealed record to where it would be of use to them.
#[tokio::test]
async fn a_moved_record_does_not_open() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let bob = scene.neighbour(2).await;
    let (family, others, faces) = (group("family"), group("others"), list("faces"));
    for scene in [&scene, &bob] {
        for container in [&family, &others, &faces] {
            let write = ContainerWrite::Create {
                container: container.clone(),
                name: text("a name"),
                user_data: Some(text("a remark")),
                model: "recognition_04".into(),
                limit: None,
            };
            scene.write(write).await.unwrap();
        }
        for container in [&family, &family, &others] {
            let person = scene.id();
            let write = PersonWrite::Create {
                container: container.clone(),
                person,
                name: text("a name"),
                user_data: Some(text("a remark")),
                limit: None,
                account_limit: None,
            };
            scene.write(write).await.unwrap();
            for _ in 0..2 {
                let face = NewFace { user_data: Some(text("a remark")), ..scene.face() };
                let write = FaceWrite::Add { container: container.clone(), person: Some(person), face, limit: None };
                scene.write(write).await.unwrap();
            }
        }
        let marked = NewFace { space: "space b".into(), ..scene.face() };
        scene.write(crate::scene::add_face(&faces, None, marked)).await.unwrap();
        let enrolled = scene.enrol().await;
        for model in ["model a", "model b"] {
            scene.add_directory_face(enrolled, model).await;
        }
        for source in [&family, &others] {
            scene.take(source, &[scene.account]).await;
        }
        let record = |kind, id: &str| NewRecord::new(kind, id, b"a value".to_vec().into());
        let ends = Timestamp::from_millis(scene.now().as_millis() + HOUR_MILLIS);
        let persons = scene.store.persons(scene.account, &family, &PAGE()).await.unwrap();
        let first = persons.iter().min_by_key(|person| person.number).unwrap().id;
        for record in [
            record(RecordKind::Specimen, "a").until(ends),
            record(RecordKind::Specimen, "b").until(ends),
            record(RecordKind::SpecimenOfPerson, "a").about(family.clone(), first),
            record(RecordKind::RevokedToken, "a"),
        ] {
            scene.write(RecordWrite::Put(record)).await.unwrap();
        }
        let detected = vec![scene.detected(HOUR_MILLIS), scene.detected(2 * HOUR_MILLIS)];
        scene.write(FaceIdWrite::Keep { faces: detected }).await.unwrap();
    }
    let set = |slot, value: &str, lookup| AccountWrite::SetKey { slot, value: text(value), lookup: [lookup; 32] };
    scene.write(set(KeySlot::Key1, "first key", 1)).await.unwrap();
    scene.write(set(KeySlot::Key2, "second key", 2)).await.unwrap();
    bob.write(set(KeySlot::Key1, "third key", 3)).await.unwrap();
    let face_ids = face_ids(&backend, &scene).await;
    everything_opens(&scene, &face_ids).await.unwrap();
    scene.store.close().await;
    let untouched = std::fs::read(backend.path()).unwrap();

    let cases = [
        (
            "face to another row",
            "UPDATE face SET sealed_template = (SELECT sealed_template FROM face
            WHERE account_id = ?1 AND container = 1 AND seq = 2) WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "face to another container",
            "UPDATE face SET sealed_template = (SELECT sealed_template FROM face
            WHERE account_id = ?1 AND container = 2 AND seq = 1) WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "face from another account",
            "UPDATE face SET sealed_template = (SELECT sealed_template FROM face
            WHERE account_id = ?2 AND container = 1 AND seq = 1) WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        ("face to another person", "UPDATE face SET person = 2 WHERE account_id = ?1 AND container = 1 AND seq = 1"),
        (
            "face to another wire id",
            "UPDATE face SET face_id = x'00112233445566778899aabbccddeeff'
            WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "face to another space",
            "UPDATE face SET space = (SELECT number FROM label WHERE account_id = ?1
            AND word = 'space b') WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "template in place of user data",
            "UPDATE face SET sealed_user_data = sealed_template
            WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "face user data to another row",
            "UPDATE face SET sealed_user_data = (SELECT sealed_user_data FROM face
            WHERE account_id = ?1 AND container = 1 AND seq = 2) WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "name in place of user data",
            "UPDATE person SET sealed_user_data = sealed_name
            WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "name to another person",
            "UPDATE person SET sealed_name = (SELECT sealed_name FROM person
            WHERE account_id = ?1 AND container = 1 AND seq = 2) WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "name from another account",
            "UPDATE person SET sealed_name = (SELECT sealed_name FROM person
            WHERE account_id = ?2 AND container = 1 AND seq = 1) WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "person to another wire id",
            "UPDATE person SET person_id = x'00112233445566778899aabbccddeeff'
            WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        (
            "container text to another container",
            "UPDATE container_text SET sealed_name = (SELECT sealed_name
            FROM container_text WHERE account_id = ?1 AND number = 2) WHERE account_id = ?1 AND number = 1",
        ),
        (
            "container to another wire id",
            "UPDATE container SET wire_id = 'family2' WHERE account_id = ?1 AND number = 1",
        ),
        ("faceId prolonged", "UPDATE face_id SET expires_at = expires_at + 1 WHERE account_id = ?1"),
        ("faceId to another model", "UPDATE face_id SET model = space WHERE account_id = ?1"),
        (
            "faceId from another account",
            "UPDATE face_id SET sealed_template = (SELECT sealed_template FROM face_id
            WHERE account_id = ?2 LIMIT 1) WHERE account_id = ?1",
        ),
        (
            "account keys swapped",
            "UPDATE account_key SET sealed = (SELECT sealed FROM account_key
            WHERE account_id = ?1 AND slot = 2) WHERE account_id = ?1 AND slot = 1",
        ),
        (
            "account key under another digest",
            "UPDATE account_key SET lookup = x'99' WHERE account_id = ?1 AND slot = 1",
        ),
        (
            "account key from another account",
            "UPDATE account_key SET sealed = (SELECT sealed FROM account_key
            WHERE account_id = ?2) WHERE account_id = ?1 AND slot = 1",
        ),
        (
            "data key from another account",
            "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key
            WHERE account_id = ?2) WHERE account_id = ?1",
        ),
        (
            "face of the directory to another model",
            "UPDATE face SET model = (SELECT number FROM label WHERE account_id = ?1 AND word = 'model b')
            WHERE account_id = ?1 AND model = (SELECT number FROM label WHERE account_id = ?1 AND word = 'model a')",
        ),
        (
            "face of the directory without its model",
            "UPDATE face SET model = NULL WHERE account_id = ?1",
        ),
        (
            "face of a snapshot into its source",
            "UPDATE face SET sealed_template = (SELECT f.sealed_template FROM face f, snapshot s
            WHERE s.account_id = ?1 AND f.account_id = ?1 AND f.container = s.container AND f.seq = 1 LIMIT 1)
            WHERE account_id = ?1 AND container = 1 AND seq = 1",
        ),
        ("snapshot prolonged", "UPDATE snapshot SET expires_at = expires_at + 1 WHERE account_id = ?1"),
        (
            "remark of another snapshot",
            "UPDATE snapshot SET sealed_user_data = (SELECT o.sealed_user_data FROM snapshot o
            WHERE o.account_id = ?1 AND o.container <> snapshot.container) WHERE account_id = ?1",
        ),
        (
            "snapshot from another account",
            "UPDATE snapshot SET sealed_user_data = (SELECT sealed_user_data FROM snapshot WHERE account_id = ?2 LIMIT 1)
            WHERE account_id = ?1",
        ),
        ("data key renumbered", "UPDATE data_key SET key_id = 2 WHERE account_id = ?1"),
        ("record under another id", "UPDATE record SET id = 'c' WHERE account_id = ?1 AND kind = 250 AND id = 'a'"),
        (
            "value of another record",
            "UPDATE record SET sealed = (SELECT sealed FROM record WHERE account_id = ?1 AND kind = 250 AND id = 'b')
            WHERE account_id = ?1 AND kind = 250 AND id = 'a'",
        ),
        ("record of another version", "UPDATE record SET version = 2 WHERE account_id = ?1 AND kind = 250"),
        ("record prolonged", "UPDATE record SET expires_at = expires_at + 1 WHERE account_id = ?1 AND kind = 250"),
        (
            "record made to stay",
            "UPDATE record SET expires_at = NULL WHERE account_id = ?1 AND kind = 250",
        ),
        (
            "record of another person",
            "UPDATE record SET person = 2 WHERE account_id = ?1 AND kind = 251",
        ),
        (
            "record of another kind",
            "UPDATE record SET kind = 252, container = NULL, person = NULL WHERE account_id = ?1 AND kind = 251",
        ),
        (
            "record from another account",
            "UPDATE record SET sealed = (SELECT sealed FROM record WHERE account_id = ?2 AND kind = 250 AND id = 'a')
            WHERE account_id = ?1 AND kind = 250 AND id = 'a'",
        ),
        ("revoked token under another id", "UPDATE record SET id = 'c' WHERE account_id = ?1 AND kind = 3"),
    ];
    for (name, statement) in cases {
        std::fs::write(backend.path(), &untouched).unwrap();
        let mut burglar = backend.burglar().await;
        let moved = sqlx::query(statement)
            .bind(scene.account.0.as_bytes().as_slice())
            .bind(bob.account.0.as_bytes().as_slice())
            .execute(&mut burglar)
            .await
            .unwrap();
        assert!(moved.rows_affected() > 0, "{name}: nothing was moved");
        burglar.close().await.unwrap();

        let visited = Scene::visit(backend.open().await, 1);
        let result = everything_opens(&visited, &face_ids).await;
        assert!(matches!(result, Err(StoreError::Damaged { .. })), "{name}: {result:?}");
        visited.store.close().await;
    }
}

/// Reads everything that is sealed in the account, by every query that unseals.
async fn everything_opens(scene: &Scene, face_ids: &[Uuid]) -> Result<(), StoreError> {
    let (store, account) = (&scene.store, scene.account);
    store.keys(account).await?;
    // The copy in a snapshot is opened by applying it and by nothing else.
    let kinds = likeness_store::ContainerKind::ALL.into_iter().filter(|kind| *kind != ContainerKind::Snapshot);
    for kind in kinds {
        for container in store.containers(account, kind, &PAGE()).await? {
            let name = &container.name_on_wire;
            store.container(account, name).await?;
            for person in store.persons(account, name, &PAGE()).await? {
                store.person(account, name, person.id).await?;
                store.templates_of_person(account, name, person.id).await?;
            }
            for face in store.faces(account, name, &PAGE()).await? {
                store.face(account, name, face.person, face.id).await?;
                store.rows(account, container.number, &[face.number]).await?;
            }
            store.rows_after(account, container.number, likeness_store::FaceNumber(0), 100).await?;
        }
    }
    store.face_ids(account, face_ids, scene.now()).await?;
    for kind in RecordKind::ALL {
        store.records(account, kind, &PAGE(), scene.now()).await?;
    }
    store.snapshots(account, &PageStart::everything(), scene.now()).await?;
    Ok(())
}

/// The ids of all detected faces of the account, taken from the file.
async fn face_ids(backend: &SqliteBackend, scene: &Scene) -> Vec<Uuid> {
    let mut burglar = backend.burglar().await;
    let ids: Vec<Vec<u8>> = sqlx::query_scalar("SELECT face_id FROM face_id WHERE account_id = ?1")
        .bind(scene.account.0.as_bytes().as_slice())
        .fetch_all(&mut burglar)
        .await
        .unwrap();
    burglar.close().await.unwrap();
    assert_eq!(ids.len(), 2);
    ids.iter().map(|id| Uuid::from_slice(id).unwrap()).collect()
}
