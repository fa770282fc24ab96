//! A snapshot is a copy that does not follow its source, and only its taker and its scope can see or apply it.

use likeness_base::Timestamp;
use likeness_store::{
    AccountId, AuditOutcome, Container, ContainerKind, ContainerName, ContainerWrite, ExpireDue, FaceNumber, Feed,
    LimitKind, NewFace, PageStart, SnapshotWrite, StoreError, TrainingOutcome, TrainingStatus, TrainingWrite,
};
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{
    Backend, HOUR_MILLIS, Scene, add_face, apply, create, delete, delete_face, delete_person, group, list, text,
};

const PAGE: fn() -> PageStart = || PageStart { after: String::new(), top: 100 };

/// A family of two with a face each and remarks on everything.
async fn family(scene: &Scene) -> (ContainerName, [Uuid; 2], [Uuid; 2]) {
    let container = group("family");
    scene.create(&container).await;
    let user_data = Some(text("a remark on a container"));
    scene.write(ContainerWrite::Update { container: container.clone(), name: None, user_data }).await.unwrap();
    let (mut people, mut faces) = (Vec::new(), Vec::new());
    for space in ["space a", "space b"] {
        let person = scene.create_person(&container).await;
        let face = NewFace { user_data: Some(text("a remark on a face")), space: space.into(), ..scene.face() };
        faces.push(face.id);
        scene.write(add_face(&container, Some(person), face)).await.unwrap();
        people.push(person);
    }
    (container, [people[0], people[1]], [faces[0], faces[1]])
}

/// Everything of a container that a copy must have, in words that do not name the account.
async fn contents(scene: &Scene, name: &ContainerName) -> String {
    let Container { number, name: called, user_data, model, persons, faces, version, .. } = scene.container(name).await;
    let called = called.expose().clone();
    let remark = user_data.map(|text| text.expose().clone());
    let mut seen = format!("{called} {remark:?} {model} {persons} {faces} {version}");
    for person in scene.store.persons(scene.account, name, &PAGE()).await.unwrap() {
        let (called, remark) = (person.name.expose(), person.user_data.as_ref().map(|text| text.expose().clone()));
        seen += &format!("\n{} {:?} {called} {remark:?} {:?}", person.id, person.number, person.faces);
    }
    for face in scene.store.faces(scene.account, name, &PAGE()).await.unwrap() {
        let remark = face.user_data.map(|text| text.expose().clone());
        seen += &format!("\n{} {:?} {:?} {remark:?}", face.id, face.number, face.person);
    }
    for row in scene.store.rows_after(scene.account, number, FaceNumber(0), 100).await.unwrap() {
        let template = row.template.expose();
        seen += &format!("\n{:?} {:?} {} {} {template:?}", row.face, row.person, row.added_version, row.space);
    }
    seen
}

pub(crate) async fn copy_does_not_follow_its_source(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (container, people, _) = family(&scene).await;
    let before = contents(&scene, &container).await;
    let snapshot = scene.take(&container, &[scene.account]).await;
    scene.write(delete_person(&container, people[0])).await.unwrap();
    scene.add_face(&container, Some(people[1])).await;
    let copy = group("copy");
    scene.write(apply(snapshot, scene.account, &copy)).await.unwrap();
    assert_eq!(contents(&scene, &copy).await, before);
    scene.write(delete(&container)).await.unwrap();
    scene.write(apply(snapshot, scene.account, &container)).await.unwrap();
    assert_eq!(contents(&scene, &container).await, before, "in the place of what was deleted");
    // And what is done to one copy does not touch another.
    scene.write(delete(&copy)).await.unwrap();
    scene.write(apply(snapshot, scene.account, &copy)).await.unwrap();
    assert_eq!(contents(&scene, &copy).await, before);
    let groups = scene.store.containers(scene.account, ContainerKind::LargePersonGroup, &PAGE()).await.unwrap();
    assert_eq!(groups.len(), 2, "a snapshot is in no list");
    scene.store.check_integrity().await.unwrap();
}

pub(crate) async fn applied_copy_is_the_source_under_other_keys(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    // The two accounts number containers and labels differently.
    bob.write(add_face(&list_of(&bob).await, None, NewFace { space: "space b".into(), ..bob.face() })).await.unwrap();
    let (container, people, faces) = family(&ada).await;
    let before = contents(&ada, &container).await;
    let snapshot = ada.take(&container, &[bob.account]).await;
    let applied = bob.write(apply(snapshot, ada.account, &container)).await.unwrap();
    assert_eq!(contents(&bob, &container).await, before);
    // It is a container like any other: it can be changed and followed, from the version it came with.
    let number = applied.container.unwrap();
    let added = bob.add_face(&container, Some(people[0])).await;
    let feed = bob.store.changes_since(bob.account, number, applied.version, 10).await.unwrap();
    assert!(matches!(feed, Feed::Changes { rows, .. } if rows.len() == 1));
    let feed = bob.store.changes_since(bob.account, number, applied.version - 1, 10).await.unwrap();
    assert_eq!(feed, Feed::Reload);
    assert_eq!(bob.store.person(bob.account, &container, people[0]).await.unwrap().unwrap().faces, [faces[0], added]);
    bob.write(delete_face(&container, Some(people[0]), faces[0])).await.unwrap();
    assert_eq!(contents(&ada, &container).await, before, "the source is as it was");
    // Nothing of the taker is needed any more.
    ada.write(SnapshotWrite::Delete { snapshot }).await.unwrap();
    ada.write(delete(&container)).await.unwrap();
    assert_eq!(bob.container(&container).await.faces, 2);
    bob.write(delete(&container)).await.unwrap();
    bob.store.check_integrity().await.unwrap();
}

async fn list_of(scene: &Scene) -> ContainerName {
    scene.create(&list("faces")).await;
    list("faces")
}

pub(crate) async fn trained_state_is_copied(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (container, people, _) = family(&scene).await;
    let untrained = scene.take(&container, &[scene.account]).await;
    let training = scene.write(TrainingWrite::Start { container: container.clone() }).await.unwrap().training.unwrap();
    let outcome = TrainingOutcome::Succeeded;
    scene.write(TrainingWrite::Finish { container: container.clone(), training, outcome }).await.unwrap();
    let trained_version = scene.container(&container).await.trained_version;
    scene.add_face(&container, Some(people[0])).await;
    // A training under way is not copied: what counts is the last that succeeded.
    scene.write(TrainingWrite::Start { container: container.clone() }).await.unwrap();
    let trained = scene.take(&container, &[scene.account]).await;
    for (snapshot, name, version) in [(untrained, "untrained", None), (trained, "trained", trained_version)] {
        let copy = group(name);
        scene.write(apply(snapshot, scene.account, &copy)).await.unwrap();
        let read = scene.container(&copy).await;
        assert_eq!(read.trained_version, version, "{name}");
        assert_eq!(read.training.is_some(), version.is_some(), "{name}");
        if let Some(training) = read.training {
            assert_eq!((training.number, training.status), (1, TrainingStatus::Succeeded));
            assert_eq!(training.last_success, Some(scene.now()));
        }
        // It can be trained again.
        scene.write(TrainingWrite::Start { container: copy }).await.unwrap();
    }
    let unfinished = scene.store.unfinished_trainings(scene.account).await.unwrap();
    assert!(unfinished.iter().all(|one| one.container.kind == ContainerKind::LargePersonGroup), "no snapshot trains");
}

pub(crate) async fn snapshot_is_seen_by_its_taker_and_its_scope(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let (bob, eve) = (ada.neighbour(2).await, ada.neighbour(3).await);
    let (container, ..) = family(&ada).await;
    let snapshot = ada.take(&container, &[bob.account, ada.account, bob.account]).await;
    let seen = async |scene: &Scene| scene.store.snapshot(scene.account, snapshot, scene.now()).await.unwrap();
    let mine = seen(&ada).await.unwrap();
    let mut both = [ada.account, bob.account];
    both.sort_unstable();
    assert_eq!((mine.taken_by, mine.kind, mine.scope), (ada.account, ContainerKind::LargePersonGroup, both.to_vec()));
    assert_eq!((mine.created_at, mine.updated_at), (ada.now(), ada.now()));
    assert_eq!(mine.user_data.unwrap().expose(), "a remark on a snapshot");
    let offered = seen(&bob).await.unwrap();
    assert_eq!((offered.taken_by, offered.scope), (ada.account, vec![bob.account]));
    assert_eq!(offered.user_data.unwrap().expose(), "a remark on a snapshot");
    assert!(seen(&eve).await.is_none());
    for (scene, expected) in [(&ada, 1), (&bob, 1), (&eve, 0)] {
        let all = scene.store.snapshots(scene.account, &PageStart::everything(), scene.now()).await.unwrap();
        assert_eq!(all.len(), expected);
    }
    assert_refused!(eve.write(apply(snapshot, ada.account, &group("g"))).await, StoreError::SnapshotNotFound);
    assert_refused!(bob.write(apply(snapshot, eve.account, &group("g"))).await, StoreError::SnapshotNotFound);
    assert_refused!(bob.write(apply(snapshot, bob.account, &group("g"))).await, StoreError::SnapshotNotFound);
}

pub(crate) async fn scope_is_changed_by_its_taker_alone(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let (container, ..) = family(&ada).await;
    let snapshot = ada.take(&container, &[bob.account]).await;
    let change = |scope: Option<Vec<AccountId>>, user_data: Option<&str>| SnapshotWrite::Update {
        offers: None,
        snapshot,
        scope,
        user_data: user_data.map(text),
    };
    assert_refused!(bob.write(change(Some(vec![]), None)).await, StoreError::SnapshotNotFound);
    assert_refused!(bob.write(SnapshotWrite::Delete { snapshot }).await, StoreError::SnapshotNotFound);
    ada.wait_millis(5);
    ada.write(change(None, Some("new"))).await.unwrap();
    let read = bob.store.snapshot(bob.account, snapshot, bob.now()).await.unwrap().unwrap();
    assert_eq!((read.user_data.unwrap().expose().as_str(), read.updated_at), ("new", ada.now()));
    assert_refused!(ada.write(change(Some(vec![AccountId(Uuid::nil())]), None)).await, StoreError::RecipientNotFound);
    ada.write(change(Some(vec![ada.account]), None)).await.unwrap();
    assert!(bob.store.snapshot(bob.account, snapshot, bob.now()).await.unwrap().is_none());
    assert_refused!(bob.write(apply(snapshot, ada.account, &container)).await, StoreError::SnapshotNotFound);
    ada.write(SnapshotWrite::Delete { snapshot }).await.unwrap();
    assert!(ada.store.snapshot(ada.account, snapshot, ada.now()).await.unwrap().is_none());
    assert_refused!(ada.write(SnapshotWrite::Delete { snapshot }).await, StoreError::SnapshotNotFound);
}

pub(crate) async fn snapshot_ends_at_the_very_instant_and_is_swept(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let (container, ..) = family(&ada).await;
    let snapshot = ada.take(&container, &[ada.account, bob.account]).await;
    let end = ada.now().as_millis() + 2 * HOUR_MILLIS;
    for scene in [&ada, &bob] {
        let at = |millis| scene.store.snapshot(scene.account, snapshot, Timestamp::from_millis(millis));
        assert!(at(end - 1).await.unwrap().is_some());
        assert!(at(end).await.unwrap().is_none());
        let all =
            scene.store.snapshots(scene.account, &PageStart::everything(), Timestamp::from_millis(end)).await.unwrap();
        assert!(all.is_empty());
        scene.wait_millis(2 * HOUR_MILLIS);
        assert_refused!(scene.write(apply(snapshot, ada.account, &group("late"))).await, StoreError::SnapshotNotFound);
    }
    let refused = SnapshotWrite::Update { offers: None, snapshot, scope: None, user_data: Some(text("longer")) };
    assert_refused!(ada.write(refused).await, StoreError::SnapshotNotFound);
    assert_eq!(
        bob.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap().removed,
        0,
        "it is not theirs to sweep"
    );
    // Two faces, two people, the snapshot.
    assert_eq!(ada.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap().removed, 5);
    let early = Timestamp::from_millis(end - 1);
    assert!(ada.store.snapshot(ada.account, snapshot, early).await.unwrap().is_none());
    let totals = ada.store.totals(ada.account).await.unwrap();
    let left = totals.iter().find(|totals| totals.kind == ContainerKind::Snapshot).unwrap();
    assert_eq!((left.containers, left.persons, left.faces), (0, 0, 0));
    assert_eq!(ada.container(&container).await.faces, 2, "the source stays");
    ada.store.check_integrity().await.unwrap();
}

pub(crate) async fn large_snapshot_is_swept_in_parts(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (container, ..) = family(&scene).await;
    for _ in 0..2 {
        scene.take(&container, &[]).await;
    }
    scene.wait_millis(2 * HOUR_MILLIS);
    let mut sweeps = Vec::new();
    loop {
        let swept = scene.write(ExpireDue { limit: 3, ..ExpireDue::default() }).await.unwrap();
        sweeps.push(swept.removed);
        scene.store.check_integrity().await.unwrap();
        if !swept.more {
            break;
        }
    }
    assert_eq!(sweeps, [3, 3, 3, 1]);
}

pub(crate) async fn both_audit_logs_tell_of_a_hand_over(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let (container, ..) = family(&ada).await;
    let source = ada.container(&container).await.number;
    let snapshot = ada.take(&container, &[bob.account]).await;
    let applied = bob.write(apply(snapshot, ada.account, &container)).await.unwrap();
    let last = async |scene: &Scene| {
        let rows = scene.store.audit(scene.account, 0, 100).await.unwrap();
        crate::scene::chain(&*scene.store, &rows).unwrap();
        rows.last().unwrap().clone()
    };
    let (given, received) = (last(&ada).await, last(&bob).await);
    assert_eq!((given.action.as_str(), given.actor.as_str()), ("hand_over_snapshot", "system"));
    assert_eq!((received.action.as_str(), received.actor.as_str()), ("apply_snapshot", "key1"));
    assert_eq!((given.records, received.records), (5, 5));
    assert_eq!(given.request_id, received.request_id);
    assert_eq!(given.target.unwrap().kind, ContainerKind::Snapshot);
    assert_eq!(received.target.unwrap().number, applied.container.unwrap());
    let rows = ada.store.audit(ada.account, 0, 100).await.unwrap();
    let taken = &rows[rows.len() - 2];
    assert_eq!((taken.action.as_str(), taken.target.unwrap().number), ("take_snapshot", source));
    assert_eq!(taken.outcome, AuditOutcome::Applied);
}

pub(crate) async fn applied_copy_counts_against_limits(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (container, ..) = family(&scene).await;
    let snapshot = scene.take(&container, &[scene.account]).await;
    let within = |limit, account_limit| SnapshotWrite::Apply {
        snapshot,
        taken_by: scene.account,
        container: group("copy"),
        limit: Some(limit),
        account_limit: Some(account_limit),
    };
    let containers = scene.write(within(1, 4)).await;
    assert_refused!(containers, StoreError::LimitReached { kind: LimitKind::Containers, limit: 1 });
    let persons = scene.write(within(2, 3)).await;
    assert_refused!(persons, StoreError::LimitReached { kind: LimitKind::PersonsInAccount, limit: 3 });
    scene.write(within(2, 4)).await.unwrap();
}

pub(crate) async fn refused_snapshot_leaves_nothing_behind(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let (container, ..) = family(&ada).await;
    let person = ada.enrol().await;
    let snapshot = ada.take(&container, &[ada.account, bob.account]).await;
    bob.create(&container).await;
    let everything = async || {
        let mut seen = String::new();
        for scene in [&ada, &bob] {
            seen += &format!("{:?}", scene.store.totals(scene.account).await.unwrap());
            seen += &format!("{:?}", scene.store.audit(scene.account, 0, 100).await.unwrap());
            seen += &format!(
                "{:?}",
                scene.store.snapshots(scene.account, &PageStart::everything(), scene.now()).await.unwrap()
            );
        }
        seen
    };
    let before = everything().await;
    let directory = ContainerName::directory();
    assert!(ada.store.person(ada.account, &directory, person).await.unwrap().is_some());
    let nobody = [ada.account, AccountId(Uuid::nil())];
    let missing = ada.take_as(ada.id(), &group("none"), &[]);
    assert_refused!(ada.write(missing).await, StoreError::ContainerNotFound);
    let stranger = ada.take_as(ada.id(), &container, &nobody);
    assert_refused!(ada.write(stranger).await, StoreError::RecipientNotFound);
    assert_refused!(ada.write(ada.take_as(snapshot, &container, &[])).await, StoreError::SnapshotExists);
    let whole = ada.take_as(ada.id(), &directory, &[]);
    assert_refused!(ada.write(whole).await, StoreError::Inconsistent(_));
    assert_refused!(bob.write(apply(snapshot, ada.account, &container)).await, StoreError::ContainerExists);
    let other_kind = list("copy");
    assert_refused!(bob.write(apply(snapshot, ada.account, &other_kind)).await, StoreError::Inconsistent(_));
    assert_refused!(bob.write(apply(bob.id(), ada.account, &group("g"))).await, StoreError::SnapshotNotFound);
    assert_eq!(everything().await, before);
    bob.write(create(&other_kind)).await.unwrap();
    ada.store.check_integrity().await.unwrap();
}

pub(crate) async fn snapshots_and_offers_are_bounded(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let (bob, eve) = (ada.neighbour(2).await, ada.neighbour(3).await);
    let (container, ..) = family(&ada).await;
    let take = |scope: &[AccountId], limit, offers| SnapshotWrite::Take {
        snapshot: ada.id(),
        source: container.clone(),
        scope: scope.to_vec(),
        user_data: None,
        expires_at: Timestamp::from_millis(ada.now().as_millis() + HOUR_MILLIS),
        limit,
        offers,
    };
    for _ in 0..2 {
        ada.write(take(&[bob.account], Some(2), Some(2))).await.unwrap();
    }
    let refused = ada.write(take(&[eve.account], Some(2), Some(2))).await;
    assert_refused!(refused, StoreError::LimitReached { kind: LimitKind::Containers, limit: 2 });
    let refused = ada.write(take(&[eve.account, bob.account], Some(9), Some(2))).await;
    assert_refused!(refused, StoreError::LimitReached { kind: LimitKind::Offers, limit: 2 });
    // Others offer to the same account for themselves, and what one offers to itself bothers nobody.
    ada.write(take(&[eve.account, ada.account], Some(9), Some(2))).await.unwrap();
    let page = PageStart::first(2);
    let first = ada.store.snapshots(ada.account, &page, ada.now()).await.unwrap();
    let rest = PageStart { after: first[1].id.to_string(), top: 2 };
    let rest = ada.store.snapshots(ada.account, &rest, ada.now()).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert!(first[0].id < first[1].id && first[1].id < rest[0].id);
}

pub(crate) async fn whoever_is_offered_a_snapshot_may_decline_it(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let (bob, eve) = (ada.neighbour(2).await, ada.neighbour(3).await);
    let (container, ..) = family(&ada).await;
    let snapshot = ada.take(&container, &[bob.account, eve.account]).await;
    let decline = || SnapshotWrite::Decline { snapshot, taken_by: ada.account };
    bob.write(decline()).await.unwrap();
    assert!(bob.store.snapshot(bob.account, snapshot, bob.now()).await.unwrap().is_none());
    assert_refused!(bob.write(decline()).await, StoreError::SnapshotNotFound);
    assert_refused!(bob.write(apply(snapshot, ada.account, &group("g"))).await, StoreError::SnapshotNotFound);
    let seen = ada.store.snapshot(ada.account, snapshot, ada.now()).await.unwrap().unwrap();
    assert_eq!(seen.scope, [eve.account]);
    eve.write(apply(snapshot, ada.account, &group("g"))).await.unwrap();
    for (scene, action) in [(&ada, "snapshot_was_declined"), (&bob, "decline_snapshot")] {
        let rows = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
        crate::scene::chain(&*scene.store, &rows).unwrap();
        assert_eq!(rows.iter().filter(|row| row.action == action).count(), 1, "{action}");
    }
}
