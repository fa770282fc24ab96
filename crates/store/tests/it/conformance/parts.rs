//! Work in proportion to a container is done in parts: what is half done is seen by nobody, and what is cut off is swept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use likeness_store::{
    ContainerKind, ContainerName, ExpireDue, FaceNumber, LimitKind, NewRecord, PageStart, RecordKind, RecordWrite,
    SnapshotWrite, StoreError, Tag, Write,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{
    Backend, Frozen, Scene, add_face, apply, create_group, create_person, delete, delete_face, delete_person, group,
    name,
};

const HIDDEN: &str = "SELECT count(*) FROM container WHERE kind = 8";
/// Longer than a copy on which nobody works is spared.
const LATER_MILLIS: i64 = 200_000;

/// Applies writes, many at once.
async fn write_all(scene: &Arc<Scene>, writes: Vec<Write>) {
    let mut tasks = JoinSet::new();
    for write in writes {
        let scene = Arc::clone(scene);
        tasks.spawn(async move { scene.write(write).await.unwrap() });
        if tasks.len() >= 200 {
            tasks.join_next().await.unwrap().unwrap();
        }
    }
    tasks.join_all().await;
}

/// A group of so many people with a face each.
async fn crowd(scene: &Arc<Scene>, name: &ContainerName, people: usize) -> Vec<(Uuid, Uuid)> {
    scene.create(name).await;
    let people: Vec<(Uuid, _)> = (0..people).map(|_| (scene.id(), scene.face())).collect();
    let persons = people.iter().map(|(person, _)| create_person(name, *person)).collect();
    let faces = people.iter().map(|(person, face)| add_face(name, Some(*person), face.clone())).collect();
    write_all(scene, persons).await;
    write_all(scene, faces).await;
    people.iter().map(|(person, face)| (*person, face.id)).collect()
}

/// People and faces of a container.
async fn contents(scene: &Scene, name: &ContainerName) -> (BTreeSet<Uuid>, BTreeSet<Uuid>) {
    let everything = PageStart::everything();
    let persons = scene.store.persons(scene.account, name, &everything).await.unwrap();
    let faces = scene.store.faces(scene.account, name, &everything).await.unwrap();
    (persons.iter().map(|person| person.id).collect(), faces.iter().map(|face| face.id).collect())
}

/// Stops the program when a statement first counts something; `None`: the command was done before it could be stopped.
async fn stopped_within(
    backend: &dyn Backend,
    statement: &'static str,
    is_done: impl Fn() -> bool,
) -> Option<Box<dyn Frozen>> {
    loop {
        let was_done = is_done();
        let mut frozen = backend.freeze().await;
        if frozen.count(statement).await > 0 {
            return Some(frozen);
        }
        frozen.release().await;
        if was_done {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sweeps until there is nothing more, and gives how much went.
async fn sweep(scene: &Scene) -> u64 {
    let mut removed = 0;
    loop {
        let swept = scene.write(ExpireDue { limit: 400, ..ExpireDue::default() }).await.unwrap();
        removed += swept.removed;
        if !swept.more {
            return removed;
        }
    }
}

async fn is_nothing_hidden(backend: &dyn Backend) -> bool {
    let mut frozen = backend.freeze().await;
    let hidden = frozen.count(HIDDEN).await;
    let rows = "SELECT (SELECT count(*) FROM face f WHERE NOT EXISTS (
                    SELECT 1 FROM container c WHERE c.account_id = f.account_id AND c.number = f.container))
                + (SELECT count(*) FROM person p WHERE NOT EXISTS (
                    SELECT 1 FROM container c WHERE c.account_id = p.account_id AND c.number = p.container))";
    let orphans = frozen.count(rows).await;
    frozen.release().await;
    (hidden, orphans) == (0, 0)
}

pub(crate) async fn large_copy_is_the_source(backend: &dyn Backend) {
    let ada = Arc::new(Scene::new(backend).await);
    let bob = ada.neighbour(2).await;
    crowd(&ada, &group("crowd"), 700).await;
    let source = contents(&ada, &group("crowd")).await;
    let container = ada.container(&group("crowd")).await;
    let snapshot = ada.take(&group("crowd"), &[bob.account]).await;
    let applied = bob.write(apply(snapshot, ada.account, &group("copy"))).await.unwrap();
    assert_eq!(contents(&bob, &group("copy")).await, source);
    let copy = bob.container(&group("copy")).await;
    assert_eq!((copy.persons, copy.faces, copy.version), (700, 700, container.version));
    assert_eq!(applied.container, Some(copy.number));
    let rows = async |scene: &Scene, number| {
        let rows = scene.store.rows_after(scene.account, number, FaceNumber(0), 1_000).await.unwrap();
        rows.iter().map(|row| (row.face, row.person, row.template.expose().clone())).collect::<Vec<_>>()
    };
    assert_eq!(rows(&ada, container.number).await, rows(&bob, copy.number).await);
    // One row of the audit log for all parts.
    let audit = ada.store.audit(ada.account, 0, 10_000).await.unwrap();
    let about =
        |action: &str| audit.iter().filter(|row| row.action == action).map(|row| row.records).collect::<Vec<_>>();
    assert_eq!((about("take_snapshot"), about("hand_over_snapshot")), (vec![1_401], vec![1_401]));
    let deleted = ada.write(SnapshotWrite::Delete { snapshot }).await.unwrap();
    assert_eq!(deleted.removed, 1_401);
    assert_eq!(bob.write(delete(&group("copy"))).await.unwrap().removed, 1_401);
    assert_eq!(contents(&ada, &group("crowd")).await, source);
    assert!(is_nothing_hidden(backend).await);
    for (scene, kind) in [(&*ada, ContainerKind::Snapshot), (&bob, ContainerKind::LargePersonGroup)] {
        let totals = scene.store.totals(scene.account).await.unwrap();
        let left = totals.iter().find(|totals| totals.kind == kind).unwrap();
        assert_eq!((left.containers, left.persons, left.faces), (0, 0, 0), "{kind:?}");
    }
    ada.store.check_integrity().await.unwrap();
}

/// What is done to the source between the parts is in the copy up to its version, and nothing else is.
pub(crate) async fn copy_has_what_the_source_has_when_it_is_shown(backend: &dyn Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    let container = group("crowd");
    let people = crowd(&scene, &container, 900).await;
    let mut persons: BTreeSet<Uuid> = people.iter().map(|(person, _)| *person).collect();
    let mut faces: BTreeSet<Uuid> = people.iter().map(|(_, face)| *face).collect();

    let taking = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.take(&group("crowd"), &[scene.account]).await }
    });
    let frozen = stopped_within(backend, HIDDEN, || taking.is_finished()).await;
    /// What came and went with a version.
    type Change = (u64, Vec<Uuid>, Vec<Uuid>, bool);
    let changes: Arc<Mutex<Vec<Change>>> = Arc::default();
    let mut tasks = JoinSet::new();
    for (turn, (person, face)) in people.iter().take(40).copied().enumerate() {
        let new = scene.face();
        let (write, persons, faces, comes) = match turn % 4 {
            0 => (delete_person(&container, person), vec![person], vec![face], false),
            1 => (delete_face(&container, Some(person), face), vec![], vec![face], false),
            2 => (create_person(&container, new.id), vec![new.id], vec![], true),
            _ => (add_face(&container, Some(person), new.clone()), vec![], vec![new.id], true),
        };
        let (scene, changes) = (Arc::clone(&scene), Arc::clone(&changes));
        tasks.spawn(async move {
            let version = scene.write(write).await.unwrap().version;
            changes.lock().unwrap().push((version, persons, faces, comes));
        });
    }
    if let Some(frozen) = frozen {
        frozen.release().await;
    }
    let snapshot = taking.await.unwrap();
    tasks.join_all().await;

    scene.write(apply(snapshot, scene.account, &group("copy"))).await.unwrap();
    let copy = scene.container(&group("copy")).await;
    let mut changes = std::mem::take(&mut *changes.lock().unwrap());
    changes.sort_unstable_by_key(|change| change.0);
    for (_, changed_persons, changed_faces, comes) in changes.into_iter().filter(|change| change.0 <= copy.version) {
        for (all, changed) in [(&mut persons, changed_persons), (&mut faces, changed_faces)] {
            for id in changed {
                let is_new = if comes { all.insert(id) } else { !all.remove(&id) };
                assert_eq!(is_new, comes);
            }
        }
    }
    assert_eq!((copy.persons, copy.faces), (persons.len() as u64, faces.len() as u64));
    assert_eq!(contents(&scene, &group("copy")).await, (persons, faces));
    assert!(is_nothing_hidden(backend).await);
    scene.store.check_integrity().await.unwrap();
}

/// A scene of a program of its own, which can be stopped for good.
fn in_another_program(backend: &dyn Backend) -> (Runtime, Arc<Scene>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let scene = tokio::task::block_in_place(|| runtime.block_on(Scene::new(backend)));
    (runtime, Arc::new(scene))
}

/// Nothing that asks finds anything under these numbers.
async fn sees_nothing(scene: &Scene, numbers: impl Iterator<Item = i64>) {
    let (store, account) = (&scene.store, scene.account);
    for number in numbers {
        assert_eq!(store.version_of(account, number).await.unwrap(), None, "{number}");
        assert_eq!(store.versions_of(account, &[number]).await.unwrap(), [None], "{number}");
        assert_refused!(store.changes_since(account, number, 1, 10).await, StoreError::ContainerNotFound);
        assert!(store.rows_after(account, number, FaceNumber(0), 10).await.unwrap().is_empty(), "{number}");
        let faces: Vec<FaceNumber> = (1..2_000).map(FaceNumber).collect();
        assert!(store.rows(account, number, &faces).await.unwrap().is_empty(), "{number}");
        assert!(store.resolve_faces(account, number, &faces).await.unwrap().is_empty(), "{number}");
        assert_eq!(store.space_of(account, number).await.unwrap(), None, "{number}");
    }
    assert!(store.unfinished_trainings(account).await.unwrap().is_empty());
}

pub(crate) async fn half_a_copy_is_seen_by_nobody_and_swept(backend: &dyn Backend) {
    let (program, scene) = in_another_program(backend);
    let number = {
        let (scene, program) = (Arc::clone(&scene), program.handle().clone());
        let made = program.spawn(async move {
            crowd(&scene, &group("crowd"), 800).await;
            scene.container(&group("crowd")).await.number
        });
        made.await.unwrap()
    };
    let totals = scene.store.totals(scene.account).await.unwrap();
    let mut frozen = None;
    while frozen.is_none() {
        // One that was too quick to be stopped goes again.
        for snapshot in scene.store.snapshots(scene.account, &PageStart::everything(), scene.now()).await.unwrap() {
            let scene = Arc::clone(&scene);
            let deleting = async move { scene.write(SnapshotWrite::Delete { snapshot: snapshot.id }).await };
            program.spawn(deleting).await.unwrap().unwrap();
        }
        let taking = {
            let scene = Arc::clone(&scene);
            program.spawn(async move { scene.take(&group("crowd"), &[scene.account]).await })
        };
        frozen = stopped_within(backend, HIDDEN, || taking.is_finished()).await;
    }
    let mut frozen = frozen.unwrap();
    assert!(frozen.count("SELECT count(*) FROM person").await > 800, "a part of it is copied");
    sees_nothing(&scene, (1..40).filter(|other| *other != number)).await;
    assert_eq!(scene.store.totals(scene.account).await.unwrap(), totals);
    assert_eq!(scene.store.spaces(scene.account, true).await.unwrap(), [("space a".to_owned(), 800)]);
    assert!(scene.store.snapshots(scene.account, &PageStart::everything(), scene.now()).await.unwrap().is_empty());
    for kind in ContainerKind::ALL {
        let listed = scene.store.containers(scene.account, kind, &PageStart::everything()).await.unwrap();
        assert_eq!(listed.len(), usize::from(kind == ContainerKind::LargePersonGroup), "{kind:?}");
    }

    // The program is killed; another comes up.
    program.shutdown_background();
    frozen.release().await;
    drop(scene);
    let scene = Scene::visit(backend.open().await, 1);
    assert_eq!(sweep(&scene).await, 0, "somebody may still be at it");
    assert!(!is_nothing_hidden(backend).await);
    scene.wait_millis(LATER_MILLIS);
    assert!(sweep(&scene).await > 0);
    assert!(is_nothing_hidden(backend).await);
    assert_eq!(scene.store.totals(scene.account).await.unwrap(), totals);
    assert_eq!(contents(&scene, &group("crowd")).await.0.len(), 800);
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn container_is_gone_with_the_first_part_of_its_deletion(backend: &dyn Backend) {
    let (program, scene) = in_another_program(backend);
    let container = group("crowd");
    let mut frozen = None;
    let mut number = 0;
    while frozen.is_none() {
        let deleting = {
            let scene = Arc::clone(&scene);
            let made = program.spawn(async move {
                crowd(&scene, &group("crowd"), 1_500).await;
                (scene.container(&group("crowd")).await.number, scene)
            });
            let (made, scene) = made.await.unwrap();
            number = made;
            program.spawn(async move { scene.write(delete(&group("crowd"))).await })
        };
        frozen = stopped_within(backend, HIDDEN, || deleting.is_finished()).await;
    }
    let mut frozen = frozen.unwrap();
    assert!(frozen.count("SELECT count(*) FROM person").await > 0, "a part of it is left");
    sees_nothing(&scene, [number].into_iter()).await;
    let (store, account) = (&scene.store, scene.account);
    assert!(store.container(account, &container).await.unwrap().is_none());
    assert_refused!(store.persons(account, &container, &PageStart::everything()).await, StoreError::ContainerNotFound);
    assert_refused!(store.faces(account, &container, &PageStart::everything()).await, StoreError::ContainerNotFound);
    assert_eq!(store.spaces(account, false).await.unwrap(), []);
    assert_eq!(store.spaces(account, true).await.unwrap(), []);
    let totals = store.totals(account).await.unwrap();
    assert!(totals.iter().all(|totals| (totals.containers, totals.persons, totals.faces) == (0, 0, 0)));

    program.shutdown_background();
    frozen.release().await;
    drop(scene);
    // Whoever comes up finds it gone, and another of its name is a new one.
    let scene = Scene::visit(backend.open().await, 1);
    scene.create(&container).await;
    sees_nothing(&scene, [number].into_iter()).await;
    scene.wait_millis(1);
    assert!(sweep(&scene).await > 0);
    assert!(is_nothing_hidden(backend).await);
    assert_eq!(contents(&scene, &container).await, (BTreeSet::new(), BTreeSet::new()));
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn members_and_records_go_in_parts_too(backend: &dyn Backend) {
    const PEOPLE: usize = 700;
    let scene = Arc::new(Scene::new(backend).await);
    let directory = ContainerName::directory();
    let people: Vec<Uuid> = (0..PEOPLE).map(|_| scene.id()).collect();
    write_all(&scene, people.iter().map(|person| create_person(&directory, *person)).collect()).await;
    for group in ["staff", "guests"] {
        scene.write(create_group(group, &people)).await.unwrap();
    }
    let staff = name(ContainerKind::DynamicPersonGroup, "staff");
    let deleting = tokio::spawn({
        let (scene, staff) = (Arc::clone(&scene), staff.clone());
        async move { scene.write(delete(&staff)).await.unwrap() }
    });
    if let Some(frozen) = stopped_within(backend, HIDDEN, || deleting.is_finished()).await {
        let groups = scene.store.groups_of_person(scene.account, people[PEOPLE - 1], &PageStart::everything()).await;
        assert_eq!(groups.unwrap(), ["guests"]);
        frozen.release().await;
    }
    deleting.await.unwrap();
    assert_eq!(scene.members("guests").await.len(), PEOPLE);

    // Records go with the people of a container, and are gone with the first part, whatever they are asked by.
    let put = |person: &Uuid, directory: &ContainerName| {
        let id = person.to_string();
        let record = NewRecord::new(RecordKind::SpecimenOfPerson, &id, b"a value".to_vec().into());
        RecordWrite::Put(record.about(directory.clone(), *person).tagged("subject", &id))
    };
    write_all(&scene, people.iter().map(|person| put(person, &directory).into()).collect()).await;
    let deleting = tokio::spawn({
        let (scene, directory) = (Arc::clone(&scene), directory.clone());
        async move { scene.write(delete(&directory)).await.unwrap() }
    });
    if let Some(frozen) = stopped_within(backend, HIDDEN, || deleting.is_finished()).await {
        let (store, account, now) = (&scene.store, scene.account, scene.now());
        let (kind, everything) = (RecordKind::SpecimenOfPerson, PageStart::everything());
        assert!(store.records(account, kind, &everything, now).await.unwrap().is_empty());
        for person in people.iter().step_by(50) {
            let id = person.to_string();
            assert!(store.record(account, kind, &id, now).await.unwrap().is_none());
            let tag = Tag::new("subject", id);
            assert!(store.records_tagged(account, kind, &tag, &everything, now).await.unwrap().is_empty());
        }
        assert!(scene.members("guests").await.is_empty());
        frozen.release().await;
    }
    // The directory, its people, and a record of each.
    assert_eq!(deleting.await.unwrap().removed, 1 + 2 * PEOPLE as u64);
    assert!(is_nothing_hidden(backend).await);
    assert!(scene.members("guests").await.is_empty());
    scene.write(delete(&name(ContainerKind::DynamicPersonGroup, "guests"))).await.unwrap();
    let mut frozen = backend.freeze().await;
    for left in ["SELECT count(*) FROM membership", "SELECT count(*) FROM record WHERE person IS NOT NULL"] {
        assert_eq!(frozen.count(left).await, 0, "{left}");
    }
    frozen.release().await;
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn copy_ends_with_its_snapshot(backend: &dyn Backend) {
    let ada = Arc::new(Scene::new(backend).await);
    let bob = Arc::new(ada.neighbour(2).await);
    crowd(&ada, &group("crowd"), 1_000).await;
    let snapshot = ada.take(&group("crowd"), &[bob.account]).await;
    let applying = tokio::spawn({
        let (bob, taken_by) = (Arc::clone(&bob), ada.account);
        async move { bob.write(apply(snapshot, taken_by, &group("copy"))).await }
    });
    let frozen = stopped_within(backend, HIDDEN, || applying.is_finished()).await;
    let deleting = tokio::spawn({
        let ada = Arc::clone(&ada);
        async move { ada.write(SnapshotWrite::Delete { snapshot }).await }
    });
    // It has queued.
    tokio::time::sleep(Duration::from_millis(50)).await;
    if let Some(frozen) = frozen {
        frozen.release().await;
    }
    deleting.await.unwrap().unwrap();
    match applying.await.unwrap() {
        // It was whole before the snapshot went.
        Ok(_) => assert_eq!(contents(&bob, &group("copy")).await.0.len(), 1_000),
        Err(StoreError::SnapshotNotFound) => {
            assert!(bob.store.container(bob.account, &group("copy")).await.unwrap().is_none());
        }
        Err(other) => panic!("{other:?}"),
    }
    assert!(is_nothing_hidden(backend).await);
    ada.store.check_integrity().await.unwrap();
}

pub(crate) async fn hopeless_copy_is_refused_at_once(backend: &dyn Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    crowd(&scene, &group("crowd"), 600).await;
    let snapshot = scene.take(&group("crowd"), &[scene.account]).await;
    let within = |container: &str, limit, account_limit| SnapshotWrite::Apply {
        snapshot,
        taken_by: scene.account,
        container: group(container),
        limit: Some(limit),
        account_limit: Some(account_limit),
    };
    let before = scene.store.totals(scene.account).await.unwrap();
    let containers = scene.write(within("copy", 1, 10_000)).await;
    assert_refused!(containers, StoreError::LimitReached { kind: LimitKind::Containers, limit: 1 });
    let persons = scene.write(within("copy", 2, 1_199)).await;
    assert_refused!(persons, StoreError::LimitReached { kind: LimitKind::PersonsInAccount, limit: 1_199 });
    assert_refused!(scene.write(within("crowd", 2, 10_000)).await, StoreError::ContainerExists);
    let nobody = [likeness_store::AccountId(Uuid::from_u128(7))];
    let stranger = scene.take_as(scene.id(), &group("crowd"), &nobody);
    assert_refused!(scene.write(stranger).await, StoreError::RecipientNotFound);
    assert_refused!(scene.write(scene.take_as(snapshot, &group("crowd"), &[])).await, StoreError::SnapshotExists);
    assert_eq!(scene.store.totals(scene.account).await.unwrap(), before);
    assert!(is_nothing_hidden(backend).await);
    scene.write(within("copy", 2, 1_200)).await.unwrap();
}

pub(crate) async fn repeated_large_command_doubles_nothing(backend: &dyn Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    crowd(&scene, &group("crowd"), 600).await;
    let snapshot = scene.id();
    let commands = [
        scene.command(scene.take_as(snapshot, &group("crowd"), &[scene.account])),
        scene.command(apply(snapshot, scene.account, &group("copy"))),
        scene.command(delete(&group("copy"))),
        scene.command(SnapshotWrite::Delete { snapshot }),
    ];
    for command in commands {
        let action = command.write.action();
        // At once, as somebody who lost patience does it, and once more afterwards.
        let (first, second) = tokio::join!(scene.store.apply(command.clone()), scene.store.apply(command.clone()));
        let third = scene.store.apply(command).await.unwrap();
        assert_eq!([first.unwrap(), second.unwrap()], [third; 2], "{action}");
        assert!(is_nothing_hidden(backend).await, "{action}");
        let audit = scene.store.audit(scene.account, 0, 10_000).await.unwrap();
        assert_eq!(audit.iter().filter(|row| row.action == action).count(), 1, "{action}");
    }
    assert_eq!(scene.container(&group("crowd")).await.persons, 600);
    scene.store.check_integrity().await.unwrap();
}
