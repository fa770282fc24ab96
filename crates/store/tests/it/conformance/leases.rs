//! One holder has a job at a time, until it releases the lease or the lease ends.

use std::time::Duration;

use crate::scene::{Backend, Scene};

/// Far longer than any test takes.
const LONG: Duration = Duration::from_secs(86_400);

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
    let (one, two, three) = (scene.id(), scene.id(), scene.id());
    let lease = async |holder, length| scene.store.lease(scene.account, "sweep", holder, length).await.unwrap();
    assert!(lease(one, Duration::ZERO).await);
    assert!(lease(two, LONG).await, "it has ended");
    assert!(!lease(one, LONG).await);
    // Where nodes share a clock, it decides.
    if backend.pass(LONG / 2).await {
        assert!(!lease(one, LONG).await, "half of it has passed");
        assert!(backend.pass(LONG / 2).await);
        assert!(lease(three, LONG).await);
        assert!(!lease(two, LONG).await);
    }
}
