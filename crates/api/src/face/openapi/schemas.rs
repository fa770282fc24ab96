//! The shapes that go over the wire.

use crate::face::arguments::{
    DIRECTORY_MODELS, FACE_USER_DATA_CHARACTERS, NAME_CHARACTERS, RECOGNITION_MODELS, USER_DATA_CHARACTERS,
};
use crate::face::dynamic_groups::MOST_PERSONS;
use crate::openapi::{object, or_null, reference, uuid};
use likeness_vision::Landmarks;
use serde_json::{Map, Value, json};

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for part in [basics(), faces(), questions(), containers(), directory(), snapshots(), super::liveness::schemas()] {
        let Value::Object(part) = part else { continue };
        all.extend(part);
    }
    all
}

/// An id that the caller chooses.
pub(super) fn container_id() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9-_]+$", "minLength": 1, "maxLength": 64 })
}

fn share(says: &str) -> Value {
    json!({ "type": "number", "minimum": 0, "maximum": 1, "description": says })
}

fn name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS })
}

fn user_data(most: usize) -> Value {
    json!({ "type": "string", "maxLength": most })
}

/// What a client may send as user data; `null` counts as absent.
fn new_user_data(most: usize) -> Value {
    or_null(user_data(most))
}

/// A choice of shapes, one of which has to fit.
fn any_of(shapes: impl IntoIterator<Item = Value>) -> Value {
    json!({ "anyOf": shapes.into_iter().collect::<Vec<_>>() })
}

/// A change, of which at least one member must be given: for each of `members` a shape in which that one is there and not
/// `null`, while the others may be absent.
fn change_of(members: &[(&str, Value)]) -> Value {
    any_of(members.iter().map(|(given, _)| {
        let property = |(name, schema): &(&str, Value)| {
            let schema = if name == given { schema.clone() } else { or_null(schema.clone()) };
            ((*name).to_owned(), schema)
        };
        object(&[*given], Value::Object(members.iter().map(property).collect()))
    }))
}

fn basics() -> Value {
    json!({
        "ErrorResponse": crate::openapi::error_response(),
        "RecognitionModel": {
            "type": "string", "enum": RECOGNITION_MODELS, "default": RECOGNITION_MODELS[0],
        },
        "DetectionModel": {
            "type": "string", "enum": ["detection_01", "detection_02", "detection_03"], "default": "detection_01",
        },
        "PictureAddress": object(&["url"], json!({
            "url": {
                "type": "string", "format": "uri",
                "description": "An http or https address of a picture of 1 KB to 6 MB, which the server fetches.",
            },
        })),
        "TrainingStatus": object(&["status", "createdDateTime", "lastActionDateTime"], json!({
            "status": {
                "type": "string", "enum": ["notstarted", "notStarted", "running", "succeeded", "failed"],
                "description": "v1.0 writes notstarted, the others notStarted.",
            },
            "createdDateTime": { "type": "string", "format": "date-time" },
            "lastActionDateTime": { "type": "string", "format": "date-time" },
            "lastSuccessfulTrainingDateTime": { "type": ["string", "null"], "format": "date-time" },
            "message": { "type": ["string", "null"], "description": "Why it failed." },
        })),
    })
}

fn faces() -> Value {
    let point = || object(&["x", "y"], json!({ "x": { "type": "number" }, "y": { "type": "number" } }));
    let landmarks: Map<String, Value> = Landmarks::NAMES.iter().map(|name| ((*name).to_owned(), point())).collect();
    let level = |names: [&str; 3]| json!({ "type": "string", "enum": names });
    json!({
        "FaceRectangle": object(&["top", "left", "width", "height"], json!({
            "top": { "type": "integer" }, "left": { "type": "integer" },
            "width": { "type": "integer" }, "height": { "type": "integer" },
        })),
        "FaceLandmarks": object(&Landmarks::NAMES, Value::Object(landmarks)),
        "FaceAttributes": object(&[], json!({
            "headPose": object(&["pitch", "roll", "yaw"], json!({
                "pitch": { "type": "number", "description": "Degrees." },
                "roll": { "type": "number", "description": "Degrees." },
                "yaw": { "type": "number", "description": "Degrees." },
            })),
            "blur": object(&["blurLevel", "value"], json!({
                "blurLevel": level(["low", "medium", "high"]), "value": share("0 is sharp."),
            })),
            "exposure": object(&["exposureLevel", "value"], json!({
                "exposureLevel": level(["underExposure", "goodExposure", "overExposure"]),
                "value": share("0 is dark, 1 burnt out."),
            })),
            "noise": object(&["noiseLevel", "value"], json!({
                "noiseLevel": level(["low", "medium", "high"]), "value": share("0 is clean."),
            })),
            "qualityForRecognition": level(["low", "medium", "high"]),
            "glasses": {
                "type": "string",
                "enum": ["noGlasses", "readingGlasses", "sunglasses", "NoGlasses", "ReadingGlasses", "Sunglasses"],
                "description": "v1.0 begins with a capital, the others do not.",
            },
            "occlusion": object(&["foreheadOccluded", "eyeOccluded", "mouthOccluded"], json!({
                "foreheadOccluded": { "type": "boolean" },
                "eyeOccluded": { "type": "boolean", "description": "Dark glasses count." },
                "mouthOccluded": { "type": "boolean" },
            })),
            "accessories": {
                "type": "array",
                "items": object(&["type", "confidence"], json!({
                    "type": {
                        "type": "string", "enum": ["headwear", "headWear", "glasses", "mask"],
                        "description": "v1.0 writes headWear, the others headwear.",
                    },
                    "confidence": share("How certain; what is not certain is not listed."),
                })),
            },
            "mask": object(&["type", "noseAndMouthCovered"], json!({
                "type": {
                    "type": "string", "enum": ["faceMask", "noMask", "otherMaskOrOcclusion", "uncertain"],
                },
                "noseAndMouthCovered": { "type": "boolean" },
            })),
            "age": { "type": "number", "description": "Years. Limited: needs an approval." },
            "smile": share("0 is none. Limited: needs an approval."),
            "facialHair": object(&["moustache", "beard", "sideburns"], json!({
                "moustache": share("Limited: needs an approval."),
                "beard": share("Limited: needs an approval."),
                "sideburns": share("Limited: needs an approval."),
            })),
            "hair": object(&["bald", "invisible", "hairColor"], json!({
                "bald": share("Limited: needs an approval."),
                "invisible": { "type": "boolean", "description": "Then there are no colours." },
                "hairColor": {
                    "type": "array",
                    "items": object(&["color", "confidence"], json!({
                        "color": {
                            "type": "string",
                            "enum": ["unknown", "white", "gray", "blond", "brown", "red", "black", "other"],
                        },
                        "confidence": share("Descending."),
                    })),
                },
            })),
        })),
        "DetectedFace": object(&["faceRectangle"], json!({
            "faceId": uuid(),
            "recognitionModel": reference("RecognitionModel"),
            "faceRectangle": reference("FaceRectangle"),
            "faceLandmarks": reference("FaceLandmarks"),
            "faceAttributes": reference("FaceAttributes"),
        })),
        "AddedFace": object(&["persistedFaceId"], json!({ "persistedFaceId": uuid() })),
        "PersistedFace": object(&["persistedFaceId"], json!({
            "persistedFaceId": uuid(), "userData": user_data(FACE_USER_DATA_CHARACTERS),
        })),
        "FaceChange": object(&[], json!({ "userData": new_user_data(FACE_USER_DATA_CHARACTERS) })),
    })
}

fn questions() -> Value {
    let ids = |least: u32, most: u32| json!({ "type": "array", "items": uuid(), "minItems": least, "maxItems": most });
    let candidates =
        |most: u32, default: u32| json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default });
    let confidence = || share("0.5 and above count as the same person.");
    // Of several places to look exactly one is given; the others are absent or `null`.
    let one_scope = |required: &[&str], mut properties: Value, scope: &str, scopes: &[(&str, Value)]| {
        for (name, schema) in scopes {
            properties[*name] = if *name == scope { schema.clone() } else { json!({ "type": "null" }) };
        }
        object(required, properties)
    };
    let person = |groups: Value| {
        let mut properties = groups;
        properties["faceId"] = uuid();
        properties["personId"] = uuid();
        properties["faceId1"] = json!({ "type": "null" });
        properties["faceId2"] = json!({ "type": "null" });
        object(&["faceId", "personId"], properties)
    };
    json!({
        "FindSimilarRequest": any_of(["faceIds", "faceListId", "largeFaceListId"].map(|scope| {
            one_scope(
                &["faceId", scope],
                json!({
                    "faceId": uuid(),
                    "maxNumOfCandidatesReturned": or_null(candidates(1000, 20)),
                    "mode": or_null(json!({
                        "type": "string", "enum": ["matchPerson", "matchFace"], "default": "matchPerson",
                    })),
                }),
                scope,
                &[("faceIds", ids(1, 1000)), ("faceListId", container_id()), ("largeFaceListId", container_id())],
            )
        })),
        "SimilarFace": object(&["confidence"], json!({
            "faceId": uuid(), "persistedFaceId": uuid(), "confidence": confidence(),
        })),
        "GroupRequest": object(&["faceIds"], json!({ "faceIds": ids(2, 1000) })),
        "GroupResult": object(&["groups", "messyGroup"], json!({
            "groups": { "type": "array", "items": { "type": "array", "items": uuid() } },
            "messyGroup": { "type": "array", "items": uuid() },
        })),
        "IdentifyRequest": any_of(["personGroupId", "largePersonGroupId", "dynamicPersonGroupId", "personIds"].map(
            |scope| {
                let everybody = json!({ "type": "array", "items": { "const": "*" }, "minItems": 1, "maxItems": 1 });
                let persons = json!({
                    "anyOf": [ids(1, 30), everybody],
                    "description": "Persons of the directory, or \"*\" alone for all of them.",
                });
                one_scope(
                    &["faceIds", scope],
                    json!({
                        "faceIds": ids(1, 10),
                        "maxNumOfCandidatesReturned": or_null(candidates(100, 10)),
                        "confidenceThreshold": or_null(share(
                            "Drop candidates below. Absent: cut by a false-positive rate.",
                        )),
                    }),
                    scope,
                    &[
                        ("personGroupId", container_id()),
                        ("largePersonGroupId", container_id()),
                        ("dynamicPersonGroupId", container_id()),
                        ("personIds", persons),
                    ],
                )
            },
        )),
        "IdentifyResult": object(&["faceId", "candidates"], json!({
            "faceId": uuid(),
            "candidates": {
                "type": "array",
                "items": object(&["personId", "confidence"], json!({ "personId": uuid(), "confidence": confidence() })),
            },
        })),
        "VerifyRequest": any_of([
            object(&["faceId1", "faceId2"], json!({ "faceId1": uuid(), "faceId2": uuid() })),
            person(json!({ "personGroupId": or_null(container_id()), "largePersonGroupId": { "type": "null" } })),
            person(json!({ "personGroupId": { "type": "null" }, "largePersonGroupId": or_null(container_id()) })),
        ]),
        "VerifyResult": object(&["isIdentical", "confidence"], json!({
            "isIdentical": { "type": "boolean", "description": "Whether the confidence is at least 0.5." },
            "confidence": confidence(),
        })),
    })
}

fn containers() -> Value {
    let container = |id: &str| {
        object(
            &[id, "name"],
            json!({
                (id): container_id(),
                "name": name(),
                "userData": user_data(USER_DATA_CHARACTERS),
                "recognitionModel": reference("RecognitionModel"),
            }),
        )
    };
    let mut face_list = container("faceListId");
    face_list["required"] = json!(["faceListId", "name", "persistedFaces"]);
    face_list["properties"]["persistedFaces"] = json!({ "type": "array", "items": reference("PersistedFace") });
    json!({
        "NewContainer": object(&["name"], json!({
            "name": name(),
            "userData": new_user_data(USER_DATA_CHARACTERS),
            "recognitionModel": or_null(reference("RecognitionModel")),
        })),
        // Of these, nothing is a change too.
        "ContainerChange": object(&[], json!({
            "name": or_null(name()), "userData": new_user_data(USER_DATA_CHARACTERS),
        })),
        "RequiredChange": change_of(&[("name", name()), ("userData", user_data(USER_DATA_CHARACTERS))]),
        "FaceList": face_list,
        "FaceListSummary": container("faceListId"),
        "LargeFaceList": container("largeFaceListId"),
        "PersonGroup": container("personGroupId"),
        "LargePersonGroup": container("largePersonGroupId"),
        "NewPerson": object(&["name"], json!({
            "name": name(), "userData": new_user_data(USER_DATA_CHARACTERS),
        })),
        "AddedPerson": object(&["personId"], json!({ "personId": uuid() })),
        "Person": object(&["personId", "name", "persistedFaceIds"], json!({
            "personId": uuid(),
            "name": name(),
            "userData": user_data(USER_DATA_CHARACTERS),
            "persistedFaceIds": { "type": "array", "items": uuid() },
        })),
    })
}

fn directory() -> Value {
    let texts = |id: Option<(&str, Value)>, required: &[&str]| {
        let mut texts = object(required, json!({ "name": name(), "userData": user_data(USER_DATA_CHARACTERS) }));
        if let Some((property, schema)) = id {
            texts["properties"][property] = schema;
        }
        texts
    };
    let ids = || json!({ "type": "array", "items": uuid() });
    let mut person = texts(Some(("personId", uuid())), &["personId", "name"]);
    person["properties"]["name"] = json!({
        "type": "string", "maxLength": NAME_CHARACTERS, "description": "Empty where the person has none.",
    });
    let moved = |least: usize, says: &str| {
        json!({
            "type": "array", "items": uuid(), "minItems": least, "maxItems": MOST_PERSONS, "description": says,
        })
    };
    let mut new_group = texts(Some(("addPersonIds", or_null(moved(0, "People of the directory.")))), &["name"]);
    new_group["properties"]["userData"] = new_user_data(USER_DATA_CHARACTERS);
    // An empty list moves nobody: it may stand beside a change, and is none.
    let mut change = change_of(&[
        ("name", name()),
        ("userData", user_data(USER_DATA_CHARACTERS)),
        ("addPersonIds", moved(1, "People of the directory who come.")),
        ("removePersonIds", moved(1, "People who go.")),
    ]);
    for shape in change["anyOf"].as_array_mut().into_iter().flatten() {
        let given = shape["required"][0].clone();
        for list in ["addPersonIds", "removePersonIds"].into_iter().filter(|list| given != *list) {
            shape["properties"][list]["minItems"] = json!(0);
        }
    }
    let new_person = any_of([
        object(&["name"], json!({ "name": name(), "userData": new_user_data(USER_DATA_CHARACTERS) })),
        object(
            &["userData"],
            json!({
                "name": { "type": ["string", "null"], "maxLength": 0 },
                "userData": { "type": "string", "minLength": 1, "maxLength": USER_DATA_CHARACTERS },
            }),
        ),
    ]);
    json!({
        "DirectoryRecognitionModel": { "type": "string", "enum": DIRECTORY_MODELS },
        "NewDirectoryPerson": new_person,
        "DirectoryPerson": person,
        "PersonFaces": object(&["personId", "persistedFaceIds"], json!({
            "personId": uuid(), "persistedFaceIds": ids(),
        })),
        "NewDynamicPersonGroup": new_group,
        "DynamicPersonGroupChange": change,
        "DynamicPersonGroup": texts(
            Some(("dynamicPersonGroupId", container_id())), &["dynamicPersonGroupId", "name"],
        ),
        "DynamicPersonGroupPersons": object(&["personIds"], json!({ "personIds": ids() })),
        "DynamicPersonGroupReferences": object(&["dynamicPersonGroupIds"], json!({
            "dynamicPersonGroupIds": { "type": "array", "items": container_id() },
        })),
        "OperationStatus": object(&["status", "createdTime", "lastActionTime"], json!({
            "operationId": uuid(),
            "status": {
                "type": "string", "enum": ["notstarted", "notStarted", "running", "succeeded", "failed"],
                "description": "The work is done before the operation can be read, so it has succeeded.",
            },
            "createdTime": { "type": "string", "format": "date-time" },
            "lastActionTime": { "type": "string", "format": "date-time" },
            "finishedTime": { "type": "string", "format": "date-time" },
            "resourceLocation": {
                "type": "string", "description": "Path of what was made, below the version.",
                "example": "/snapshots/4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f",
            },
            "message": { "type": ["string", "null"] },
        })),
    })
}

fn snapshots() -> Value {
    let scope = || {
        json!({
            "type": "array", "items": uuid(), "minItems": 1, "maxItems": 100,
            "description": "Ids of the accounts of this installation that may apply it.",
        })
    };
    let remark = || user_data(USER_DATA_CHARACTERS);
    json!({
        "SnapshotType": { "type": "string", "enum": ["FaceList", "LargeFaceList", "LargePersonGroup", "PersonGroup"] },
        "NewSnapshot": object(&["type", "objectId", "applyScope"], json!({
            "type": reference("SnapshotType"),
            "objectId": container_id(),
            "applyScope": scope(),
            "userData": or_null(remark()),
        })),
        "SnapshotChange": change_of(&[("applyScope", scope()), ("userData", remark())]),
        "SnapshotApplication": object(&["objectId"], json!({
            "objectId": container_id(),
            "mode": or_null(json!({ "type": "string", "enum": ["CreateNew"], "default": "CreateNew" })),
        })),
        "Snapshot": object(&["id", "account", "type", "applyScope", "createdTime", "lastUpdateTime"], json!({
            "id": uuid(),
            "account": { "type": "string", "format": "uuid", "description": "Who took it." },
            "type": reference("SnapshotType"),
            "applyScope": scope(),
            "userData": remark(),
            "createdTime": { "type": "string", "format": "date-time" },
            "lastUpdateTime": { "type": "string", "format": "date-time" },
        })),
    })
}
