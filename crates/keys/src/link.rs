//! The key that links audit rows, and stands in for names that were taken out of them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use likeness_base::Secret;
use sha2::Sha256;

/// The key of a MAC over audit rows. Who has the database alone can compute no row and test no guess of a name.
pub struct LinkKey(Secret<[u8; 32]>);

impl LinkKey {
    pub(crate) fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    /// A MAC over fields, each with its length in front.
    pub fn mac(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose()).expect("HMAC takes a key of any length");
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(..)")
    }
}
