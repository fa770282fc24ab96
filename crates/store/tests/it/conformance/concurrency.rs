//! Commands that arrive together keep their order and do not disturb each other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use likeness_store::{FaceNumber, StoreError};

use super::feed::replay;
use crate::scene::{Backend, Scene, add_face, list};

pub(crate) async fn writes_that_arrive_together_keep_their_order_and_numbers(backend: &dyn Backend) {
    const WRITERS: u64 = 64;
    let scene = Arc::new(Scene::new(backend).await);
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (scene, write) = (Arc::clone(&scene), add_face(&container, None, scene.face()));
        tasks.spawn(async move { scene.write(write).await.unwrap() });
    }
    let applied = tasks.join_all().await;
    let versions: BTreeSet<u64> = applied.iter().map(|applied| applied.version).collect();
    let numbers: BTreeSet<FaceNumber> = applied.iter().filter_map(|applied| applied.face).collect();
    assert_eq!(versions, (2..WRITERS + 2).collect());
    assert_eq!(numbers, (1..=WRITERS as i64).map(FaceNumber).collect());
    assert_eq!(replay(&scene, number, 0, 10).await.0, numbers);
    assert_eq!(scene.container(&container).await.faces, WRITERS);
}

pub(crate) async fn refused_write_does_not_disturb_those_beside_it(backend: &dyn Backend) {
    let scene = Arc::new(Scene::new(backend).await);
    let container = list("faces");
    scene.create(&container).await;
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..60 {
        let target = if turn % 3 == 0 { list("missing") } else { container.clone() };
        let (scene, write) = (Arc::clone(&scene), add_face(&target, None, scene.face()));
        tasks.spawn(async move { (turn, scene.write(write).await) });
    }
    for (turn, result) in tasks.join_all().await {
        match turn % 3 {
            0 => assert!(matches!(result, Err(StoreError::ContainerNotFound)), "{turn}: {result:?}"),
            _ => assert!(result.is_ok(), "{turn}: {result:?}"),
        }
    }
    let after = scene.container(&container).await;
    assert_eq!((after.faces, after.version), (40, 41));
}

pub(crate) async fn abandoned_call_is_still_done_or_not_but_never_half(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    for turn in 0..20 {
        let call = scene.write(add_face(&container, None, scene.face()));
        let _ = tokio::time::timeout(Duration::from_micros(turn * 30), call).await;
    }
    // A call that is waited for comes after all those that were taken up.
    scene.add_face(&container, None).await;
    let after = scene.container(&container).await;
    let (faces, version) = replay(&scene, number, 0, 3).await;
    assert_eq!(faces.len() as u64, after.faces);
    assert_eq!((version, after.version), (after.version, after.faces + 1));
    let audited = scene.store.audit(scene.account, 0, 100).await.unwrap();
    assert_eq!(audited.len() as u64, 2 + after.faces);
}

/// Starts many calls, does one of another account, and gives how many were done by then.
async fn done_before<F: Future<Output = ()> + Send + 'static>(
    calls: impl Iterator<Item = F>,
    other: impl Future<Output = ()>,
) -> usize {
    let done = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for call in calls {
        let done = Arc::clone(&done);
        tasks.spawn(async move {
            call.await;
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    // They are under way.
    while done.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    other.await;
    let before = done.load(Ordering::Relaxed);
    tasks.join_all().await;
    before
}

pub(crate) async fn many_calls_of_one_account_hold_up_no_other(backend: &dyn Backend) {
    const MANY: usize = 1_000;
    let scene = Arc::new(Scene::new(backend).await);
    let other = scene.neighbour(2).await;
    let container = list("faces");
    let number = scene.create(&container).await.container.unwrap();
    other.create(&container).await;
    let writes = (0..MANY).map(|_| {
        let (scene, write) = (Arc::clone(&scene), add_face(&container, None, scene.face()));
        async move {
            scene.write(write).await.unwrap();
        }
    });
    let done = done_before(writes, async {
        other.add_face(&container, None).await;
    })
    .await;
    assert!(done < MANY, "the other's write came last");
    // Few enough that all have their turn within the time for which they wait.
    const READS: usize = 300;
    let reads = (0..READS).map(|_| {
        let scene = Arc::clone(&scene);
        async move { drop(scene.store.rows_after(scene.account, number, FaceNumber(0), 50).await.unwrap()) }
    });
    let done = done_before(reads, async { drop(other.container(&container).await) }).await;
    assert!(done < READS, "the other's read came last");
}
