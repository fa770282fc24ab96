//! Whoever follows the change feed of a container, from any version, ends with the faces that are in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use likeness_store::{
    ChangeOp, ContainerWrite, ExpireDue, FaceNumber, FaceWrite, Feed, PersonWrite, StoreError, TrainingWrite,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{Backend, HOUR_MILLIS, Scene, add_face, delete, delete_face, delete_person, group, list, text};

/// Follows the feed of a container from a version on an empty gallery to its end.
pub(crate) async fn replay(scene: &Scene, number: i64, from: u64, limit: usize) -> (BTreeSet<FaceNumber>, u64) {
    follow(scene, number, BTreeSet::new(), from, limit).await
}

async fn follow(
    scene: &Scene,
    number: i64,
    mut faces: BTreeSet<FaceNumber>,
    from: u64,
    limit: usize,
) -> (BTreeSet<FaceNumber>, u64) {
    let mut version = from;
    loop {
        let feed = scene.store.changes_since(scene.account, number, version, limit).await.unwrap();
        let Feed::Changes { rows, through } = feed else { panic!("trimmed at {version}") };
        assert!(rows.is_sorted_by_key(|row| (row.version, row.face)));
        assert!(rows.iter().all(|row| row.version > version && row.version <= through));
        for row in rows {
            // As a gallery does it: adding twice or removing the unknown is no mistake.
            match row.op {
                ChangeOp::Added => faces.insert(row.face),
                ChangeOp::Removed => faces.remove(&row.face),
            };
        }
        if through == version {
            return (faces, version);
        }
        version = through;
    }
}

async fn present(scene: &Scene, number: i64) -> BTreeSet<FaceNumber> {
    let rows = scene.store.rows_after(scene.account, number, FaceNumber(0), 10_000).await.unwrap();
    rows.iter().map(|row| row.face).collect()
}

pub(crate) async fn versions_have_no_gaps(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let number = scene.create(&container).await.container.unwrap();
    let person = scene.id();
    let face = scene.face();
    let face_id = face.id;
    let refused = add_face(&container, Some(scene.id()), scene.face());
    let writes = [
        crate::scene::create_person(&container, person),
        add_face(&container, Some(person), face),
        ContainerWrite::Update { container: container.clone(), name: Some(text("other")), user_data: None }.into(),
        PersonWrite::Update { container: container.clone(), person, name: None, user_data: None }.into(),
        FaceWrite::Update { container: container.clone(), person: Some(person), face: face_id, user_data: None }.into(),
        TrainingWrite::Start { container: container.clone() }.into(),
        delete_face(&container, Some(person), face_id),
        delete_person(&container, person),
    ];
    for (expected, write) in (2..).zip(writes) {
        assert_refused!(scene.write(refused.clone()).await, StoreError::PersonNotFound);
        let action = write.action();
        let applied = scene.write(write).await.unwrap();
        assert_eq!(applied.version, expected, "{action}");
        assert_eq!(scene.store.version_of(scene.account, number).await.unwrap(), Some(expected), "{action}");
    }
}

pub(crate) async fn replay_from_any_version_ends_in_the_same_set(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let number = scene.create(&container).await.container.unwrap();
    let mut snapshots = BTreeMap::from([(1, BTreeSet::new())]);
    let mut people = Vec::new();
    for turn in 0..6 {
        let person = scene.create_person(&container).await;
        people.push(person);
        for _ in 0..turn % 4 {
            let face = scene.add_face(&container, Some(person)).await;
            if turn == 3 {
                scene.write(delete_face(&container, Some(person), face)).await.unwrap();
            }
        }
        if turn == 4 {
            scene.write(delete_person(&container, people[2])).await.unwrap();
        }
        let version = scene.store.version_of(scene.account, number).await.unwrap().unwrap();
        snapshots.insert(version, present(&scene, number).await);
    }
    let (last, expected) = snapshots.last_key_value().unwrap();
    for limit in [1, 2, 1_000] {
        for (version, faces) in &snapshots {
            let followed = follow(&scene, number, faces.clone(), *version, limit).await;
            assert_eq!(followed, (expected.clone(), *last), "from {version} by {limit}");
        }
        assert_eq!(replay(&scene, number, 0, limit).await.0, *expected, "from the beginning by {limit}");
    }
}

#[derive(Clone, Debug)]
enum Turn {
    AddPerson,
    AddFace(usize),
    DeleteFace(usize),
    DeletePerson(usize),
    Rename,
}

pub(crate) async fn random_history_replays(backend: &dyn Backend) {
    let turn = prop_oneof![
        2 => Just(Turn::AddPerson),
        6 => any::<usize>().prop_map(Turn::AddFace),
        2 => any::<usize>().prop_map(Turn::DeleteFace),
        1 => any::<usize>().prop_map(Turn::DeletePerson),
        1 => Just(Turn::Rename),
    ];
    let scene = Arc::new(Scene::new(backend).await);
    let runtime = tokio::runtime::Handle::current();
    // The runner is not async; a thread of its own may wait for the store.
    tokio::task::spawn_blocking(move || {
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let history = (proptest::collection::vec(turn, 1..40), 1..7_usize);
        TestRunner::new(config)
            .run(&history, |(turns, limit)| {
                runtime.block_on(check_history(&scene, &turns, limit));
                Ok(())
            })
            .unwrap();
    })
    .await
    .unwrap();
}

async fn check_history(scene: &Scene, turns: &[Turn], limit: usize) {
    let container = group(&scene.id().to_string());
    let number = scene.create(&container).await.container.unwrap();
    let mut people: Vec<(Uuid, Vec<Uuid>)> = Vec::new();
    let mut expected_version = 1;
    let mut follower = (BTreeSet::new(), 0);
    for turn in turns {
        let write = match *turn {
            Turn::AddPerson => {
                people.push((scene.id(), Vec::new()));
                crate::scene::create_person(&container, people.last().unwrap().0)
            }
            Turn::Rename => {
                ContainerWrite::Update { container: container.clone(), name: Some(text("x")), user_data: None }.into()
            }
            _ if people.is_empty() => continue,
            Turn::AddFace(which) => {
                let at = which % people.len();
                let face = scene.face();
                people[at].1.push(face.id);
                add_face(&container, Some(people[at].0), face)
            }
            Turn::DeleteFace(which) => {
                let at = which % people.len();
                let Some(face) = people[at].1.pop() else { continue };
                delete_face(&container, Some(people[at].0), face)
            }
            Turn::DeletePerson(which) => {
                let (person, _) = people.swap_remove(which % people.len());
                delete_person(&container, person)
            }
        };
        expected_version += 1;
        assert_eq!(scene.write(write).await.unwrap().version, expected_version);
        if expected_version % 5 == 0 {
            follower = follow(scene, number, follower.0, follower.1, limit).await;
        }
    }
    let alive: usize = people.iter().map(|(_, faces)| faces.len()).sum();
    let follower = follow(scene, number, follower.0, follower.1, limit).await;
    assert_eq!(follower, (present(scene, number).await, expected_version));
    assert_eq!(follower.0.len(), alive);
    let counted = scene.container(&container).await;
    assert_eq!((counted.persons, counted.faces), (people.len() as u64, alive as u64));
    scene.write(delete(&container)).await.unwrap();
}

pub(crate) async fn version_is_never_cut_in_two(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let number = scene.create(&container).await.container.unwrap();
    let person = scene.create_person(&container).await;
    for _ in 0..5 {
        scene.add_face(&container, Some(person)).await;
    }
    let before = scene.store.version_of(scene.account, number).await.unwrap().unwrap();
    let deleted = scene.write(delete_person(&container, person)).await.unwrap();
    scene.create_person(&container).await;
    for limit in [0, 1, 4, 5, 6] {
        let feed = scene.store.changes_since(scene.account, number, before, limit).await.unwrap();
        let Feed::Changes { rows, through } = feed else { panic!("trimmed") };
        assert_eq!(rows.len(), 5, "limit {limit}");
        assert!(rows.iter().all(|row| row.op == ChangeOp::Removed && row.version == deleted.version));
        let reached_limit = limit <= 5;
        assert_eq!(through, if reached_limit { deleted.version } else { deleted.version + 1 }, "limit {limit}");
    }
    // A write that touched no face still moves the follower.
    let feed = scene.store.changes_since(scene.account, number, deleted.version, 10).await.unwrap();
    assert_eq!(feed, Feed::Changes { rows: Vec::new(), through: deleted.version + 1 });
}

pub(crate) async fn loading_while_others_write_misses_nothing(backend: &dyn Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    let mut faces = Vec::new();
    for _ in 0..30 {
        faces.push(scene.add_face(&container, None).await);
    }
    let writer = {
        let (scene, container) = (Arc::clone(&scene), container.clone());
        tokio::spawn(async move {
            for face in faces {
                scene.write(delete_face(&container, None, face)).await.unwrap();
                scene.add_face(&container, None).await;
            }
        })
    };
    // As a node loads: version first, then the pages, then what happened since.
    let version = scene.store.version_of(scene.account, number).await.unwrap().unwrap();
    let (mut loaded, mut after) = (BTreeSet::new(), FaceNumber(0));
    loop {
        let page = scene.store.rows_after(scene.account, number, after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.face;
        loaded.extend(page.iter().map(|row| row.face));
    }
    writer.await.unwrap();
    let (followed, _) = follow(&scene, number, loaded, version, 7).await;
    assert_eq!(followed, present(&scene, number).await);
    assert_eq!(followed.len(), 30);
}

pub(crate) async fn follower_from_before_the_trim_reloads(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    for _ in 0..6 {
        scene.add_face(&container, None).await;
    }
    scene.wait_millis(12 * HOUR_MILLIS);
    scene.add_face(&container, None).await;
    let sweep = async || {
        let mut sweeps = 1;
        while scene.write(ExpireDue { limit: 4, ..ExpireDue::default() }).await.unwrap().more {
            sweeps += 1;
        }
        sweeps
    };
    // One millisecond before a day has passed nothing is trimmed, at the day the first six are, in two goes.
    scene.wait_millis(12 * HOUR_MILLIS - 1);
    assert_eq!(sweep().await, 1);
    assert_eq!(replay(&scene, number, 0, 100).await.0.len(), 7);
    scene.wait_millis(1);
    assert_eq!(sweep().await, 2);
    let from = |version| scene.store.changes_since(scene.account, number, version, 100);
    for version in 0..7 {
        assert_eq!(from(version).await.unwrap(), Feed::Reload, "from {version}");
    }
    let Feed::Changes { rows, through } = from(7).await.unwrap() else { panic!("trimmed too far") };
    assert_eq!((rows.len(), through), (1, 8));
    // The rest goes in its time, and what comes then is kept for a day again.
    scene.wait_millis(12 * HOUR_MILLIS);
    sweep().await;
    assert_eq!(from(7).await.unwrap(), Feed::Reload);
    assert_eq!(from(8).await.unwrap(), Feed::Changes { rows: Vec::new(), through: 8 });
    scene.add_face(&container, None).await;
    sweep().await;
    let Feed::Changes { rows, .. } = from(8).await.unwrap() else { panic!("trimmed too early") };
    assert_eq!(rows.len(), 1);
}

pub(crate) async fn follower_from_the_future_reloads(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let number = scene.create(&list("faces")).await.container.unwrap();
    assert_eq!(scene.store.changes_since(scene.account, number, 2, 10).await.unwrap(), Feed::Reload);
    assert_eq!(scene.store.changes_since(scene.account, number, u64::MAX, 10).await.unwrap(), Feed::Reload);
}

pub(crate) async fn resolving_names_the_living_only(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (people, faces) = (group("people"), list("faces"));
    let (people_number, faces_number) =
        (scene.create(&people).await.container.unwrap(), scene.create(&faces).await.container.unwrap());
    let person = scene.create_person(&people).await;
    let first = scene.add_face(&people, Some(person)).await;
    let second = scene.add_face(&people, Some(person)).await;
    let listed = scene.add_face(&faces, None).await;
    let asked = [FaceNumber(2), FaceNumber(1), FaceNumber(2), FaceNumber(77)];
    let names = async |number| {
        let found = scene.store.resolve_faces(scene.account, number, &asked).await.unwrap();
        found.iter().map(|one| (one.number.0, one.face, one.person)).collect::<Vec<_>>()
    };
    assert_eq!(names(people_number).await, [(1, first, Some(person)), (2, second, Some(person))]);
    assert_eq!(names(faces_number).await, [(1, listed, None)]);
    scene.write(delete_face(&people, Some(person), second)).await.unwrap();
    assert_eq!(names(people_number).await, [(1, first, Some(person))]);
    scene.write(delete_person(&people, person)).await.unwrap();
    assert_eq!(names(people_number).await, []);
    assert!(scene.store.resolve_faces(scene.account, faces_number, &[]).await.unwrap().is_empty());
}

pub(crate) async fn versions_come_in_the_order_asked(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let one = scene.create(&list("one")).await.container.unwrap();
    let two = scene.create(&list("two")).await.container.unwrap();
    scene.add_face(&list("two"), None).await;
    let asked = [two, 99, one, two];
    let versions = scene.store.versions_of(scene.account, &asked).await.unwrap();
    assert_eq!(versions, [Some(2), None, Some(1), Some(2)]);
    assert_eq!(scene.store.versions_of(scene.account, &[]).await.unwrap(), []);
}
