//! What is held is counted in every table, and what is past its end is told.

use std::time::Duration;

use likeness_base::Timestamp;
use likeness_store::{
    ExpireDue, FaceIdWrite, Holding, HourKeysHeld, NewOperation, NewRecord, OperationSubject, RecordKind, RecordWrite,
    Write,
};

use crate::scene::{Backend, HOUR_MILLIS, START, Scene, create, create_group, group, list};

const PATIENCE: Duration = Duration::from_secs(60);

async fn holdings(scene: &Scene) -> Vec<Holding> {
    scene.store.holdings(scene.account, scene.now(), PATIENCE).await.unwrap()
}

/// Rows, those past their end, and those that are overdue.
fn counts(holdings: &[Holding], table: &str, kind: Option<i64>) -> (u64, u64, u64) {
    let such = holdings.iter().find(|holding| holding.table == table && holding.kind == kind);
    such.map_or((0, 0, 0), |holding| (holding.rows, holding.ended, holding.overdue))
}

pub(crate) async fn every_row_is_counted_under_its_kind(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("family")).await;
    let ada = scene.create_person(&group("family")).await;
    scene.add_face(&group("family"), Some(ada)).await;
    scene.add_face(&group("family"), Some(ada)).await;
    scene.create(&list("faces")).await;
    scene.add_face(&list("faces"), None).await;
    let eve = scene.enrol().await;
    scene.write(create_group("friends", &[eve])).await.unwrap();
    scene.wait_millis(5);
    scene.write(FaceIdWrite::Keep { faces: vec![scene.detected(HOUR_MILLIS)] }).await.unwrap();
    scene.take(&group("family"), &[scene.account]).await;
    let expires_at = Timestamp::from_millis(scene.now().as_millis() + HOUR_MILLIS);
    let record = NewRecord::new(RecordKind::Specimen, "a", b"value".to_vec().into()).until(expires_at);
    scene.write(RecordWrite::Put(record.tagged("state", "open"))).await.unwrap();

    let held = holdings(&scene).await;
    for (table, kind, rows) in [
        ("account", None, 1),
        ("container", Some(4), 1),
        ("person", Some(4), 1),
        ("person", Some(5), 1),
        ("face", Some(2), 1),
        ("face", Some(4), 2),
        // The copy of the snapshot.
        ("face", Some(7), 2),
        ("membership", None, 1),
        ("face_id", None, 1),
        ("snapshot", None, 1),
        ("record", Some(250), 1),
        ("record_tag", Some(250), 1),
        ("operation", None, 0),
    ] {
        assert_eq!(counts(&held, table, kind), (rows, 0, 0), "{table} {kind:?}");
    }
    let oldest = |table: &str, kind| {
        let such = held.iter().find(|holding| holding.table == table && holding.kind == kind);
        such.and_then(|holding| holding.oldest)
    };
    assert_eq!(oldest("container", Some(4)), Some(START));
    assert_eq!(oldest("snapshot", None), Some(scene.now()));
    assert_eq!(oldest("face", Some(4)), None, "no moment is stored with a face");
    // Another account has nothing of it.
    let neighbour = holdings(&scene.neighbour(2).await).await;
    assert!(neighbour.iter().filter(|holding| ["face", "person", "record"].contains(&holding.table)).count() == 0);
}

pub(crate) async fn what_is_past_its_end_is_overdue_while_it_can_be_opened(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let later = |hours: i64| Timestamp::from_millis(scene.now().as_millis() + hours * HOUR_MILLIS);
    scene.write(FaceIdWrite::Keep { faces: vec![scene.detected(HOUR_MILLIS / 2)] }).await.unwrap();
    let status = NewOperation {
        id: scene.id(),
        subject: OperationSubject::Directory,
        resource: None,
        expires_at: Timestamp::from_millis(scene.now().as_millis() + HOUR_MILLIS / 2),
    };
    let write = Box::new(create(&group("family")));
    scene.write(Write::WithOperation { operation: status, write }).await.unwrap();
    let lasting = NewRecord::new(RecordKind::Specimen, "b", b"value".to_vec().into()).until(later(9));
    scene.write(RecordWrite::Put(lasting)).await.unwrap();
    let seen = async || {
        let held = holdings(&scene).await;
        (counts(&held, "face_id", None), counts(&held, "operation", None), counts(&held, "record", Some(250)))
    };
    let keys = async || scene.store.hour_keys(scene.now(), PATIENCE).await.unwrap();
    assert_eq!(seen().await, ((1, 0, 0), (1, 0, 0), (1, 0, 0)));
    assert_eq!(keys().await, HourKeysHeld { keys: 2, overdue: 0, last_destroyed: None });
    // At its end it is waiting for the sweep, a minute later it is overdue: nobody swept.
    scene.wait_millis(HOUR_MILLIS / 2);
    assert_eq!(seen().await, ((1, 1, 0), (1, 1, 0), (1, 0, 0)));
    scene.wait_millis(60_000);
    assert_eq!(seen().await, ((1, 1, 1), (1, 1, 1), (1, 0, 0)));
    // Without the key of its hour nobody can open it. An operation has none, for it says nothing of anybody.
    scene.wait_millis(HOUR_MILLIS / 2);
    assert_eq!(keys().await, HourKeysHeld { keys: 2, overdue: 1, last_destroyed: None });
    assert_eq!(scene.store.destroy_expired_keys(scene.now()).await.unwrap(), 1);
    assert_eq!(seen().await, ((1, 1, 0), (1, 1, 1), (1, 0, 0)));
    let end = Timestamp::from_millis(START.as_millis() + HOUR_MILLIS);
    assert_eq!(keys().await, HourKeysHeld { keys: 1, overdue: 0, last_destroyed: Some((end, scene.now())) });
    // The sweep removes both.
    scene.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap();
    assert_eq!(seen().await, ((0, 0, 0), (0, 0, 0), (1, 0, 0)));
}
