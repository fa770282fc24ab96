//! What an attempt showed, and what stands behind it.
//!
//! Start at [`Judge`]. A verdict carries words; the numbers stay with the attempt's record ([`Checks`]).

use crate::{Checks, Evidence, Policy};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// `livenessDecision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// A live person was before the camera.
    Realface,
    /// An artefact was.
    Spoofface,
    /// Neither was shown.
    Uncertain,
}

impl Decision {
    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Realface => "realface",
            Self::Spoofface => "spoofface",
            Self::Uncertain => "uncertain",
        }
    }
}

/// What stands behind a verdict. Levels are ordered; of the two kinds of level 2 neither is above the other, so demands
/// are compared by [`Assurance::meets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Assurance {
    /// Freshness at most: no turn was answered.
    #[serde(rename = "none")]
    None,
    /// A browser: fresh and solid, if the camera was one.
    L0,
    /// A browser, signed by a key that was enrolled before.
    L1,
    /// A registered device signed the frames.
    L2d,
    /// An attested app.
    L2a,
}

impl Assurance {
    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2d => "L2d",
            Self::L2a => "L2a",
        }
    }

    /// Whether it is as much as is demanded.
    pub fn meets(self, minimum: MinimumAssurance) -> bool {
        let least = match minimum {
            MinimumAssurance::L0 => Self::L0,
            MinimumAssurance::L1 => Self::L1,
            MinimumAssurance::L2 => Self::L2d,
        };
        self >= least
    }

    /// Holds it against a session's demand, if there is one.
    ///
    /// # Errors
    /// [`AssuranceTooLow`] when it is less.
    pub fn check(self, minimum: Option<MinimumAssurance>) -> Result<(), AssuranceTooLow> {
        match minimum {
            Some(minimum) if !self.meets(minimum) => Err(AssuranceTooLow { minimum, reached: self }),
            _ => Ok(()),
        }
    }
}

/// `minimumAssurance`: what a session demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MinimumAssurance {
    /// At least a browser with an answered turn.
    L0,
    /// At least a key that was enrolled before.
    L1,
    /// A registered device or an attested app.
    L2,
}

impl MinimumAssurance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::L0, Self::L1, Self::L2];

    /// The name on the wire.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
        }
    }

    /// Reads a name, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_text().eq_ignore_ascii_case(text))
    }
}

/// The session demands more assurance than was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the session demands {}, the attempt reached {}", minimum.as_text(), reached.as_text())]
pub struct AssuranceTooLow {
    /// What is demanded.
    pub minimum: MinimumAssurance,
    /// What was reached.
    pub reached: Assurance,
}

/// Why a verdict is not `realface`, or why its assurance is `none`. For the app server, never for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Nothing was measured that shows a live person.
    NoEvidence,
    /// The policy asks for no turn, so nothing shows that the face is solid.
    NoTurn,
    /// The frames are in no chain.
    NoChain,
    /// An answered turn shows too little of a nose to tell a face from a sheet.
    NotSolid,
    /// Neither the light nor the turns show that the capture is fresh.
    NotFresh,
    /// The face jumped between two frames: it may be another.
    NotOnePerson,
    /// What turned is a sheet or a screen.
    Flat,
    /// The screen's light could be measured, and the skin did not answer its colours.
    NoEcho,
    /// The same pictures came again and again.
    Stored,
    /// A passive network was certain.
    PassiveNet,
}

/// `passiveNet`: what a passive network had to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PassiveNet {
    /// None is installed.
    None,
    /// It saw nothing.
    Clear,
    /// It saw something, which alone decides nothing.
    Flagged,
    /// It was certain enough to veto.
    Vetoed,
}

/// What an attempt showed.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// `livenessDecision`.
    pub decision: Decision,
    /// What stands behind it, before a registered device or an enrolled key raises it.
    pub assurance: Assurance,
    /// Why it is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What a passive network had to say.
    pub passive_net: PassiveNet,
    /// The version of the policy that it was made by.
    pub policy_version: String,
}

/// A verdict, and the numbers behind it.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// In words.
    pub verdict: Verdict,
    /// In numbers.
    pub checks: Checks,
}

/// Makes a verdict of what was measured.
pub trait Judge: Send + Sync {
    /// What the evidence shows. The same evidence and policy give the same verdict.
    fn judge(&self, evidence: &Evidence, policy: &Policy) -> Judged;
}
