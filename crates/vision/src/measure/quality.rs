//! Whether a face is good enough to recognise a person by.

use super::HeadPose;

/// Azure's `qualityForRecognition`: enrol persons with [`Quality::High`], identify from [`Quality::Medium`] up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Recognition is likely to fail.
    Low,
    /// Good enough for a probe.
    Medium,
    /// Good enough for a gallery.
    High,
}

/// What the verdict rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// Width of the face in pixels.
    pub(crate) width_px: f32,
    pub(crate) pose: HeadPose,
    pub(crate) blur: f32,
    pub(crate) exposure: f32,
}

/// One bad finding makes the face low, one middling finding makes it medium.
///
/// Anchors (vision spec 9, default recogniser): at 48 px width 0.99 of genuine pairs are still accepted, at 24 px 0.89,
/// under strong blur 0.54; high asks for 80 px and at most 30 degrees of yaw and pitch. Borders of blur and exposure are
/// Azure's own between their levels.
pub(crate) fn quality(evidence: &Evidence) -> Quality {
    let turned = evidence.pose.yaw.abs().max(evidence.pose.pitch.abs());
    let well_lit = |low: f32, high: f32| (low..high).contains(&evidence.exposure);
    if evidence.width_px < 36.0 || turned > 60.0 || evidence.blur >= 0.75 || !well_lit(0.10, 0.92) {
        return Quality::Low;
    }
    if evidence.width_px < 80.0 || turned > 30.0 || evidence.blur >= 0.4 || !well_lit(0.25, 0.75) {
        return Quality::Medium;
    }
    Quality::High
}
