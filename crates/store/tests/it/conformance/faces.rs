//! Faces of lists and of people are added, updated and deleted, and their templates come back as they were.

use likeness_store::{FaceNumber, FaceWrite, NewFace, PageStart, PersonNumber, StoreError};

use crate::assert_refused;
use crate::scene::{Backend, Scene, add_face, delete_face, group, list, text};

fn user_data(face: &likeness_store::Face) -> Option<&str> {
    face.user_data.as_ref().map(|data| data.expose().as_str())
}

pub(crate) async fn face_of_a_list_lives_and_dies(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    let face = NewFace { user_data: Some(text("left door")), ..scene.face() };
    let added = scene.write(add_face(&container, None, face.clone())).await.unwrap();
    assert_eq!((added.container, added.version), (Some(number), 2));
    assert_eq!((added.face, added.person), (Some(FaceNumber(1)), None));

    let read = scene.store.face(scene.account, &container, None, face.id).await.unwrap().unwrap();
    assert_eq!((read.id, Some(read.number), read.person), (face.id, added.face, None));
    assert_eq!(user_data(&read), Some("left door"));
    let rows = scene.store.rows_after(scene.account, number, FaceNumber(0), 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].face, rows[0].person, rows[0].added_version), (FaceNumber(1), PersonNumber::NONE, 2));
    assert_eq!(rows[0].template.expose(), face.template.expose());
    assert_eq!(&*rows[0].space, "space a");

    for (case, change, after) in [("left alone", None, "left door"), ("changed", Some("right door"), "right door")] {
        let write = FaceWrite::Update {
            container: container.clone(),
            person: None,
            face: face.id,
            user_data: change.map(text),
        };
        assert_eq!(scene.write(write).await.unwrap().face, added.face, "{case}");
        let read = scene.store.face(scene.account, &container, None, face.id).await.unwrap().unwrap();
        assert_eq!(user_data(&read), Some(after), "{case}");
    }

    let deleted = scene.write(delete_face(&container, None, face.id)).await.unwrap();
    assert_eq!((deleted.face, deleted.removed), (added.face, 1));
    assert!(scene.store.face(scene.account, &container, None, face.id).await.unwrap().is_none());
    assert_refused!(scene.write(delete_face(&container, None, face.id)).await, StoreError::FaceNotFound);
    assert_eq!(scene.container(&container).await.faces, 0);
}

pub(crate) async fn face_belongs_to_its_person_alone(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    scene.create(&container).await;
    let (ada, bob, stranger) =
        (scene.create_person(&container).await, scene.create_person(&container).await, scene.id());
    let face = scene.add_face(&container, Some(ada)).await;
    let read = |person| scene.store.face(scene.account, &container, person, face);
    assert_eq!(read(Some(ada)).await.unwrap().unwrap().person, Some(ada));
    assert!(read(Some(bob)).await.unwrap().is_none());
    assert!(read(None).await.unwrap().is_none());
    assert_refused!(read(Some(stranger)).await, StoreError::PersonNotFound);

    let change = |person| FaceWrite::Update { container: container.clone(), person, face, user_data: None }.into();
    for (person, found) in [(Some(bob), true), (None, true), (Some(stranger), false)] {
        for write in [change(person), delete_face(&container, person, face)] {
            let result = scene.write(write).await;
            match found {
                true => assert!(matches!(result, Err(StoreError::FaceNotFound)), "{person:?} {result:?}"),
                false => assert!(matches!(result, Err(StoreError::PersonNotFound)), "{person:?} {result:?}"),
            }
        }
    }
    let add_to_stranger = add_face(&container, Some(stranger), scene.face());
    assert_refused!(scene.write(add_to_stranger).await, StoreError::PersonNotFound);
    assert_eq!(scene.container(&container).await.faces, 1);
    let page = PageStart { after: String::new(), top: 10 };
    assert_eq!(scene.store.faces(scene.account, &container, &page).await.unwrap()[0].person, Some(ada));
}

pub(crate) async fn templates_of_a_person_come_as_they_went_in(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let number = scene.create(&container).await.container.unwrap();
    let (ada, bob) = (scene.create_person(&container).await, scene.create_person(&container).await);
    let mut expected = Vec::new();
    for turn in 0..4 {
        let face = NewFace { space: format!("space {}", turn % 2), ..scene.face() };
        expected.push((face.id, face.space.clone(), face.template.expose().clone()));
        scene.write(add_face(&container, Some(ada), face)).await.unwrap();
        scene.add_face(&container, Some(bob)).await;
    }
    let templates = scene.store.templates_of_person(scene.account, &container, ada).await.unwrap();
    let read: Vec<_> =
        templates.iter().map(|one| (one.face, one.space.to_string(), one.template.expose().clone())).collect();
    assert_eq!(read, expected);
    assert_refused!(
        scene.store.templates_of_person(scene.account, &container, scene.id()).await,
        StoreError::PersonNotFound
    );
    // The gallery's rows of the same faces say the same.
    let rows = scene.store.rows(scene.account, number, &[FaceNumber(7), FaceNumber(3), FaceNumber(99)]).await.unwrap();
    let read: Vec<_> =
        rows.iter().map(|row| (row.face, row.space.to_string(), row.template.expose().clone())).collect();
    assert_eq!(
        read,
        [
            (FaceNumber(3), expected[1].1.clone(), expected[1].2.clone()),
            (FaceNumber(7), expected[3].1.clone(), expected[3].2.clone())
        ]
    );
}

pub(crate) async fn number_is_never_used_again(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    scene.create(&container).await;
    let mut last = FaceNumber(0);
    for turn in 0..4 {
        let face = scene.face();
        let added = scene.write(add_face(&container, None, face.clone())).await.unwrap();
        assert!(added.face.unwrap() > last, "turn {turn}");
        last = added.face.unwrap();
        assert_refused!(scene.write(add_face(&container, None, face.clone())).await, StoreError::FaceExists);
        scene.write(delete_face(&container, None, face.id)).await.unwrap();
    }
}

pub(crate) async fn face_of_any_size_comes_back(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    // Around the sizes at which a database starts another page, and the longest user data clients may send.
    for size in [0, 1, 512, 1_024, 2_048, 4_096, 8_192, 65_536] {
        let template: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let data = "é".repeat(512);
        let face = NewFace { template: template.clone().into(), user_data: Some(text(&data)), ..scene.face() };
        let (id, key) = (face.id, scene.write(add_face(&container, None, face)).await.unwrap().face.unwrap());
        let rows = scene.store.rows(scene.account, number, &[key]).await.unwrap();
        assert_eq!(rows[0].template.expose(), &template, "{size} bytes");
        let read = scene.store.face(scene.account, &container, None, id).await.unwrap().unwrap();
        assert_eq!(user_data(&read), Some(data.as_str()), "{size} bytes");
    }
}

/// Which recognisers made what: of a container the one of its oldest face, of an account all that are on a face.
pub(crate) async fn spaces_are_known_and_counted(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (old, new) = (list("old"), list("new"));
    let number = scene.create(&old).await.container.unwrap();
    scene.create(&new).await;
    let add = async |container, space: &str| {
        let face = NewFace { space: space.to_owned(), ..scene.face() };
        let id = face.id;
        scene.write(add_face(container, None, face)).await.unwrap();
        id
    };
    assert_eq!(scene.store.space_of(scene.account, number).await.unwrap(), None);
    assert_eq!(scene.store.spaces(scene.account, false).await.unwrap(), []);
    let first = add(&old, "b").await;
    add(&old, "a").await;
    add(&new, "a").await;
    assert_eq!(scene.store.space_of(scene.account, number).await.unwrap().as_deref(), Some("b"));
    let counted = |pairs: &[(&str, u64)]| pairs.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect::<Vec<_>>();
    assert_eq!(scene.store.spaces(scene.account, true).await.unwrap(), counted(&[("a", 2), ("b", 1)]));
    assert_eq!(scene.store.spaces(scene.account, false).await.unwrap(), counted(&[("a", 1), ("b", 1)]));
    scene.write(delete_face(&old, None, first)).await.unwrap();
    assert_eq!(scene.store.space_of(scene.account, number).await.unwrap().as_deref(), Some("a"));
    assert_eq!(scene.store.spaces(scene.account, true).await.unwrap(), counted(&[("a", 2)]), "the label remains");
    let other = scene.neighbour(2).await;
    assert_eq!(other.store.spaces(other.account, true).await.unwrap(), [], "another account's");
}
