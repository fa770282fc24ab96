//! How attributes look on the wire: names, levels, and what differs between versions.

use crate::azure::Version;
use likeness_vision::{Accessories, Face, HairColour, MaskKind, Quality};
use serde::Serialize;

/// Only the members that were requested.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaceAttributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    head_pose: Option<HeadPose>,
    #[serde(skip_serializing_if = "Option::is_none")]
    glasses: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occlusion: Option<Occlusion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accessories: Option<Vec<Accessory>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<Blur>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure: Option<Exposure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<Noise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<Mask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_for_recognition: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    smile: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facial_hair: Option<FacialHair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hair: Option<Hair>,
}

impl FaceAttributes {
    /// The measured attributes of a face, in the form of a version.
    pub fn of(face: &Face, version: Version) -> Self {
        Self {
            head_pose: face.head_pose.map(|pose| HeadPose {
                pitch: tenth(pose.pitch),
                roll: tenth(pose.roll),
                yaw: tenth(pose.yaw),
            }),
            glasses: face.glasses.map(|glasses| version.glasses(glasses)),
            occlusion: face.occlusion.map(|occlusion| Occlusion {
                forehead_occluded: occlusion.forehead,
                eye_occluded: occlusion.eye,
                mouth_occluded: occlusion.mouth,
            }),
            accessories: face.accessories.map(|worn| accessories(worn, version)),
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
            mask: face
                .mask
                .map(|mask| Mask { kind: mask_kind(mask.kind), nose_and_mouth_covered: mask.nose_and_mouth_covered }),
            quality_for_recognition: face.quality.map(|quality| match quality {
                Quality::Low => "low",
                Quality::Medium => "medium",
                Quality::High => "high",
            }),
            age: face.age.as_ref().map(|age| tenth(*age.expose())),
            smile: face.smile.as_ref().map(|smile| hundredth(*smile.expose())),
            facial_hair: face.facial_hair.map(|hair| FacialHair {
                moustache: hundredth(hair.moustache),
                beard: hundredth(hair.beard),
                sideburns: hundredth(hair.sideburns),
            }),
            hair: face.hair.as_ref().map(|hair| Hair {
                bald: hundredth(hair.bald),
                invisible: hair.invisible,
                hair_color: hair
                    .colours
                    .iter()
                    .map(|&(colour, confidence)| Colour {
                        color: hair_colour(colour),
                        confidence: hundredth(confidence),
                    })
                    .collect(),
            }),
        }
    }
}

fn accessories(worn: Accessories, version: Version) -> Vec<Accessory> {
    [(version.headwear(), worn.headwear), ("glasses", worn.glasses), ("mask", worn.mask)]
        .into_iter()
        .filter_map(|(kind, confidence)| Some(Accessory { kind, confidence: hundredth(confidence?) }))
        .collect()
}

pub(crate) const fn mask_kind(kind: MaskKind) -> &'static str {
    match kind {
        MaskKind::FaceMask => "faceMask",
        MaskKind::NoMask => "noMask",
        MaskKind::OtherMaskOrOcclusion => "otherMaskOrOcclusion",
        MaskKind::Uncertain => "uncertain",
    }
}

const fn hair_colour(colour: HairColour) -> &'static str {
    match colour {
        HairColour::White => "white",
        HairColour::Gray => "gray",
        HairColour::Blond => "blond",
        HairColour::Brown => "brown",
        HairColour::Red => "red",
        HairColour::Black => "black",
        HairColour::Other => "other",
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

#[derive(Serialize)]
struct HeadPose {
    pitch: f32,
    roll: f32,
    yaw: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occlusion {
    forehead_occluded: bool,
    eye_occluded: bool,
    mouth_occluded: bool,
}

#[derive(Serialize)]
struct Accessory {
    #[serde(rename = "type")]
    kind: &'static str,
    confidence: f32,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mask {
    #[serde(rename = "type")]
    kind: &'static str,
    nose_and_mouth_covered: bool,
}

#[derive(Serialize)]
struct FacialHair {
    moustache: f32,
    beard: f32,
    sideburns: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hair {
    bald: f32,
    invisible: bool,
    hair_color: Vec<Colour>,
}

#[derive(Serialize)]
struct Colour {
    color: &'static str,
    confidence: f32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn levels_begin_at_their_bound() {
        let names = ["low", "medium", "high"];
        for (value, expected) in
            [(0.0, "low"), (0.249, "low"), (0.25, "medium"), (0.749, "medium"), (0.75, "high"), (1.0, "high")]
        {
            assert_eq!(level(value, 0.25, 0.75, names), expected);
        }
    }

    #[test]
    fn what_is_not_worn_is_not_listed() {
        let shown = |worn, version| serde_json::to_value(accessories(worn, version)).unwrap();
        assert_eq!(shown(Accessories::default(), Version::V1_0), json!([]));
        let worn = Accessories { headwear: Some(0.5), glasses: None, mask: Some(1.0) };
        let listed = |headwear| json!([{ "type": headwear, "confidence": 0.5 }, { "type": "mask", "confidence": 1.0 }]);
        assert_eq!(shown(worn, Version::V1_0), listed("headWear"));
        assert_eq!(shown(worn, Version::V1_2), listed("headwear"));
    }
}
