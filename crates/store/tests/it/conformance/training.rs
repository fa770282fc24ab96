//! A training makes those faces visible that were there when it was asked for. One that fails leaves the former in
//! force.

use likeness_store::{ContainerName, StoreError, Training, TrainingOutcome, TrainingStatus, TrainingWrite, Write};

use crate::assert_refused;
use crate::scene::{Backend, Scene, group, list};

fn start(container: &ContainerName) -> Write {
    TrainingWrite::Start { container: container.clone() }.into()
}

fn progress(container: &ContainerName, training: i64) -> Write {
    TrainingWrite::Progress { container: container.clone(), training }.into()
}

fn finish(container: &ContainerName, training: i64, message: Option<&str>) -> Write {
    let outcome = match message {
        None => TrainingOutcome::Succeeded,
        Some(message) => TrainingOutcome::Failed { message: message.into() },
    };
    TrainingWrite::Finish { container: container.clone(), training, outcome }.into()
}

pub(crate) async fn training_goes_from_asked_for_to_visible(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    scene.create(&container).await;
    scene.add_face(&container, None).await;
    let asked_at = scene.now();
    let started = scene.write(start(&container)).await.unwrap();
    assert_eq!(started.training, Some(1));
    let asked = scene.container(&container).await;
    let expected = Training {
        number: 1,
        status: TrainingStatus::NotStarted,
        created: asked_at,
        last_action: asked_at,
        last_success: None,
        message: None,
        covers_version: started.version,
    };
    assert_eq!((asked.training, asked.trained_version), (Some(expected.clone()), None));

    scene.wait_millis(10);
    let late_face = scene.add_face(&container, None).await;
    scene.write(progress(&container, 1)).await.unwrap();
    let running = Training { status: TrainingStatus::Running, last_action: scene.now(), ..expected };
    assert_eq!(scene.container(&container).await.training, Some(running.clone()));
    scene.write(progress(&container, 1)).await.unwrap();

    scene.wait_millis(10);
    scene.write(finish(&container, 1, None)).await.unwrap();
    let now = scene.now();
    let done = Training { status: TrainingStatus::Succeeded, last_action: now, last_success: Some(now), ..running };
    let after = scene.container(&container).await;
    assert_eq!((after.training, after.trained_version), (Some(done), Some(started.version)));
    // What came in while it ran is not covered.
    let late = scene.store.face(scene.account, &container, None, late_face).await.unwrap().unwrap();
    let rows = scene.store.rows(scene.account, after.number, &[late.number]).await.unwrap();
    assert!(rows[0].added_version > started.version);

    let again = scene.write(start(&container)).await.unwrap();
    assert_eq!(again.training, Some(2));
    let after = scene.container(&container).await;
    let training = after.training.unwrap();
    assert_eq!((training.number, training.status, training.last_success), (2, TrainingStatus::NotStarted, Some(now)));
    assert_eq!(after.trained_version, Some(started.version), "the former one stays until the new one succeeds");
    scene.write(finish(&container, 2, None)).await.unwrap();
    assert_eq!(scene.container(&container).await.trained_version, Some(again.version));
}

pub(crate) async fn failure_keeps_the_former_training(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    scene.create(&container).await;
    let good = scene.write(start(&container)).await.unwrap();
    scene.write(finish(&container, 1, None)).await.unwrap();
    let succeeded_at = scene.now();
    scene.wait_millis(10);
    scene.write(start(&container)).await.unwrap();
    scene.write(finish(&container, 2, Some("There is nothing to train on."))).await.unwrap();
    let after = scene.container(&container).await;
    let training = after.training.unwrap();
    assert_eq!(training.status, TrainingStatus::Failed);
    assert_eq!(training.message.as_deref(), Some("There is nothing to train on."));
    assert_eq!((training.last_success, after.trained_version), (Some(succeeded_at), Some(good.version)));
    scene.write(start(&container)).await.unwrap();
    assert_eq!(scene.container(&container).await.training.unwrap().message, None);
}

pub(crate) async fn second_start_is_refused_while_one_runs(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    scene.create(&container).await;
    scene.write(start(&container)).await.unwrap();
    assert_refused!(scene.write(start(&container)).await, StoreError::TrainingRunning);
    scene.write(progress(&container, 1)).await.unwrap();
    let before = scene.container(&container).await;
    assert_refused!(scene.write(start(&container)).await, StoreError::TrainingRunning);
    let after = scene.container(&container).await;
    assert_eq!((after.version, after.training), (before.version, before.training));
}

pub(crate) async fn stale_news_of_a_training_is_refused(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = list("faces");
    scene.create(&container).await;
    for write in [progress(&container, 0), progress(&container, 1), finish(&container, 0, None)] {
        assert_refused!(scene.write(write).await, StoreError::TrainingNotRunning);
    }
    scene.write(start(&container)).await.unwrap();
    scene.write(finish(&container, 1, Some("stopped"))).await.unwrap();
    scene.write(start(&container)).await.unwrap();
    for write in [progress(&container, 1), finish(&container, 1, None), finish(&container, 3, None)] {
        assert_refused!(scene.write(write).await, StoreError::TrainingNotRunning);
    }
    scene.write(finish(&container, 2, None)).await.unwrap();
    for write in [progress(&container, 2), finish(&container, 2, None), finish(&container, 2, Some("late"))] {
        assert_refused!(scene.write(write).await, StoreError::TrainingNotRunning);
    }
    assert_eq!(scene.container(&container).await.training.unwrap().status, TrainingStatus::Succeeded);
}

pub(crate) async fn unfinished_trainings_are_found_after_reopening(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    for id in ["asked", "running", "done", "failed", "never"] {
        scene.create(&list(id)).await;
        if id != "never" {
            scene.write(start(&list(id))).await.unwrap();
        }
    }
    scene.write(progress(&list("running"), 1)).await.unwrap();
    scene.write(finish(&list("done"), 1, None)).await.unwrap();
    scene.write(finish(&list("failed"), 1, Some("no"))).await.unwrap();
    scene.store.close().await;

    let scene = Scene::visit(backend.open().await, 1);
    let found = scene.store.unfinished_trainings(scene.account).await.unwrap();
    let states: Vec<_> = found.iter().map(|one| (one.container.id.as_str(), one.training.status)).collect();
    assert_eq!(states, [("asked", TrainingStatus::NotStarted), ("running", TrainingStatus::Running)]);
    for one in found {
        assert_eq!(scene.container(&one.container).await.number, one.number);
        scene.write(finish(&one.container, one.training.number, None)).await.unwrap();
    }
    assert!(scene.store.unfinished_trainings(scene.account).await.unwrap().is_empty());
}
