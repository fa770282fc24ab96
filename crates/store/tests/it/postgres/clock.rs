//! The clock that all nodes share is the database's own, through one function.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;

use super::fresh;
use crate::scene::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_in_service_has_no_offset_and_reads_no_table() {
    let Some(backend) = fresh("postgres::clock::the_clock_in_service_has_no_offset_and_reads_no_table") else { return };
    backend.open().await.close().await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&backend.url).await.unwrap();
    let source: String =
        sqlx::query_scalar("SELECT prosrc FROM pg_proc WHERE proname = 'likeness_now'").fetch_one(&pool).await.unwrap();
    assert_eq!(source, "SELECT clock_timestamp()");
    let between: bool = sqlx::query_scalar(
        "WITH before AS MATERIALIZED (SELECT clock_timestamp() AS at),
              ours AS MATERIALIZED (SELECT likeness_now() AS at, before.at AS earlier FROM before)
         SELECT ours.earlier <= ours.at AND ours.at <= clock_timestamp() FROM ours",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(between);
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_clock_moves_for_every_node() {
    let Some(backend) = fresh("postgres::clock::a_moved_clock_moves_for_every_node") else { return };
    let (one, other) = (backend.open().await, backend.open().await);
    let day = 86_400_000;
    let before = one.clock().await.unwrap().unwrap().as_millis();
    // On connections that have asked before, too.
    other.clock().await.unwrap();
    assert!(backend.pass(Duration::from_millis(day)).await);
    for node in [&one, &other] {
        assert!(node.clock().await.unwrap().unwrap().as_millis() >= before + i64::try_from(day).unwrap());
    }
}
