//! A whole installation moves between the engines and back, and nothing else than a whole one is ever served.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use likeness_store::{
    ContainerName, FaceIdWrite, FaceNumber, NewRecord, PageStart, PostgresStore, RecordKind, RecordWrite, SqliteStore,
    Step, Store, StoreError, Tag, copy,
};

use super::{fresh, open_beside, open_with};
use crate::assert_refused;
use crate::scene::{HOUR_MILLIS, Scene, add_face, create_group, group, list};
use crate::sqlite;

/// An account with something of every kind in it.
async fn furnish(store: Arc<dyn Store>) -> Scene {
    let scene = Scene::in_store(store, 1).await;
    let family = group("family");
    scene.create(&family).await;
    let person = scene.create_person(&family).await;
    let mut face = scene.face();
    face.user_data = Some("a remark".to_owned().into());
    scene.write(add_face(&family, Some(person), face)).await.unwrap();
    scene.create(&list("faces")).await;
    // More than a page of the copy.
    for _ in 0..1_200 {
        scene.add_face(&list("faces"), None).await;
    }
    let somebody = scene.enrol().await;
    scene.add_directory_face(somebody, "recognition_04").await;
    scene.write(create_group("staff", &[somebody])).await.unwrap();
    scene.take(&family, &[scene.account]).await;
    scene.write(FaceIdWrite::Keep { faces: vec![scene.detected(HOUR_MILLIS)] }).await.unwrap();
    let record = NewRecord::new(RecordKind::SpecimenOfPerson, "of a person", b"a value".to_vec().into());
    let record = record.about(family, person).tagged("subject", "somebody");
    scene.write(RecordWrite::Put(record)).await.unwrap();
    scene
}

/// A digest of everything that can be asked.
async fn contents(scene: &Scene) -> u64 {
    let (store, account) = (&scene.store, scene.account);
    let page = PageStart { after: String::new(), top: 1_000 };
    let mut said = Vec::new();
    for name in [group("family"), list("faces"), ContainerName::directory()] {
        let container = scene.container(&name).await;
        let rows = store.rows_after(account, container.number, FaceNumber(0), 5_000).await.unwrap();
        let templates: Vec<_> = rows.iter().map(|row| (row.face, row.person, row.template.expose().clone())).collect();
        let faces = store.faces(account, &name, &page).await.unwrap();
        let remarks: Vec<_> =
            faces.iter().map(|face| face.user_data.as_ref().map(|text| text.expose().clone())).collect();
        said.push(format!("{container:?} {} {templates:?} {remarks:?}", container.name.expose()));
    }
    said.push(format!("{:?}", store.audit(account, 0, 5_000).await.unwrap()));
    said.push(format!("{:?}", store.members(account, "staff", &page).await.unwrap()));
    said.push(format!("{:?}", store.snapshots(account, &PageStart::everything(), scene.now()).await.unwrap()));
    said.push(format!("{:?}", store.totals(account).await.unwrap()));
    let tag = Tag::new("subject", "somebody");
    for record in store.records_tagged(account, RecordKind::SpecimenOfPerson, &tag, &page, scene.now()).await.unwrap() {
        said.push(format!("{record:?} {:?}", record.value.expose()));
    }
    BuildHasherDefault::<DefaultHasher>::default().hash_one(said)
}

async fn file(path: &Path) -> Arc<SqliteStore> {
    Arc::new(sqlite::open_with(path, 1).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_there_and_back() {
    let Some(database) = fresh("postgres::moving::everything_moves_there_and_back") else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = file(&folder.path().join("one.db")).await;
    let scene = furnish(source.clone()).await;
    let before = contents(&scene).await;

    let middle: Arc<PostgresStore> =
        Arc::new(open_beside(&database.url, 1, &folder.path().join("keys")).await.unwrap());
    let seen = AtomicU64::new(0);
    let progress = |step| {
        if let Step::Checking { done, .. } = step {
            seen.store(done, Ordering::Relaxed);
        }
    };
    let sums = copy(&*source, &*middle, &progress).await.unwrap();
    assert_eq!(sums.iter().map(|sum| sum.rows).sum::<u64>(), seen.load(Ordering::Relaxed));
    assert_eq!(contents(&Scene::visit(middle.clone(), 1)).await, before);
    assert_refused!(copy(&*source, &*middle, &|_| ()).await, StoreError::NotEmpty);

    let end = file(&folder.path().join("two.db")).await;
    assert_eq!(copy(&*middle, &*end, &|_| ()).await.unwrap(), sums);
    let there = Scene::visit(end.clone(), 1);
    assert_eq!(contents(&there).await, before);
    there.add_face(&list("faces"), None).await;
    end.check_integrity().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_cut_off_is_served_by_nobody() {
    let Some(database) = fresh("postgres::moving::a_copy_that_was_cut_off_is_served_by_nobody") else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = file(&folder.path().join("one.db")).await;
    furnish(source.clone()).await;
    let target = Arc::new(open_with(&database.url, 1).await.unwrap());
    // The future is dropped in the middle, as the program would be by a signal.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let progress = move |step| {
        if matches!(step, Step::Copying { done: 1_000.., .. }) {
            let _ = tell.send(());
        }
    };
    tokio::select! {
        _ = copy(&*source, &*target, &progress) => panic!("it was faster than its own first page"),
        _ = told.recv() => {}
    }
    target.close().await;
    assert_refused!(open_with(&database.url, 1).await, StoreError::WrongKey);
}
