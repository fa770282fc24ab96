//! What people in the photos at hand wear themselves, and what is said about them.
//!
//! `data/worn.csv` has a row for each face of the sample photos and of the six group photos, labelled by eye from cuts of
//! the faces: where its middle lies, as shares of the photo's width and height, and what it wears. `?` stands for in part,
//! or not to be told, and is not counted. Copies of a photo under a second name are left out.
//! `cargo test -p likeness --test it worn -- --nocapture` prints the table of docs/accuracy.md.

use crate::confusion::Rate;
use crate::house::{House, demo, shared_faces};
use crate::pipeline;
use likeness_vision::{AttributeSet, Face, Glasses, Limits, MaskKind, Picture, RecogniserSet, Search, Vision, Wanted};
use std::fmt::Write as _;
use std::path::Path;

/// What a face wears, by eye.
#[derive(Clone)]
pub(crate) struct Label {
    /// The file below the sample photos, or `sample1.jpg` to `sample6.jpg` for a group photo.
    pub(crate) photo: String,
    /// The middle of the face, as shares of width and height.
    centre: (f32, f32),
    /// Glasses of any kind.
    pub(crate) glasses: Option<bool>,
    /// Dark glasses or goggles.
    sunglasses: Option<bool>,
    mask: Option<bool>,
    /// The forehead is behind something, be it hair.
    pub(crate) forehead: Option<bool>,
    pub(crate) eye: Option<bool>,
    pub(crate) mouth: Option<bool>,
    /// A hat, cap or helmet.
    pub(crate) hat: Option<bool>,
}

impl Label {
    fn read(line: &str) -> Self {
        let fields: Vec<&str> = line.split(',').collect();
        let [photo, x, y, glasses, mask, forehead, eye, mouth, hat, _note] = fields[..] else {
            panic!("ten fields: {line}")
        };
        let share = |text: &str| text.parse().unwrap_or_else(|_| panic!("a share: {line}"));
        let truth = |text: &str| match text {
            "yes" => Some(true),
            "no" => Some(false),
            "?" => None,
            _ => panic!("yes, no or ?: {line}"),
        };
        let (has_glasses, is_dark) = match glasses {
            "none" => (Some(false), Some(false)),
            "reading" => (Some(true), Some(false)),
            "sun" | "goggles" => (Some(true), Some(true)),
            "?" => (None, None),
            _ => panic!("a kind of glasses: {line}"),
        };
        Self {
            photo: photo.to_owned(),
            centre: (share(x), share(y)),
            glasses: has_glasses,
            sunglasses: is_dark,
            mask: truth(mask),
            forehead: truth(forehead),
            eye: truth(eye),
            mouth: truth(mouth),
            hat: truth(hat),
        }
    }
}

/// All labels.
pub(crate) fn labels() -> Vec<Label> {
    include_str!("data/worn.csv").lines().skip(1).map(Label::read).collect()
}

/// The label of the face at this place of a photo, given as shares; a label belongs to the face in whose box it lies.
pub(crate) fn label_at<'a>(
    labels: &'a [Label],
    photo: &str,
    [left, top, width, height]: [f32; 4],
) -> Option<&'a Label> {
    let away = |label: &Label| {
        ((label.centre.0 - left) / width - 0.5).abs().max(((label.centre.1 - top) / height - 0.5).abs())
    };
    let here = labels.iter().filter(|label| label.photo == photo && away(label) < 0.5);
    here.min_by(|a, b| away(a).total_cmp(&away(b)))
}

const WORN: AttributeSet = AttributeSet::GLASSES
    .union(AttributeSet::OCCLUSION)
    .union(AttributeSet::ACCESSORIES)
    .union(AttributeSet::MASK)
    .union(AttributeSet::HEAD_POSE);

/// The least number of people who wear it from which a share of them that is found may be called accuracy.
const LEAST_POSITIVES: usize = 20;

/// A statement about a face: what is, where it can be told, and what is said.
struct Row {
    name: &'static str,
    is: fn(&Label) -> Option<bool>,
    said: fn(&Face) -> bool,
    /// Wrong "yes" that pass, on all photos: those that were measured, and no more.
    most_wrong_yes: usize,
}

const ROWS: [Row; 8] = [
    Row {
        name: "`glasses` (any)",
        is: |label| label.glasses,
        said: |face| face.glasses != Some(Glasses::None),
        most_wrong_yes: 0,
    },
    Row {
        name: "`glasses`: sunglasses",
        is: |label| label.sunglasses,
        said: |face| face.glasses == Some(Glasses::Sunglasses),
        most_wrong_yes: 0,
    },
    Row {
        name: "`mask`: faceMask",
        is: |label| label.mask,
        said: |face| face.mask.expect("asked for").kind == MaskKind::FaceMask,
        most_wrong_yes: 0,
    },
    Row {
        name: "`mask`: noseAndMouthCovered",
        is: |label| label.mask,
        said: |face| face.mask.expect("asked for").nose_and_mouth_covered,
        most_wrong_yes: 0,
    },
    Row {
        name: "`occlusion`: eye",
        is: |label| label.eye,
        said: |face| face.occlusion.expect("asked for").eye,
        most_wrong_yes: 0,
    },
    Row {
        name: "`occlusion`: mouth",
        is: |label| label.mouth,
        said: |face| face.occlusion.expect("asked for").mouth,
        most_wrong_yes: 0,
    },
    Row {
        name: "`occlusion`: forehead",
        is: |label| label.forehead,
        said: |face| face.occlusion.expect("asked for").forehead,
        most_wrong_yes: 0,
    },
    Row {
        name: "`accessories`: headwear",
        is: |label| label.hat,
        said: |face| face.accessories.expect("asked for").headwear.is_some(),
        most_wrong_yes: 0,
    },
];

/// The faces of a photo, each with its label.
fn faces(vision: &mut Vision, labels: &[Label], photo: &str, bytes: &[u8]) -> Vec<(Label, Face)> {
    let picture = Picture::decode(bytes, &Limits::default()).expect("a photo");
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let wanted = Wanted { landmarks: false, attributes: WORN, templates: RecogniserSet::NONE };
    let found = vision.detect(&picture, Search::default()).expect("the detector runs");
    let faces = found.iter().map(|found| {
        let face = vision.describe(&picture, found, wanted).expect("a face");
        let rect = found.rect;
        let place = [rect.left / width, rect.top / height, rect.width / width, rect.height / height];
        let label = label_at(labels, photo, place);
        let label = label.unwrap_or_else(|| panic!("{photo}: the face at {place:?} is not in data/worn.csv"));
        (label.clone(), face)
    });
    faces.collect()
}

/// A photo with labels; `None` where the sample photos are not there.
fn photo(folder: Option<&Path>, name: &str) -> Option<Vec<u8>> {
    if let Some(number) = name.strip_prefix("sample").and_then(|rest| rest.strip_suffix(".jpg")) {
        return Some(demo(number.parse().expect("a number")));
    }
    folder.map(|folder| std::fs::read(folder.join(name)).expect("a photo"))
}

#[test]
fn a_wrong_yes_is_rarer_than_a_wrong_no_in_photos_as_they_are() {
    let folder = shared_faces("a_wrong_yes_is_rarer_than_a_wrong_no_in_photos_as_they_are (sample photos)");
    let mut vision = pipeline::vision();
    let labels = labels();
    let mut photos: Vec<&str> = labels.iter().map(|label| label.photo.as_str()).collect();
    photos.dedup();
    let mut seen = Vec::new();
    for name in photos {
        if let Some(bytes) = photo(folder.as_deref(), name) {
            seen.extend(faces(&mut vision, &labels, name, &bytes));
        }
    }
    let expected = labels.iter().filter(|label| folder.is_some() || label.photo.starts_with("sample")).count();
    let (mut table, mut wrong, mut mistakes) = (String::new(), Vec::new(), String::new());
    for row in &ROWS {
        let told: Vec<(bool, bool, &Label)> =
            seen.iter().filter_map(|(label, face)| (row.is)(label).map(|is| (is, (row.said)(face), label))).collect();
        let count = |is: bool, said: bool| told.iter().filter(|(a, b, _)| (*a, *b) == (is, said)).count();
        let positives = count(true, true) + count(true, false);
        let wrong_yes = Rate { wrong: count(false, true), of: told.len() - positives };
        let wrong_no = Rate { wrong: count(true, false), of: positives };
        let claim = if positives < LEAST_POSITIVES { "no claim of accuracy" } else { "measured" };
        let name = row.name;
        writeln!(table, "| {name} | {} | {positives} | {wrong_yes} | {wrong_no} | {claim} |", told.len())
            .expect("a string");
        for (is, _, label) in told.iter().filter(|(is, said, _)| is != said) {
            let (x, y) = label.centre;
            let said = if *is { "no" } else { "yes" };
            writeln!(mistakes, "{name}: {} at {x:.2}, {y:.2}: a wrong {said}", label.photo).expect("a string");
        }
        if wrong_yes.wrong > row.most_wrong_yes {
            wrong.push(format!("{name}: {} wrong yes, {} pass", wrong_yes.wrong, row.most_wrong_yes));
        }
        // Where nobody wears it, or all who do are found, no wrong "yes" at all is the only rarer one.
        if wrong_yes.wrong > 0 && wrong_yes.share() >= wrong_no.share() {
            wrong.push(format!("{name}: wrong yes {wrong_yes}, wrong no {wrong_no}"));
        }
    }
    show(&format!(
        "{} of {expected} labelled faces are found\n\
         | answer | faces | who wear it | wrong yes | wrong no | |\n|---|---|---|---|---|---|\n{table}{mistakes}",
        seen.len()
    ));
    assert!(seen.len() <= expected && seen.len() * 20 >= expected * 19, "{} of {expected} faces are found", seen.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[expect(clippy::print_stdout, reason = "the table is what the test is run for")]
fn show(text: &str) {
    println!("{text}");
}

/// The man of this photo was said to wear reading glasses, which clients' own examples show.
#[test]
fn somebody_without_glasses_is_said_to_wear_none_in_every_version() {
    let Some(folder) = shared_faces("somebody_without_glasses_is_said_to_wear_none_in_every_version") else { return };
    let house = House::new();
    let photo = std::fs::read(folder.join("detection2.jpg")).expect("a photo");
    for (version, none) in [("v1.0", "NoGlasses"), ("v1.1-preview.1", "noGlasses"), ("v1.2", "noGlasses")] {
        for (model, more) in [("detection_01", ",accessories"), ("detection_03", ",mask")] {
            let path = format!(
                "/face/{version}/detect?returnFaceId=false&detectionModel={model}&returnFaceAttributes=glasses{more}"
            );
            let answer = house.picture(&path, &photo);
            assert_eq!(answer.status, 200, "{answer:?}");
            let faces = answer.body.as_array().expect("faces");
            assert_eq!(faces.len(), 1, "{answer:?}");
            let attributes = &faces[0]["faceAttributes"];
            assert_eq!(attributes["glasses"], none, "{path}: {answer:?}");
            let worn = attributes["accessories"].as_array().map_or(0, Vec::len);
            assert_eq!(worn, 0, "{path}: {answer:?}");
        }
    }
}
