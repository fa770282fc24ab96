//! The public versions of the Face API and the few places where their shapes differ.
//!
//! Every route is served under every version string; what differs on the wire is answered by a method here and
//! nowhere else, so that a difference can be found, and tested, in one place (`face-api.md` sections 1 and 8).

use likeness_vision::Glasses;

/// A version string that stands in the path after `/face/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `v1.0`
    V1_0,
    /// `v1.0-preview`
    V1_0Preview,
    /// `v1.1-preview.1`
    V1_1Preview1,
    /// `v1.2-preview.1`
    V1_2Preview1,
    /// `v1.2`
    V1_2,
    /// `v1.3-preview.1`
    V1_3Preview1,
}

impl Version {
    /// Every version there is, oldest first.
    pub const ALL: [Self; 6] =
        [Self::V1_0, Self::V1_0Preview, Self::V1_1Preview1, Self::V1_2Preview1, Self::V1_2, Self::V1_3Preview1];

    /// The path segment, as clients send it.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::V1_0 => "v1.0",
            Self::V1_0Preview => "v1.0-preview",
            Self::V1_1Preview1 => "v1.1-preview.1",
            Self::V1_2Preview1 => "v1.2-preview.1",
            Self::V1_2 => "v1.2",
            Self::V1_3Preview1 => "v1.3-preview.1",
        }
    }

    /// Reads a path segment, in any letter case.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.segment().eq_ignore_ascii_case(segment))
    }

    /// The version that a path begins with, and what is below it.
    pub(crate) fn below(path: &str) -> Option<(Self, &str)> {
        let mut segments = path.splitn(4, '/').skip(1);
        let face = segments.next().unwrap_or_default();
        let version = Self::parse(segments.next()?)?;
        face.eq_ignore_ascii_case("face").then(|| (version, segments.next().unwrap_or_default()))
    }

    /// How a training that has not begun is called: v1.0 writes it in lower case.
    pub(crate) const fn not_started(self) -> &'static str {
        match self {
            Self::V1_0 => "notstarted",
            _ => "notStarted",
        }
    }

    /// How a kind of glasses is called: v1.0 begins it with a capital (`face-api.md` 8, row 11).
    pub(crate) const fn glasses(self, glasses: Glasses) -> &'static str {
        match (self, glasses) {
            (Self::V1_0, Glasses::None) => "NoGlasses",
            (Self::V1_0, Glasses::Reading) => "ReadingGlasses",
            (Self::V1_0, Glasses::Sunglasses) => "Sunglasses",
            (_, Glasses::None) => "noGlasses",
            (_, Glasses::Reading) => "readingGlasses",
            (_, Glasses::Sunglasses) => "sunglasses",
        }
    }

    /// How a hat is called among the accessories; v1.0 writes a capital within.
    pub(crate) const fn headwear(self) -> &'static str {
        match self {
            Self::V1_0 => "headWear",
            _ => "headwear",
        }
    }
}
