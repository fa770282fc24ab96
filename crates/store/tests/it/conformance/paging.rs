//! Pages of any size, from any start, walk the same list.

use likeness_store::PageStart;

use crate::scene::{Backend, Scene, group, list};

async fn containers(scene: &Scene, after: &str, top: usize) -> Vec<String> {
    let page = PageStart { after: after.into(), top };
    let found = scene.store.containers(scene.account, group("").kind, &page).await.unwrap();
    found.into_iter().map(|one| one.name_on_wire.id).collect()
}

async fn persons(scene: &Scene, after: &str, top: usize) -> Vec<String> {
    let page = PageStart { after: after.into(), top };
    let found = scene.store.persons(scene.account, &group("b"), &page).await.unwrap();
    // Two faces were given to everybody: they must come with the right person.
    assert!(found.iter().all(|person| person.faces.len() == 2));
    found.into_iter().map(|one| one.id.to_string()).collect()
}

async fn faces(scene: &Scene, after: &str, top: usize) -> Vec<String> {
    let page = PageStart { after: after.into(), top };
    let found = scene.store.faces(scene.account, &list("faces"), &page).await.unwrap();
    found.into_iter().map(|one| one.id.to_string()).collect()
}

/// Containers whose ids sort as bytes and in no other way, people and faces of random ids.
async fn fill(backend: &dyn Backend) -> Scene {
    let scene = Scene::new(backend).await;
    for id in ["b", "a", "_", "-", "10", "9", "a-1", "a_1", "a1", "z".repeat(64).as_str()] {
        scene.create(&group(id)).await;
    }
    scene.create(&list("faces")).await;
    for _ in 0..11 {
        let person = scene.create_person(&group("b")).await;
        scene.add_face(&group("b"), Some(person)).await;
        scene.add_face(&group("b"), Some(person)).await;
        scene.add_face(&list("faces"), None).await;
    }
    scene
}

macro_rules! walk {
    ($scene:expr, $list:ident, $top:expr) => {{
        let mut walked: Vec<String> = Vec::new();
        loop {
            let after = walked.last().cloned().unwrap_or_default();
            let page = $list($scene, &after, $top).await;
            assert!(page.len() <= $top);
            if page.is_empty() {
                break walked;
            }
            walked.extend(page);
        }
    }};
}

pub(crate) async fn pages_of_any_size_walk_the_same_list(backend: &dyn Backend) {
    let scene = &fill(backend).await;
    let whole = [containers(scene, "", 1_000).await, persons(scene, "", 1_000).await, faces(scene, "", 1_000).await];
    assert_eq!(whole.each_ref().map(Vec::len), [10, 11, 11]);
    for ids in &whole {
        assert!(ids.is_sorted(), "{ids:?}");
    }
    for top in [1, 2, 3, 10, 11, 12] {
        assert_eq!(walk!(scene, containers, top), whole[0], "top {top}");
        assert_eq!(walk!(scene, persons, top), whole[1], "top {top}");
        assert_eq!(walk!(scene, faces, top), whole[2], "top {top}");
    }
    assert!(faces(scene, "", 0).await.is_empty());
}

pub(crate) async fn page_may_start_anywhere(backend: &dyn Backend) {
    let scene = &fill(backend).await;
    let (all_containers, all_persons, all_faces) =
        (containers(scene, "", 1_000).await, persons(scene, "", 1_000).await, faces(scene, "", 1_000).await);
    let cut = &all_persons[4][..9];
    for start in ["", "-", "0", "5", "7f", "A", "a", "a-", "f", "g", "zz", "Ä", cut, &all_faces[3]] {
        let after = |ids: &[String]| ids.iter().filter(|id| id.as_str() > start).cloned().collect::<Vec<_>>();
        assert_eq!(containers(scene, start, 1_000).await, after(&all_containers), "containers after {start:?}");
        assert_eq!(persons(scene, start, 1_000).await, after(&all_persons), "persons after {start:?}");
        assert_eq!(faces(scene, start, 1_000).await, after(&all_faces), "faces after {start:?}");
    }
}
