//! Several nodes over one PostgreSQL database: they behave as one, and none of the faults that happen to several servers
//! loses what was acknowledged.

use crate::server::{TestServer, demo, likeness, run, skip, target};
use likeness_test_postgres::{Durability, PostgresError, Stop, TestPostgres, shared};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What several nodes share: the database, and the folder with the installation key.
pub(crate) struct Site {
    pub(crate) store: String,
    pub(crate) folder: TempDir,
}

/// A new database in the server that all tests of this process share; `None`, with a message, without PostgreSQL.
pub(crate) fn site(test: &str) -> Option<Site> {
    match shared() {
        Ok(postgres) => Some(Site::at(postgres.database().expect("a database can be made"))),
        Err(why @ PostgresError::NotInstalled) => {
            skip(test, &why.to_string());
            None
        }
        Err(other) => panic!("{other}"),
    }
}

impl Site {
    fn at(store: String) -> Self {
        Self { store, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The name of the database.
    pub(crate) fn name(&self) -> String {
        let path = self.store.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn node(&self) -> TestServer {
        self.node_over(&self.store)
    }

    /// A node that reaches the database by another way.
    fn node_over(&self, store: &str) -> TestServer {
        TestServer::over(&self.data(), &[("LIKENESS_STORE", store)])
    }
}

fn group(server: &TestServer, id: &str) {
    let made = server.json("PUT", id, &json!({ "name": "g", "recognitionModel": "recognition_04" }));
    assert_eq!(made.status, 200, "{made:?}");
}

/// A person with one face of a demo photo; gives person and face.
fn enrol(server: &TestServer, container: &str, name: &str) -> (String, String) {
    let person = server.json("POST", &format!("{container}/persons"), &json!({ "name": name })).id("personId");
    let chosen = target(&server.detect(&demo(1))[0]);
    let path = format!("{container}/persons/{person}/persistedfaces?targetFace={chosen}");
    let face = server.picture(&path, &demo(1)).id("persistedFaceId");
    (person, face)
}

/// Persons whom identify names for the same photo.
fn named(server: &TestServer, container: &str) -> Vec<String> {
    let probe = server.detect(&demo(1)).remove(0);
    let (kind, id) = container.split_once('/').expect("kind and id");
    let field = if kind == "persongroups" { "personGroupId" } else { "largePersonGroupId" };
    let body = json!({ "faceIds": [probe["faceId"]], field: id, "maxNumOfCandidatesReturned": 100 });
    let answer = server.json("POST", "identify", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let candidates = answer.body[0]["candidates"].as_array().cloned().unwrap_or_default();
    candidates.iter().map(|candidate| candidate["personId"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn two_nodes_behave_as_one() {
    let Some(site) = site("two_nodes_behave_as_one") else { return };
    let (one, two) = (site.node(), site.node());
    group(&one, "persongroups/g");
    let (ada, face) = enrol(&two, "persongroups/g", "Ada");
    assert_eq!(one.train("persongroups/g")["status"], "succeeded");
    assert_eq!(two.call("GET", "persongroups/g/training").body["status"], "succeeded");
    assert_eq!(named(&one, "persongroups/g"), [ada.as_str()]);
    assert_eq!(named(&two, "persongroups/g"), [ada.as_str()]);

    // A faceId of one node is known to the other.
    let seen = one.detect(&demo(1)).remove(0);
    let verify = json!({ "faceId": seen["faceId"], "personGroupId": "g", "personId": ada });
    assert_eq!(two.json("POST", "verify", &verify).body["isIdentical"], true);

    // Whoever deleted is believed at once, on every node, although no training has run since.
    let gone = format!("persongroups/g/persons/{ada}/persistedfaces/{face}");
    assert_eq!(one.call("DELETE", &gone).status, 200);
    assert!(named(&two, "persongroups/g").is_empty(), "a deleted face is named");
    assert_eq!(two.call("GET", &gone).status, 404);

    // Many writes on both sides at once: none is lost, none doubled.
    std::thread::scope(|scope| {
        for server in [&one, &two] {
            for thread in 0..4 {
                scope.spawn(move || {
                    for number in 0..10 {
                        let name = json!({ "name": format!("{thread}.{number}") });
                        assert_eq!(server.json("POST", "persongroups/g/persons", &name).status, 200);
                    }
                });
            }
        }
    });
    for server in [&one, &two] {
        let persons = server.call("GET", "persongroups/g/persons?top=1000");
        assert_eq!(persons.body.as_array().map(Vec::len), Some(81));
    }
    assert_eq!(one.stop(), Some(0));
    assert_eq!(two.stop(), Some(0));
}

#[test]
fn nodes_that_start_at_once_make_one_account() {
    let Some(site) = site("nodes_that_start_at_once_make_one_account") else { return };
    // The key is there first, as the operations page says; everything else is made by the node that comes first.
    let first = site.node();
    drop(first);
    let Some(fresh) = self::site("nodes_that_start_at_once_make_one_account") else { return };
    std::fs::create_dir_all(fresh.data()).expect("a folder");
    std::fs::copy(site.data().join("installation.key"), fresh.data().join("installation.key")).expect("a copy");
    let servers: Vec<TestServer> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| fresh.node())).collect();
        starts.into_iter().map(|start| start.join().expect("it starts")).collect()
    });
    let first = servers.iter().filter(|server| server.said.iter().any(|line| line.contains("key1"))).count();
    assert_eq!(first, 1, "one of them made the account");
    for server in &servers {
        assert_eq!(server.call("GET", "persongroups").status, 200);
    }
}

#[test]
fn a_node_that_is_killed_leaves_its_training_to_another() {
    let Some(site) = site("a_node_that_is_killed_leaves_its_training_to_another") else { return };
    let (mut one, two) = (site.node(), site.node());
    group(&one, "persongroups/g");
    enrol(&one, "persongroups/g", "Ada");
    assert_eq!(one.call("POST", "persongroups/g/train").status, 202);
    one.kill();
    let begun = Instant::now();
    // At worst the lease has to run out first.
    while begun.elapsed() < Duration::from_secs(60) {
        if two.call("GET", "persongroups/g/training").body["status"] == "succeeded" {
            assert_eq!(named(&two, "persongroups/g").len(), 1);
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("nobody took up the training");
}

/// A way to the database that can be cut.
struct Cable {
    folder: TempDir,
    open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<UnixStream>>>,
}

impl Cable {
    fn to(socket: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("lk-").tempdir_in("/tmp").expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let (open, streams) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let cable = Self { folder, open: open.clone(), streams: streams.clone() };
        let socket = socket.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
                    streams.lock().expect("no panic").push(from.try_clone().expect("a handle"));
                    std::thread::spawn(move || {
                        let mut buffer = [0; 65_536];
                        while let Ok(length @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..length]).is_err() {
                                break;
                            }
                        }
                        drop(to.shutdown(std::net::Shutdown::Both));
                    });
                }
            }
        });
        cable
    }

    fn address(&self, store: &str) -> String {
        let (before, _) = store.split_once("?host=").expect("an address with a socket");
        format!("{before}?host={}", self.folder.path().display())
    }

    fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        for stream in self.streams.lock().expect("no panic").drain(..) {
            drop(stream.shutdown(std::net::Shutdown::Both));
        }
    }

    fn mend(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_node_that_is_cut_off_refuses_and_catches_up() {
    let Some(site) = site("a_node_that_is_cut_off_refuses_and_catches_up") else { return };
    let cable = Cable::to(&shared().expect("it was there just now").socket());
    let (one, two) = (site.node(), site.node_over(&cable.address(&site.store)));
    group(&one, "persongroups/g");
    let (ada, face) = enrol(&one, "persongroups/g", "Ada");
    one.train("persongroups/g");
    assert_eq!(named(&two, "persongroups/g"), [ada.as_str()]);
    cable.cut();
    let begun = Instant::now();
    let refused = two.call("GET", "persongroups/g");
    assert_eq!(refused.status, 503, "{refused:?}");
    let written = two.json("POST", "persongroups/g/persons", &json!({ "name": "nobody" }));
    assert_eq!(written.status, 503, "{written:?}");
    assert!(begun.elapsed() < Duration::from_secs(40), "it answers in bounded time");
    // Meanwhile the world goes on.
    assert_eq!(one.call("DELETE", &format!("persongroups/g/persons/{ada}/persistedfaces/{face}")).status, 200);
    let (bob, _) = enrol(&one, "persongroups/g", "Bob");
    one.train("persongroups/g");
    cable.mend();
    let begun = Instant::now();
    loop {
        if two.call("GET", "persongroups/g").status == 200 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the node does not come back");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(named(&two, "persongroups/g"), [bob]);
    // What was refused was not done, or it was done once: never half, never twice.
    let persons = one.call("GET", "persongroups/g/persons");
    let nobodies = persons.body.as_array().expect("a list").iter().filter(|person| person["name"] == "nobody").count();
    assert!(nobodies <= 1, "{persons:?}");
}

#[test]
fn a_database_that_restarts_is_waited_for() {
    let postgres = match TestPostgres::start(Durability::Relaxed) {
        Ok(postgres) => postgres,
        Err(why @ PostgresError::NotInstalled) => {
            return skip("a_database_that_restarts_is_waited_for", &why.to_string());
        }
        Err(other) => panic!("{other}"),
    };
    let site = Site::at(postgres.database().expect("a database can be made"));
    let server = site.node();
    group(&server, "persongroups/g");
    let stopped = AtomicBool::new(false);
    let acknowledged: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (server, stopped) = (&server, &stopped);
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    let mut number = 0;
                    while !stopped.load(Ordering::SeqCst) {
                        let name = format!("{writer}.{number}");
                        let answer = server.json("POST", "persongroups/g/persons", &json!({ "name": name }));
                        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                        if answer.status == 200 {
                            mine.push(answer.id("personId"));
                        }
                        number += 1;
                    }
                    mine
                })
            })
            .collect();
        for how in [Stop::Fast, Stop::Immediate] {
            std::thread::sleep(Duration::from_millis(500));
            postgres.stop(how).expect("it stops");
            std::thread::sleep(Duration::from_millis(300));
            postgres.resume().expect("it starts");
            std::thread::sleep(Duration::from_millis(1_500));
        }
        stopped.store(true, Ordering::SeqCst);
        writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect()
    });
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let persons = server.call("GET", "persongroups/g/persons?top=1000").body;
    let known: Vec<&str> = persons.as_array().expect("a list").iter().filter_map(|p| p["personId"].as_str()).collect();
    for id in acknowledged.iter().take(900) {
        if known.len() < 1_000 {
            assert!(known.contains(&id.as_str()), "lost a person");
        }
    }
    let names: Vec<&Value> = persons.as_array().expect("a list").iter().map(|person| &person["name"]).collect();
    let distinct: std::collections::HashSet<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), distinct.len(), "a write was done twice");
}

#[test]
fn an_installation_moves_to_the_database_and_back() {
    let Some(site) = site("an_installation_moves_to_the_database_and_back") else { return };
    let data = site.data();
    let server = TestServer::over(&data, &[]);
    group(&server, "persongroups/g");
    let (ada, _) = enrol(&server, "persongroups/g", "Ada");
    server.train("persongroups/g");
    assert_eq!(server.stop(), Some(0));
    let copy = |from: &str, to: &str| {
        let mut command = likeness();
        command.args(["store", "copy", from, to]).env("LIKENESS_DATA", &data);
        let output = run(&mut command);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let file = data.join("likeness.db").display().to_string();
    let back = data.join("back.db").display().to_string();
    assert_eq!(copy(&file, &site.store), (true, String::new()));
    let node = site.node();
    assert_eq!(named(&node, "persongroups/g"), [ada.as_str()]);
    assert_eq!(node.stop(), Some(0));
    let (whole, said) = copy(&file, &site.store);
    assert!(!whole && said.contains("holds data already"), "{said}");
    let (whole, said) = copy("nowhere.db", &back);
    assert!(!whole && said.contains("no file nowhere.db"), "{said}");
    assert_eq!(copy(&site.store, &back), (true, String::new()));
    std::fs::rename(&back, &file).expect("the copy takes the place of the first");
    let server = TestServer::over(&data, &[]);
    assert_eq!(named(&server, "persongroups/g"), [ada.as_str()]);

    let migrate = |store: &str| {
        let mut command = likeness();
        command.arg("migrate").env("LIKENESS_DATA", &data).env("LIKENESS_STORE", store);
        let output = run(&mut command);
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (whole, said) = migrate(&site.store);
    assert!(whole && said.contains("already"), "{said}");
    assert!(!migrate("").0, "a file needs no order");
}
