//! No query and no command of an account reaches what belongs to another, except a snapshot that the other offers.

use likeness_base::Timestamp;
use likeness_store::{
    ContainerName, ExpireDue, FaceIdWrite, FaceNumber, FaceWrite, NewOperation, OperationSubject, PageStart,
    PersonWrite, StoreError, TrainingOutcome, TrainingWrite, Write,
};

use crate::assert_refused;
use crate::scene::{
    Backend, HOUR_MILLIS, Scene, add_directory_face, add_face, change_group, create_group, create_person, delete,
    delete_face, delete_person, group,
};

pub(crate) async fn no_answer_crosses_accounts(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let container = group("family");
    let number = ada.create(&container).await.container.unwrap();
    let person = ada.create_person(&container).await;
    let face = ada.add_face(&container, Some(person)).await;
    let detected = ada.detected(HOUR_MILLIS);
    ada.write(FaceIdWrite::Keep { faces: vec![detected.clone()] }).await.unwrap();

    let (store, page) = (&bob.store, PageStart { after: String::new(), top: 100 });
    let ask_nothing_there = async || {
        let kind = container.kind;
        assert!(store.containers(bob.account, kind, &page).await.unwrap().iter().all(|one| one.persons == 0));
        assert!(store.rows_after(bob.account, number, FaceNumber(0), 10).await.unwrap().is_empty());
        assert!(store.rows(bob.account, number, &[FaceNumber(1)]).await.unwrap().is_empty());
        assert!(store.resolve_faces(bob.account, number, &[FaceNumber(1)]).await.unwrap().is_empty());
        assert!(store.unfinished_trainings(bob.account).await.unwrap().is_empty());
        let ids = [detected.id.as_uuid()];
        assert!(store.face_ids(bob.account, &ids, bob.now()).await.unwrap()[0].is_none());
    };
    ask_nothing_there().await;
    assert!(store.container(bob.account, &container).await.unwrap().is_none());
    assert_eq!(store.version_of(bob.account, number).await.unwrap(), None);
    assert_refused!(store.changes_since(bob.account, number, 0, 10).await, StoreError::ContainerNotFound);
    assert_refused!(store.person(bob.account, &container, person).await, StoreError::ContainerNotFound);

    // With a container of the same name, and most likely the same number, in the other account.
    assert_eq!(bob.create(&container).await.container, Some(number));
    ask_nothing_there().await;
    assert!(store.person(bob.account, &container, person).await.unwrap().is_none());
    assert!(store.persons(bob.account, &container, &page).await.unwrap().is_empty());
    assert!(store.face(bob.account, &container, None, face).await.unwrap().is_none());
    assert!(store.faces(bob.account, &container, &page).await.unwrap().is_empty());
    assert_refused!(store.templates_of_person(bob.account, &container, person).await, StoreError::PersonNotFound);
    assert_eq!(store.audit(bob.account, 0, 10).await.unwrap().len(), 2, "only their own rows");
}

pub(crate) async fn no_directory_crosses_accounts(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let (directory, operation, person) = (ContainerName::directory(), ada.id(), ada.id());
    let expires_at = Timestamp::from_millis(ada.now().as_millis() + HOUR_MILLIS);
    let new = NewOperation { id: operation, subject: OperationSubject::Directory, resource: None, expires_at };
    let write = Write::WithOperation { operation: new, write: Box::new(create_person(&directory, person)) };
    ada.write(write).await.unwrap();
    let face = ada.add_directory_face(person, "model a").await;
    ada.write(create_group("staff", &[person])).await.unwrap();

    let (store, page) = (&bob.store, PageStart { after: String::new(), top: 100 });
    for has_one_too in [false, true] {
        if has_one_too {
            bob.enrol().await;
            bob.write(create_group("staff", &[])).await.unwrap();
            assert!(store.members(bob.account, "staff", &page).await.unwrap().is_empty());
        }
        assert_eq!(store.person_numbers(bob.account, &directory, &[person]).await.unwrap(), [None]);
        assert!(store.operation(bob.account, operation, bob.now()).await.unwrap().is_none());
        let writes: [Write; _] = [
            change_group("staff", &[person], &[]),
            create_group("other", &[person]),
            add_directory_face(person, "model a", bob.face()),
            delete_face(&directory, Some(person), face),
            delete_person(&directory, person),
        ];
        for write in writes {
            let action = write.action();
            let result = bob.write(write).await;
            assert_refused!(result, StoreError::ContainerNotFound | StoreError::PersonNotFound, action);
        }
        assert!(store.groups_of_person(bob.account, person, &page).await.is_err());
        assert!(store.faces_of_person(bob.account, &directory, person).await.is_err());
    }
    bob.write(change_group("staff", &[], &[person])).await.unwrap();
    assert_eq!(ada.members("staff").await, [person]);
    assert!(store.operation(ada.account, operation, ada.now()).await.unwrap().is_some());
}

pub(crate) async fn no_write_crosses_accounts(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let container = group("family");
    ada.create(&container).await;
    let person = ada.create_person(&container).await;
    let face = ada.add_face(&container, Some(person)).await;
    let detected = ada.detected(0);
    ada.write(FaceIdWrite::Keep { faces: vec![detected.clone()] }).await.unwrap();
    let before = format!("{:?}", ada.container(&container).await);

    for both_have_it in [false, true] {
        if both_have_it {
            bob.create(&container).await;
            bob.write(TrainingWrite::Start { container: container.clone() }).await.unwrap();
            let outcome = TrainingOutcome::Succeeded;
            let finish = TrainingWrite::Finish { container: container.clone(), training: 1, outcome };
            bob.write(finish).await.unwrap();
        }
        let writes: [Write; _] = [
            PersonWrite::Update { container: container.clone(), person, name: None, user_data: None }.into(),
            delete_person(&container, person),
            add_face(&container, Some(person), bob.face()),
            FaceWrite::Update { container: container.clone(), person: Some(person), face, user_data: None }.into(),
            FaceWrite::Update { container: container.clone(), person: None, face, user_data: None }.into(),
            delete_face(&container, Some(person), face),
            delete_face(&container, None, face),
        ];
        for write in writes {
            let action = write.action();
            let result = bob.write(write).await;
            assert!(
                matches!(
                    result,
                    Err(StoreError::ContainerNotFound | StoreError::PersonNotFound | StoreError::FaceNotFound)
                ),
                "{action}: {result:?}"
            );
        }
    }
    bob.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap();
    bob.write(create_person(&container, person)).await.unwrap();
    bob.write(add_face(&container, Some(person), likeness_store::NewFace { id: face, ..bob.face() })).await.unwrap();
    bob.write(delete(&container)).await.unwrap();

    assert_eq!(format!("{:?}", ada.container(&container).await), before);
    assert_eq!(ada.store.person(ada.account, &container, person).await.unwrap().unwrap().faces, [face]);
    let swept = ada.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap();
    assert_eq!(swept.removed, 1, "the neighbour's sweep left it");
}
