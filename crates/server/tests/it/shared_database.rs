//! What one account can do to the database that nodes share, and another that is served by both of them all the while.

use crate::fairness::{fat_group, is_served, sent, under_load};
use crate::nodes::{Site, site};
use crate::server::{OtherAccount, TestServer};
use likeness_test_postgres::shared;
use serde_json::json;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Connections of a node to the database, unless the settings say otherwise.
const CONNECTIONS: usize = 16;

fn sql(site: &Site, statement: &str) -> String {
    shared().expect("the server runs").sql(&site.name(), statement).expect("a statement").trim().to_owned()
}

/// What an account can make the database do at any node: writes, and long lists.
fn busy<'s>(node: &'s TestServer, as_at: &OtherAccount<'_>) -> impl Fn() + Send + Sync + 's {
    let (key, number) = (as_at.keys[0].clone(), AtomicUsize::new(0));
    move || {
        let list = json!({ "name": "n", "userData": "u".repeat(10_000) }).to_string();
        let name = format!("facelists/{}-{}", node.pid(), number.fetch_add(1, Ordering::Relaxed));
        let ask = |method, path: &str| node.bare(method, path).header("Ocp-Apim-Subscription-Key", &key);
        drop(ask("PUT", &name).header("Content-Type", "application/json").body(list).send());
        let all = ask("GET", "largepersongroups/fat/persons?top=1000").send();
        drop(all.map(reqwest::blocking::Response::bytes));
    }
}

#[test]
fn one_account_at_two_nodes_leaves_the_database_to_another() {
    let Some(site) = site("one_account_at_two_nodes_leaves_the_database_to_another") else { return };
    let (one, two) = (site.node(), site.node());
    let other = one.another(&["busy", "--approve", "everything"]);
    fat_group(&other);
    let (at_one, at_two) = (busy(&one, &other), busy(&two, &other));
    under_load(6, at_one, || {
        under_load(6, at_two, || {
            is_served(&one, "load at both nodes, here");
            is_served(&two, "load at both nodes, there");
        });
    });
}

/// Whoever asks and hangs up has no more statements running than whoever waits for the answer.
#[test]
fn callers_that_hang_up_leave_nothing_running() {
    let Some(site) = site("callers_that_hang_up_leave_nothing_running") else { return };
    let server = site.node();
    let other = server.another(&["hasty", "--approve", "everything"]);
    fat_group(&other);
    let question = format!(
        "GET /face/v1.0/largepersongroups/fat/persons?top=1000 HTTP/1.1\r\nHost: x\r\nOcp-Apim-Subscription-Key: {}\r\n\r\n",
        other.keys[0]
    );
    let opened = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()";
    let connected =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let before: usize = sql(&site, opened).parse().expect("a number");
    let most = AtomicUsize::new(0);
    let load = || {
        let stream = sent(&server, &question);
        std::thread::sleep(Duration::from_millis(3));
        drop(stream.shutdown(Shutdown::Both));
    };
    under_load(8, load, || {
        for _ in 0..20 {
            let now = sql(&site, connected).parse().expect("a number");
            most.fetch_max(now, Ordering::Relaxed);
        }
        for _ in 0..3 {
            is_served(&server, "calls that are given up");
        }
    });
    assert!(most.load(Ordering::Relaxed) <= CONNECTIONS + 2, "{most:?} connections");
    // Two dozen are the questions of this test, sixteen the node's own. Where each call that was given up cost a connection,
    // there were hundreds.
    let after: usize = sql(&site, opened).parse().expect("a number");
    assert!(after - before < 60, "{} sessions were opened", after - before);
}

/// Somebody holds the rows of one account: a node that is stuck, or an administrator who went to lunch.
#[test]
fn an_account_whose_rows_are_locked_holds_up_itself_alone() {
    let Some(site) = site("an_account_whose_rows_are_locked_holds_up_itself_alone") else { return };
    let (one, two) = (site.node(), site.node());
    let other = one.another(&["locked", "--approve", "everything"]);
    let lock = format!(
        "BEGIN; SELECT 1 FROM account WHERE account_id = '\\x{}' FOR UPDATE; SELECT pg_sleep(14); COMMIT",
        other.id.replace('-', "")
    );
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| sql(&site, &lock));
        let waits =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
        while sql(&site, waits) == "0" {
            std::thread::sleep(Duration::from_millis(20));
        }
        // As many of its writes as there are connections wait at each node.
        let write = |node: &TestServer, number: usize| {
            let request = node.bare("PUT", &format!("facelists/{number}"));
            let request = request.header("Ocp-Apim-Subscription-Key", &other.keys[0]);
            let request = request.header("Content-Type", "application/json").body(r#"{"name":"n"}"#);
            request.send().expect("an answer").status().as_u16()
        };
        let writers: Vec<_> = (0..2 * CONNECTIONS)
            .map(|number| {
                scope.spawn({
                    let node = if number % 2 == 0 { &one } else { &two };
                    move || write(node, number)
                })
            })
            .collect();
        is_served(&one, "a lock on another account");
        is_served(&two, "a lock on another account");
        assert!(!holder.is_finished(), "it was served while the lock was held");
        for writer in writers {
            // Done once the lock is gone, or refused after the time for which a write is tried.
            assert!(matches!(writer.join().expect("no panic"), 200 | 503));
        }
        holder.join().expect("no panic");
        assert_eq!(write(&one, 1_000), 200);
    });
}

/// A node that stops in the middle of its transactions keeps no lock for long.
#[test]
fn a_node_that_stands_still_gives_its_locks_back() {
    let Some(site) = site("a_node_that_stands_still_gives_its_locks_back") else { return };
    let (one, two) = (site.node(), site.node());
    let other = one.another(&["still", "--approve", "everything"]);
    fat_group(&other);
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &two.pid().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    };
    let (at_two, stopped) = (busy(&two, &other), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while stopped.load(Ordering::Relaxed) == 0 {
                    at_two();
                }
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        signal("-STOP");
        stopped.store(1, Ordering::Relaxed);
        is_served(&one, "a node that stands still");
        let begun = Instant::now();
        let write = || {
            let request = one.bare("PUT", "facelists/after").header("Ocp-Apim-Subscription-Key", &other.keys[0]);
            let request = request.header("Content-Type", "application/json").body(r#"{"name":"n"}"#);
            request.send().expect("an answer").status().as_u16()
        };
        while !matches!(write(), 200 | 409) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the lock of the other node is held for ever");
        }
        signal("-CONT");
    });
    is_served(&two, "afterwards");
}
