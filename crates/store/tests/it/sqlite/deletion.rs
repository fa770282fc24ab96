//! Deletion means deletion: the sealed bytes of a record are read from the database, found in its files, and
//! after the delete found in none.

use likeness_store::{
    AccountWrite, ContainerKind, ContainerName, ContainerWrite, DirectoryWrite, ExpireDue, FaceIdWrite, FaceWrite,
    KeySlot, NewFace, NewRecord, PersonWrite, RecordKind, RecordWrite, SnapshotWrite, Write,
};
use sqlx::Connection;

use super::{SqliteBackend, contains, fresh};
use crate::scene::{
    Backend, HOUR_MILLIS, Scene, add_directory_face, create, create_person, delete, delete_face, delete_person, group,
    list, name, text,
};

/// The sealed values that a statement selects from the account.
async fn sealed(backend: &SqliteBackend, scene: &Scene, statement: &'static str) -> Vec<Vec<u8>> {
    let mut burglar = backend.burglar().await;
    let values: Vec<Vec<u8>> = sqlx::query_scalar(statement)
        .bind(scene.account.0.as_bytes().as_slice())
        .fetch_all(&mut burglar)
        .await
        .unwrap();
    burglar.close().await.unwrap();
    assert!(!values.is_empty(), "{statement}");
    values
}

/// How many of the values are in the files, whole or in part: a long value is spread over pages, so pieces of
/// it are looked for.
fn found(backend: &SqliteBackend, values: &[Vec<u8>]) -> usize {
    let bytes = backend.raw_bytes();
    let is_there = |value: &&Vec<u8>| {
        let pieces = value[5..].chunks_exact(24);
        let step = (pieces.len() / 12).max(1);
        pieces.step_by(step).any(|piece| contains(&bytes, piece))
    };
    values.iter().filter(is_there).count()
}

/// A family of two with three faces each and remarks on everything, a list of faces and some faceIds.
struct House {
    backend: SqliteBackend,
    scene: Scene,
    family: ContainerName,
    faces: ContainerName,
    ada: uuid::Uuid,
    ada_face: uuid::Uuid,
    listed: uuid::Uuid,
    /// A person of the directory with two faces, in a dynamic group.
    enrolled: uuid::Uuid,
    enrolled_face: uuid::Uuid,
    /// Of the family and of the list.
    snapshots: [uuid::Uuid; 2],
}

async fn house() -> House {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let (family, faces) = (group("family"), list("faces"));
    for container in [&family, &faces] {
        scene.create(container).await;
        let user_data = Some(text("a remark on a container"));
        scene.write(ContainerWrite::Update { container: container.clone(), name: None, user_data }).await.unwrap();
    }
    let face = || NewFace { user_data: Some(text("a remark on a face")), ..scene.face() };
    let mut people = Vec::new();
    for _ in 0..2 {
        let person = scene.id();
        scene.write(create_person(&family, person)).await.unwrap();
        let user_data = Some(text("a remark on a person"));
        let update = PersonWrite::Update { container: family.clone(), person, name: None, user_data };
        scene.write(update).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            let face = face();
            ids.push(face.id);
            scene.write(crate::scene::add_face(&family, Some(person), face)).await.unwrap();
        }
        people.push((person, ids));
    }
    // Long enough to fill pages of its own.
    let listed = NewFace { template: [7_u8; 20_000].to_vec().into(), ..face() };
    let listed_id = listed.id;
    scene.write(crate::scene::add_face(&faces, None, listed)).await.unwrap();
    scene
        .write(AccountWrite::SetKey { slot: KeySlot::Key1, value: text("an account key"), lookup: [1; 32] })
        .await
        .unwrap();
    let detected = (1..=4).map(|hours| scene.detected(hours * HOUR_MILLIS)).collect();
    scene.write(FaceIdWrite::Keep { faces: detected }).await.unwrap();
    let enrolled = scene.enrol().await;
    let enrolled_faces = [NewFace { template: [8_u8; 20_000].to_vec().into(), ..face() }, face()];
    let enrolled_face = enrolled_faces[0].id;
    for face in enrolled_faces {
        scene.write(add_directory_face(enrolled, "model a", face)).await.unwrap();
    }
    scene
        .write(DirectoryWrite::CreateGroup {
            id: "staff".into(),
            name: text("the name of a group"),
            user_data: Some(text("a remark on a group")),
            add: vec![enrolled],
        })
        .await
        .unwrap();
    for name in ["a", "b"] {
        let record = NewRecord::new(RecordKind::RevokedToken, name, vec![9; 20_000].into());
        scene.write(RecordWrite::Put(record)).await.unwrap();
    }
    let record = NewRecord::new(RecordKind::SpecimenOfPerson, "of a person", vec![7; 20_000].into());
    let record = record.about(family.clone(), people[0].0).tagged("subject", "somebody");
    scene.write(RecordWrite::Put(record)).await.unwrap();
    // Its time has come already; until the order is given nothing happens.
    scene.write(AccountWrite::Close { ends_at: scene.now() }).await.unwrap();
    let snapshots = [scene.take(&family, &[scene.account]).await, scene.take(&faces, &[scene.account]).await];
    let (ada, ada_faces) = people.swap_remove(0);
    House {
        backend,
        family,
        faces,
        ada,
        ada_face: ada_faces[0],
        listed: listed_id,
        enrolled,
        enrolled_face,
        snapshots,
        scene,
    }
}

#[tokio::test]
async fn deleted_bytes_are_in_no_file() {
    type Delete = fn(&House) -> Write;
    struct Case {
        name: &'static str,
        goes: &'static str,
        how_many: usize,
        stays: &'static str,
        delete: Delete,
    }
    let cases = [
        Case {
            name: "face of a person",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 1 AND seq = 1
                   UNION ALL SELECT sealed_user_data FROM face WHERE account_id = ?1 AND container = 1 AND seq = 1",
            how_many: 2,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND (container <> 1 OR seq > 1)",
            delete: |house| delete_face(&house.family, Some(house.ada), house.ada_face),
        },
        Case {
            name: "face of a list",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 2",
            how_many: 1,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 1",
            delete: |house| delete_face(&house.faces, None, house.listed),
        },
        Case {
            name: "person",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 1 AND person = 1
                   UNION ALL SELECT sealed_name FROM person WHERE account_id = ?1 AND container = 1 AND seq = 1
                   UNION ALL SELECT sealed_user_data FROM person
                   WHERE account_id = ?1 AND container = 1 AND seq = 1",
            how_many: 5,
            stays: "SELECT sealed_template FROM face
                    WHERE account_id = ?1 AND NOT (container = 1 AND person = 1)
                    UNION ALL SELECT sealed_name FROM person WHERE account_id = ?1 AND seq = 2",
            delete: |house| delete_person(&house.family, house.ada),
        },
        Case {
            name: "group",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 1
                   UNION ALL SELECT sealed_name FROM person WHERE account_id = ?1 AND container = 1
                   UNION ALL SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number = 1
                   UNION ALL SELECT sealed_user_data FROM container_text WHERE account_id = ?1 AND number = 1",
            how_many: 10,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 2",
            delete: |house| delete(&house.family),
        },
        Case {
            name: "list",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 2
                   UNION ALL SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number = 2",
            how_many: 2,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 1",
            delete: |house| delete(&house.faces),
        },
        Case {
            name: "account, the first part: its key",
            goes: "SELECT wrapped FROM data_key WHERE account_id = ?1",
            how_many: 1,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1",
            delete: |_| AccountWrite::Destroy { limit: 1_000 }.into(),
        },
        Case {
            name: "record",
            goes: "SELECT sealed FROM record WHERE account_id = ?1 AND id = 'a'",
            how_many: 1,
            stays: "SELECT sealed FROM record WHERE account_id = ?1 AND id = 'b'",
            delete: |_| RecordWrite::Delete { kind: RecordKind::RevokedToken, id: "a".into() }.into(),
        },
        Case {
            name: "record used up",
            goes: "SELECT sealed FROM record WHERE account_id = ?1 AND id = 'a'",
            how_many: 1,
            stays: "SELECT sealed FROM record WHERE account_id = ?1 AND id = 'b'",
            delete: |_| {
                let take = RecordWrite::Take { kind: RecordKind::RevokedToken, id: "a".into(), version: 1 };
                Write::Accompanied {
                    records: vec![take],
                    deliveries: Vec::new(),
                    write: Box::new(create(&list("of its effect"))),
                }
            },
        },
        Case {
            name: "record replaced",
            goes: "SELECT sealed FROM record WHERE account_id = ?1 AND id = 'a'",
            how_many: 1,
            stays: "SELECT sealed FROM record WHERE account_id = ?1 AND id = 'b'",
            delete: |_| RecordWrite::Put(NewRecord::new(RecordKind::RevokedToken, "a", vec![8; 20_000].into())).into(),
        },
        Case {
            name: "person with a record",
            goes: "SELECT sealed FROM record WHERE account_id = ?1 AND person IS NOT NULL",
            how_many: 1,
            stays: "SELECT sealed FROM record WHERE account_id = ?1 AND person IS NULL",
            delete: |house| delete_person(&house.family, house.ada),
        },
        Case {
            name: "expired faceIds",
            goes: "SELECT sealed_template FROM face_id WHERE account_id = ?1 ORDER BY expires_at LIMIT 2",
            how_many: 2,
            stays: "SELECT sealed_template FROM face_id WHERE account_id = ?1 ORDER BY expires_at DESC LIMIT 2",
            delete: |house| {
                house.scene.wait_millis(2 * HOUR_MILLIS);
                ExpireDue { limit: 100, ..ExpireDue::default() }.into()
            },
        },
        Case {
            name: "face of the directory",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 3 AND seq = 1
                   UNION ALL SELECT sealed_user_data FROM face WHERE account_id = ?1 AND container = 3 AND seq = 1",
            how_many: 2,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND (container <> 3 OR seq = 2)",
            delete: |house| delete_face(&ContainerName::directory(), Some(house.enrolled), house.enrolled_face),
        },
        Case {
            name: "person of the directory",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 3
                   UNION ALL SELECT sealed_name FROM person WHERE account_id = ?1 AND container = 3",
            how_many: 3,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container <> 3
                    UNION ALL SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number = 4",
            delete: |house| delete_person(&ContainerName::directory(), house.enrolled),
        },
        Case {
            name: "dynamic group",
            goes: "SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number = 4
                   UNION ALL SELECT sealed_user_data FROM container_text WHERE account_id = ?1 AND number = 4",
            how_many: 2,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 3",
            delete: |_| delete(&name(ContainerKind::DynamicPersonGroup, "staff")),
        },
        Case {
            name: "snapshot",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 5
                   UNION ALL SELECT sealed_user_data FROM face WHERE account_id = ?1 AND container = 5
                   UNION ALL SELECT sealed_name FROM person WHERE account_id = ?1 AND container = 5
                   UNION ALL SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number = 5
                   UNION ALL SELECT sealed_user_data FROM snapshot WHERE account_id = ?1 AND container = 5",
            how_many: 16,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container <> 5
                    UNION ALL SELECT sealed_user_data FROM snapshot WHERE account_id = ?1 AND container = 6",
            delete: |house| SnapshotWrite::Delete { snapshot: house.snapshots[0] }.into(),
        },
        Case {
            name: "expired snapshots",
            goes: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container IN (5, 6)
                   UNION ALL SELECT sealed_user_data FROM face WHERE account_id = ?1 AND container IN (5, 6)
                   UNION ALL SELECT sealed_name FROM person WHERE account_id = ?1 AND container IN (5, 6)
                   UNION ALL SELECT sealed_user_data FROM person WHERE account_id = ?1 AND container IN (5, 6)
                   UNION ALL SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number IN (5, 6)
                   UNION ALL SELECT sealed_user_data FROM snapshot WHERE account_id = ?1",
            how_many: 22,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1 AND container < 5",
            delete: |house| {
                house.scene.wait_millis(2 * HOUR_MILLIS);
                ExpireDue { limit: 100, ..ExpireDue::default() }.into()
            },
        },
        Case {
            name: "replaced remark of a snapshot",
            goes: "SELECT sealed_user_data FROM snapshot WHERE account_id = ?1 AND container = 5",
            how_many: 1,
            stays: "SELECT sealed_user_data FROM snapshot WHERE account_id = ?1 AND container = 6",
            delete: |house| {
                SnapshotWrite::Update {
                    offers: None,
                    snapshot: house.snapshots[0],
                    scope: None,
                    user_data: Some(text("new")),
                }
                .into()
            },
        },
        Case {
            name: "replaced user data of a face",
            goes: "SELECT sealed_user_data FROM face WHERE account_id = ?1 AND container = 2",
            how_many: 1,
            stays: "SELECT sealed_template FROM face WHERE account_id = ?1",
            delete: |house| {
                FaceWrite::Update {
                    container: house.faces.clone(),
                    person: None,
                    face: house.listed,
                    user_data: Some(text("new")),
                }
                .into()
            },
        },
        Case {
            name: "replaced name of a person",
            goes: "SELECT sealed_name FROM person WHERE account_id = ?1 AND container = 1 AND seq = 1",
            how_many: 1,
            stays: "SELECT sealed_user_data FROM person WHERE account_id = ?1 AND container = 1",
            delete: |house| {
                PersonWrite::Update {
                    container: house.family.clone(),
                    person: house.ada,
                    name: Some(text("new")),
                    user_data: None,
                }
                .into()
            },
        },
        Case {
            name: "replaced name of a container",
            goes: "SELECT sealed_name FROM container_text WHERE account_id = ?1 AND number = 1",
            how_many: 1,
            stays: "SELECT sealed_user_data FROM container_text WHERE account_id = ?1 AND number <= 2",
            delete: |house| {
                ContainerWrite::Update { container: house.family.clone(), name: Some(text("new")), user_data: None }
                    .into()
            },
        },
        Case {
            name: "replaced account key",
            goes: "SELECT sealed FROM account_key WHERE account_id = ?1",
            how_many: 1,
            stays: "SELECT wrapped FROM data_key WHERE account_id = ?1",
            delete: |_| {
                AccountWrite::SetKey { slot: KeySlot::Key1, value: text("another key"), lookup: [2; 32] }.into()
            },
        },
    ];
    for case in cases {
        let house = house().await;
        let goes = sealed(&house.backend, &house.scene, case.goes).await;
        let stays = sealed(&house.backend, &house.scene, case.stays).await;
        assert_eq!(goes.len(), case.how_many, "{}", case.name);
        assert_eq!(found(&house.backend, &goes), goes.len(), "{}: not found before", case.name);
        house.scene.write((case.delete)(&house)).await.unwrap();
        assert_eq!(found(&house.backend, &goes), 0, "{}: still in a file", case.name);
        assert_eq!(found(&house.backend, &stays), stays.len(), "{}: too much went", case.name);
        // Closing folds everything into one file once more; nothing may come back from anywhere.
        house.scene.store.close().await;
        assert_eq!(found(&house.backend, &goes), 0, "{}: came back", case.name);
    }
}

/// What goes in parts is all gone when the call returns.
#[tokio::test]
async fn bytes_of_large_containers_are_in_no_file() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let faces = list("faces");
    scene.create(&faces).await;
    for _ in 0..1_200 {
        scene.add_face(&faces, None).await;
    }
    let snapshot = scene.take(&faces, &[]).await;
    let some_of = "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 1 AND seq % 400 = 0";
    let some_of_copy = "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 2 AND seq % 400 = 0";
    let deletes: [(_, Write); 2] =
        [(some_of_copy, SnapshotWrite::Delete { snapshot }.into()), (some_of, delete(&faces))];
    for (some, write) in deletes {
        let goes = sealed(&backend, &scene, some).await;
        assert_eq!((goes.len(), found(&backend, &goes)), (3, 3));
        assert_eq!(scene.write(write).await.unwrap().removed, 1_201);
        assert_eq!(found(&backend, &goes), 0, "{some}");
    }
}

/// A reader on an old snapshot holds the log; the promise is kept as soon as it lets go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_reader_delays_the_promise_and_no_more() {
    let house = house().await;
    let goes = sealed(
        &house.backend,
        &house.scene,
        "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 2",
    )
    .await;
    let mut reader = house.backend.burglar().await;
    let mut snapshot = reader.begin().await.unwrap();
    let _: i64 = sqlx::query_scalar("SELECT count(*) FROM face").fetch_one(&mut *snapshot).await.unwrap();

    house.scene.write(delete_face(&house.faces, None, house.listed)).await.unwrap();
    assert!(house.scene.store.face(house.scene.account, &house.faces, None, house.listed).await.unwrap().is_none());
    assert_eq!(found(&house.backend, &goes), 1, "the old snapshot still needs the bytes");
    house.scene.write(create(&list("others are not kept from writing"))).await.unwrap();

    snapshot.rollback().await.unwrap();
    let mut patience = 100;
    while found(&house.backend, &goes) > 0 {
        patience -= 1;
        assert!(patience > 0, "the bytes are still there ten seconds after the reader left");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Killed between the commit of a delete and the folding of the log: the next start finishes it.
#[tokio::test]
async fn a_promise_cut_short_is_kept_at_the_next_start() {
    let house = house().await;
    let goes = sealed(
        &house.backend,
        &house.scene,
        "SELECT sealed_template FROM face WHERE account_id = ?1 AND container = 2",
    )
    .await;
    // As a killed process leaves it: database and log copied while the delete is only in the log.
    let mut reader = house.backend.burglar().await;
    let mut snapshot = reader.begin().await.unwrap();
    let _: i64 = sqlx::query_scalar("SELECT count(*) FROM face").fetch_one(&mut *snapshot).await.unwrap();
    house.scene.write(delete_face(&house.faces, None, house.listed)).await.unwrap();
    let after_crash = fresh();
    for suffix in ["", "-wal"] {
        let name = |backend: &SqliteBackend| format!("{}{suffix}", backend.path().display());
        std::fs::copy(name(&house.backend), name(&after_crash)).unwrap();
    }
    assert_eq!(found(&after_crash, &goes), 1);
    let store = after_crash.open().await;
    store
        .apply(likeness_store::Command {
            account: house.scene.account,
            actor: house.scene.actor.clone(),
            at: house.scene.now(),
            request_id: house.scene.id(),
            idempotency_key: crate::scene::fresh_key(),
            most_stored_bytes: None,
            write: create(&list("any write")),
        })
        .await
        .unwrap();
    assert_eq!(found(&after_crash, &goes), 0);
}
