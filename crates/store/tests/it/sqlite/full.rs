//! No room left: the write is refused whole, what was acknowledged stays, and the store works on afterwards.

use std::process::Command;

use likeness_store::StoreError;

use super::{fresh, open_with};
use crate::scene::{Backend, Scene, delete_person, group};

const DATABASE: &str = "LIKENESS_TEST_FULL_DATABASE";
/// Of 512 bytes, the unit of the shell's file-size limit: 384 KiB.
const LIMIT_BLOCKS: u32 = 768;

/// The child: fills its allowance until it is refused for good, and reads on. Started under a file-size limit.
#[tokio::test]
#[ignore = "the child process of a_full_disk_refuses_and_forgets_nothing, which starts it"]
async fn write_until_full() {
    let path = std::path::PathBuf::from(std::env::var(DATABASE).unwrap());
    let store = std::sync::Arc::new(open_with(&path, 1).await.unwrap());
    let scene = Scene::visit(store, 1);
    let family = group("family");
    let (mut people, mut refused_in_a_row) = (Vec::new(), 0);
    // A single refusal may pass: the store folds its log and has room again.
    while refused_in_a_row < 3 {
        assert!(people.len() < 10_000, "the limit is not in force");
        let person = scene.id();
        match scene.write(crate::scene::create_person(&family, person)).await {
            Ok(_) => {
                people.push(person);
                refused_in_a_row = 0;
            }
            Err(StoreError::DiskFull) => refused_in_a_row += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    // Reading goes on, and everything acknowledged is there.
    assert_eq!(scene.container(&family).await.persons, people.len() as u64);
    scene.store.check_integrity().await.unwrap();
    println!("\npeople {}", people.len());
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_refuses_and_forgets_nothing() {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    let family = group("family");
    scene.create(&family).await;
    scene.store.close().await;

    // The signal for going over the limit is ignored, so that writing fails as it does on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {LIMIT_BLOCKS}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "sqlite::full::write_until_full"])
        .env(DATABASE, backend.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let people: u64 = out.lines().find_map(|line| line.strip_prefix("people ")).unwrap().parse().unwrap();
    assert!(people > 50, "{people}");

    let scene = Scene::visit(backend.open().await, 1);
    assert_eq!(scene.container(&family).await.persons, people);
    let page = likeness_store::PageStart { after: String::new(), top: 10_000 };
    let found = scene.store.persons(scene.account, &family, &page).await.unwrap();
    assert_eq!(found.len() as u64, people);
    scene.write(delete_person(&family, found[0].id)).await.unwrap();
    scene.create_person(&family).await;
    scene.store.check_integrity().await.unwrap();
}
