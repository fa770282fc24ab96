//! The attributes of a face: which names exist, who may ask for them, and which models offer them. How they look on the
//! wire is [`wire`]'s business.
//!
//! Order of checks, as the contract decides: an unknown name is a bad argument, a retired one or a limited one without
//! approval is an unsupported feature, and one that the chosen models do not offer is a bad argument again
//! (`face-api.md` 3.3).

mod wire;

pub use wire::FaceAttributes;

use super::arguments::DetectionModel;
use crate::azure::Refusal;
use crate::azure::Version;
use likeness_vision::{AttributeSet, Face};

/// What is known of an attribute name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Availability {
    /// For everybody.
    Open(AttributeSet),
    /// For accounts with an approval of its own.
    Limited(AttributeSet),
    /// Retired for everybody.
    Retired,
}

use Availability::{Limited, Open, Retired};

/// Name, availability, and which of the three detection models offer it (`face-api.md` 3.1).
const TABLE: [(&str, Availability, [bool; 3]); 16] = [
    ("headPose", Open(AttributeSet::HEAD_POSE), [true, false, true]),
    ("blur", Open(AttributeSet::BLUR), [true, false, true]),
    ("exposure", Open(AttributeSet::EXPOSURE), [true, false, true]),
    ("noise", Open(AttributeSet::NOISE), [true, false, false]),
    (QUALITY, Open(AttributeSet::QUALITY), [true, false, true]),
    ("glasses", Open(AttributeSet::GLASSES), [true, false, true]),
    ("occlusion", Open(AttributeSet::OCCLUSION), [true, false, true]),
    ("accessories", Open(AttributeSet::ACCESSORIES), [true, false, false]),
    ("mask", Open(AttributeSet::MASK), [false, false, true]),
    ("age", Limited(AttributeSet::AGE), [true, false, false]),
    ("smile", Limited(AttributeSet::SMILE), [true, false, false]),
    ("facialHair", Limited(AttributeSet::FACIAL_HAIR), [true, false, false]),
    ("hair", Limited(AttributeSet::HAIR), [true, false, false]),
    ("gender", Retired, [false, false, false]),
    ("emotion", Retired, [false, false, false]),
    ("makeup", Retired, [false, false, false]),
];

/// The names that can be requested, the retired ones aside, as they are written in the contract.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|(_, availability, _)| *availability != Retired).map(|(name, ..)| *name)
}

/// The one attribute that asks something of the recognition model too.
const QUALITY: &str = "qualityForRecognition";
const MODELS_WITH_QUALITY: [&str; 2] = ["recognition_03", "recognition_04"];

/// What a call may get: by the models it names, by its account's approvals and by the networks there are.
#[derive(Clone, Copy)]
pub(crate) struct Allowed<'a> {
    /// The version it came in.
    pub version: Version,
    /// The detection model it names.
    pub detection: DetectionModel,
    /// The recognition model it names.
    pub recognition: &'a str,
    /// Limited attributes that its account may ask for.
    pub approved: AttributeSet,
    /// What the installed networks can compute.
    pub computable: AttributeSet,
}

/// The attributes that a call requested.
#[derive(Clone, Copy)]
pub(crate) struct Requested {
    set: AttributeSet,
    any: bool,
    version: Version,
}

impl Requested {
    /// Reads `returnFaceAttributes`.
    pub(crate) fn parse(text: Option<&str>, allowed: Allowed<'_>) -> Result<Self, Refusal> {
        let names: Vec<&str> =
            text.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let mut rows = Vec::with_capacity(names.len());
        for name in &names {
            let row = TABLE.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
            rows.push(row.ok_or_else(|| {
                Refusal::bad("'returnFaceAttributes' is invalid. It names an attribute that does not exist.")
            })?);
        }
        for (name, availability, _) in &rows {
            match availability {
                Retired => {
                    return Err(Refusal::UnsupportedFeature(format!("The attribute '{name}' has been retired.")));
                }
                Limited(attribute) if !allowed.approved.contains(*attribute) => {
                    return Err(Refusal::UnsupportedFeature(format!(
                        "The attribute '{name}' needs an approval that this account does not have."
                    )));
                }
                Limited(_) | Open(_) => {}
            }
        }
        let mut set = AttributeSet::empty();
        for (name, availability, models) in &rows {
            let (Open(attribute) | Limited(attribute)) = availability else { continue };
            let recognition_fits = *name != QUALITY || MODELS_WITH_QUALITY.contains(&allowed.recognition);
            if !(models[allowed.detection as usize] && recognition_fits) {
                return Err(Refusal::bad(format!(
                    "'returnFaceAttributes': '{name}' is not supported by this pair of detection and recognition model."
                )));
            }
            if !allowed.computable.contains(*attribute) {
                return Err(Refusal::bad(format!(
                    "'returnFaceAttributes': '{name}' is not supported by the installed model pack."
                )));
            }
            set |= *attribute;
        }
        Ok(Self { set, any: !rows.is_empty(), version: allowed.version })
    }

    /// What vision has to measure.
    pub(crate) const fn measures(self) -> AttributeSet {
        self.set
    }

    /// The attributes of a face, or nothing when none was requested.
    pub(crate) fn of(self, face: &Face) -> Option<FaceAttributes> {
        self.any.then(|| FaceAttributes::of(face, self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DetectionModel::{One, Three, Two};

    fn code(names: &str, detection: DetectionModel, recognition: &str, approved: AttributeSet) -> &'static str {
        let computable = AttributeSet::all() - AttributeSet::SMILE;
        let allowed = Allowed { version: Version::V1_2, detection, recognition, approved, computable };
        match Requested::parse(Some(names), allowed) {
            Ok(_) => "ok",
            Err(Refusal::BadArgument(_)) => "BadArgument",
            Err(Refusal::UnsupportedFeature(_)) => "UnsupportedFeature",
            Err(_) => "other",
        }
    }

    #[test]
    fn order_of_refusals() {
        let none = AttributeSet::empty();
        let cases = [
            ("headPose,BLUR, exposure", One, "recognition_01", none, "ok"),
            ("", Two, "recognition_01", none, "ok"),
            ("headPose", Two, "recognition_01", none, "BadArgument"),
            ("noise", Three, "recognition_01", none, "BadArgument"),
            ("qualityForRecognition", Three, "recognition_02", none, "BadArgument"),
            ("qualityForRecognition", Three, "recognition_04", none, "ok"),
            ("mask", One, "recognition_01", none, "BadArgument"),
            ("mask,glasses,OCCLUSION", Three, "recognition_01", none, "ok"),
            ("accessories", Three, "recognition_01", none, "BadArgument"),
            ("age", One, "recognition_01", none, "UnsupportedFeature"),
            ("age", One, "recognition_01", AttributeSet::AGE, "ok"),
            ("age,hair", One, "recognition_01", AttributeSet::AGE, "UnsupportedFeature"),
            // A missing approval is refused before the models are checked.
            ("hair", Three, "recognition_01", none, "UnsupportedFeature"),
            ("hair", Three, "recognition_01", AttributeSet::HAIR, "BadArgument"),
            // The pack has no network for it.
            ("smile", One, "recognition_01", AttributeSet::SMILE, "BadArgument"),
            ("gender", Two, "recognition_01", AttributeSet::all(), "UnsupportedFeature"),
            ("gender,shoeSize", One, "recognition_01", none, "BadArgument"),
        ];
        for (names, detection, recognition, approved, expected) in cases {
            assert_eq!(code(names, detection, recognition, approved), expected, "{names} {detection:?} {recognition}");
        }
    }

    #[test]
    fn every_attribute_of_vision_has_exactly_one_name() {
        let mut named = AttributeSet::empty();
        for (name, availability, _) in TABLE {
            if let Open(attribute) | Limited(attribute) = availability {
                assert!(!named.intersects(attribute), "{name}");
                assert_eq!(matches!(availability, Limited(_)), AttributeSet::LIMITED.contains(attribute), "{name}");
                named |= attribute;
            }
        }
        assert_eq!(named, AttributeSet::all());
    }
}
