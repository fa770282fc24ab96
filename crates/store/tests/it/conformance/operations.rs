//! An operation status is kept with its command or not at all, and ends at its instant.

use likeness_base::Timestamp;
use likeness_store::{ContainerName, ExpireDue, NewOperation, OperationSubject, StoreError, Write};
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{Backend, HOUR_MILLIS, Scene, create_person, delete_person};

fn with_operation(scene: &Scene, id: Uuid, write: Write) -> Write {
    let expires_at = Timestamp::from_millis(scene.now().as_millis() + 48 * HOUR_MILLIS);
    let resource = Some("/persons/1".to_owned());
    let operation = NewOperation { id, subject: OperationSubject::Directory, resource, expires_at };
    Write::WithOperation { operation, write: Box::new(write) }
}

pub(crate) async fn operation_status_is_kept_with_the_command_or_not_at_all(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let directory = ContainerName::directory();
    let (id, person) = (scene.id(), scene.id());
    let applied = scene.write(with_operation(&scene, id, create_person(&directory, person))).await.unwrap();
    assert_eq!(applied.version, 2);
    let read = scene.store.operation(scene.account, id, scene.now()).await.unwrap().unwrap();
    assert_eq!((read.id, read.subject), (id, OperationSubject::Directory));
    assert_eq!((read.created_at, read.finished_at), (scene.now(), scene.now()));
    assert_eq!(read.resource.as_deref(), Some("/persons/1"));
    let rows = scene.store.audit(scene.account, 0, 10).await.unwrap();
    assert_eq!(rows.last().unwrap().action, "create_person", "the audit log tells what was done");
    assert_eq!(rows.len(), 2, "in one row");

    let failed = scene.id();
    let refused = scene.write(with_operation(&scene, failed, create_person(&directory, person))).await;
    assert_refused!(refused, StoreError::PersonExists);
    assert_eq!(scene.store.operation(scene.account, failed, scene.now()).await.unwrap(), None);

    let again = scene.write(with_operation(&scene, id, delete_person(&directory, person))).await;
    assert_refused!(again, StoreError::OperationExists);
    assert!(scene.store.person(scene.account, &directory, person).await.unwrap().is_some(), "the work is undone");
    let twice =
        with_operation(&scene, scene.id(), with_operation(&scene, scene.id(), delete_person(&directory, person)));
    assert_refused!(scene.write(twice).await, StoreError::Inconsistent(_));
}

pub(crate) async fn operation_ends_at_the_very_instant_and_is_swept(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = scene.id();
        scene.write(with_operation(&scene, id, create_person(&ContainerName::directory(), scene.id()))).await.unwrap();
        ids.push(id);
    }
    let end = scene.now().as_millis() + 48 * HOUR_MILLIS;
    let is_there = async |millis| {
        scene.store.operation(scene.account, ids[0], Timestamp::from_millis(millis)).await.unwrap().is_some()
    };
    assert!(is_there(end - 1).await);
    assert!(!is_there(end).await, "at the instant, swept or not");
    scene.wait_millis(48 * HOUR_MILLIS);
    let swept = scene.write(ExpireDue { limit: 2, ..ExpireDue::default() }).await.unwrap();
    assert_eq!((swept.removed, swept.more), (2, true));
    let swept = scene.write(ExpireDue { limit: 2, ..ExpireDue::default() }).await.unwrap();
    assert_eq!((swept.removed, swept.more), (1, false));
    assert!(!is_there(end - 1).await, "the row is gone");
}
