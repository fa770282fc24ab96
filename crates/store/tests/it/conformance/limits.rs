//! A limit permits the last one and refuses the next, and the refusal leaves nothing behind.

use likeness_store::{ContainerWrite, FaceIdWrite, FaceWrite, LimitKind, PersonWrite, StoreError, Write};

use crate::scene::{Backend, Scene, add_face, create, create_person, delete_face, delete_person, group, list, text};

fn with_limit(write: Write, to: u64) -> Write {
    match write {
        Write::Container(ContainerWrite::Create { container, name, user_data, model, .. }) => {
            ContainerWrite::Create { container, name, user_data, model, limit: Some(to) }.into()
        }
        Write::Person(PersonWrite::Create { container, person, name, user_data, account_limit, .. }) => {
            PersonWrite::Create { container, person, name, user_data, limit: Some(to), account_limit }.into()
        }
        Write::Face(FaceWrite::Add { container, person, face, .. }) => {
            FaceWrite::Add { container, person, face, limit: Some(to) }.into()
        }
        other => other,
    }
}

fn with_account_limit(write: Write, to: u64) -> Write {
    match write {
        Write::Person(PersonWrite::Create { container, person, name, user_data, limit, .. }) => {
            PersonWrite::Create { container, person, name, user_data, limit, account_limit: Some(to) }.into()
        }
        other => other,
    }
}

fn assert_limit(result: &Result<likeness_store::Applied, StoreError>, kind: LimitKind, limit: u64) {
    match result {
        Err(StoreError::LimitReached { kind: found, limit: at }) => assert_eq!((*found, *at), (kind, limit)),
        other => panic!("{kind:?}: {other:?}"),
    }
}

pub(crate) async fn last_place_is_taken_and_the_next_refused(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (family, others, faces) = (group("family"), group("others"), list("faces"));

    for container in [&family, &others] {
        scene.write(with_limit(create(container), 2)).await.unwrap();
    }
    assert_limit(&scene.write(with_limit(create(&group("third")), 2)).await, LimitKind::Containers, 2);
    scene.write(with_limit(create(&faces), 1)).await.unwrap();

    let person = || create_person(&family, scene.id());
    scene.write(with_limit(person(), 2)).await.unwrap();
    let ada = scene.id();
    scene.write(with_limit(create_person(&family, ada), 2)).await.unwrap();
    assert_limit(&scene.write(with_limit(person(), 2)).await, LimitKind::Persons, 2);
    let elsewhere = create_person(&others, scene.id());
    assert_limit(&scene.write(with_account_limit(elsewhere.clone(), 2)).await, LimitKind::PersonsInAccount, 2);
    scene.write(with_account_limit(elsewhere, 3)).await.unwrap();

    let face =
        |person| with_limit(add_face(if person { &family } else { &faces }, person.then_some(ada), scene.face()), 3);
    for _ in 0..3 {
        scene.write(face(true)).await.unwrap();
        scene.write(face(false)).await.unwrap();
    }
    assert_limit(&scene.write(face(true)).await, LimitKind::FacesOfPerson, 3);
    assert_limit(&scene.write(face(false)).await, LimitKind::Faces, 3);

    // What is deleted makes room.
    let first = scene.store.person(scene.account, &family, ada).await.unwrap().unwrap().faces[0];
    scene.write(delete_face(&family, Some(ada), first)).await.unwrap();
    scene.write(face(true)).await.unwrap();
    scene.write(delete_person(&family, ada)).await.unwrap();
    scene.write(with_limit(person(), 2)).await.unwrap();
}

pub(crate) async fn refusal_leaves_nothing_behind(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (family, faces) = (group("family"), list("faces"));
    scene.create(&family).await;
    scene.create(&faces).await;
    let ada = scene.create_person(&family).await;
    let kept = scene.add_face(&family, Some(ada)).await;
    let new_space = likeness_store::NewFace { space: "never seen".into(), ..scene.face() };
    let detected = scene.detected(1);
    scene.write(FaceIdWrite::Keep { faces: vec![detected.clone()] }).await.unwrap();

    let everything = async || {
        let mut seen = format!("{:?}", scene.store.totals(scene.account).await.unwrap());
        for container in [&family, &faces] {
            seen += &format!("{:?}", scene.container(container).await);
        }
        seen += &format!("{:?}", scene.store.person(scene.account, &family, ada).await.unwrap());
        seen + &format!("{:?}", scene.store.audit(scene.account, 0, 100).await.unwrap())
    };
    let before = everything().await;
    let refused = [
        with_limit(create(&group("third")), 1),
        create(&family),
        with_limit(create_person(&family, scene.id()), 1),
        with_account_limit(create_person(&family, scene.id()), 1),
        create_person(&family, ada),
        with_limit(add_face(&family, Some(ada), new_space), 1),
        with_limit(add_face(&faces, None, scene.face()), 0),
        add_face(&family, Some(ada), likeness_store::NewFace { id: kept, ..scene.face() }),
        delete_face(&family, Some(ada), scene.id()),
        delete_person(&family, scene.id()),
        FaceIdWrite::Keep { faces: vec![scene.detected(5), detected] }.into(),
    ];
    for write in refused {
        let action = write.action();
        assert!(scene.write(write).await.is_err(), "{action}");
        assert_eq!(everything().await, before, "{action}");
    }
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn stored_bytes_are_counted_and_bounded(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (family, faces) = (group("family"), list("faces"));
    let stored = async || scene.store.stored_bytes(scene.account).await.unwrap();
    let empty = stored().await;
    for container in [&family, &faces] {
        scene.create(container).await;
    }
    let containers = stored().await;
    assert!(containers > empty);
    let person = scene.create_person(&family).await;
    let rename = |data: &str| PersonWrite::Update {
        container: family.clone(),
        person,
        name: Some(text("another name")),
        user_data: Some(text(data)),
    };
    let before = stored().await;
    scene.write(rename(&"x".repeat(1_000))).await.unwrap();
    assert!(stored().await > before + 1_000);
    scene.write(rename("x")).await.unwrap();
    assert!(stored().await < before + 100);
    scene.write(FaceIdWrite::Keep { faces: vec![scene.detected(5); 1] }).await.unwrap();
    let full = stored().await;
    // One byte less than is needed refuses, and leaves nothing; what makes it fewer is always done.
    let add = |most| {
        let mut command = scene.command(add_face(&family, Some(person), scene.face()));
        command.most_stored_bytes = Some(most);
        command
    };
    let refused = scene.store.apply(add(full + 100)).await;
    assert_limit(&refused, LimitKind::StoredBytes, full + 100);
    assert_eq!((stored().await, scene.container(&family).await.faces), (full, 0));
    scene.store.apply(add(full + 10_000)).await.unwrap();
    let snapshot = scene.take(&family, &[scene.account]).await;
    let mut remove = scene.command(likeness_store::SnapshotWrite::Delete { snapshot });
    remove.most_stored_bytes = Some(1);
    scene.store.apply(remove).await.unwrap();
    scene.wait_millis(10);
    scene.write(likeness_store::ExpireDue { limit: 100, ..Default::default() }).await.unwrap();
    scene.write(delete_person(&family, person)).await.unwrap();
    assert_eq!(stored().await, containers);
    for container in [&family, &faces] {
        scene.write(crate::scene::delete(container)).await.unwrap();
    }
    assert_eq!(stored().await, empty);
    scene.store.check_integrity().await.unwrap();
}
