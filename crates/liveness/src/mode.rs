//! What a session is asked to do, and which names the contract has for it.

use serde::{Deserialize, Serialize};

/// `livenessOperationMode`: how much a person is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Coloured light and one small turn of the head.
    Passive,
    /// The same, and a second turn where the light shows too little or the policy asks for it.
    PassiveActive,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Passive, Self::PassiveActive];

    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Passive => "Passive",
            Self::PassiveActive => "PassiveActive",
        }
    }

    /// Reads a name, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_text().eq_ignore_ascii_case(text))
    }
}

/// Which generation of the contract a session was created by: they name fields and states differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// `v1.1-preview.1` and `v1.2-preview.1`.
    Old,
    /// `v1.2` and later.
    New,
}

/// A model version of the contract. All of them name the same checks here; a client is answered the one it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModelVersion {
    /// Seen in v1.1.
    #[serde(rename = "2020-02-15-preview.01")]
    Preview01,
    /// Seen in v1.1.
    #[serde(rename = "2021-11-12-preview.03")]
    Preview03,
    /// Documented in v1.2-preview.1.
    #[serde(rename = "2022-10-15-preview.04")]
    Preview04,
    /// Seen in v1.1.
    #[serde(rename = "2023-03-02-preview.05")]
    Preview05,
    /// Documented in v1.2-preview.1.
    #[serde(rename = "2023-12-20-preview.06")]
    Preview06,
    /// That of the new shape.
    #[serde(rename = "2024-11-15")]
    November2024,
}

impl ModelVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] =
        [Self::Preview01, Self::Preview03, Self::Preview04, Self::Preview05, Self::Preview06, Self::November2024];

    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Preview01 => "2020-02-15-preview.01",
            Self::Preview03 => "2021-11-12-preview.03",
            Self::Preview04 => "2022-10-15-preview.04",
            Self::Preview05 => "2023-03-02-preview.05",
            Self::Preview06 => "2023-12-20-preview.06",
            Self::November2024 => "2024-11-15",
        }
    }

    /// The shape that knows this version.
    pub const fn shape(self) -> Shape {
        match self {
            Self::November2024 => Shape::New,
            _ => Shape::Old,
        }
    }

    /// What a session of this shape gets without a wish: the newest that the shape knows.
    pub const fn newest(shape: Shape) -> Self {
        match shape {
            Shape::Old => Self::Preview06,
            Shape::New => Self::November2024,
        }
    }

    /// Reads a name that this shape knows, in any letter case.
    pub fn parse(text: &str, shape: Shape) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.shape() == shape && version.as_text().eq_ignore_ascii_case(text))
    }
}
