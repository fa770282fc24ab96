//! A container for values that must not reach a log: wiped when dropped, never printed.

use zeroize::Zeroize;

/// A value that must not be seen: a template, a key, a token, a name.
///
/// It is wiped when dropped, has no `Display`, no serialisation and no equality, and its `Debug` prints
/// nothing but the fact that it is there. Every reading use is visible as [`Secret::expose`].
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value. The caller must not let it reach a log, an error or a copy that outlives its use.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Shows the value for change in place.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Secret::new("key-of-the-house".to_owned())), "Secret(..)");
    }
}
