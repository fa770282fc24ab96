use std::time::Duration;

use crate::scene::{Backend, Scene};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

pub(crate) async fn one_holder_has_a_job_at_a_time(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let neighbour = scene.neighbour(2).await;
    let (one, two) = (scene.id(), scene.id());
    let lease = async |account, job, holder| scene.store.lease(account, job, holder, LONG).await.unwrap();
    assert!(lease(scene.account, "sweep", one).await);
    assert!(lease(scene.account, "sweep", one).await, "kept longer");
    assert!(!lease(scene.account, "sweep", two).await);
    assert!(lease(scene.account, "training 1", two).await, "another job");
    assert!(lease(neighbour.account, "sweep", two).await, "another account");
    scene.store.release(scene.account, "sweep", two).await.unwrap();
    assert!(!lease(scene.account, "sweep", two).await, "given back by somebody else");
    scene.store.release(scene.account, "sweep", one).await.unwrap();
    assert!(lease(scene.account, "sweep", two).await);
    assert!(!lease(scene.account, "sweep", one).await);
}

pub(crate) async fn lease_ends_by_itself(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (one, two) = (scene.id(), scene.id());
    assert!(scene.store.lease(scene.account, "sweep", one, SHORT).await.unwrap());
    for _ in 0..100 {
        if scene.store.lease(scene.account, "sweep", two, LONG).await.unwrap() {
            assert!(!scene.store.lease(scene.account, "sweep", one, LONG).await.unwrap());
            return;
        }
        tokio::time::sleep(SHORT).await;
    }
    panic!("a lease of 100 ms holds for 10 s");
}
