//! kill -9 at random points of a thousand adds, deletes and trainings: nothing that was acknowledged is lost, and what
//! was deleted is found by nobody.

use crate::nodes::site;
use crate::server::{Answer, TestServer, demo, target};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const WORKERS: usize = 4;
const OPERATIONS: usize = 1_000;
const GROUP: &str = "largepersongroups/g";

/// The answers that the clients got.
#[derive(Default)]
struct Told {
    /// Persons by id, with the faces that were acknowledged.
    there: HashMap<String, HashSet<String>>,
    /// Deletes that were acknowledged.
    gone: HashSet<String>,
    /// Deletes that nobody answered: either way is right.
    unsure: HashSet<String>,
    trained: usize,
}

#[test]
fn nothing_acknowledged_is_lost_on_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    kill_again_and_again(&folder.path().join("data"), &[]);
}

#[test]
fn nothing_acknowledged_is_lost_on_a_database() {
    let Some(site) = site("nothing_acknowledged_is_lost_on_a_database") else { return };
    kill_again_and_again(&site.data(), &[("LIKENESS_STORE", &site.store)]);
}

fn kill_again_and_again(data: &Path, settings: &[(&str, &str)]) {
    let mut random = fastrand::Rng::with_seed(7);
    let told = Mutex::new(Told::default());
    let done = AtomicUsize::new(0);
    let mut server = TestServer::over(data, settings);
    let made = server.json("PUT", GROUP, &json!({ "name": "g", "recognitionModel": "recognition_04" }));
    assert_eq!(made.status, 200, "{made:?}");
    let chosen = target(&server.detect(&demo(1))[0]);
    let mut rounds = 0;
    while done.load(Ordering::Relaxed) < OPERATIONS {
        rounds += 1;
        let pause = Duration::from_millis(random.u64(200..1_500));
        let (address, pid) = (server.address.clone(), server.pid());
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let (address, chosen, told, done) = (&address, &chosen, &told, &done);
                let seed = random.u64(..);
                scope.spawn(move || work(address, chosen, worker, seed, told, done));
            }
            std::thread::sleep(pause);
            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.expect("kill runs").success());
        });
        server.kill();
        server = TestServer::over(data, settings);
        check(&server, &told.lock().unwrap_or_else(PoisonError::into_inner));
    }
    assert!(rounds > 3, "{rounds} rounds are no test");
    // What is found now is what is there, no more and no less.
    assert_eq!(server.train(GROUP)["status"], "succeeded");
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(told.trained > 0 && told.there.len() > 20 && told.gone.len() > 20, "all three were at work");
    let found = identified(&server);
    for ghost in &told.gone {
        assert!(!found.contains(ghost), "a deleted person is found");
    }
}

/// Adds, deletes and trains until the server no longer answers.
fn work(address: &str, chosen: &str, worker: usize, seed: u64, told: &Mutex<Told>, done: &AtomicUsize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let client = reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build();
    let client = client.expect("a client");
    let send = |method: &str, path: &str, body: Option<Vec<u8>>, kind: &str| {
        let method: reqwest::Method = method.parse().expect("a method");
        let request = client.request(method, format!("{address}/face/v1.0/{path}"));
        let request = request.header("Ocp-Apim-Subscription-Key", crate::server::KEY1).header("Content-Type", kind);
        let response = request.body(body.unwrap_or_default()).send().ok()?;
        let status = response.status().as_u16();
        // A body that was cut off is no acknowledgement.
        let text = response.text().ok()?;
        Some(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), headers: Vec::new() })
    };
    let lock = || told.lock().unwrap_or_else(PoisonError::into_inner);
    let mut mine: Vec<String> = Vec::new();
    loop {
        match random.u32(..10) {
            0..5 => {
                let body = json!({ "name": format!("{worker}") }).to_string().into_bytes();
                let Some(answer) = send("POST", &format!("{GROUP}/persons"), Some(body), "application/json") else {
                    return;
                };
                assert_eq!(answer.status, 200, "{answer:?}");
                let person = answer.id("personId");
                lock().there.insert(person.clone(), HashSet::new());
                done.fetch_add(1, Ordering::Relaxed);
                if random.u32(..4) == 0 {
                    let path = format!("{GROUP}/persons/{person}/persistedfaces?targetFace={chosen}");
                    let Some(answer) = send("POST", &path, Some(demo(1)), "application/octet-stream") else { return };
                    if answer.status == 200 {
                        let face = answer.id("persistedFaceId");
                        lock().there.get_mut(&person).expect("it was put there").insert(face);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
                mine.push(person);
            }
            5..9 => {
                let Some(person) = mine.pop() else { continue };
                lock().unsure.insert(person.clone());
                let Some(answer) = send("DELETE", &format!("{GROUP}/persons/{person}"), None, "application/json")
                else {
                    return;
                };
                assert_eq!(answer.status, 200, "{answer:?}");
                let mut told = lock();
                told.unsure.remove(&person);
                told.there.remove(&person);
                told.gone.insert(person);
                done.fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                let Some(answer) = send("POST", &format!("{GROUP}/train"), None, "application/json") else { return };
                // Another may be under way.
                if answer.status == 202 {
                    lock().trained += 1;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

fn check(server: &TestServer, told: &Told) {
    let mut there: HashMap<String, HashSet<String>> = HashMap::new();
    let mut after = String::new();
    loop {
        let page = server.call("GET", &format!("{GROUP}/persons?top=1000&start={after}"));
        assert_eq!(page.status, 200, "{page:?}");
        let persons = page.body.as_array().expect("a list").clone();
        let Some(last) = persons.last() else { break };
        after = last["personId"].as_str().expect("an id").to_owned();
        for person in persons {
            let faces = person["persistedFaceIds"].as_array().expect("a list").iter();
            let faces = faces.map(|face| face.as_str().expect("an id").to_owned()).collect();
            there.insert(person["personId"].as_str().expect("an id").to_owned(), faces);
        }
    }
    for (person, faces) in &told.there {
        if told.unsure.contains(person) {
            continue;
        }
        let kept = there.get(person).unwrap_or_else(|| panic!("person {person} was acknowledged and is lost"));
        assert!(faces.is_subset(kept), "a face of {person} was acknowledged and is lost");
    }
    for person in &told.gone {
        assert!(!there.contains_key(person), "person {person} was deleted and is there");
    }
    // Every call works on what came back: the training that was cut off is taken up, and nobody is found who is gone.
    if told.trained > 0 {
        let found = identified(server);
        assert!(found.is_disjoint(&told.gone), "a deleted person is found");
    }
}

/// Everybody whom identify names for the photo that all of them have.
fn identified(server: &TestServer) -> HashSet<String> {
    let probe = server.detect(&demo(1)).remove(0);
    let ask = json!({ "faceIds": [probe["faceId"]], "largePersonGroupId": "g", "maxNumOfCandidatesReturned": 100 });
    let answer = server.json("POST", "identify", &ask);
    // Never trained to an end yet: none was begun, or the first is under way, because the kill cut it off.
    if answer.status != 200 {
        let untrained = ["LargePersonGroupNotTrained", "LargePersonGroupTrainingNotFinished"];
        assert!(untrained.contains(&answer.code()), "{answer:?}");
        return HashSet::new();
    }
    let candidates = answer.body[0]["candidates"].as_array().cloned().unwrap_or_default();
    candidates.iter().map(|candidate| candidate["personId"].as_str().expect("an id").to_owned()).collect()
}
