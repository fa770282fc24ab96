//! Pixels to faces: decode a picture, find its faces, describe each one.
//!
//! Start at [`Vision`]: it owns the loaded networks, [`Vision::detect`] finds faces, [`Vision::describe`] finds out
//! what is wanted about one of them (landmarks, attributes, template). [`Picture::decode`] turns strangers' bytes into
//! an upright [`Picture`].
//!
//! ```no_run
//! # fn demo(engine: &dyn likeness_vision::engine::Engine, parts: &likeness_vision::Parts<'_>, bytes: &[u8])
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use likeness_vision::{Limits, Picture, RecogniserSet, Search, Vision, DescribeOptions};
//!
//! let mut vision = Vision::load(engine, parts)?;
//! let picture = Picture::decode(bytes, &Limits::default())?;
//! let wanted = DescribeOptions { templates: RecogniserSet::FIRST, ..DescribeOptions::default() };
//! for detection in vision.detect(&picture, Search::default())? {
//!     let face = vision.describe(&picture, &detection, wanted)?;
//!     assert!(face.template(0).is_some());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This crate knows no people, no files, no network and no clock. Which engine runs the networks is decided by whoever
//! passes an [`engine::Engine`]; where model files come from, by whoever fills [`Parts`].
//! Pictures and templates are wiped when dropped and never printed. What an engine keeps in its own memory is
//! beyond this crate's reach.

mod decode;
mod detect;
pub mod engine;
mod error;
mod find;
mod geometry;
mod iris;
mod landmarks;
mod measure;
mod mesh;
mod network;
mod orientation;
mod parts;
mod picture;
mod portrait;
mod quarter_turn;
mod recognise;
mod resample;
mod similarity;
mod trace;
mod vision;
mod warp;

pub use decode::{DecodeError, Limits, MOST_KEPT};
pub use detect::{Depth, Detection, KeyPoints, Search, smallest_face_px};
pub use error::VisionError;
pub use geometry::{Point, Rect, RectF};
pub use landmarks::{LANDMARK_COUNT, Landmarks};
pub use measure::{
    Accessories, CaptureView, FacialHair, Flaws, Glasses, GreyChip, Hair, HairColour, HeadPose, Mask, MaskKind,
    Occlusion, Quality, Solidity, Tones, solidity,
};
pub use parts::{
    AlignedBy, DetectorKind, DetectorPart, NetworkPart, Normalisation, Parts, RecogniserKind, RecogniserPart,
};
pub use picture::Picture;
pub use trace::{Stage, Trace};
pub use vision::{AttributeSet, DescribeOptions, Face, RecogniserSet, Vision};
