//! Searches while templates are added and removed on another thread.

use crate::draw::{Kind, template};
use likeness_gallery::{Gallery, Row, Space, Visible};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

/// Readers search while rows come and go. A face that was added before a view was taken and not removed is in it, a
/// face removed before is not, and what is found has the distance it must have.
#[test]
fn readers_see_every_finished_write_and_never_half_of_one() {
    const FACES: i64 = 6000;
    let mut random = fastrand::Rng::with_seed(3);
    let templates: Vec<Vec<f32>> = (0..FACES).map(|_| template(Kind::Unit, 32, &mut random)).collect();
    let space = Space::new(32, &[]).unwrap();
    let gallery = Gallery::new(space.clone());
    // Faces below `added` are in; of those, multiples of three below `removed` are out again.
    let (added, removed, is_done) = (AtomicI64::new(0), AtomicI64::new(0), AtomicBool::new(false));
    let searches = AtomicI64::new(0);
    thread::scope(|scope| {
        for reader in 0..2_u64 {
            let (gallery, space, templates) = (&gallery, &space, &templates);
            let (added, removed, is_done, searches) = (&added, &removed, &is_done, &searches);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(reader);
                while !is_done.load(Ordering::Acquire) {
                    let (sure_added, sure_removed) = (added.load(Ordering::Acquire), removed.load(Ordering::Acquire));
                    if sure_added == 0 {
                        continue;
                    }
                    let view = gallery.view();
                    let face = random.i64(0..sure_added);
                    let probe = space.probe(&templates[face as usize]);
                    let hits = view.within(&probe, 0.0, Visible::All);
                    let is_found = hits.iter().any(|hit| hit.face == face && hit.person == face + 1);
                    if face % 3 != 0 {
                        assert!(is_found, "a finished add is seen");
                    } else if face < sure_removed {
                        assert!(hits.is_empty(), "a finished remove is seen");
                    }
                    searches.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for face in 0..FACES {
            gallery.add(Row { face, person: face + 1, added_version: 1, template: &templates[face as usize] }).unwrap();
            added.store(face + 1, Ordering::Release);
            if face % 3 == 2 {
                assert!(gallery.remove(face - 2));
                removed.store(face - 1, Ordering::Release);
            }
            if face % 500 == 0 {
                gallery.compact_if_worthwhile();
            }
        }
        is_done.store(true, Ordering::Release);
    });
    assert!(searches.into_inner() > 10, "the readers did search");
    assert_eq!(gallery.len(), (FACES - FACES / 3) as usize);
}
