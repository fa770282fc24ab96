//! Deliveries: in order within a queue, one at a time, until they succeed or are given up.

use likeness_base::Timestamp;
use likeness_store::{
    AccountWrite, Applied, Delivery, ExpireDue, LimitKind, NewDelivery, OutboxWrite, StoreError, Write,
};
use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{Backend, HOUR_MILLIS, Scene, create, list};

const MINUTE: i64 = 60_000;

fn later(scene: &Scene, millis: i64) -> Timestamp {
    Timestamp::from_millis(scene.now().as_millis() + millis)
}

/// Due at once, given up after an hour.
fn delivery(scene: &Scene, queue: &str, payload: &str) -> NewDelivery {
    NewDelivery {
        queue: queue.into(),
        payload: payload.as_bytes().to_vec().into(),
        due_at: scene.now(),
        gives_up_at: later(scene, HOUR_MILLIS),
        limit: None,
    }
}

async fn append(scene: &Scene, queue: &str, payload: &str) -> i64 {
    let applied = scene.write(OutboxWrite::Append(delivery(scene, queue, payload))).await.unwrap();
    i64::try_from(applied.version).unwrap()
}

async fn waiting(scene: &Scene) -> Vec<Delivery> {
    scene.store.deliveries(scene.account, scene.now(), 100).await.unwrap()
}

/// Queue and payload of what may be made now.
async fn ready(scene: &Scene) -> Vec<(String, String)> {
    let text = |delivery: &Delivery| String::from_utf8(delivery.payload.expose().clone()).unwrap();
    waiting(scene).await.iter().map(|delivery| (delivery.queue.clone(), text(delivery))).collect()
}

async fn lease(scene: &Scene, number: i64, holder: Uuid) -> Result<Applied, StoreError> {
    scene.write(OutboxWrite::Lease { number, holder, until: later(scene, MINUTE) }).await
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(queue, payload)| ((*queue).to_owned(), (*payload).to_owned())).collect()
}

pub(crate) async fn deliveries_of_a_queue_are_made_in_order(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let neighbour = scene.neighbour(2).await;
    for (queue, payload) in [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")] {
        append(&scene, queue, payload).await;
    }
    append(&neighbour, "a", "theirs").await;
    let worker = scene.id();
    let mut made = Vec::new();
    loop {
        let due = waiting(&scene).await;
        let Some(first) = due.first() else { break };
        made.extend(due.iter().map(|one| (one.queue.clone(), one.payload.expose()[0] - b'0')));
        for one in &due {
            lease(&scene, one.number, worker).await.unwrap();
            scene.write(OutboxWrite::Complete { number: one.number, holder: worker }).await.unwrap();
        }
        assert_eq!(first.attempts, 0);
    }
    let of = |queue: &str| made.iter().filter(|(name, _)| name == queue).map(|(_, number)| *number).collect::<Vec<_>>();
    assert_eq!((of("a"), of("b")), (vec![1, 3, 5], vec![2, 4]));
    assert_eq!(ready(&neighbour).await, pairs(&[("a", "theirs")]));
    assert_eq!(scene.store.accounts_with_deliveries().await.unwrap(), [neighbour.account]);
    // No audit log tells of them.
    assert_eq!(scene.store.audit(scene.account, 0, 100).await.unwrap().len(), 1);
}

pub(crate) async fn one_worker_has_a_queue_at_a_time(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (first, second) = (append(&scene, "a", "1").await, append(&scene, "a", "2").await);
    let (one, two) = (scene.id(), scene.id());
    assert_refused!(lease(&scene, second, one).await, StoreError::DeliveryNotHeld, "not the first");
    lease(&scene, first, one).await.unwrap();
    assert_refused!(lease(&scene, first, two).await, StoreError::DeliveryNotHeld, "somebody else's");
    assert!(ready(&scene).await.is_empty());
    lease(&scene, first, one).await.unwrap();
    let foreign = [
        OutboxWrite::Complete { number: first, holder: two },
        OutboxWrite::Retry { number: first, holder: two, due_at: scene.now() },
        OutboxWrite::Complete { number: second, holder: one },
        OutboxWrite::Complete { number: 99, holder: one },
    ];
    for write in foreign {
        assert_refused!(scene.write(write).await, StoreError::DeliveryNotHeld);
    }
    // Whoever lost the answer applies the command again with the same idempotency key.
    let complete = scene.command(OutboxWrite::Complete { number: first, holder: one });
    let answer = scene.store.apply(complete.clone()).await.unwrap();
    assert_eq!(scene.store.apply(complete).await.unwrap(), answer);
    assert_eq!(ready(&scene).await, pairs(&[("a", "2")]));
}

pub(crate) async fn lease_that_ran_out_goes_to_another(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let number = append(&scene, "a", "1").await;
    let (one, two) = (scene.id(), scene.id());
    lease(&scene, number, one).await.unwrap();
    scene.wait_millis(MINUTE - 1);
    assert_refused!(lease(&scene, number, two).await, StoreError::DeliveryNotHeld);
    scene.wait_millis(1);
    assert_eq!(ready(&scene).await, pairs(&[("a", "1")]));
    lease(&scene, number, two).await.unwrap();
    assert_refused!(scene.write(OutboxWrite::Complete { number, holder: one }).await, StoreError::DeliveryNotHeld);
    scene.write(OutboxWrite::Complete { number, holder: two }).await.unwrap();
}

pub(crate) async fn failed_delivery_waits_and_holds_up_its_queue_alone(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let number = append(&scene, "a", "1").await;
    append(&scene, "a", "2").await;
    append(&scene, "b", "3").await;
    let worker = scene.id();
    for attempts in 1..=3 {
        lease(&scene, number, worker).await.unwrap();
        let due_at = later(&scene, MINUTE);
        scene.write(OutboxWrite::Retry { number, holder: worker, due_at }).await.unwrap();
        assert_refused!(lease(&scene, number, worker).await, StoreError::DeliveryNotHeld, "not due");
        assert_eq!(ready(&scene).await, pairs(&[("b", "3")]));
        scene.wait_millis(MINUTE);
        assert_eq!(waiting(&scene).await[0].attempts, attempts);
    }
    lease(&scene, number, worker).await.unwrap();
    scene.write(OutboxWrite::Complete { number, holder: worker }).await.unwrap();
    assert_eq!(ready(&scene).await, pairs(&[("a", "2"), ("b", "3")]));
}

pub(crate) async fn delivery_is_given_up_at_the_very_instant(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let short = NewDelivery { gives_up_at: later(&scene, MINUTE), ..delivery(&scene, "a", "short") };
    scene.write(OutboxWrite::Append(short)).await.unwrap();
    append(&scene, "a", "long").await;
    let first = waiting(&scene).await[0].number;
    scene.wait_millis(MINUTE - 1);
    assert_eq!(ready(&scene).await, pairs(&[("a", "short")]));
    scene.wait_millis(1);
    // Swept or not, and the queue goes on.
    assert_eq!(ready(&scene).await, pairs(&[("a", "long")]));
    assert_refused!(lease(&scene, first, scene.id()).await, StoreError::DeliveryNotHeld);
    assert_eq!(scene.write(ExpireDue { limit: 10, ..ExpireDue::default() }).await.unwrap().removed, 1);
    assert_eq!(ready(&scene).await, pairs(&[("a", "long")]));
    // Whatever still holds its bytes: without the key of its hour it is not there.
    scene.store.destroy_expired_keys(later(&scene, 3 * HOUR_MILLIS)).await.unwrap();
    assert!(ready(&scene).await.is_empty());
}

pub(crate) async fn delivery_comes_with_its_cause_or_not_at_all(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&list("there")).await;
    let with = |cause: &str| Write::Accompanied {
        records: Vec::new(),
        deliveries: vec![delivery(&scene, "a", cause), delivery(&scene, "a", "and more")],
        write: Box::new(create(&list(cause))),
    };
    assert_refused!(scene.write(with("there")).await, StoreError::ContainerExists);
    assert!(ready(&scene).await.is_empty());
    let command = scene.command(with("new"));
    for _ in 0..2 {
        scene.store.apply(command.clone()).await.unwrap();
        assert_eq!(ready(&scene).await, pairs(&[("a", "new")]));
    }
    scene.container(&list("new")).await;
    // They go with their account.
    scene.write(AccountWrite::Close { ends_at: scene.now() }).await.unwrap();
    while scene.write(AccountWrite::Destroy { limit: 3 }).await.unwrap().more {}
    assert!(scene.store.accounts_with_deliveries().await.unwrap().is_empty());
}

pub(crate) async fn deliveries_are_bounded(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let bounded = || NewDelivery { limit: Some(2), ..delivery(&scene, "a", "1") };
    for _ in 0..2 {
        scene.write(OutboxWrite::Append(bounded())).await.unwrap();
    }
    let full = scene.write(OutboxWrite::Append(bounded())).await;
    assert_refused!(full, StoreError::LimitReached { kind: LimitKind::Deliveries, limit: 2 });
    for queue in [String::new(), "q".repeat(201)] {
        let write = OutboxWrite::Append(NewDelivery { queue, ..delivery(&scene, "a", "1") });
        assert_refused!(scene.write(write).await, StoreError::Inconsistent(_));
    }
}

pub(crate) async fn deliveries_survive_reopening(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let number = append(&scene, "a", "1").await;
    append(&scene, "a", "2").await;
    let worker = scene.id();
    lease(&scene, number, worker).await.unwrap();
    scene.store.close().await;
    let scene = Scene::visit(backend.open().await, 1);
    assert!(ready(&scene).await.is_empty(), "it is still leased");
    scene.write(OutboxWrite::Complete { number, holder: worker }).await.unwrap();
    assert_eq!(ready(&scene).await, pairs(&[("a", "2")]));
    assert_eq!(append(&scene, "b", "3").await, number + 2, "numbers are not used again");
}
