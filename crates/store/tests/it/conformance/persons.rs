//! People are added, updated, and deleted with their faces.

use likeness_store::{PersonNumber, PersonWrite, StoreError};

use crate::assert_refused;
use crate::scene::{Backend, Scene, create_person, delete_person, group, text};

pub(crate) async fn person_lives_and_dies(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    scene.create(&container).await;
    let ada = scene.id();
    let created = scene
        .write(PersonWrite::Create {
            container: container.clone(),
            person: ada,
            name: text("Ada"),
            user_data: Some(text("likes engines")),
            limit: None,
            account_limit: None,
        })
        .await
        .unwrap();
    assert_eq!((created.person, created.version), (Some(PersonNumber(1)), 2));
    assert_refused!(scene.write(create_person(&container, ada)).await, StoreError::PersonExists);
    let faces = [scene.add_face(&container, Some(ada)).await, scene.add_face(&container, Some(ada)).await];
    let read = scene.store.person(scene.account, &container, ada).await.unwrap().unwrap();
    assert_eq!((read.id, read.number), (ada, PersonNumber(1)));
    assert_eq!(read.name.expose(), "Ada");
    assert_eq!(read.user_data.unwrap().expose(), "likes engines");
    assert_eq!(read.faces, faces);
    scene.write(delete_person(&container, ada)).await.unwrap();
    assert!(scene.store.person(scene.account, &container, ada).await.unwrap().is_none());
    assert_refused!(scene.write(delete_person(&container, ada)).await, StoreError::PersonNotFound);
}

pub(crate) async fn deleting_a_person_takes_their_faces(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let number = scene.create(&container).await.container.unwrap();
    let (ada, bob) = (scene.create_person(&container).await, scene.create_person(&container).await);
    for _ in 0..3 {
        scene.add_face(&container, Some(ada)).await;
    }
    let kept = scene.add_face(&container, Some(bob)).await;
    let deleted = scene.write(delete_person(&container, ada)).await.unwrap();
    assert_eq!((deleted.person, deleted.removed), (Some(PersonNumber(1)), 4));
    let rows = scene.store.rows_after(scene.account, number, likeness_store::FaceNumber(0), 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(scene.store.person(scene.account, &container, bob).await.unwrap().unwrap().faces, [kept]);
    let read = scene.container(&container).await;
    assert_eq!((read.persons, read.faces), (1, 1));
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn update_leaves_what_it_does_not_name(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    scene.create(&container).await;
    let person = scene.create_person(&container).await;
    let other = scene.create_person(&container).await;
    let updates = [
        ("neither", None, None, "the name of a person", None),
        ("user data", None, Some("first"), "the name of a person", Some("first")),
        ("name", Some("Ada"), None, "Ada", Some("first")),
        ("both", Some("Ada L."), Some(""), "Ada L.", Some("")),
    ];
    for (case, name, data, name_after, data_after) in updates {
        let write = PersonWrite::Update {
            container: container.clone(),
            person,
            name: name.map(text),
            user_data: data.map(text),
        };
        scene.write(write).await.unwrap();
        let read = scene.store.person(scene.account, &container, person).await.unwrap().unwrap();
        assert_eq!(read.name.expose(), name_after, "{case}");
        assert_eq!(read.user_data.as_ref().map(|data| data.expose().as_str()), data_after, "{case}");
    }
    let untouched = scene.store.person(scene.account, &container, other).await.unwrap().unwrap();
    assert_eq!(untouched.name.expose(), "the name of a person");
    assert!(untouched.user_data.is_none());
    let nobody = PersonWrite::Update { container, person: scene.id(), name: None, user_data: None };
    assert_refused!(scene.write(nobody).await, StoreError::PersonNotFound);
}

pub(crate) async fn number_is_never_used_again(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    scene.create(&container).await;
    let mut last = PersonNumber::NONE;
    for turn in 0..4 {
        let id = scene.id();
        let number = scene.write(create_person(&container, id)).await.unwrap().person.unwrap();
        assert!(number > last, "turn {turn}");
        last = number;
        scene.write(delete_person(&container, id)).await.unwrap();
    }
}
