//! [`Space`]: what templates must have in common to be compared, and probes of it.

use crate::GalleryError;
use crate::kernel::Codes;
use crate::quantise::{Quantised, quantise, stride};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroize;

/// Most numbers in a template. Far above any recogniser in use (128 to 1,024), and low enough that a sum of
/// products of codes (127 x 127 each) stays far inside 32 bits.
const LARGEST_DIMENSION: usize = 4096;

/// What the templates of one model have in common: how many numbers, and around which point they crowd.
///
/// The centre changes no distance. It only makes the codes of the scan finer, because templates of faces lie close
/// together around their mean (`|mean|` is about 0.92 for unit templates of the default pack).
#[derive(Clone)]
#[non_exhaustive]
pub struct Space {
    /// Numbers in a template.
    pub dimension: usize,
    /// The mean template of a population; all zeros where it is not known. As long as a template.
    pub center: Arc<[f32]>,
}

impl Space {
    /// A space of templates of `dimension` numbers. An empty `center` stands for zero.
    ///
    /// # Errors
    /// [`GalleryError::BadSpace`] when the dimension is zero or above 4,096 or the centre is not a template.
    pub fn new(dimension: usize, center: &[f32]) -> Result<Self, GalleryError> {
        if dimension == 0 || dimension > LARGEST_DIMENSION {
            return Err(GalleryError::BadSpace("a template has 1 to 4096 numbers"));
        }
        if !center.is_empty() && center.len() != dimension {
            return Err(GalleryError::BadSpace("the centre must have as many numbers as a template, or none"));
        }
        if center.iter().any(|value| !value.is_finite()) {
            return Err(GalleryError::BadSpace("the centre must be finite"));
        }
        let center = if center.is_empty() { vec![0.0; dimension].into() } else { center.into() };
        Ok(Self { dimension, center })
    }

    /// Prepares a template for being searched for.
    ///
    /// A template with something in it that is not a finite number is near nobody: searching for it finds nothing.
    ///
    /// # Panics
    /// When the template has not [`Space::dimension`] numbers; the caller compares only templates of one model.
    pub fn probe(&self, template: &[f32]) -> Probe {
        assert_eq!(template.len(), self.dimension, "a probe is a template of its space");
        let mut codes = Codes::zeroed(stride(self.dimension));
        let quantised = quantise(template, &self.center, codes.as_mut_slice());
        Probe { template: template.to_vec(), codes, quantised }
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("dimension", &self.dimension).finish_non_exhaustive()
    }
}

/// A template that is searched for. It is wiped when dropped.
pub struct Probe {
    pub(crate) template: Vec<f32>,
    pub(crate) codes: Codes,
    pub(crate) quantised: Quantised,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.template.zeroize();
        self.codes.wipe();
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_that_make_no_sense_are_refused() {
        let cases: [(&str, usize, &[f32]); 4] = [
            ("no numbers", 0, &[]),
            ("too many", LARGEST_DIMENSION + 1, &[]),
            ("centre of another length", 3, &[0.0; 2]),
            ("centre that is none", 1, &[f32::NAN]),
        ];
        for (name, dimension, center) in cases {
            assert!(matches!(Space::new(dimension, center), Err(GalleryError::BadSpace(_))), "{name}");
        }
        assert_eq!(&*Space::new(2, &[]).unwrap().center, &[0.0, 0.0]);
    }

    #[test]
    fn debug_shows_no_number_of_a_template() {
        let space = Space::new(2, &[0.625, 0.5]).unwrap();
        let shown = format!("{space:?} {:?}", space.probe(&[0.375, 0.25]));
        assert!(!shown.contains("0."), "{shown}");
    }
}
