//! The person directory is made with its first person, and each of its faces has a recognition model of its own.

use likeness_store::{ContainerKind, ContainerName, DirectoryWrite, FaceNumber, LimitKind, PersonNumber, StoreError};

use crate::assert_refused;
use crate::scene::{Backend, Scene, add_directory_face, add_face, create_person, delete_face, delete_person, group};

pub(crate) async fn directory_comes_into_being_with_its_first_person(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let directory = ContainerName::directory();
    assert!(scene.store.container(scene.account, &directory).await.unwrap().is_none());
    let stranger = scene.id();
    for early in [add_directory_face(stranger, "model a", scene.face()), delete_person(&directory, stranger)] {
        assert_refused!(scene.write(early).await, StoreError::ContainerNotFound);
    }
    let person = scene.id();
    let created = scene.write(create_person(&directory, person)).await.unwrap();
    assert_eq!((created.person, created.version), (Some(PersonNumber(1)), 2));
    let second = scene.enrol().await;
    assert_eq!(scene.container(&directory).await.persons, 2);
    let totals = scene.store.totals(scene.account).await.unwrap();
    let totals = totals.iter().find(|totals| totals.kind == ContainerKind::PersonDirectory).unwrap();
    assert_eq!((totals.containers, totals.persons), (1, 2));
    scene.write(delete_person(&directory, person)).await.unwrap();
    scene.write(delete_person(&directory, second)).await.unwrap();
    assert_eq!(scene.container(&directory).await.persons, 0, "it stays when everybody has gone");
}

pub(crate) async fn face_belongs_to_a_person_and_a_model(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let directory = ContainerName::directory();
    let ada = scene.enrol().await;
    let bob = scene.enrol().await;
    let first = scene.add_directory_face(ada, "model a").await;
    let second = scene.add_directory_face(ada, "model b").await;
    let other = scene.add_directory_face(bob, "model a").await;

    let face = scene.store.face(scene.account, &directory, Some(ada), second).await.unwrap().unwrap();
    assert_eq!((face.person, face.model.as_deref()), (Some(ada), Some("model b")));
    let faces = scene.store.faces_of_person(scene.account, &directory, ada).await.unwrap();
    let seen: Vec<_> = faces.iter().map(|face| (face.id, face.model.as_deref())).collect();
    assert_eq!(seen, [(first, Some("model a")), (second, Some("model b"))]);
    let templates = scene.store.templates_of_person(scene.account, &directory, ada).await.unwrap();
    let seen: Vec<_> = templates.iter().map(|one| (one.face, one.model.as_deref())).collect();
    assert_eq!(seen, [(first, Some("model a")), (second, Some("model b"))]);
    let number = scene.container(&directory).await.number;
    let rows = scene.store.rows_after(scene.account, number, FaceNumber(0), 10).await.unwrap();
    let models: Vec<_> = rows.iter().map(|row| (row.person, row.model.as_deref())).collect();
    let (ada_key, bob_key) = (PersonNumber(1), PersonNumber(2));
    assert_eq!(models, [(ada_key, Some("model a")), (ada_key, Some("model b")), (bob_key, Some("model a"))]);
    let rows = scene.store.rows(scene.account, number, &[FaceNumber(2)]).await.unwrap();
    assert_eq!(rows[0].model.as_deref(), Some("model b"));

    scene.write(delete_face(&directory, Some(ada), first)).await.unwrap();
    scene.write(delete_person(&directory, bob)).await.unwrap();
    assert!(scene.store.face(scene.account, &directory, Some(ada), first).await.unwrap().is_none());
    assert_refused!(scene.store.faces_of_person(scene.account, &directory, bob).await, StoreError::PersonNotFound);
    assert!(scene.store.resolve_faces(scene.account, number, &[FaceNumber(3)]).await.unwrap().is_empty());
    assert_refused!(scene.store.face(scene.account, &directory, Some(bob), other).await, StoreError::PersonNotFound);
}

pub(crate) async fn limit_counts_the_faces_of_one_model(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (ada, bob) = (scene.enrol().await, scene.enrol().await);
    let add = |person, model: &str| DirectoryWrite::AddFace {
        person,
        model: model.into(),
        face: scene.face(),
        limit: Some(2),
    };
    for (person, model) in [(ada, "a"), (ada, "a"), (ada, "b"), (bob, "a"), (ada, "b")] {
        scene.write(add(person, model)).await.unwrap();
    }
    assert_refused!(
        scene.write(add(ada, "a")).await,
        StoreError::LimitReached { kind: LimitKind::FacesOfPerson, limit: 2 }
    );
    scene.write(add(bob, "a")).await.unwrap();
    assert_eq!(scene.container(&ContainerName::directory()).await.faces, 6);
}

pub(crate) async fn model_is_for_the_directory_alone(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let ada = scene.enrol().await;
    let without = add_face(&ContainerName::directory(), Some(ada), scene.face());
    assert_refused!(scene.write(without).await, StoreError::Inconsistent(_));
    let family = group("family");
    scene.create(&family).await;
    let person = scene.create_person(&family).await;
    let face = scene.add_face(&family, Some(person)).await;
    let face = scene.store.face(scene.account, &family, Some(person), face).await.unwrap().unwrap();
    assert_eq!(face.model, None);
}

pub(crate) async fn person_numbers_come_in_the_order_asked(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let directory = ContainerName::directory();
    let nobody = scene.id();
    let numbers = async |ids: &[uuid::Uuid]| scene.store.person_numbers(scene.account, &directory, ids).await.unwrap();
    assert_eq!(numbers(&[nobody]).await, [None], "no directory yet");
    let (ada, bob) = (scene.enrol().await, scene.enrol().await);
    let expected = [Some(PersonNumber(2)), None, Some(PersonNumber(1)), Some(PersonNumber(2))];
    assert_eq!(numbers(&[bob, nobody, ada, bob]).await, expected);
    assert_eq!(numbers(&[]).await, []);
}
