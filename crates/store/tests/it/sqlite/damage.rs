//! A file that somebody or something has damaged gives errors, never a panic and never another's data.

use std::sync::Arc;

use likeness_store::{FaceNumber, PageStart, Store, StoreError};

use super::{SqliteBackend, fresh, open_with};
use crate::assert_refused;
use crate::scene::{Backend, Dice, HOUR_MILLIS, Scene, delete_person, group, list};

#[tokio::test]
async fn what_is_no_database_is_damage() {
    for (name, contents) in [
        ("text", b"This is not a database. ".repeat(400)),
        ("half a page", b"SQLite format 3\0".repeat(10)),
        ("random bytes", (0..20_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
    ] {
        let backend = fresh();
        std::fs::write(backend.path(), contents).unwrap();
        assert_refused!(open_with(&backend.path(), 1).await, StoreError::Damaged { .. }, name);
    }
}

async fn filled() -> (SqliteBackend, Vec<u8>) {
    let backend = fresh();
    let scene = Scene::new(&backend).await;
    scene.create(&list("faces")).await;
    scene.create(&group("family")).await;
    for _ in 0..12 {
        let person = scene.create_person(&group("family")).await;
        scene.add_face(&group("family"), Some(person)).await;
        scene.add_face(&list("faces"), None).await;
    }
    scene
        .write(likeness_store::FaceIdWrite::Keep { faces: (0..8).map(|_| scene.detected(HOUR_MILLIS)).collect() })
        .await
        .unwrap();
    scene.store.close().await;
    let bytes = std::fs::read(backend.path()).unwrap();
    (backend, bytes)
}

/// Asks and writes everything; gives the first error.
async fn use_it_all(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let scene = Scene::visit(Arc::clone(&store), 1);
    let page = PageStart { after: String::new(), top: 100 };
    for container in [group("family"), list("faces")] {
        let found = store.container(scene.account, &container).await?.ok_or(StoreError::ContainerNotFound)?;
        store.persons(scene.account, &container, &page).await?;
        store.faces(scene.account, &container, &page).await?;
        store.changes_since(scene.account, found.number, 0, 100).await?;
        store.rows_after(scene.account, found.number, FaceNumber(0), 100).await?;
    }
    store.audit(scene.account, 0, 1_000).await?;
    store.totals(scene.account).await?;
    let person = scene.id();
    scene.write(crate::scene::create_person(&group("family"), person)).await?;
    scene.write(crate::scene::add_face(&group("family"), Some(person), scene.face())).await?;
    scene.write(delete_person(&group("family"), person)).await?;
    store.check_integrity().await
}

#[tokio::test]
async fn an_undamaged_file_passes_the_same_test() {
    let (backend, _) = filled().await;
    use_it_all(backend.open().await).await.unwrap();
}

#[tokio::test]
async fn random_damage_gives_errors_and_never_a_panic() {
    let (backend, bytes) = filled().await;
    let dice = Dice::new(7);
    let mut noticed = 0;
    const ROUNDS: usize = 60;
    for round in 0..ROUNDS {
        let mut damaged = bytes.clone();
        match round % 3 {
            // A page overwritten, a stretch of noise, a cut.
            0 => {
                let page = dice.next() as usize % (bytes.len() / 8192);
                let other = dice.next() as usize % (bytes.len() / 8192);
                damaged.copy_within(other * 8192..(other + 1) * 8192, page * 8192);
            }
            1 => {
                for _ in 0..200 {
                    let at = dice.next() as usize % bytes.len();
                    damaged[at] = dice.next() as u8;
                }
            }
            _ => damaged.truncate(dice.next() as usize % bytes.len()),
        }
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", backend.path().display()));
        }
        std::fs::write(backend.path(), &damaged).unwrap();
        let result = match open_with(&backend.path(), 1).await {
            Ok(store) => {
                let store: Arc<dyn Store> = Arc::new(store);
                let result = use_it_all(Arc::clone(&store)).await;
                store.close().await;
                result
            }
            Err(error) => Err(error),
        };
        assert!(!matches!(result, Err(StoreError::Closed)), "round {round}: the writing task is gone");
        noticed += usize::from(result.is_err());
    }
    assert!(noticed > ROUNDS * 3 / 4, "only {noticed} of {ROUNDS} were noticed");
}

#[tokio::test]
async fn a_damaged_record_is_told_as_damage() {
    let (backend, mut bytes) = filled().await;
    // Every sealed value begins with its format byte and the key id 1; what follows is the nonce.
    let header = [1, 0, 0, 0, 1];
    let places: Vec<usize> = (0..bytes.len() - 600).filter(|&at| bytes[at..at + 5] == header).collect();
    assert!(places.len() > 40, "{}", places.len());
    for at in places {
        bytes[at + 20] ^= 1;
    }
    std::fs::write(backend.path(), &bytes).unwrap();
    let store = backend.open().await;
    let scene = Scene::visit(Arc::clone(&store), 1);
    assert_refused!(store.rows_after(scene.account, 1, FaceNumber(0), 100).await, StoreError::Damaged { .. });
    assert_refused!(store.container(scene.account, &group("family")).await, StoreError::Damaged { .. });
}
