//! What the picture says about a face: how well it can be judged, what is worn, what is covered, hair. Heuristics and small
//! linear models; `docs/accuracy.md` says what each was calibrated on and what it is worth.

mod blur;
mod capture;
mod covering;
mod exposure;
mod hair;
mod noise;
mod pose;
mod quality;
mod signals;
mod smile;
mod solid;
mod view;
mod weights;

pub(crate) use blur::blur;
pub(crate) use capture::capture_view;
pub use capture::{CaptureView, GreyChip, Tones};
pub(crate) use covering::Covering;
pub use covering::{Accessories, Glasses, Mask, MaskKind, Occlusion};
pub(crate) use exposure::exposure;
pub use hair::{FacialHair, Hair, HairColour};
pub(crate) use hair::{facial_hair, hair};
pub(crate) use noise::noise;
pub use pose::HeadPose;
pub(crate) use pose::head_pose;
pub(crate) use quality::{Evidence, quality};
pub use quality::{Flaws, Quality};
pub(crate) use smile::smile;
pub use solid::{Solidity, solidity};
pub(crate) use view::View;

/// Side of the aligned chip on which blur and exposure are measured (vision spec 9).
pub(crate) const CHIP_SIDE: usize = 112;

/// Whether a place of the aligned chip lies on the face: an ellipse well inside the mesh's outline, which in dlib's chip
/// spans x 0.10 to 0.88 and y 0.02 to 0.93 (mean of 23 near-frontal faces of the sample photos), so that hair and
/// background stay out.
fn on_face(x: usize, y: usize) -> bool {
    let side = CHIP_SIDE as f32;
    let across = (x as f32 / side - 0.50) / 0.31;
    let down = (y as f32 / side - 0.52) / 0.37;
    across * across + down * down <= 1.0
}
