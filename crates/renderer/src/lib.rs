//! Frames of a person, or of an attack, in front of a camera, who answers the prompts of a liveness capture.
//!
//! Start at [`Person`]: a photo and five landmarks become a head with depth. A [`Scene`] puts a [`Subject`] (a live head, a
//! print, a screen, an injected file) before a camera under some [`Conditions`]. A [`Performer`] is told which prompts are
//! shown and when, and gives the frame of any moment with its [`Truth`]: pose, box and landmarks.
//!
//! The same scene, prompts and moment give the same bytes, in whatever order frames are asked for. The crate knows no
//! product, no network, no file, no clock and no randomness but its seed. It is for tests and demonstrations: what
//! it draws is plausible, and says nothing on error rates with people.
//!
//! Lengths are in millimetres, angles in degrees, times in milliseconds of the caller's clock. Positive yaw turns the nose
//! to the right side of the picture, which is the person's own left; positive pitch looks up; positive roll tilts
//! clockwise as seen in the picture.

mod actor;
mod atlas;
mod camera;
mod cover;
mod error;
mod fit;
mod geometry;
mod head;
mod jpeg;
mod light;
mod matte;
mod motion;
mod performer;
mod person;
mod prompt;
mod raster;
mod room;
mod scene;
mod sensor;
mod shape;
mod sheet;
mod texture;
mod truth;

pub use camera::{FOCAL_PX, HEIGHT, WIDTH};
pub use cover::Cover;
pub use error::RenderError;
pub use geometry::Pose;
pub use jpeg::{QUALITY, jpeg};
pub use performer::Performer;
pub use person::{Landmarks, Person, Photo};
pub use prompt::{Colour, Direction, Oval, Prompt, Shown, recorded_prompts};
pub use scene::{Backdrop, BendAxis, Conditions, Scene, ScreenKind, Subject};
pub use truth::{FaceBox, FaceTruth, Frame, RgbFrame, SurfacePoint, Truth};
