//! A faceId ends at its instant, its row with a sweep, and an expiry key with its hour.

use likeness_base::Timestamp;
use likeness_store::{
    DetectedFace, ExpireDue, FaceIdWrite, Lives, NewOperation, OperationSubject, PageStart, SnapshotWrite, StoreError,
    Write,
};
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{Backend, HOUR_MILLIS, Scene, group};

async fn is_there(scene: &Scene, face: &DetectedFace, now: Timestamp) -> bool {
    scene.store.face_ids(scene.account, &[face.id.as_uuid()], now).await.unwrap()[0].is_some()
}

async fn keep(scene: &Scene, faces: &[DetectedFace]) {
    scene.write(FaceIdWrite::Keep { faces: faces.to_vec() }).await.unwrap();
}

pub(crate) async fn face_id_ends_at_the_very_instant(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let lives = [
        ("a minute", 60_000),
        ("to the last millisecond of its hour", HOUR_MILLIS - 1),
        ("to the full hour", HOUR_MILLIS),
        ("a day", 24 * HOUR_MILLIS),
    ];
    for (case, life) in lives {
        let face = scene.detected(life);
        keep(&scene, std::slice::from_ref(&face)).await;
        let end = face.expires_at.as_millis();
        assert!(is_there(&scene, &face, scene.now()).await, "{case}: fresh");
        assert!(is_there(&scene, &face, Timestamp::from_millis(end - 1)).await, "{case}: last moment");
        assert!(!is_there(&scene, &face, Timestamp::from_millis(end)).await, "{case}: the instant");
        assert!(!is_there(&scene, &face, Timestamp::from_millis(end + HOUR_MILLIS)).await, "{case}: later");
        assert!(is_there(&scene, &face, scene.now()).await, "{case}: asking did not remove it");
    }
}

pub(crate) async fn answers_come_in_the_order_asked(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let faces: Vec<_> = (0..5).map(|hours| scene.detected((5 - hours) * HOUR_MILLIS)).collect();
    keep(&scene, &faces).await;
    let ids: Vec<Uuid> = faces.iter().map(|face| face.id.as_uuid()).collect();
    let asked = [ids[3], Uuid::nil(), ids[0], ids[3], scene.id(), ids[4]];
    let answers = scene.store.face_ids(scene.account, &asked, scene.now()).await.unwrap();
    let expected = [Some(3), None, Some(0), Some(3), None, Some(4)];
    assert_eq!(answers.len(), expected.len());
    for (position, (answer, expected)) in answers.iter().zip(expected).enumerate() {
        let Some(expected) = expected else {
            assert!(answer.is_none(), "{position}");
            continue;
        };
        let (answer, kept) = (answer.as_ref().unwrap(), &faces[expected]);
        assert_eq!(answer.id, kept.id, "{position}");
        assert_eq!(answer.template.expose(), kept.template.expose(), "{position}");
        assert_eq!((&answer.space, &answer.model), (&kept.space, &kept.model), "{position}");
        assert_eq!(answer.expires_at, kept.expires_at, "{position}");
    }
    assert!(scene.store.face_ids(scene.account, &[], scene.now()).await.unwrap().is_empty());
}

pub(crate) async fn sweep_takes_the_oldest_first_and_says_whether_more_is_due(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let faces: Vec<_> = (1..=7).map(|minutes| scene.detected(minutes * 60_000)).collect();
    keep(&scene, &faces).await;
    scene.wait_millis(5 * 60_000);
    let due = scene.now();
    let mut sweeps = Vec::new();
    loop {
        let applied = scene.write(ExpireDue { limit: 2, ..ExpireDue::default() }).await.unwrap();
        sweeps.push(applied.removed);
        if !applied.more {
            break;
        }
    }
    assert_eq!(sweeps, [2, 2, 1]);
    // Gone for a clock that is set back too: the rows are not there any more.
    let early = Timestamp::from_millis(due.as_millis() - HOUR_MILLIS);
    for (minute, face) in (1..).zip(&faces) {
        assert_eq!(is_there(&scene, face, early).await, minute > 5, "minute {minute}");
    }
}

pub(crate) async fn sweep_without_work_writes_nothing(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    keep(&scene, &[scene.detected(HOUR_MILLIS)]).await;
    let before = scene.store.audit(scene.account, 0, 100).await.unwrap();
    let applied = scene.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap();
    assert_eq!((applied.removed, applied.more), (0, false));
    assert_eq!(scene.store.audit(scene.account, 0, 100).await.unwrap(), before);
}

pub(crate) async fn face_id_of_another_hour_is_refused(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let mut face = scene.detected(HOUR_MILLIS);
    face.expires_at = Timestamp::from_millis(face.expires_at.as_millis() + HOUR_MILLIS);
    let good = scene.detected(HOUR_MILLIS);
    let both = FaceIdWrite::Keep { faces: vec![good.clone(), face] };
    assert_refused!(scene.write(both).await, StoreError::Inconsistent(_));
    assert!(!is_there(&scene, &good, scene.now()).await, "all of them or none");
}

/// Whatever still holds the sealed bytes, nothing opens them when the hour is over.
pub(crate) async fn keys_of_an_hour_end_with_it(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (soon, later) = (scene.detected(HOUR_MILLIS / 2), scene.detected(5 * HOUR_MILLIS));
    let ids = [soon.id.as_uuid(), later.id.as_uuid()];
    scene.write(FaceIdWrite::Keep { faces: vec![soon, later] }).await.unwrap();
    scene.create(&group("family")).await;
    let snapshot = scene.take(&group("family"), &[scene.account]).await;
    let then = scene.now();
    let known = async || {
        // As if no time had passed, which is what somebody with an old backup would like.
        let faces = scene.store.face_ids(scene.account, &ids, then).await.unwrap();
        let snapshots = scene.store.snapshots(scene.account, &PageStart::everything(), then).await.unwrap();
        (faces.iter().map(Option::is_some).collect::<Vec<_>>(), snapshots.len())
    };
    assert_eq!(scene.store.destroy_expired_keys(then).await.unwrap(), 0);
    assert_eq!(known().await, (vec![true, true], 1));
    scene.wait_millis(HOUR_MILLIS);
    assert_eq!(scene.store.destroy_expired_keys(scene.now()).await.unwrap(), 1);
    assert_eq!(known().await, (vec![false, true], 1));
    scene.wait_millis(2 * HOUR_MILLIS);
    assert_eq!(scene.store.destroy_expired_keys(scene.now()).await.unwrap(), 1);
    assert_eq!(known().await, (vec![false, true], 0));
    let apply = SnapshotWrite::Apply {
        snapshot,
        taken_by: scene.account,
        container: group("copy"),
        limit: None,
        account_limit: None,
    };
    let late = likeness_store::Command { at: then, ..scene.command(apply) };
    assert!(matches!(scene.store.apply(late).await, Err(StoreError::SnapshotNotFound)));
    // The sweep needs no key.
    scene.wait_millis(10 * HOUR_MILLIS);
    let swept = scene.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap();
    assert_eq!(swept.removed, 3);
}

pub(crate) async fn shortened_life_reaches_what_is_stored(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("family")).await;
    let early = scene.detected(HOUR_MILLIS / 2);
    let late = scene.detected(10 * HOUR_MILLIS);
    scene.write(FaceIdWrite::Keep { faces: vec![early.clone(), late.clone()] }).await.unwrap();
    let old = scene.take(&group("family"), &[scene.account]).await;
    let operation = scene.id();
    let expires_at = Timestamp::from_millis(scene.now().as_millis() + 10 * HOUR_MILLIS);
    let status = NewOperation { id: operation, subject: OperationSubject::Directory, resource: None, expires_at };
    let write = Box::new(crate::scene::create(&group("others")));
    scene.write(Write::WithOperation { operation: status, write }).await.unwrap();
    scene.wait_millis(HOUR_MILLIS / 4);
    let young = scene.take(&group("family"), &[scene.account]).await;
    let lives = |millis: i64| {
        let life = Some(std::time::Duration::from_millis(millis.unsigned_abs()));
        ExpireDue { limit: 2, lives: Lives { face_id: life, operation: life, snapshot: life } }
    };
    let sweep = async |sweep: ExpireDue| {
        let mut removed = 0;
        loop {
            let swept = scene.write(sweep).await.unwrap();
            removed += swept.removed;
            if !swept.more {
                return removed;
            }
        }
    };
    assert_eq!(sweep(lives(20 * HOUR_MILLIS)).await, 0);
    // A faceId that would live longer than that from now on, an operation and a snapshot that are older.
    assert_eq!(sweep(lives(HOUR_MILLIS / 4)).await, 3);
    let ids = [early, late].map(|face| face.id.as_uuid());
    let found = scene.store.face_ids(scene.account, &ids, scene.now()).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    assert!(scene.store.operation(scene.account, operation, scene.now()).await.unwrap().is_none());
    assert!(scene.store.snapshot(scene.account, old, scene.now()).await.unwrap().is_none());
    assert!(scene.store.snapshot(scene.account, young, scene.now()).await.unwrap().is_some());
}
