//! One writer for all accounts: none of them keeps the others from it, neither with many commands nor with deletes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use likeness_store::{FaceNumber, StoreError};
use sqlx::Connection;
use tokio::task::JoinSet;

use super::{contains, fresh};
use crate::scene::{Scene, add_face, create, delete, delete_face, list};

/// Lets everybody who was spawned come as far as they can without the writer.
async fn let_all_queue() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_has_many_commands_waiting_makes_others_wait_for_few_of_them() {
    const MANY: u64 = 1_000;
    let backend = fresh();
    let many = Arc::new(Scene::new(&backend).await);
    let few = many.neighbour(2).await;
    for scene in [&*many, &few] {
        scene.create(&list("faces")).await;
    }
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..MANY {
        let (scene, done, write) = (Arc::clone(&many), Arc::clone(&done), add_face(&list("faces"), None, many.face()));
        tasks.spawn(async move {
            scene.write(write).await.unwrap();
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    let_all_queue().await;
    few.add_face(&list("faces"), None).await;
    // Two batches at most: the one that was under way, and the one that took it along.
    assert!(done.load(Ordering::Relaxed) <= 128, "{} were done before it", done.load(Ordering::Relaxed));
    tasks.join_all().await;
    assert_eq!(many.container(&list("faces")).await.faces, MANY);
}

#[tokio::test]
async fn a_full_queue_refuses_its_own_account_and_no_other() {
    const TOO_MANY: usize = 1_500;
    let backend = fresh();
    let many = Arc::new(Scene::new(&backend).await);
    let few = many.neighbour(2).await;
    for scene in [&*many, &few] {
        scene.create(&list("faces")).await;
    }
    let mut tasks = JoinSet::new();
    for _ in 0..TOO_MANY {
        let (scene, write) = (Arc::clone(&many), add_face(&list("faces"), None, many.face()));
        tasks.spawn(async move { scene.write(write).await });
    }
    let_all_queue().await;
    few.add_face(&list("faces"), None).await;
    let (mut done, mut refused) = (0, 0);
    for result in tasks.join_all().await {
        match result {
            Ok(_) => done += 1,
            Err(StoreError::Busy) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(done >= 1_024 && refused > 0, "{done} {refused}");
    assert_eq!(many.container(&list("faces")).await.faces, done);
    // Afterwards there is room again.
    many.add_face(&list("faces"), None).await;
}

#[tokio::test]
async fn others_write_between_the_parts_of_a_large_delete() {
    let backend = fresh();
    let scene = Arc::new(Scene::new(&backend).await);
    let other = scene.neighbour(2).await;
    scene.create(&list("faces")).await;
    for _ in 0..2_000 {
        scene.add_face(&list("faces"), None).await;
    }
    let deleting = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.write(delete(&list("faces"))).await }
    });
    let_all_queue().await;
    let mut written = 0;
    while !deleting.is_finished() {
        other.create(&list(&format!("list {written}"))).await;
        written += 1;
        tokio::task::yield_now().await;
    }
    deleting.await.unwrap().unwrap();
    // Four thousand rows go, five hundred at a time.
    assert!(written >= 4, "{written}");
}

/// While a reader keeps the log from being folded, whoever erased waits, and nobody else.
#[tokio::test]
async fn only_who_erased_waits_for_the_log() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let other = scene.neighbour(2).await;
    scene.create(&list("faces")).await;
    let mut reader = backend.burglar().await;
    let mut overtaken = false;
    for round in 0..10 {
        let face = scene.add_face(&list("faces"), None).await;
        let mut snapshot = reader.begin().await.unwrap();
        let _: i64 = sqlx::query_scalar("SELECT count(*) FROM face").fetch_one(&mut *snapshot).await.unwrap();
        let delete = scene.write(delete_face(&list("faces"), None, face));
        tokio::pin!(delete);
        tokio::select! {
            biased;
            deleted = &mut delete => drop(deleted.unwrap()),
            () = async {
                // Behind the delete, and on the disk before it is acknowledged.
                other.create(&list(&format!("round {round}"))).await;
                other.create(&list(&format!("round {round} again"))).await;
            } => {
                overtaken = true;
                delete.await.unwrap();
            }
        }
        snapshot.rollback().await.unwrap();
        if overtaken {
            return;
        }
    }
    panic!("no write came before the acknowledgement of a delete");
}

/// Readers that follow one another without a gap, and writes that go on, do not keep erased bytes in the files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_bytes_go_while_others_read_and_write_all_the_time() {
    let backend = fresh();
    let scene = Arc::new(Scene::new(&backend).await);
    let number = scene.create(&list("faces")).await.container.unwrap();
    for _ in 0..1_500 {
        scene.add_face(&list("faces"), None).await;
    }
    let face = scene.add_face(&list("faces"), None).await;
    let mut burglar = backend.burglar().await;
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed_template FROM face WHERE face_id = ?1")
        .bind(face.as_bytes().as_slice())
        .fetch_one(&mut burglar)
        .await
        .unwrap();
    burglar.close().await.unwrap();
    let is_there = || contains(&backend.raw_bytes(), &sealed[40..72]);
    assert!(is_there());

    let mut busy = JoinSet::new();
    for _ in 0..4 {
        let scene = Arc::clone(&scene);
        busy.spawn(async move {
            loop {
                scene.store.rows_after(scene.account, number, FaceNumber(0), 2_000).await.unwrap();
            }
        });
    }
    let writer = Arc::new(scene.neighbour(2).await);
    busy.spawn(async move {
        for round in 0.. {
            writer.write(create(&list(&round.to_string()))).await.unwrap();
        }
    });
    scene.write(delete_face(&list("faces"), None, face)).await.unwrap();
    let mut patience = 300;
    while is_there() {
        patience -= 1;
        assert!(patience > 0, "the bytes are still there after half a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    busy.shutdown().await;
}
