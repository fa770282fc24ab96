//! Each applied command leaves one row in the audit log, a refused one leaves none, and the chain of rows holds.

use likeness_store::{
    AccountId, AccountWrite, Actor, AuditEntry, ContainerKind, ContainerWrite, ExpireDue, FaceIdWrite, FaceWrite,
    GENESIS, KeySlot, PersonWrite, StoreError, TrainingOutcome, TrainingWrite, Write, verify_chain,
};

use crate::assert_refused;
use crate::scene::{
    Backend, HOUR_MILLIS, Scene, add_face, create, create_person, delete, delete_face, delete_person, group, text,
};

async fn history(scene: &Scene) -> Vec<AuditEntry> {
    let rows = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
    verify_chain(0, GENESIS, &rows).unwrap();
    rows
}

pub(crate) async fn every_command_leaves_one_row_of_a_chain(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let person = scene.id();
    let face = scene.face();
    let face_id = face.id;
    let both = || container.clone();
    let commands: [(Write, u64); _] = [
        (AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [1; 32] }.into(), 1),
        (create(&container), 1),
        (ContainerWrite::Update { container: both(), name: Some(text("other")), user_data: None }.into(), 1),
        (create_person(&container, person), 1),
        (PersonWrite::Update { container: both(), person, name: None, user_data: Some(text("note")) }.into(), 1),
        (add_face(&container, Some(person), face), 1),
        (FaceWrite::Update { container: both(), person: Some(person), face: face_id, user_data: None }.into(), 1),
        (TrainingWrite::Start { container: both() }.into(), 1),
        (TrainingWrite::Progress { container: both(), training: 1 }.into(), 1),
        (TrainingWrite::Finish { container: both(), training: 1, outcome: TrainingOutcome::Succeeded }.into(), 1),
        (
            FaceIdWrite::Keep { faces: vec![scene.detected(0), scene.detected(0), scene.detected(HOUR_MILLIS)] }.into(),
            3,
        ),
        (ExpireDue { limit: 100 }.into(), 2),
        (delete_face(&container, Some(person), face_id), 1),
        (add_face(&container, Some(person), scene.face()), 1),
        (delete_person(&container, person), 2),
        (create_person(&container, scene.id()), 1),
        (delete(&container), 2),
    ];
    for (write, records) in commands {
        let action = write.action();
        let before = history(&scene).await.len();
        scene.wait_millis(1);
        scene.write(write).await.unwrap();
        let rows = history(&scene).await;
        let last = rows.last().unwrap();
        assert_eq!(rows.len(), before + 1, "{action}");
        assert_eq!((last.action.as_str(), last.records, last.at), (action, records, scene.now()));
    }
    // The chain holds page by page too.
    let rows = history(&scene).await;
    let first_page = scene.store.audit(scene.account, 0, 5).await.unwrap();
    let middle = verify_chain(0, GENESIS, &first_page).unwrap();
    let second_page = scene.store.audit(scene.account, 5, 1_000).await.unwrap();
    assert_eq!(verify_chain(5, middle, &second_page).unwrap(), rows.last().unwrap().hash);
}

pub(crate) async fn refused_command_leaves_no_row(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("family")).await;
    let before = history(&scene).await;
    assert_refused!(scene.write(create(&group("family"))).await, StoreError::ContainerExists);
    assert_refused!(scene.write(delete(&group("other"))).await, StoreError::ContainerNotFound);
    assert_eq!(history(&scene).await, before);
}

pub(crate) async fn chain_goes_on_after_reopening(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("one")).await;
    let before = history(&scene).await;
    scene.store.close().await;
    let scene = Scene::visit(backend.open().await, 1);
    scene.create(&group("two")).await;
    let after = history(&scene).await;
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.len(), before.len() + 1);
}

pub(crate) async fn rows_tell_who_what_and_where_and_nothing_else(backend: &dyn Backend) {
    let mut scene = Scene::new(backend).await;
    scene.actor = Actor::Operator;
    let number = scene
        .write(ContainerWrite::Create {
            container: group("wire-id"),
            name: text("Secret Name"),
            user_data: Some(text("Secret Data")),
            model: "recognition_04".into(),
            limit: None,
        })
        .await
        .unwrap()
        .container
        .unwrap();
    let rows = history(&scene).await;
    let row = rows.last().unwrap();
    assert_eq!((row.account, row.actor.as_str(), row.sequence), (scene.account, "operator", 2));
    let target = row.target.unwrap();
    assert_eq!((target.kind, target.number), (ContainerKind::LargePersonGroup, number));
    assert!(rows[0].target.is_none(), "an account is not a container");
    assert_eq!(rows[0].previous, GENESIS);
    let everything = format!("{rows:?}");
    for secret in ["Secret Name", "Secret Data", "wire-id"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    assert_ne!(scene.account, AccountId(row.request_id));
}
