//! Errors of this crate.

use thiserror::Error;

/// What can go wrong with templates. No variant shows a number of a template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// A template of another model: it cannot be compared with the others.
    #[error("the template has {found} numbers; templates of this space have {expected}")]
    WrongDimension {
        /// Numbers in a template of the space.
        expected: usize,
        /// Numbers that were given.
        found: usize,
    },
    /// A template with a number that is infinite or none: the recogniser or the storage failed.
    #[error("the template holds something that is not a finite number")]
    NotFinite,
    /// The description of a space makes no sense.
    #[error("no such template space: {0}")]
    BadSpace(&'static str),
    /// A calibration makes no sense; the text says what is wrong with it.
    #[error("the calibration is not usable: {0}")]
    BadCalibration(&'static str),
    /// Too little to calibrate or evaluate from. Add photos of more people, or more photos of each.
    #[error("at least {needed} {what} are needed, there are {found}")]
    TooLittle {
        /// What there is too little of.
        what: &'static str,
        /// How many there must be.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// More than fits into memory. Leave photos out.
    #[error(
        "there are {found} {what}, more than the {most} that can be evaluated; leave photos of the people with most out"
    )]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        most: u64,
        /// How many there are.
        found: u64,
    },
    /// Two photos of one person are no nearer to each other than photos of two people: the labels or the templates
    /// are wrong, and no threshold would mean anything.
    #[error("photos of one person are not nearer to each other than photos of different people; check the labels")]
    NotSeparable,
}
