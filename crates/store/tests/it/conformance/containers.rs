//! Lists and groups are made, updated, and deleted with everything in them.

use likeness_store::{
    ContainerKind, ContainerWrite, FaceWrite, PageStart, PersonWrite, StoreError, TrainingOutcome, TrainingWrite, Write,
};

use crate::assert_refused;
use crate::scene::{
    Backend, Scene, add_face, create, create_person, delete, delete_face, delete_person, group, list, name, text,
};

pub(crate) async fn container_lives_and_dies(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let created = scene
        .write(ContainerWrite::Create {
            container: container.clone(),
            name: text("Familie Müller"),
            user_data: Some(text("")),
            model: "recognition_03".into(),
            limit: None,
        })
        .await
        .unwrap();
    let read = scene.container(&container).await;
    assert_eq!(Some(read.number), created.container);
    assert_eq!((created.version, read.version), (1, 1));
    assert_eq!(read.name_on_wire, container);
    assert_eq!(read.name.expose(), "Familie Müller");
    assert_eq!(read.user_data.unwrap().expose(), "", "empty is not absent");
    assert_eq!(read.model, "recognition_03");
    assert_eq!(read.created_at, scene.now());
    assert_eq!((read.training, read.trained_version, read.persons, read.faces), (None, None, 0, 0));
    assert_eq!(scene.store.version_of(scene.account, read.number).await.unwrap(), Some(1));

    let deleted = scene.write(delete(&container)).await.unwrap();
    assert_eq!((deleted.container, deleted.version, deleted.removed), (Some(read.number), 2, 1));
    assert!(scene.store.container(scene.account, &container).await.unwrap().is_none());
    assert_eq!(scene.store.version_of(scene.account, read.number).await.unwrap(), None);
    assert_refused!(scene.write(delete(&container)).await, StoreError::ContainerNotFound);
}

pub(crate) async fn kinds_are_worlds_of_their_own(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    for kind in ContainerKind::ALL {
        scene.create(&name(kind, "same-id")).await;
        assert_refused!(scene.write(create(&name(kind, "same-id"))).await, StoreError::ContainerExists);
    }
    scene.write(delete(&name(ContainerKind::FaceList, "same-id"))).await.unwrap();
    for kind in ContainerKind::ALL {
        let page = PageStart { after: String::new(), top: 10 };
        let listed = scene.store.containers(scene.account, kind, &page).await.unwrap();
        let expected = usize::from(kind != ContainerKind::FaceList);
        assert_eq!(listed.len(), expected, "{kind:?}");
    }
}

pub(crate) async fn update_leaves_what_it_does_not_name(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    scene.create(&container).await;
    let updates = [
        ("neither", None, None, "the name of a container", None),
        ("user data", None, Some("first"), "the name of a container", Some("first")),
        ("name", Some("other"), None, "other", Some("first")),
        ("both", Some("third"), Some(""), "third", Some("")),
    ];
    for (case, new_name, new_data, name_after, data_after) in updates {
        let before = scene.container(&container).await.version;
        let write = ContainerWrite::Update {
            container: container.clone(),
            name: new_name.map(text),
            user_data: new_data.map(text),
        };
        let applied = scene.write(write).await.unwrap();
        let read = scene.container(&container).await;
        assert_eq!(read.name.expose(), name_after, "{case}");
        assert_eq!(read.user_data.as_ref().map(|data| data.expose().as_str()), data_after, "{case}");
        assert_eq!((applied.version, read.version), (before + 1, before + 1), "{case}");
    }
}

pub(crate) async fn deleting_takes_everything_along(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let number = scene.create(&container).await.container.unwrap();
    let person = scene.create_person(&container).await;
    scene.create_person(&container).await;
    for _ in 0..3 {
        scene.add_face(&container, Some(person)).await;
    }
    let deleted = scene.write(delete(&container)).await.unwrap();
    assert_eq!(deleted.removed, 1 + 2 + 3);
    assert_refused!(scene.store.changes_since(scene.account, number, 0, 100).await, StoreError::ContainerNotFound);
    let rows = scene.store.rows_after(scene.account, number, likeness_store::FaceNumber(0), 100).await.unwrap();
    assert!(rows.is_empty());
    scene.store.check_integrity().await.unwrap();

    // A container of the same name is a new one.
    scene.create(&container).await;
    assert_eq!((scene.container(&container).await.persons, scene.container(&container).await.faces), (0, 0));
    assert!(scene.store.person(scene.account, &container, person).await.unwrap().is_none());
}

pub(crate) async fn number_is_never_used_again(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let mut last = 0;
    for turn in 0..4 {
        let number = scene.create(&list("faces")).await.container.unwrap();
        assert!(number > last, "turn {turn}");
        last = number;
        scene.write(delete(&list("faces"))).await.unwrap();
    }
}

pub(crate) async fn missing_container_is_told_by_every_call(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let gone = group("gone");
    let id = scene.id();
    let writes: [Write; _] = [
        ContainerWrite::Update { container: gone.clone(), name: None, user_data: None }.into(),
        delete(&gone),
        create_person(&gone, id),
        PersonWrite::Update { container: gone.clone(), person: id, name: None, user_data: None }.into(),
        delete_person(&gone, id),
        add_face(&gone, None, scene.face()),
        FaceWrite::Update { container: gone.clone(), person: None, face: id, user_data: None }.into(),
        delete_face(&gone, Some(id), id),
        TrainingWrite::Start { container: gone.clone() }.into(),
        TrainingWrite::Progress { container: gone.clone(), training: 1 }.into(),
        TrainingWrite::Finish { container: gone.clone(), training: 1, outcome: TrainingOutcome::Succeeded }.into(),
    ];
    for write in writes {
        let action = write.action();
        let result = scene.write(write).await;
        assert!(matches!(result, Err(StoreError::ContainerNotFound)), "{action}: {result:?}");
    }
    let (store, account) = (&scene.store, scene.account);
    let page = PageStart { after: String::new(), top: 10 };
    assert!(store.container(account, &gone).await.unwrap().is_none());
    assert_refused!(store.person(account, &gone, id).await, StoreError::ContainerNotFound);
    assert_refused!(store.persons(account, &gone, &page).await, StoreError::ContainerNotFound);
    assert_refused!(store.face(account, &gone, None, id).await, StoreError::ContainerNotFound);
    assert_refused!(store.faces(account, &gone, &page).await, StoreError::ContainerNotFound);
    assert_refused!(store.templates_of_person(account, &gone, id).await, StoreError::ContainerNotFound);
    assert_refused!(store.changes_since(account, 12, 0, 10).await, StoreError::ContainerNotFound);
    assert_eq!(store.version_of(account, 12).await.unwrap(), None);
}
