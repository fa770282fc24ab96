//! Labelled templates, the input of calibration and evaluation.

use crate::GalleryError;
use likeness_base::Secret;

/// A template and whose it is: what [`crate::calibrate`] and [`crate::evaluate`] work on.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// A number for each person; only whether two are equal counts.
    pub person: u32,
    /// The template.
    pub template: Secret<Vec<f32>>,
}

/// Whether all of these can be compared with each other.
pub(crate) fn check(labelled: &[Labelled]) -> Result<(), GalleryError> {
    let expected = labelled.first().map_or(0, |first| first.template.expose().len());
    for Labelled { template, .. } in labelled {
        let template = template.expose();
        if template.len() != expected {
            return Err(GalleryError::WrongDimension { expected, found: template.len() });
        }
        if template.iter().any(|value| !value.is_finite()) {
            return Err(GalleryError::NotFinite);
        }
    }
    Ok(())
}

/// Refuses to work with less than is needed.
pub(crate) const fn enough(what: &'static str, needed: usize, found: usize) -> Result<(), GalleryError> {
    if found < needed { Err(GalleryError::TooLittle { what, needed, found }) } else { Ok(()) }
}
