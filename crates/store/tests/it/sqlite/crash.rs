//! kill -9 between acknowledged writes loses none.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use likeness_store::FaceNumber;
use uuid::Uuid;

use super::{fresh, open_with};
use crate::scene::{Backend, Dice, Scene, add_face, delete_face, list};

/// Tells the child which database to write to, and with which dice.
const DATABASE: &str = "LIKENESS_TEST_CRASH_DATABASE";
const ROUND: &str = "LIKENESS_TEST_CRASH_ROUND";

/// The child: writes until it is killed, and says after each acknowledgement what was acknowledged.
#[tokio::test]
#[ignore = "the child process of kill_9_loses_no_acknowledged_write, which starts it"]
async fn write_until_killed() {
    let path = PathBuf::from(std::env::var(DATABASE).unwrap());
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let store = std::sync::Arc::new(open_with(&path, 1).await.unwrap());
    let scene = Scene::visit(store, 1);
    let dice = Dice::new(1_000 + round);
    let mut mine = Vec::new();
    loop {
        let mut face = scene.face();
        face.id = uuid::Builder::from_random_bytes(likeness_base::random_bytes(&dice)).into_uuid();
        let id = face.id;
        scene.write(add_face(&list("faces"), None, face)).await.unwrap();
        println!("\nadded {id}");
        mine.push(id);
        if mine.len().is_multiple_of(3) {
            let gone = mine.remove(0);
            println!("\ndeleting {gone}");
            scene.write(delete_face(&list("faces"), None, gone)).await.unwrap();
            println!("\ndeleted {gone}");
        }
    }
}

#[tokio::test]
async fn kill_9_loses_no_acknowledged_write() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let number = scene.create(&list("faces")).await.container.unwrap();
    scene.store.close().await;
    let (mut alive, mut dead, mut undecided) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let dice = Dice::new(42);

    for round in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "sqlite::crash::write_until_killed"])
            .env(DATABASE, backend.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut told = 0;
        let enough = 5 + dice.next() % 60;
        let mut killed = false;
        // After the kill the pipe still holds what was acknowledged before it.
        for line in &mut lines {
            let Some((what, id)) = line.split_once(' ') else { continue };
            let Ok(id) = id.parse::<Uuid>() else { continue };
            match what {
                "added" => drop(alive.insert(id)),
                "deleting" => {
                    alive.remove(&id);
                    undecided.insert(id);
                }
                "deleted" => {
                    undecided.remove(&id);
                    dead.insert(id);
                }
                _ => continue,
            }
            told += 1;
            if told >= enough && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "round {round}: the child ended by itself after {told} lines");

        let scene = Scene::visit(backend.open().await, 1);
        let rows = scene.store.rows_after(scene.account, number, FaceNumber(0), 100_000).await.unwrap();
        let faces: Vec<FaceNumber> = rows.iter().map(|row| row.face).collect();
        let named = scene.store.resolve_faces(scene.account, number, &faces).await.unwrap();
        let present: BTreeSet<Uuid> = named.iter().map(|one| one.face).collect();
        assert!(alive.is_subset(&present), "round {round}: acknowledged adds are lost");
        assert!(dead.is_disjoint(&present), "round {round}: acknowledged deletes came back");
        // One write may have been under way each time; it is there or not, and stays so.
        let unasked: Vec<_> = present.difference(&alive).filter(|id| !undecided.contains(id)).copied().collect();
        assert!(unasked.len() <= 1, "round {round}: {} faces nobody was told of", unasked.len());
        alive.extend(unasked);
        for id in std::mem::take(&mut undecided) {
            if present.contains(&id) {
                alive.insert(id)
            } else {
                dead.insert(id)
            };
        }
        let container = scene.container(&list("faces")).await;
        assert_eq!(container.faces, present.len() as u64);
        let audit = scene.store.audit(scene.account, 0, 100_000).await.unwrap();
        crate::scene::chain(&*scene.store, &audit).unwrap();
        assert_eq!(audit.len() as u64, container.version + 1, "one row a write, and one for the account");
        scene.store.check_integrity().await.unwrap();
        scene.store.close().await;
    }
    assert!(alive.len() + dead.len() > 40);
}
