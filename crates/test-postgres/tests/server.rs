//! The server comes, keeps what it should, and goes with whoever started it.
#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it must be")]

use likeness_test_postgres::{Durability, PostgresError, Stop, TestPostgres};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Says that a test was skipped, where `make test` collects it.
#[expect(clippy::print_stdout, reason = "a skip is told to whoever watches the tests")]
fn start(test: &str) -> Option<TestPostgres> {
    use std::io::Write;
    match TestPostgres::start(Durability::Relaxed) {
        Ok(postgres) => Some(postgres),
        Err(why @ PostgresError::NotInstalled) => {
            println!("SKIPPED {test}: {why}");
            if let Some(file) = std::env::var_os("LIKENESS_SKIPPED") {
                let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
                writeln!(file, "{test}: {why}").unwrap();
            }
            None
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn it_keeps_its_rows_through_a_crash_and_leaves_nothing_behind() {
    let Some(postgres) = start("it_keeps_its_rows_through_a_crash_and_leaves_nothing_behind") else { return };
    let (one, two) = (postgres.database().unwrap(), postgres.database().unwrap());
    assert_ne!(one, two);
    postgres.sql("d0", "CREATE TABLE t (n INT); INSERT INTO t VALUES (7)").unwrap();
    assert!(postgres.sql("d1", "SELECT n FROM t").is_err(), "databases are worlds of their own");
    postgres.stop(Stop::Immediate).unwrap();
    assert!(postgres.sql("d0", "SELECT n FROM t").is_err());
    postgres.resume().unwrap();
    assert_eq!(postgres.sql("d0", "SELECT n FROM t").unwrap(), "7");
    let (data, socket) = (postgres.data_folder(), postgres.socket());
    assert!(socket.exists());
    drop(postgres);
    assert!(!data.exists());
}

#[test]
#[ignore = "the child process of it_goes_with_a_process_that_is_killed, which starts it"]
fn hold_one_until_killed() {
    let postgres = TestPostgres::start(Durability::Relaxed).unwrap();
    println!("FOLDER {}", postgres.data_folder().display());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn it_goes_with_a_process_that_is_killed() {
    if start("it_goes_with_a_process_that_is_killed").is_none() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["hold_one_until_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let folder = lines.filter_map(|line| line.split("FOLDER ").nth(1).map(PathBuf::from)).next().unwrap();
    assert!(folder.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    for _ in 0..100 {
        if !folder.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the server outlives its owner");
}
