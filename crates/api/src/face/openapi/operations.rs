//! What each operation is for, in words, and the shapes that go in and come out.

use super::{directory, liveness};
use crate::face::Face;
use crate::face::attributes;
use likeness_http::Route;
use likeness_store::ContainerKind;
use serde_json::{Value, json};

/// What the document says of one operation.
pub(super) struct Description {
    /// One line.
    pub summary: &'static str,
    /// More, where one line is not enough; may be empty.
    pub says: &'static str,
    /// The heading under which it is listed.
    pub tag: &'static str,
    /// Schema of the JSON body, where there is one.
    pub body: &'static str,
    /// In the order of the path, then of the query.
    pub parameters: &'static [Parameter],
    /// What comes back when all is well.
    pub answer: Answer,
}

/// A good answer.
pub(super) enum Answer {
    /// 200 without content.
    Empty,
    /// 202 with `Operation-Location`.
    Accepted,
    /// 202 with `Operation-Location`, an object, and `Location` of what was made.
    Made(&'static str),
    /// 200 without content, or 202 with `Operation-Location`; the text says when.
    EmptyOrAccepted,
    /// One object.
    One(&'static str),
    /// An array.
    Many(&'static str),
    /// 204 without content.
    Nothing,
    /// 200 with bytes of any kind.
    Bytes,
    /// 501: it is not offered here.
    NotOffered,
}

/// A parameter in the path or the query.
pub(super) struct Parameter {
    /// As it is written.
    pub name: &'static str,
    /// `path` or `query`.
    pub place: &'static str,
    /// What it means.
    pub says: &'static str,
    pub(super) form: Form,
}

/// What a parameter may be.
#[derive(Clone, Copy)]
pub(super) enum Form {
    ContainerId,
    Uuid,
    Flag(bool),
    Text(usize),
    Attributes,
    Number { least: i64, most: i64, default: i64 },
    OneOf(&'static str),
    Accounts,
    Target,
    Entry,
    Opaque,
}

impl Parameter {
    pub(super) const fn path(name: &'static str, form: Form, says: &'static str) -> Self {
        Self { name, place: "path", says, form }
    }

    pub(super) const fn query(name: &'static str, form: Form, says: &'static str) -> Self {
        Self { name, place: "query", says, form }
    }

    /// The schema of its value.
    pub(super) fn schema(&self) -> Value {
        match self.form {
            Form::ContainerId => super::schemas::container_id(),
            Form::Uuid => json!({ "type": "string", "format": "uuid" }),
            Form::Flag(default) => json!({ "type": "boolean", "default": default }),
            Form::Text(most) => json!({ "type": "string", "maxLength": most }),
            Form::Attributes => {
                let name = attributes::names().collect::<Vec<_>>().join("|");
                json!({
                    "type": "string", "pattern": format!("^ *({name})( *, *({name}))* *$"),
                    "example": "headPose,blur,glasses",
                })
            }
            Form::Number { least, most, default } => {
                json!({ "type": "integer", "minimum": least, "maximum": most, "default": default })
            }
            Form::OneOf(schema) => crate::openapi::reference(schema),
            Form::Accounts => {
                const ID: &str = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
                json!({
                    "type": "string", "pattern": format!("^ *{ID}( *, *{ID})* *$"),
                    "description": "Account ids separated by commas.",
                })
            }
            Form::Entry => json!({ "type": "integer", "minimum": 0 }),
            Form::Opaque => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
            Form::Target => {
                let (place, length) = (" *0*[0-9]{1,9} *", " *0*[1-9][0-9]{0,8} *");
                json!({
                    "type": "string", "pattern": format!("^{place},{place},{length},{length}$"),
                    "example": "10,20,100,120",
                })
            }
        }
    }
}

const RECOGNITION: Parameter = Parameter::query(
    "recognitionModel",
    Form::OneOf("RecognitionModel"),
    "Which templates to make. Templates of different models are never compared.",
);
const RETURN_RECOGNITION: Parameter =
    Parameter::query("returnRecognitionModel", Form::Flag(false), "Also return the recognition model.");
pub(super) const DETECTION: Parameter =
    Parameter::query("detectionModel", Form::OneOf("DetectionModel"), "How to look for faces.");
pub(super) const START: Parameter =
    Parameter::query("start", Form::Text(64), "List what comes after this id. Empty: from the beginning.");
pub(super) const START_PERSON: Parameter =
    Parameter::query("start", Form::Uuid, "List what comes after this id of a person. Empty: from the beginning.");
pub(super) const TOP: Parameter =
    Parameter::query("top", Form::Number { least: 1, most: 1000, default: 1000 }, "List at most this many.");
pub(super) const TARGET: Parameter =
    Parameter::query("targetFace", Form::Target, "left,top,width,height: which face to take where there are several.");
pub(super) const USER_DATA: Parameter =
    Parameter::query("userData", Form::Text(1024), "A text of your own, kept with the face.");
pub(super) const PERSON: Parameter = Parameter::path("personId", Form::Uuid, "The person.");
pub(super) const FACE: Parameter = Parameter::path("persistedFaceId", Form::Uuid, "The stored face.");

const FACE_LIST_ID: Parameter = Parameter::path("faceListId", Form::ContainerId, "The face list.");
const LARGE_FACE_LIST_ID: Parameter = Parameter::path("largeFaceListId", Form::ContainerId, "The large face list.");
const GROUP_ID: Parameter = Parameter::path("personGroupId", Form::ContainerId, "The person group.");
const LARGE_GROUP_ID: Parameter = Parameter::path("largePersonGroupId", Form::ContainerId, "The large person group.");

const DETECT: &[Parameter] = &[
    Parameter::query("returnFaceId", Form::Flag(true), "Make a faceId for each face, for later calls."),
    Parameter::query("returnFaceLandmarks", Form::Flag(false), "27 points of each face."),
    Parameter::query(
        "returnFaceAttributes",
        Form::Attributes,
        "Names separated by commas. With detection_01 and detection_03: headPose, blur, exposure, glasses, occlusion, and with \
         recognition_03 and recognition_04 qualityForRecognition. With detection_01 alone: noise, accessories and, with an \
         approval, age, smile, facialHair, hair. With detection_03 alone: mask.",
    ),
    RECOGNITION,
    RETURN_RECOGNITION,
    DETECTION,
    Parameter::query(
        "faceIdTimeToLive",
        Form::Number { least: 60, most: 86_400, default: 86_400 },
        "Seconds until the faceIds expire.",
    ),
];

pub(super) const ADD_FACE_BODY: &str = "PictureAddress";

pub(super) const PLAIN: Description =
    Description { summary: "", says: "", tag: "Face", body: "", parameters: &[], answer: Answer::Empty };

/// Describes a route of the table.
pub(super) fn describe(route: &Route<Face>) -> Description {
    let described = match route.rule.kind {
        None => compare(route.path).or_else(|| directory::snapshot(route)).or_else(|| liveness::describe(route)),
        Some(ContainerKind::PersonDirectory) => directory::person(route),
        Some(ContainerKind::DynamicPersonGroup) => directory::dynamic_group(route),
        Some(ContainerKind::FaceList | ContainerKind::LargeFaceList) => list(route),
        Some(_) => group(route),
    };
    described.expect("every route of the table is described; a test goes through all of them")
}

fn compare(path: &str) -> Option<Description> {
    Some(match path {
        "detect" => Description {
            summary: "Find the faces of a picture",
            says: "Largest face first, at most 100; a picture without a face gives an empty array. Rectangles, landmarks \
                and pose are in pixels of the picture after its EXIF rotation. The picture is not kept; what stands \
                behind a faceId expires with it.",
            body: "PictureAddress",
            parameters: DETECT,
            answer: Answer::Many("DetectedFace"),
            ..PLAIN
        },
        "findsimilars" => Description {
            summary: "Find faces that look alike",
            says: "Give exactly one of faceIds, faceListId and largeFaceListId; null counts as absent.",
            body: "FindSimilarRequest",
            answer: Answer::Many("SimilarFace"),
            ..PLAIN
        },
        "group" => Description {
            summary: "Sort faces by person",
            body: "GroupRequest",
            answer: Answer::One("GroupResult"),
            ..PLAIN
        },
        "identify" => Description {
            summary: "Say who the faces are",
            says: "Without confidenceThreshold, candidates are cut by a false-positive rate at the size of the group, so \
                that strangers stay unnamed. Person groups must be trained; dynamic groups and personIds look in the \
                directory, which needs no training.",
            body: "IdentifyRequest",
            answer: Answer::Many("IdentifyResult"),
            ..PLAIN
        },
        "verify" => Description {
            summary: "Say whether two faces are one person",
            says: "Two faceIds, or a faceId and a person of a group, or, without a group, of the directory.",
            body: "VerifyRequest",
            answer: Answer::One("VerifyResult"),
            ..PLAIN
        },
        _ => return None,
    })
}

/// The path below the collection, with the collection itself as the first segment's place.
pub(super) fn shape(route: &Route<Face>) -> (&str, &'static str) {
    (route.method.as_str(), route.path.split_once('/').map_or("", |(_, rest)| rest))
}

fn list(route: &Route<Face>) -> Option<Description> {
    let large = route.rule.kind == Some(ContainerKind::LargeFaceList);
    let tag = if large { "Large face lists" } else { "Face lists" };
    // The two kinds differ in the name of their id alone.
    macro_rules! of {
        ($($parameter:expr),*) => {
            if large { &[LARGE_FACE_LIST_ID, $($parameter),*] } else { &[FACE_LIST_ID, $($parameter),*] }
        };
    }
    let described = match shape(route) {
        ("PUT", "{}") => Description { summary: "Make a list", body: "NewContainer", parameters: of![], ..PLAIN },
        ("GET", "{}") => Description {
            summary: "Read a list",
            parameters: of![RETURN_RECOGNITION],
            answer: Answer::One(if large { "LargeFaceList" } else { "FaceList" }),
            ..PLAIN
        },
        ("PATCH", "{}") => Description {
            summary: "Change a list",
            says: changes(large),
            body: change(large),
            parameters: of![],
            ..PLAIN
        },
        ("DELETE", "{}") => Description { summary: "Delete a list with its faces", parameters: of![], ..PLAIN },
        ("GET", "") => Description {
            summary: "List the lists",
            parameters: if large { &[START, TOP, RETURN_RECOGNITION] } else { &[RETURN_RECOGNITION] },
            answer: Answer::Many(if large { "LargeFaceList" } else { "FaceListSummary" }),
            ..PLAIN
        },
        ("POST", "{}/persistedfaces") => Description {
            summary: "Add a face to a list",
            body: ADD_FACE_BODY,
            parameters: of![TARGET, DETECTION, USER_DATA],
            answer: Answer::One("AddedFace"),
            ..PLAIN
        },
        ("GET", "{}/persistedfaces") => Description {
            summary: "List the faces of a list",
            parameters: of![START, TOP],
            answer: Answer::Many("PersistedFace"),
            ..PLAIN
        },
        (method, "{}/persistedfaces/{}") => one_face(method, of![FACE])?,
        (method, rest) => training(method, rest, of![])?,
    };
    Some(Description { tag, ..described })
}

fn group(route: &Route<Face>) -> Option<Description> {
    let large = route.rule.kind == Some(ContainerKind::LargePersonGroup);
    let tag = if large { "Large person groups" } else { "Person groups" };
    let schema = if large { "LargePersonGroup" } else { "PersonGroup" };
    macro_rules! of {
        ($($parameter:expr),*) => {
            if large { &[LARGE_GROUP_ID, $($parameter),*] } else { &[GROUP_ID, $($parameter),*] }
        };
    }
    let described = match shape(route) {
        ("PUT", "{}") => Description { summary: "Make a group", body: "NewContainer", parameters: of![], ..PLAIN },
        ("GET", "{}") => Description {
            summary: "Read a group",
            parameters: of![RETURN_RECOGNITION],
            answer: Answer::One(schema),
            ..PLAIN
        },
        ("PATCH", "{}") => Description {
            summary: "Change a group",
            says: changes(large),
            body: change(large),
            parameters: of![],
            ..PLAIN
        },
        ("DELETE", "{}") => {
            Description { summary: "Delete a group with its persons and faces", parameters: of![], ..PLAIN }
        }
        ("GET", "") => Description {
            summary: "List the groups",
            parameters: &[START, TOP, RETURN_RECOGNITION],
            answer: Answer::Many(schema),
            ..PLAIN
        },
        ("POST", "{}/persons") => Description {
            summary: "Add a person",
            body: "NewPerson",
            parameters: of![],
            answer: Answer::One("AddedPerson"),
            ..PLAIN
        },
        ("GET", "{}/persons") => Description {
            summary: "List the persons",
            parameters: of![START, TOP],
            answer: Answer::Many("Person"),
            ..PLAIN
        },
        ("GET", "{}/persons/{}") => {
            Description { summary: "Read a person", parameters: of![PERSON], answer: Answer::One("Person"), ..PLAIN }
        }
        ("PATCH", "{}/persons/{}") => Description {
            summary: "Change a person",
            says: changes(false),
            body: change(false),
            parameters: of![PERSON],
            ..PLAIN
        },
        ("DELETE", "{}/persons/{}") => {
            Description { summary: "Delete a person with all faces", parameters: of![PERSON], ..PLAIN }
        }
        ("POST", "{}/persons/{}/persistedfaces") => Description {
            summary: "Add a face to a person",
            says: "A person can have 248 faces.",
            body: ADD_FACE_BODY,
            parameters: of![PERSON, TARGET, DETECTION, USER_DATA],
            answer: Answer::One("AddedFace"),
            ..PLAIN
        },
        (method, "{}/persons/{}/persistedfaces/{}") => one_face(method, of![PERSON, FACE])?,
        (method, rest) => training(method, rest, of![])?,
    };
    Some(Description { tag, ..described })
}

/// The shape of a change: the contract refuses one of nothing for large lists and groups, and not for the others.
const fn change(refuses_nothing: bool) -> &'static str {
    if refuses_nothing { "RequiredChange" } else { "ContainerChange" }
}

/// The same in words.
pub(super) const fn changes(refuses_nothing: bool) -> &'static str {
    if refuses_nothing {
        "What is absent or null stays. A change of nothing is refused."
    } else {
        "What is absent or null stays; a change of nothing is done too."
    }
}

pub(super) fn one_face(method: &str, parameters: &'static [Parameter]) -> Option<Description> {
    Some(match method {
        "GET" => Description { summary: "Read a face", parameters, answer: Answer::One("PersistedFace"), ..PLAIN },
        "PATCH" => Description {
            summary: "Change a face's user data",
            says: changes(false),
            body: "FaceChange",
            parameters,
            ..PLAIN
        },
        "DELETE" => Description { summary: "Delete a face", parameters, ..PLAIN },
        _ => return None,
    })
}

fn training(method: &str, rest: &str, parameters: &'static [Parameter]) -> Option<Description> {
    Some(match (method, rest) {
        ("POST", "{}/train") => Description {
            summary: "Train, so that what was added can be found",
            parameters,
            answer: Answer::Accepted,
            ..PLAIN
        },
        ("GET", "{}/training") => Description {
            summary: "Ask how the training goes",
            parameters,
            answer: Answer::One("TrainingStatus"),
            ..PLAIN
        },
        _ => return None,
    })
}
