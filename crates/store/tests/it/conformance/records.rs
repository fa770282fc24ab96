//! Records of every kind: what a kind's row says is what happens, on every kind there is.

use likeness_base::Timestamp;
use likeness_store::{
    AccountWrite, Erasure, Expected, ExpireDue, Life, NewRecord, PageStart, RecordKind, RecordWrite, StoreError, Tag,
    Write,
};

use crate::assert_refused;
use crate::scene::{Backend, HOUR_MILLIS, Scene, create, delete, delete_person, group, list};

fn page() -> PageStart {
    PageStart::everything()
}

fn later(scene: &Scene, millis: i64) -> Timestamp {
    Timestamp::from_millis(scene.now().as_millis() + millis)
}

/// A specimen that lives for an hour.
fn specimen(scene: &Scene, id: &str, value: &str) -> NewRecord {
    NewRecord::new(RecordKind::Specimen, id, value.as_bytes().to_vec().into()).until(later(scene, HOUR_MILLIS))
}

async fn put(scene: &Scene, record: NewRecord) -> Result<u64, StoreError> {
    scene.write(RecordWrite::Put(record)).await.map(|applied| applied.version)
}

async fn read(scene: &Scene, kind: RecordKind, id: &str) -> Option<(String, u64)> {
    let record = scene.store.record(scene.account, kind, id, scene.now()).await.unwrap()?;
    Some((String::from_utf8(record.value.expose().clone()).unwrap(), record.version))
}

async fn tagged(scene: &Scene, kind: RecordKind, tag: Tag, page: &PageStart) -> Vec<String> {
    let found = scene.store.records_tagged(scene.account, kind, &tag, page, scene.now()).await.unwrap();
    found.into_iter().map(|record| record.id).collect()
}

fn take(kind: RecordKind, id: &str, version: u64) -> RecordWrite {
    RecordWrite::Take { kind, id: id.into(), version }
}

pub(crate) async fn record_is_written_only_over_what_was_read(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let expecting = |value: &str, expected| specimen(&scene, "a", value).expecting(expected);
    assert_refused!(put(&scene, expecting("x", Expected::Version(1))).await, StoreError::RecordChanged);
    assert_eq!(put(&scene, expecting("one", Expected::Absent)).await.unwrap(), 1);
    assert_refused!(put(&scene, expecting("x", Expected::Absent)).await, StoreError::RecordExists);
    assert_refused!(put(&scene, expecting("x", Expected::Version(2))).await, StoreError::RecordChanged);
    assert_eq!(read(&scene, RecordKind::Specimen, "a").await, Some(("one".into(), 1)));
    scene.wait_millis(7);
    assert_eq!(put(&scene, expecting("two", Expected::Version(1))).await.unwrap(), 2);
    assert_eq!(put(&scene, expecting("three", Expected::Any)).await.unwrap(), 3);
    let record = scene.store.record(scene.account, RecordKind::Specimen, "a", scene.now()).await.unwrap().unwrap();
    assert_eq!(record.updated_at.as_millis() - record.created_at.as_millis(), 7);
    assert_eq!(record.expires_at, Some(later(&scene, HOUR_MILLIS)));

    // What has expired is not there; a new one is not taken for it.
    scene.wait_millis(HOUR_MILLIS);
    assert_eq!(read(&scene, RecordKind::Specimen, "a").await, None);
    let expecting = |value: &str, expected| specimen(&scene, "a", value).expecting(expected);
    assert_refused!(put(&scene, expecting("x", Expected::Version(3))).await, StoreError::RecordChanged);
    assert_eq!(put(&scene, expecting("four", Expected::Absent)).await.unwrap(), 4);
    let record = scene.store.record(scene.account, RecordKind::Specimen, "a", scene.now()).await.unwrap().unwrap();
    assert_eq!((record.created_at, record.updated_at), (scene.now(), scene.now()));

    // Nobody else's.
    let neighbour = scene.neighbour(2).await;
    assert_eq!(read(&neighbour, RecordKind::Specimen, "a").await, None);
    assert_eq!(put(&neighbour, specimen(&neighbour, "a", "theirs").expecting(Expected::Absent)).await.unwrap(), 1);
    assert_eq!(read(&scene, RecordKind::Specimen, "a").await, Some(("four".into(), 4)));
}

pub(crate) async fn row_of_a_kind_is_obeyed(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let family = group("family");
    scene.create(&family).await;
    let person = scene.create_person(&family).await;
    for kind in RecordKind::ALL.into_iter().filter(|kind| *kind != RecordKind::Settings) {
        let row = kind.row();
        let whole = |expires: bool| {
            let record = NewRecord::new(kind, "an id", b"a value".to_vec().into());
            let record = record.until(expires.then(|| later(&scene, HOUR_MILLIS)));
            if row.erasure == Erasure::WithPerson { record.about(family.clone(), person) } else { record }
        };
        let fits = |expires: bool| match row.life {
            Life::Lasting => !expires,
            Life::MayExpire => true,
            Life::MustExpire => expires,
        };
        for expires in [true, false] {
            match put(&scene, whole(expires)).await {
                Ok(_) => assert!(fits(expires), "{kind:?} {expires}"),
                Err(StoreError::Inconsistent(_)) => assert!(!fits(expires), "{kind:?} {expires}"),
                Err(other) => panic!("{kind:?}: {other}"),
            }
        }
        assert!(read(&scene, kind, "an id").await.is_some(), "{kind:?}");
        let mut other_person = whole(fits(true));
        other_person.person = match row.erasure {
            Erasure::WithPerson => None,
            _ => Some((family.clone(), person)),
        };
        let bad = [
            ("person", other_person),
            ("tag", whole(fits(true)).tagged("no such tag", "a")),
            ("no id", NewRecord { id: String::new(), ..whole(fits(true)) }),
            ("long id", NewRecord { id: "i".repeat(201), ..whole(fits(true)) }),
        ];
        for (case, record) in bad {
            assert_refused!(put(&scene, record).await, StoreError::Inconsistent(_), format!("{kind:?} {case}"));
        }
    }
    let settings = NewRecord::new(RecordKind::Settings, "settings", Vec::new().into());
    assert_refused!(put(&scene, settings).await, StoreError::Inconsistent(_));
    let nobody = NewRecord::new(RecordKind::SpecimenOfPerson, "b", Vec::new().into());
    assert_refused!(put(&scene, nobody.clone().about(family.clone(), scene.id())).await, StoreError::PersonNotFound);
    assert_refused!(put(&scene, nobody.about(group("other"), person)).await, StoreError::ContainerNotFound);
}

pub(crate) async fn tags_find_records_in_pages(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let neighbour = scene.neighbour(2).await;
    for number in 0..7 {
        let state = if number % 2 == 0 { "open" } else { "done" };
        put(&scene, specimen(&scene, &format!("id {number}"), "x").tagged("state", state)).await.unwrap();
    }
    put(&neighbour, specimen(&neighbour, "theirs", "x").tagged("state", "open")).await.unwrap();
    let open = || Tag::new("state", "open");
    let found = async |page: &PageStart| tagged(&scene, RecordKind::Specimen, open(), page).await;
    assert_eq!(found(&page()).await, ["id 0", "id 2", "id 4", "id 6"]);
    let mut one_by_one = Vec::new();
    let mut start = PageStart::first(3);
    loop {
        let next = found(&start).await;
        one_by_one.extend(next.iter().cloned());
        if !start.advance(next.last().cloned()) {
            break;
        }
    }
    assert_eq!(one_by_one, ["id 0", "id 2", "id 4", "id 6"]);
    assert_eq!(tagged(&neighbour, RecordKind::Specimen, open(), &page()).await, ["theirs"]);
    // Tags are replaced with their record, and go with it.
    put(&scene, specimen(&scene, "id 2", "x").tagged("state", "done").tagged("state", "late")).await.unwrap();
    put(&scene, specimen(&scene, "id 4", "x")).await.unwrap();
    scene.write(RecordWrite::Delete { kind: RecordKind::Specimen, id: "id 6".into() }).await.unwrap();
    assert_eq!(found(&page()).await, ["id 0"]);
    assert_eq!(tagged(&scene, RecordKind::Specimen, Tag::new("state", "late"), &page()).await, ["id 2"]);
    // Whether swept or not, what has expired is not found.
    scene.wait_millis(HOUR_MILLIS);
    assert!(found(&page()).await.is_empty());
    let (unknown, all) = (Tag::new("colour", "red"), page());
    let found = scene.store.records_tagged(scene.account, RecordKind::Specimen, &unknown, &all, scene.now());
    assert_refused!(found.await, StoreError::Inconsistent(_));
}

pub(crate) async fn unique_tag_belongs_to_one_living_record(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let neighbour = scene.neighbour(2).await;
    let handle = |scene: &Scene, id: &str| specimen(scene, id, "x").tagged("handle", "a handle");
    put(&scene, handle(&scene, "first")).await.unwrap();
    assert_refused!(put(&scene, handle(&scene, "second")).await, StoreError::TagInUse);
    assert_eq!(read(&scene, RecordKind::Specimen, "second").await, None, "nothing of it was written");
    put(&scene, handle(&scene, "first")).await.unwrap();
    put(&neighbour, handle(&neighbour, "second")).await.unwrap();
    assert_eq!(tagged(&scene, RecordKind::Specimen, Tag::new("handle", "a handle"), &page()).await, ["first"]);
    // One that has expired holds nothing, swept or not.
    scene.wait_millis(HOUR_MILLIS);
    put(&scene, handle(&scene, "second")).await.unwrap();
    assert_eq!(tagged(&scene, RecordKind::Specimen, Tag::new("handle", "a handle"), &page()).await, ["second"]);
}

pub(crate) async fn of_many_callers_one_takes_a_record_with_its_effect(backend: &dyn Backend) {
    let scene = std::sync::Arc::new(Scene::new(backend).await);
    put(&scene, specimen(&scene, "once", "a ticket")).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let scene = std::sync::Arc::clone(&scene);
        callers.spawn(async move {
            let write = Box::new(create(&list(&format!("of {number}"))));
            let records = vec![take(RecordKind::Specimen, "once", 1)];
            scene.write(Write::Accompanied { records, deliveries: Vec::new(), write }).await
        });
    }
    let results = callers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    for result in results.into_iter().filter(Result::is_err) {
        assert_refused!(result, StoreError::RecordNotFound);
    }
    let kind = likeness_store::ContainerKind::LargeFaceList;
    assert_eq!(scene.store.containers(scene.account, kind, &page()).await.unwrap().len(), 1);

    // The winner who lost the answer asks again and gets it; it is not done twice.
    put(&scene, specimen(&scene, "twice", "a ticket")).await.unwrap();
    let write = Box::new(create(&list("again")));
    let command = scene.command(Write::Accompanied {
        records: vec![take(RecordKind::Specimen, "twice", 1)],
        deliveries: Vec::new(),
        write,
    });
    let first = scene.store.apply(command.clone()).await.unwrap();
    assert_eq!(scene.store.apply(command).await.unwrap(), first);
    assert_eq!(first.container, Some(scene.container(&list("again")).await.number));
}

pub(crate) async fn nothing_is_taken_when_the_effect_is_refused(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&list("there")).await;
    put(&scene, specimen(&scene, "once", "a ticket")).await.unwrap();
    let with = |records: Vec<RecordWrite>, effect: &str| {
        let write = Box::new(create(&list(effect)));
        Write::Accompanied { records, deliveries: Vec::new(), write }
    };
    let once = || take(RecordKind::Specimen, "once", 1);
    assert_refused!(scene.write(with(vec![once()], "there")).await, StoreError::ContainerExists);
    assert!(read(&scene, RecordKind::Specimen, "once").await.is_some());
    let stale = take(RecordKind::Specimen, "once", 2);
    assert_refused!(scene.write(with(vec![stale], "a")).await, StoreError::RecordChanged);
    assert_refused!(scene.write(with(vec![once(), once()], "a")).await, StoreError::RecordNotFound);
    // One used up and another written, with the effect.
    let receipt = NewRecord::new(RecordKind::SpecimenOfTrail, "receipt", b"done".to_vec().into());
    scene.write(with(vec![once(), RecordWrite::Put(receipt)], "a")).await.unwrap();
    assert_eq!(read(&scene, RecordKind::Specimen, "once").await, None);
    assert_eq!(read(&scene, RecordKind::SpecimenOfTrail, "receipt").await, Some(("done".into(), 1)));
    scene.container(&list("a")).await;
    // Too late is too late, swept or not.
    put(&scene, specimen(&scene, "late", "a ticket")).await.unwrap();
    scene.wait_millis(HOUR_MILLIS);
    assert_refused!(scene.write(take(RecordKind::Specimen, "late", 1)).await, StoreError::RecordNotFound);
    // Wrapped once in each way, in any order.
    let twice =
        Write::Accompanied { records: Vec::new(), deliveries: Vec::new(), write: Box::new(with(Vec::new(), "b")) };
    assert_refused!(scene.write(twice).await, StoreError::Inconsistent(_));
    let told = Write::WithDetail { detail: "{}".into(), write: Box::new(with(Vec::new(), "b")) };
    scene.write(told).await.unwrap();
}

pub(crate) async fn record_goes_with_its_person(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (family, friends) = (group("family"), group("friends"));
    let mut people = Vec::new();
    for container in [&family, &friends] {
        scene.create(container).await;
        for _ in 0..2 {
            let person = scene.create_person(container).await;
            let id = format!("of {}", people.len());
            let record = NewRecord::new(RecordKind::SpecimenOfPerson, id, b"a remark".to_vec().into());
            let record = record.about(container.clone(), person).tagged("subject", person.to_string());
            put(&scene, record).await.unwrap();
            people.push(person);
        }
    }
    let left = async || {
        let records = scene.store.records(scene.account, RecordKind::SpecimenOfPerson, &page(), scene.now()).await;
        records.unwrap().into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    let subject = Tag::new("subject", people[1].to_string());
    assert_eq!(tagged(&scene, RecordKind::SpecimenOfPerson, subject.clone(), &page()).await, ["of 1"]);
    // A copy is nobody's to hang something on.
    let snapshot = scene.take(&family, &[]).await;
    let copy = likeness_store::ContainerName::copy_of(snapshot);
    let record = NewRecord::new(RecordKind::SpecimenOfPerson, "of a copy", Vec::new().into());
    assert_refused!(put(&scene, record.about(copy, people[0])).await, StoreError::ContainerNotFound);

    assert_eq!(scene.write(delete_person(&family, people[1])).await.unwrap().removed, 2);
    assert_eq!(left().await, ["of 0", "of 2", "of 3"]);
    assert!(tagged(&scene, RecordKind::SpecimenOfPerson, subject, &page()).await.is_empty());
    assert_eq!(scene.write(delete(&friends)).await.unwrap().removed, 5);
    assert_eq!(left().await, ["of 0"]);
}

pub(crate) async fn record_of_a_trail_stays_until_it_expires(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let kind = RecordKind::SpecimenOfTrail;
    let record = |id: &str| NewRecord::new(kind, id, b"evidence".to_vec().into());
    put(&scene, record("for ever")).await.unwrap();
    put(&scene, record("an hour").until(later(&scene, HOUR_MILLIS))).await.unwrap();
    let remove = |id: &str| RecordWrite::Delete { kind, id: id.into() };
    for id in ["for ever", "an hour"] {
        assert_refused!(scene.write(remove(id)).await, StoreError::RecordKept, id);
        assert_refused!(scene.write(take(kind, id, 1)).await, StoreError::RecordKept, id);
        assert!(read(&scene, kind, id).await.is_some(), "{id}");
    }
    assert_eq!(scene.write(remove("another")).await.unwrap().removed, 0);
    scene.wait_millis(HOUR_MILLIS);
    assert_eq!(scene.write(remove("an hour")).await.unwrap().removed, 1);
    // It goes with the account all the same: without its key nobody could read it.
    scene.write(AccountWrite::Close { ends_at: scene.now() }).await.unwrap();
    while scene.write(AccountWrite::Destroy { limit: 3 }).await.unwrap().more {}
    assert_eq!(scene.store.account(scene.account).await.unwrap(), None);
}

pub(crate) async fn record_wakes_no_access_table(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let family = group("family");
    scene.create(&family).await;
    let person = scene.create_person(&family).await;
    let mut known = scene.store.access_since(0).await.unwrap().unwrap().version;
    for kind in RecordKind::ALL.into_iter().filter(|kind| *kind != RecordKind::Settings) {
        let row = kind.row();
        let record = NewRecord::new(kind, "an id", Vec::new().into());
        let record = record.until((row.life != Life::Lasting).then(|| later(&scene, HOUR_MILLIS)));
        let is_of_person = row.erasure == Erasure::WithPerson;
        let record = if is_of_person { record.about(family.clone(), person) } else { record };
        let mut writes = vec![RecordWrite::Put(record.clone()), RecordWrite::Put(record)];
        if row.erasure != Erasure::KeptForAudit {
            writes.push(RecordWrite::Delete { kind, id: "an id".into() });
        }
        for write in writes {
            scene.write(write).await.unwrap();
            let changes = scene.store.access_since(known).await.unwrap();
            assert_eq!(changes.is_some(), row.is_about_access, "{kind:?}");
            known = changes.map_or(known, |changes| changes.version);
        }
    }
}

pub(crate) async fn every_write_of_a_record_leaves_its_row(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let remove = || RecordWrite::Delete { kind: RecordKind::Specimen, id: "a".into() };
    put(&scene, specimen(&scene, "a", "x")).await.unwrap();
    scene.write(remove()).await.unwrap();
    scene.write(remove()).await.unwrap();
    put(&scene, specimen(&scene, "a", "x")).await.unwrap();
    let records = vec![take(RecordKind::Specimen, "a", 1), RecordWrite::Put(specimen(&scene, "b", "x"))];
    let write = Box::new(Write::WithDetail { detail: "{}".into(), write: Box::new(create(&list("a"))) });
    scene.write(Write::Accompanied { records, deliveries: Vec::new(), write }).await.unwrap();
    let rows = scene.store.audit(scene.account, 1, 100).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.records, row.detail.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("put_specimen", 1, None),
            ("delete_specimen", 1, None),
            ("put_specimen", 1, None),
            ("take_specimen", 1, None),
            ("put_specimen", 1, None),
            ("create_container", 1, Some("{}")),
        ]
    );
    let all = scene.store.audit(scene.account, 0, 100).await.unwrap();
    crate::scene::chain(&*scene.store, &all).unwrap();
}

pub(crate) async fn expired_records_are_swept_with_their_tags(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    for number in 0..5 {
        let record = specimen(&scene, &format!("{number}"), "x").until(later(&scene, 1_000 * (5 - number)));
        let record = record.tagged("state", "open").tagged("handle", format!("handle {number}"));
        put(&scene, record).await.unwrap();
    }
    scene.wait_millis(4_000);
    let mut sweeps = Vec::new();
    loop {
        let applied = scene.write(ExpireDue { limit: 3, ..ExpireDue::default() }).await.unwrap();
        sweeps.push(applied.removed);
        if !applied.more {
            break;
        }
    }
    assert_eq!(sweeps, [3, 1]);
    // Gone for a clock that is set back too.
    let early = Timestamp::from_millis(scene.now().as_millis() - 4_000);
    let tag = Tag::new("state", "open");
    let left = scene.store.records_tagged(scene.account, RecordKind::Specimen, &tag, &page(), early).await.unwrap();
    assert_eq!(left.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["0"]);
}

pub(crate) async fn record_survives_reopening(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    put(&scene, specimen(&scene, "a", "a value").tagged("handle", "a handle")).await.unwrap();
    scene.store.close().await;
    let scene = Scene::visit(backend.open().await, 1);
    assert_eq!(read(&scene, RecordKind::Specimen, "a").await, Some(("a value".into(), 1)));
    assert_eq!(tagged(&scene, RecordKind::Specimen, Tag::new("handle", "a handle"), &page()).await, ["a"]);
    assert_refused!(put(&scene, specimen(&scene, "b", "x").tagged("handle", "a handle")).await, StoreError::TagInUse);
}
