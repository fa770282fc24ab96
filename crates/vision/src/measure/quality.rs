//! Whether a face is good enough to recognise a person by.

use super::HeadPose;
use bitflags::bitflags;

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

bitflags! {
    /// Why a face is no good reference: what keeps it from [`Quality::High`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
    pub struct Flaws: u8 {
        /// It has few pixels.
        const SMALL = 1;
        /// The head is turned away, raised or lowered.
        const TURNED = 1 << 1;
        /// It is out of focus or moved.
        const BLURRED = 1 << 2;
        /// It is in the dark.
        const DARK = 1 << 3;
        /// It is burnt out.
        const BRIGHT = 1 << 4;
        /// Eyes or mouth are certainly behind something.
        const COVERED = 1 << 5;
        /// A part of it lies outside the picture.
        const CUT_OFF = 1 << 6;
    }
}

impl Flaws {
    /// Their names, as programs and metrics read them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Self::SMALL, "small"),
            (Self::TURNED, "turned"),
            (Self::BLURRED, "blurred"),
            (Self::DARK, "dark"),
            (Self::BRIGHT, "bright"),
            (Self::COVERED, "covered"),
            (Self::CUT_OFF, "cutOff"),
        ];
        all.into_iter().filter(move |(flaw, _)| self.contains(*flaw)).map(|(_, name)| name)
    }
}

/// What the verdict rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// Width of the face in pixels.
    pub(crate) width_px: f32,
    pub(crate) pose: HeadPose,
    pub(crate) blur: f32,
    pub(crate) exposure: f32,
    /// Whether eyes or mouth are certainly behind something.
    pub(crate) is_covered: bool,
    /// Share of the face's outline that lies outside the picture.
    pub(crate) outside: f32,
}

/// Share of the outline outside the picture from which a face counts as cut off. Ours: a chin or forehead that just
/// leaves the frame takes up to 15 % of it.
const CUT_OFF: f32 = 0.2;

/// One bad finding makes the face low, one middling finding makes it medium; the flaws are those findings.
///
/// Anchors (vision spec 9, default recogniser): at 48 px width 0.99 of genuine pairs are still accepted, at 24 px 0.89,
/// under strong blur 0.54; high needs 80 px and at most 30 degrees of yaw and pitch. Borders of blur and exposure are
/// Azure's own between their levels. A face behind dark glasses or a mask may still be found in a gallery, but does not
/// belong into one.
pub(crate) fn quality(evidence: &Evidence) -> (Quality, Flaws) {
    let turned = evidence.pose.yaw.abs().max(evidence.pose.pitch.abs());
    let findings = [
        (Flaws::SMALL, evidence.width_px < 80.0, evidence.width_px < 36.0),
        (Flaws::TURNED, turned > 30.0, turned > 60.0),
        (Flaws::BLURRED, evidence.blur >= 0.4, evidence.blur >= 0.75),
        (Flaws::DARK, evidence.exposure < 0.25, evidence.exposure < 0.10),
        (Flaws::BRIGHT, evidence.exposure >= 0.75, evidence.exposure >= 0.92),
        (Flaws::COVERED, evidence.is_covered, false),
        (Flaws::CUT_OFF, evidence.outside >= CUT_OFF, false),
    ];
    let flaws = findings.iter().filter(|(_, middling, _)| *middling).map(|(flaw, ..)| *flaw).collect::<Flaws>();
    let quality = match (findings.iter().any(|(_, _, bad)| *bad), flaws.is_empty()) {
        (true, _) => Quality::Low,
        (false, false) => Quality::Medium,
        (false, true) => Quality::High,
    };
    (quality, flaws)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_middling_finding_makes_a_good_face_medium_and_is_named() {
        let pose = HeadPose { pitch: 0.0, roll: 40.0, yaw: 10.0 };
        let good = Evidence { width_px: 120.0, pose, blur: 0.1, exposure: 0.5, is_covered: false, outside: 0.0 };
        let away = HeadPose { yaw: -45.0, ..pose };
        let cases: [(Evidence, Quality, &[&str]); 9] = [
            (good, Quality::High, &[]),
            (Evidence { is_covered: true, ..good }, Quality::Medium, &["covered"]),
            (Evidence { is_covered: true, blur: 0.5, ..good }, Quality::Medium, &["blurred", "covered"]),
            (Evidence { is_covered: true, blur: 0.8, ..good }, Quality::Low, &["blurred", "covered"]),
            (Evidence { width_px: 60.0, ..good }, Quality::Medium, &["small"]),
            (Evidence { exposure: 0.05, ..good }, Quality::Low, &["dark"]),
            (Evidence { exposure: 0.8, ..good }, Quality::Medium, &["bright"]),
            (Evidence { pose: away, ..good }, Quality::Medium, &["turned"]),
            (Evidence { outside: 0.3, ..good }, Quality::Medium, &["cutOff"]),
        ];
        for (evidence, expected, names) in cases {
            let (quality, flaws) = quality(&evidence);
            assert_eq!((quality, flaws.names().collect::<Vec<_>>().as_slice()), (expected, names), "{evidence:?}");
        }
    }
}
