//! Keys that stay in memory, on pages of their own: not swapped out, in no dump, wiped when dropped.

use likeness_base::Secret;
use memmap2::{Advice, MmapMut};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroize;

/// Whether a key could not be kept from being swapped out.
static UNLOCKED: AtomicBool = AtomicBool::new(false);

/// A key of 256 bits on a page of its own.
pub struct LockedKey(Place);

enum Place {
    Page(MmapMut),
    /// Where the system has no page to give.
    Heap(Secret<[u8; 32]>),
}

impl LockedKey {
    /// Takes a key in. Where the limit of locked memory is reached it may be swapped out; see [`are_locked`].
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        let Ok(mut page) = MmapMut::map_anon(key.expose().len()) else {
            UNLOCKED.store(true, Ordering::Relaxed);
            return Self(Place::Heap(key.clone()));
        };
        if page.lock().is_err() {
            UNLOCKED.store(true, Ordering::Relaxed);
        }
        #[cfg(target_os = "linux")]
        if page.advise(Advice::DontDump).is_err() {
            UNLOCKED.store(true, Ordering::Relaxed);
        }
        page.copy_from_slice(key.expose());
        Self(Place::Page(page))
    }

    /// Shows the key.
    pub fn expose(&self) -> &[u8; 32] {
        match &self.0 {
            Place::Page(page) => page.first_chunk().expect("the page was made for a key"),
            Place::Heap(key) => key.expose(),
        }
    }

    /// A copy, on its way somewhere else.
    pub(crate) fn copy(&self) -> Secret<[u8; 32]> {
        Secret::new(*self.expose())
    }
}

impl Drop for LockedKey {
    fn drop(&mut self) {
        if let Place::Page(page) = &mut self.0 {
            page.as_mut().zeroize();
        }
    }
}

impl fmt::Debug for LockedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedKey(..)")
    }
}

/// Whether all keys of this process so far are kept from being swapped out.
pub fn are_locked() -> bool {
    !UNLOCKED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_was() {
        let key = LockedKey::new(&Secret::new([7; 32]));
        assert_eq!((key.expose(), key.copy().expose()), (&[7; 32], &[7; 32]));
        assert_eq!(format!("{key:?}"), "LockedKey(..)");
    }
}
