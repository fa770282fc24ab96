//! The connections of a node are for all accounts, however long the queries of one of them take.

use std::sync::Arc;

use likeness_store::{FaceNumber, StoreError};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::task::JoinSet;

use super::fresh;
use crate::scene::{Scene, list};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_that_hang_leave_a_connection_for_others() {
    let Some(backend) = fresh("postgres::turns::queries_that_hang_leave_a_connection_for_others") else { return };
    let hung = Arc::new(Scene::new(&backend).await);
    let other = hung.neighbour(2).await;
    let number = hung.create(&list("faces")).await.container.unwrap();
    hung.add_face(&list("faces"), None).await;
    other.create(&list("faces")).await;

    let mut connection = PgConnection::connect(&backend.url).await.unwrap();
    let mut lock = connection.begin().await.unwrap();
    sqlx::query("LOCK TABLE face IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let mut queries = JoinSet::new();
    for _ in 0..20 {
        let scene = Arc::clone(&hung);
        queries.spawn(async move { scene.store.rows_after(scene.account, number, FaceNumber(0), 1).await });
    }
    // The first that end are those that got no connection in time; until then all that may be had are in use.
    let refused = queries.join_next().await.unwrap().unwrap();
    assert!(matches!(refused, Err(StoreError::Unreachable)), "{refused:?}");
    // What is not about that table is answered, and written.
    assert_eq!(other.container(&list("faces")).await.faces, 0);
    other.create(&list("more")).await;
    lock.rollback().await.unwrap();
    let answered = queries.join_all().await.iter().filter(|answer| answer.is_ok()).count();
    assert!(answered >= 3, "{answered}");
    assert_eq!(hung.container(&list("faces")).await.faces, 1);
}
