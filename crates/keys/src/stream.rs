//! A stream of frames, each sealed under a key of that stream alone.
//!
//! Start at [`StreamKey`]. Frames carry their number and whether they are the last, so that none can be left out, repeated,
//! moved or cut off; all are bound to what stands in the clear in front of them.

use std::fmt;
use std::path::Path;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use hkdf::Hkdf;
use likeness_base::Secret;
use sha2::{Digest, Sha256};

use crate::error::{KeyFileError, KeyFileProblem};
use crate::file;

const TAG_BYTES: usize = 16;

/// The key of one stream, and where in it we are.
pub struct StreamKey {
    cipher: Aes256Gcm,
    header: [u8; 32],
    next: u64,
}

impl StreamKey {
    /// The key of a stream between two installations, from a key file that both have. Its newest key counts.
    ///
    /// # Errors
    /// [`KeyFileError`], see its variants.
    pub fn from_file(path: &Path, salt: &[u8; 32], header: &[u8]) -> Result<Self, KeyFileError> {
        let keys = file::load_all(path)?;
        let malformed = || KeyFileError { path: path.to_owned(), problem: KeyFileProblem::Malformed };
        Ok(Self::new(keys.last().ok_or_else(malformed)?, salt, header))
    }

    /// Derived from a key and a salt that was drawn for this stream; `header` is everything that stands in front of it.
    pub(crate) fn new(key: &Secret<[u8; 32]>, salt: &[u8; 32], header: &[u8]) -> Self {
        let mut derived = Secret::new([0; 32]);
        Hkdf::<Sha256>::new(Some(salt), key.expose())
            .expand(b"likeness stream 1", derived.expose_mut())
            .expect("SHA-256 gives 32 bytes");
        let cipher = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(derived.expose()));
        Self { cipher, header: Sha256::digest(header).into(), next: 0 }
    }

    /// Eight bytes of number, three of nothing, one that says whether it is the last. No key seals two streams.
    fn nonce(&mut self, is_last: bool) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(is_last);
        self.next += 1;
        Nonce::from(nonce)
    }

    /// Seals the next frame in place.
    pub fn seal(&mut self, frame: &mut Vec<u8>, is_last: bool) {
        let nonce = self.nonce(is_last);
        let tag: Tag = self
            .cipher
            .encrypt_inout_detached(&nonce, &self.header, frame.as_mut_slice().into())
            .expect("frames are far shorter than the 64 GiB that AES-GCM can seal");
        frame.extend_from_slice(&tag);
    }

    /// Opens the next frame in place, and says whether it is the last. `None`: it is not the next of this stream, or was
    /// changed.
    pub fn open(&mut self, frame: &mut Vec<u8>) -> Option<bool> {
        let body = frame.len().checked_sub(TAG_BYTES)?;
        let tag = Tag::try_from(&frame[body..]).ok()?;
        frame.truncate(body);
        let begun = self.next;
        for is_last in [false, true] {
            self.next = begun;
            let nonce = self.nonce(is_last);
            let mut plain = frame.clone();
            if self.cipher.decrypt_inout_detached(&nonce, &self.header, plain.as_mut_slice().into(), &tag).is_ok() {
                *frame = plain;
                return Some(is_last);
            }
        }
        None
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamKey(.. at {})", self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(header: &[u8]) -> StreamKey {
        StreamKey::new(&Secret::new([7; 32]), &[1; 32], header)
    }

    fn sealed(frames: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut key = key(b"header");
        let last = frames.len() - 1;
        let seal = |(number, frame): (usize, &&[u8])| {
            let mut frame = frame.to_vec();
            key.seal(&mut frame, number == last);
            frame
        };
        frames.iter().enumerate().map(seal).collect()
    }

    fn opened(header: &[u8], frames: &[Vec<u8>]) -> Option<Vec<(Vec<u8>, bool)>> {
        let mut key = key(header);
        let open = |frame: &Vec<u8>| {
            let mut frame = frame.clone();
            let is_last = key.open(&mut frame)?;
            Some((frame, is_last))
        };
        frames.iter().map(open).collect()
    }

    #[test]
    fn frames_open_in_their_order_and_the_last_says_so() {
        let frames = sealed(&[b"one", b"two", b""]);
        let expected = [(b"one".to_vec(), false), (b"two".to_vec(), false), (Vec::new(), true)];
        assert_eq!(opened(b"header", &frames).as_deref(), Some(&expected[..]));
    }

    #[test]
    fn nothing_else_opens() {
        let frames = sealed(&[b"one", b"two", b"three"]);
        let [one, two, three] = [&frames[0], &frames[1], &frames[2]].map(Clone::clone);
        for (name, header, order) in [
            ("another header", &b"other"[..], vec![one.clone()]),
            ("left out", b"header", vec![one.clone(), three.clone()]),
            ("exchanged", b"header", vec![two.clone(), one.clone()]),
            ("repeated", b"header", vec![one.clone(), one.clone()]),
            ("cut", b"header", vec![one[..one.len() - 1].to_vec()]),
            ("empty", b"header", vec![Vec::new()]),
        ] {
            assert_eq!(opened(header, &order), None, "{name}");
        }
        for bit in 0..one.len() * 8 {
            let mut bad = one.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(b"header", &[bad]), None, "bit {bit}");
        }
    }
}
