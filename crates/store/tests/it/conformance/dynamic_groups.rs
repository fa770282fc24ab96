//! Dynamic groups refer to people of the directory and to nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use likeness_store::{ContainerKind, ContainerName, DirectoryWrite, PageStart, PersonNumber, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{Backend, Scene, change_group, create_group, delete, delete_person, name, text};

const PAGE: fn() -> PageStart = || PageStart { after: String::new(), top: 100 };

fn sorted(ids: &[Uuid]) -> Vec<Uuid> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

pub(crate) async fn members_come_and_go(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    // A group can be there before anybody is in the directory.
    scene.write(create_group("empty", &[])).await.unwrap();
    assert!(scene.members("empty").await.is_empty());
    let (ada, bob, eve) = (scene.enrol().await, scene.enrol().await, scene.enrol().await);
    let created = scene.write(create_group("staff", &[bob, ada, bob])).await.unwrap();
    assert_eq!(created.version, 1);
    assert_refused!(scene.write(create_group("staff", &[])).await, StoreError::ContainerExists);
    assert_eq!(scene.members("staff").await, sorted(&[ada, bob]));
    let members = scene.store.members(scene.account, "staff", &PAGE()).await.unwrap();
    assert_eq!(members.iter().find(|one| one.person == bob).unwrap().number, PersonNumber(2));

    // Added first, then removed: who is in both lists is out. Twice the same changes nothing more.
    for _ in 0..2 {
        scene.write(change_group("staff", &[eve, ada], &[ada, scene.id()])).await.unwrap();
        assert_eq!(scene.members("staff").await, sorted(&[bob, eve]));
    }
    let renamed = DirectoryWrite::UpdateGroup {
        id: "staff".into(),
        name: Some(text("Staff")),
        user_data: Some(text("all of us")),
        add: Vec::new(),
        remove: vec![eve],
    };
    scene.write(renamed).await.unwrap();
    let read = scene.container(&name(ContainerKind::DynamicPersonGroup, "staff")).await;
    assert_eq!((read.name.expose().as_str(), read.version), ("Staff", 4));
    assert_eq!(read.user_data.unwrap().expose(), "all of us");
    assert_eq!(scene.members("staff").await, [bob]);
    assert_refused!(scene.write(change_group("none", &[ada], &[])).await, StoreError::ContainerNotFound);
    assert_refused!(scene.store.members(scene.account, "none", &PAGE()).await, StoreError::ContainerNotFound);
}

pub(crate) async fn one_unknown_person_refuses_everything(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    assert_refused!(scene.write(create_group("early", &[scene.id()])).await, StoreError::PersonNotFound);
    let (ada, bob) = (scene.enrol().await, scene.enrol().await);
    scene.write(create_group("staff", &[ada])).await.unwrap();
    let before = (scene.members("staff").await, scene.store.audit(scene.account, 0, 100).await.unwrap());
    assert_refused!(scene.write(create_group("other", &[bob, scene.id()])).await, StoreError::PersonNotFound);
    assert_refused!(scene.write(change_group("staff", &[bob, scene.id()], &[ada])).await, StoreError::PersonNotFound);
    let after = (scene.members("staff").await, scene.store.audit(scene.account, 0, 100).await.unwrap());
    assert_eq!(before, after);
    let groups = scene.store.containers(scene.account, ContainerKind::DynamicPersonGroup, &PAGE()).await.unwrap();
    assert_eq!(groups.len(), 1);
}

pub(crate) async fn deleted_person_leaves_their_groups(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (ada, bob) = (scene.enrol().await, scene.enrol().await);
    for id in ["one", "two"] {
        scene.write(create_group(id, &[ada, bob])).await.unwrap();
    }
    scene.write(delete_person(&ContainerName::directory(), ada)).await.unwrap();
    assert_eq!((scene.members("one").await, scene.members("two").await), (vec![bob], vec![bob]));
    let groups = scene.store.groups_of_person(scene.account, ada, &PAGE()).await;
    assert_refused!(groups, StoreError::PersonNotFound);
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn deleted_group_leaves_its_members(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let ada = scene.enrol().await;
    for id in ["one", "two"] {
        scene.write(create_group(id, &[ada])).await.unwrap();
    }
    scene.write(delete(&name(ContainerKind::DynamicPersonGroup, "one"))).await.unwrap();
    assert_eq!(scene.store.groups_of_person(scene.account, ada, &PAGE()).await.unwrap(), ["two"]);
    assert!(scene.store.person(scene.account, &ContainerName::directory(), ada).await.unwrap().is_some());
    // A new group of that id begins empty.
    scene.write(create_group("one", &[])).await.unwrap();
    assert!(scene.members("one").await.is_empty());
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn pages_walk_members_and_groups(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(scene.enrol().await);
    }
    scene.write(create_group("all", &people)).await.unwrap();
    for id in ["b", "a", "c"] {
        scene.write(create_group(id, &people[..1])).await.unwrap();
    }
    let people_sorted = sorted(&people);
    let page = |after: &str, top| PageStart { after: after.to_owned(), top };
    let after = people_sorted[1].to_string();
    let members = scene.store.members(scene.account, "all", &page(&after, 2)).await.unwrap();
    assert_eq!(members.iter().map(|one| one.person).collect::<Vec<_>>(), people_sorted[2..4]);
    let groups = async |after: &str, top| {
        scene.store.groups_of_person(scene.account, people[0], &page(after, top)).await.unwrap()
    };
    assert_eq!(groups("", 10).await, ["a", "all", "b", "c"]);
    assert_eq!(groups("a", 2).await, ["all", "b"]);
    assert_eq!(groups("c", 2).await, [""; 0]);
}

#[derive(Clone, Debug)]
enum Turn {
    Change { add: Vec<usize>, remove: Vec<usize> },
    DeletePerson(usize),
}

/// Whatever is done in whatever order, a group holds those who were added after they were last removed and are
/// still in the directory, and both directions tell the same.
pub(crate) async fn random_membership_is_the_set_it_should_be(backend: &dyn Backend) {
    let some = || proptest::collection::vec(0..6_usize, 0..4);
    let turn = prop_oneof![
        6 => (some(), some()).prop_map(|(add, remove)| Turn::Change { add, remove }),
        1 => (0..6_usize).prop_map(Turn::DeletePerson),
    ];
    let scene = Arc::new(Scene::new(backend).await);
    let runtime = tokio::runtime::Handle::current();
    // The runner is not async; a thread of its own may wait for the store.
    tokio::task::spawn_blocking(move || {
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&proptest::collection::vec(turn, 1..16), |turns| {
                runtime.block_on(check(&scene, &turns));
                Ok(())
            })
            .unwrap();
    })
    .await
    .unwrap();
}

async fn check(scene: &Scene, turns: &[Turn]) {
    let id = scene.id().to_string();
    scene.write(create_group(&id, &[])).await.unwrap();
    let mut people = Vec::new();
    for _ in 0..6 {
        people.push(scene.enrol().await);
    }
    let (mut alive, mut expected) = (BTreeSet::from_iter(people.clone()), BTreeSet::new());
    for turn in turns {
        match turn {
            Turn::Change { add, remove } => {
                let pick = |places: &[usize]| places.iter().map(|at| people[*at]).collect::<Vec<_>>();
                let (add, remove) = (pick(add), pick(remove));
                let result = scene.write(change_group(&id, &add, &remove)).await;
                if add.iter().all(|person| alive.contains(person)) {
                    result.unwrap();
                    expected.extend(add);
                    for person in &remove {
                        expected.remove(person);
                    }
                } else {
                    assert_refused!(result, StoreError::PersonNotFound);
                }
            }
            Turn::DeletePerson(at) => {
                let result = scene.write(delete_person(&ContainerName::directory(), people[*at])).await;
                assert_eq!(result.is_ok(), alive.remove(&people[*at]));
                expected.remove(&people[*at]);
            }
        }
        assert_eq!(scene.members(&id).await, expected.iter().copied().collect::<Vec<_>>());
    }
    for person in alive {
        let groups = scene.store.groups_of_person(scene.account, person, &PAGE()).await.unwrap();
        assert_eq!(groups.contains(&id), expected.contains(&person));
    }
}
