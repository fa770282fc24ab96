//! The attributes of a face: which names exist, who may ask for them, and how they look on the wire.
//!
//! Order of checks, as the contract decides: an unknown name is a bad argument, a retired or limited one is a
//! missing approval, and one that the chosen models do not offer is a bad argument again (`face-api.md` 3.3).

use super::arguments::DetectionModel;
use super::error::Refusal;
use likeness_vision::{AttributeSet, Face, Quality};
use serde::Serialize;

/// What is known of an attribute name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Computed by this build.
    Offered(AttributeSet),
    /// Part of the contract, not computed by this build.
    NotYet,
    /// Needs an approval of its own.
    Limited,
    /// Retired for everybody.
    Retired,
}

/// Name, standing, and which of the three detection models offer it.
const TABLE: [(&str, Standing, [bool; 3]); 16] = [
    ("headPose", Standing::Offered(AttributeSet::HEAD_POSE), [true, false, true]),
    ("blur", Standing::Offered(AttributeSet::BLUR), [true, false, true]),
    ("exposure", Standing::Offered(AttributeSet::EXPOSURE), [true, false, true]),
    ("noise", Standing::Offered(AttributeSet::NOISE), [true, false, false]),
    ("qualityForRecognition", Standing::Offered(AttributeSet::QUALITY), [true, false, true]),
    ("glasses", Standing::NotYet, [true, false, true]),
    ("occlusion", Standing::NotYet, [true, false, true]),
    ("accessories", Standing::NotYet, [true, false, false]),
    ("mask", Standing::NotYet, [false, false, true]),
    ("age", Standing::Limited, [true, false, false]),
    ("smile", Standing::Limited, [true, false, false]),
    ("facialHair", Standing::Limited, [true, false, false]),
    ("hair", Standing::Limited, [true, false, false]),
    ("gender", Standing::Retired, [false, false, false]),
    ("emotion", Standing::Retired, [false, false, false]),
    ("makeup", Standing::Retired, [false, false, false]),
];

/// The attributes that a call asked for.
#[derive(Clone, Copy)]
pub(crate) struct Requested {
    set: AttributeSet,
    any: bool,
}

impl Requested {
    /// Reads `returnFaceAttributes`.
    pub(crate) fn parse(text: Option<&str>, detection: DetectionModel, recognition: &str) -> Result<Self, Refusal> {
        let names: Vec<&str> =
            text.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let mut rows = Vec::with_capacity(names.len());
        for name in &names {
            let row = TABLE.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
            rows.push(row.ok_or_else(|| {
                Refusal::bad("'returnFaceAttributes' is invalid. It names an attribute that does not exist.")
            })?);
        }
        for (name, standing, _) in &rows {
            match standing {
                Standing::Retired => {
                    return Err(Refusal::UnsupportedFeature(format!("The attribute '{name}' has been retired.")));
                }
                Standing::Limited => {
                    return Err(Refusal::UnsupportedFeature(format!(
                        "The attribute '{name}' needs an approval that this account does not have."
                    )));
                }
                _ => {}
            }
        }
        let mut set = AttributeSet::empty();
        for (name, standing, models) in &rows {
            let offered = models[detection as usize];
            let model_fits =
                *name != "qualityForRecognition" || matches!(recognition, "recognition_03" | "recognition_04");
            match standing {
                Standing::Offered(attribute) if offered && model_fits => set |= *attribute,
                Standing::Offered(_) => {
                    return Err(Refusal::bad(format!(
                        "'returnFaceAttributes': '{name}' is not supported by this pair of detection and recognition model."
                    )));
                }
                _ => {
                    return Err(Refusal::bad(format!(
                        "'returnFaceAttributes': '{name}' is not supported by this version of Likeness."
                    )));
                }
            }
        }
        Ok(Self { set, any: !rows.is_empty() })
    }

    /// What vision has to measure.
    pub(crate) const fn measures(self) -> AttributeSet {
        self.set
    }

    /// The attributes of a face, or nothing when none was asked for.
    pub(crate) fn of(self, face: &Face) -> Option<FaceAttributes> {
        self.any.then(|| FaceAttributes {
            head_pose: face.head_pose.map(|pose| HeadPose {
                pitch: tenth(pose.pitch),
                roll: tenth(pose.roll),
                yaw: tenth(pose.yaw),
            }),
            blur: face
                .blur
                .map(hundredth)
                .map(|value| Blur { blur_level: level(value, 0.25, 0.75, ["low", "medium", "high"]), value }),
            exposure: face.exposure.map(hundredth).map(|value| Exposure {
                exposure_level: level(value, 0.25, 0.75, ["underExposure", "goodExposure", "overExposure"]),
                value,
            }),
            noise: face
                .noise
                .map(hundredth)
                .map(|value| Noise { noise_level: level(value, 0.3, 0.7, ["low", "medium", "high"]), value }),
            quality_for_recognition: face.quality.map(|quality| match quality {
                Quality::Low => "low",
                Quality::Medium => "medium",
                Quality::High => "high",
            }),
        })
    }
}

/// The level whose range `[.., low)`, `[low, high)`, `[high, ..]` holds the value (`face-api.md` 3.3).
fn level(value: f32, low: f32, high: f32, names: [&'static str; 3]) -> &'static str {
    names[usize::from(value >= low) + usize::from(value >= high)]
}

fn tenth(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

fn hundredth(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

/// Only the members that were asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FaceAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    head_pose: Option<HeadPose>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<Blur>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure: Option<Exposure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<Noise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_for_recognition: Option<&'static str>,
}

#[derive(Serialize)]
struct HeadPose {
    pitch: f32,
    roll: f32,
    yaw: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blur {
    blur_level: &'static str,
    value: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exposure {
    exposure_level: &'static str,
    value: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Noise {
    noise_level: &'static str,
    value: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(names: &str, detection: DetectionModel, recognition: &str) -> &'static str {
        match Requested::parse(Some(names), detection, recognition) {
            Ok(_) => "ok",
            Err(Refusal::BadArgument(_)) => "BadArgument",
            Err(Refusal::UnsupportedFeature(_)) => "UnsupportedFeature",
            Err(_) => "other",
        }
    }

    #[test]
    fn order_of_refusals() {
        use DetectionModel::{One, Three, Two};
        let cases = [
            ("headPose,BLUR, exposure", One, "recognition_01", "ok"),
            ("", Two, "recognition_01", "ok"),
            ("headPose", Two, "recognition_01", "BadArgument"),
            ("noise", Three, "recognition_01", "BadArgument"),
            ("qualityForRecognition", Three, "recognition_02", "BadArgument"),
            ("qualityForRecognition", Three, "recognition_04", "ok"),
            ("age", One, "recognition_01", "UnsupportedFeature"),
            ("gender", Two, "recognition_01", "UnsupportedFeature"),
            ("gender,shoeSize", One, "recognition_01", "BadArgument"),
        ];
        for (names, detection, recognition, expected) in cases {
            assert_eq!(code(names, detection, recognition), expected, "{names} {detection:?} {recognition}");
        }
    }

    #[test]
    fn levels_begin_at_their_bound() {
        let names = ["low", "medium", "high"];
        for (value, expected) in
            [(0.0, "low"), (0.249, "low"), (0.25, "medium"), (0.749, "medium"), (0.75, "high"), (1.0, "high")]
        {
            assert_eq!(level(value, 0.25, 0.75, names), expected);
        }
    }
}
