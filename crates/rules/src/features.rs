//! Approvals of a resource, and the gate of an operation: which approvals it needs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A capability that a resource must be approved for, or that a limited access token lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FeatureFlag {
    /// Identification: finding a person among many.
    #[serde(rename = "Face.Identification")]
    Identification,
    /// Verification: deciding whether two pictures show one person.
    #[serde(rename = "Face.Verification")]
    Verification,
    /// The limited attributes of [`LimitedAttribute`].
    #[serde(rename = "LimitedAccess.HighRisk")]
    HighRisk,
}

impl FeatureFlag {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identification, Self::Verification, Self::HighRisk];

    /// The name in requests and tokens.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Identification => "Face.Identification",
            Self::Verification => "Face.Verification",
            Self::HighRisk => "LimitedAccess.HighRisk",
        }
    }

    /// Reads a name, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_text().eq_ignore_ascii_case(text))
    }
}

/// An attribute that a resource must be approved for, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitedAttribute {
    /// Years, estimated.
    Age,
    /// How much somebody smiles.
    Smile,
    /// Moustache, beard, sideburns.
    FacialHair,
    /// Hair, its colour, baldness.
    Hair,
}

impl LimitedAttribute {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Age, Self::Smile, Self::FacialHair, Self::Hair];

    /// The name in `returnFaceAttributes`.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Smile => "smile",
            Self::FacialHair => "facialHair",
            Self::Hair => "hair",
        }
    }

    /// Reads a name, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.as_text().eq_ignore_ascii_case(text))
    }
}

/// What a resource is approved for. By default: nothing. A misspelt field is refused rather than left out: leaving it
/// out would silently withhold an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Approvals {
    /// Capabilities.
    pub flags: BTreeSet<FeatureFlag>,
    /// Limited attributes.
    pub attributes: BTreeSet<LimitedAttribute>,
}

impl Approvals {
    /// Every approval.
    pub fn everything() -> Self {
        Self { flags: FeatureFlag::ALL.into(), attributes: LimitedAttribute::ALL.into() }
    }
}

/// What an operation requires of the caller's resource, or of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Nothing: detection without faceIds, and whatever reads or deletes a customer's own data.
    Open,
    /// Identify, find similar, group.
    Identification,
    /// Verify, and liveness with verify.
    Verification,
    /// One of the two: faceIds, enrolling, training, plain liveness.
    Either,
}

impl Gate {
    /// Whether these flags satisfy the gate.
    pub fn allows(self, flags: &BTreeSet<FeatureFlag>) -> bool {
        let identification = flags.contains(&FeatureFlag::Identification);
        let verification = flags.contains(&FeatureFlag::Verification);
        match self {
            Self::Open => true,
            Self::Identification => identification,
            Self::Verification => verification,
            Self::Either => identification || verification,
        }
    }

    /// The gate in words, for a message about what is missing. Empty for [`Gate::Open`].
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Identification => "Identification",
            Self::Verification => "Verification",
            Self::Either => "Identification or Verification",
        }
    }
}
