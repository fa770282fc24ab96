//! Pictures for tests, made at random from real faces by a seed: small, cut, enlarged and turned faces, and pictures without any.
//!
//! Start at [`Portrait`], a picture with one face at a known place, and the functions that make a [`Specimen`] of it. A
//! specimen says where its face is and how it is turned. [`faceless`] draws pictures without people, [`costume`] things to
//! wear. The crate knows nothing of detectors, files or HTTP; whoever calls it brings the faces. [`jpeg`], [`png`], [`bmp`] and [`exif`] write files that no
//! common tool writes.

pub mod bmp;
pub mod costume;
pub mod exif;
pub mod faceless;
mod faces;
pub mod jpeg;
pub mod png;

pub use faces::{Ground, Portrait, Specimen, Square, crowd, enlarged, small_face, tight_crop, turned};
