//! A command that is sent again doubles nothing. With the same idempotency key it gets the same answer.

use likeness_store::{
    AccountWrite, ExpireDue, FaceIdWrite, KeySlot, NewAccount, PersonWrite, SnapshotWrite, StoreError, TrainingWrite,
    Write,
};

use crate::scene::{
    Backend, HOUR_MILLIS, Scene, add_face, create, create_group, create_person, delete, delete_face, delete_person,
    group, text,
};

/// What a client that never heard the answer meets when it sends the same command again.
pub(crate) async fn repeated_command_doubles_nothing(backend: &dyn Backend) {
    type Expected = fn(&StoreError) -> bool;
    let scene = Scene::new(backend).await;
    let container = group("family");
    let person = scene.id();
    let (face, detected) = (scene.face(), scene.detected(HOUR_MILLIS));
    let face_id = face.id;
    let snapshot = scene.id();
    let apply = crate::scene::apply(snapshot, scene.account, &group("copy"));
    let refused: [(Write, Expected); 13] = [
        (create(&container), |e| matches!(e, StoreError::ContainerExists)),
        (create_person(&container, person), |e| matches!(e, StoreError::PersonExists)),
        (add_face(&container, Some(person), face), |e| matches!(e, StoreError::FaceExists)),
        (FaceIdWrite::Keep { faces: vec![detected] }.into(), |e| matches!(e, StoreError::FaceExists)),
        (TrainingWrite::Start { container: container.clone() }.into(), |e| matches!(e, StoreError::TrainingRunning)),
        (create_group("staff", &[]), |e| matches!(e, StoreError::ContainerExists)),
        (scene.take_as(snapshot, &container, &[scene.account]), |e| matches!(e, StoreError::SnapshotExists)),
        (apply, |e| matches!(e, StoreError::ContainerExists)),
        (SnapshotWrite::Delete { snapshot }.into(), |e| matches!(e, StoreError::SnapshotNotFound)),
        (AccountWrite::Create(NewAccount::default()).into(), |e| matches!(e, StoreError::AccountExists)),
        (delete_face(&container, Some(person), face_id), |e| matches!(e, StoreError::FaceNotFound)),
        (delete_person(&container, person), |e| matches!(e, StoreError::PersonNotFound)),
        (delete(&container), |e| matches!(e, StoreError::ContainerNotFound)),
    ];
    for (write, expected) in refused {
        let action = write.action();
        if !matches!(write, Write::Account(AccountWrite::Create(_))) {
            scene.write(write.clone()).await.unwrap();
        }
        let before = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
        let again = scene.write(write).await.unwrap_err();
        assert!(expected(&again), "{action}: {again:?}");
        assert_eq!(scene.store.audit(scene.account, 0, 1_000).await.unwrap(), before, "{action}");
    }
    let set_key = AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [1; 32] };
    for _ in 0..2 {
        scene.write(set_key.clone()).await.unwrap();
        assert_eq!(scene.store.keys(scene.account).await.unwrap().len(), 1);
    }
}

/// What a caller gets that lost the answer and applies the very same command again.
pub(crate) async fn same_key_gets_the_same_answer_and_does_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let person = scene.id();
    let (face, detected) = (scene.face(), scene.detected(HOUR_MILLIS));
    let face_id = face.id;
    let snapshot = scene.id();
    let writes = [
        create(&container),
        create_person(&container, person),
        add_face(&container, Some(person), face),
        PersonWrite::Update { container: container.clone(), person, name: Some(text("n")), user_data: None }.into(),
        FaceIdWrite::Keep { faces: vec![detected] }.into(),
        TrainingWrite::Start { container: container.clone() }.into(),
        create_group("staff", &[]),
        scene.take_as(snapshot, &container, &[scene.account]),
        crate::scene::apply(snapshot, scene.account, &group("copy")),
        SnapshotWrite::Delete { snapshot }.into(),
        AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [1; 32] }.into(),
        delete_face(&container, Some(person), face_id),
        delete_person(&container, person),
        delete(&container),
    ];
    for write in writes {
        let action = write.action();
        let command = scene.command(write);
        let first = scene.store.apply(command.clone()).await.unwrap();
        let before = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
        assert_eq!(scene.store.apply(command).await.unwrap(), first, "{action}");
        assert_eq!(scene.store.audit(scene.account, 0, 1_000).await.unwrap(), before, "{action}");
    }
}

/// Keys are one account's, and forgotten after a while.
pub(crate) async fn idempotency_keys_are_forgotten_by_the_sweep(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let command = scene.command(create(&group("family")));
    scene.store.apply(command.clone()).await.unwrap();
    scene.wait_millis(HOUR_MILLIS);
    scene.write(ExpireDue { limit: 10, ..ExpireDue::default() }).await.unwrap();
    let again = scene.store.apply(command).await;
    assert!(matches!(again, Err(StoreError::ContainerExists)), "{again:?}");
}
