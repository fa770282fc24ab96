//! Galleries: templates of people, and the question "who is nearest?".
//!
//! A *template* is what a recogniser makes of a face: some hundred numbers. Two templates of one model are compared by
//! their Euclidean [`distance()`]; the smaller, the likelier one person. A *gallery* holds the templates of one
//! container, a *probe* is the template that is searched for, and a [`Calibration`] says what a distance means.
//!
//! Start at [`Gallery`]:
//!
//! ```
//! use likeness_gallery::{Gallery, Row, Space, Visible};
//!
//! let space = Space::new(3, &[])?;
//! let gallery = Gallery::new(space.clone());
//! gallery.add(Row { face: 1, person: 7, added_version: 1, template: &[1.0, 0.0, 0.0] })?;
//! gallery.add(Row { face: 2, person: 8, added_version: 2, template: &[0.0, 1.0, 0.0] })?;
//!
//! let view = gallery.view();
//! let nearest = view.nearest(&space.probe(&[0.9, 0.1, 0.0]), 1, Visible::All);
//! assert_eq!((nearest[0].face, nearest[0].person), (1, 7));
//! # Ok::<(), likeness_gallery::GalleryError>(())
//! ```
//!
//! Every search is exact. A scan over 8-bit codes with a proven error bound picks the rows that could be among the
//! answers, and those alone are compared in full precision; the answer, its order included, is that of comparing
//! everything with [`distance()`]. Which decisions exist on top of that, and which mapping of the calibration each uses:
//!
//! | question | function | mapping |
//! |---|---|---|
//! | same person? | [`Calibration::verify_confidence`] | verify |
//! | who is this? | [`identify()`], [`identify_among()`] | verify; without a threshold also the error rates of Face Check at the gallery's size |
//! | which faces look alike? | [`find_similar`], [`find_similar_among`] | verify |
//! | which of these belong together? | [`group()`] | verify |
//! | how rarely would a stranger match? | [`Calibration::face_check_confidence`] | Face Check |
//!
//! How often these err on photos of known people is what [`evaluate`](mod@evaluate) finds out.
//!
//! What this crate does not know: pictures, names, HTTP, the time, and where templates are kept. It draws no random
//! numbers except from a seed it is given ([`calibrate`], [`evaluate`]). No error and no `Debug` of it shows a number of a
//! template.

mod block;
mod calibration;
mod distance;
mod distribution;
mod error;
mod gallery;
mod group;
mod identify;
mod kernel;
mod labelled;
mod pairs;
mod quantise;
mod scan;
mod similar;
mod space;
mod view;

pub mod calibrate;
pub mod evaluate;

pub use calibration::{Basis, Calibration, CalibrationParts, Logistic, Rate};
pub use distance::distance;
pub use distribution::{Distribution, Interval};
pub use error::GalleryError;
pub use gallery::{Gallery, Row};
pub use group::{Groups, group};
pub use identify::{Cut, PersonHit, Scope, identify, identify_among};
pub use labelled::Labelled;
pub use pairs::ExcludedPairs;
pub use similar::{Mode, SimilarHit, find_similar, find_similar_among};
pub use space::{Probe, Space};
pub use view::{GalleryView, Hit, Visible};

/// The number by which the caller knows a face: the store's internal sequence, opaque here. Ties between equal
/// distances go to the smaller one.
pub type FaceNumber = i64;

/// The number by which the caller knows a person. [`NOBODY`] stands for a face without a person, as in face lists.
pub type PersonNumber = i64;

/// The [`PersonNumber`] of a face that belongs to no person.
pub const NOBODY: PersonNumber = 0;

/// Confidence of the verify mapping from which two faces count as one person. The Face contract documents 0.5 for
/// verify, and it is what identify used before it had a parameter.
pub const SAME_PERSON: f32 = 0.5;
