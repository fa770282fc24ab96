//! The shapes that go over the wire.

use crate::face::arguments::{
    DIRECTORY_MODELS, FACE_USER_DATA_CHARACTERS, NAME_CHARACTERS, RECOGNITION_MODELS, USER_DATA_CHARACTERS,
};
use crate::openapi::{object, reference, uuid};
use likeness_vision::Landmarks;
use serde_json::{Map, Value, json};

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for part in [basics(), faces(), questions(), containers(), directory(), snapshots()] {
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
        "FaceChange": object(&[], json!({ "userData": user_data(FACE_USER_DATA_CHARACTERS) })),
    })
}

fn questions() -> Value {
    let ids = |least: u32, most: u32| json!({ "type": "array", "items": uuid(), "minItems": least, "maxItems": most });
    let candidates =
        |most: u32, default: u32| json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default });
    let confidence = || share("0.5 and above count as the same person.");
    json!({
        "FindSimilarRequest": object(&["faceId"], json!({
            "faceId": uuid(),
            "faceIds": ids(1, 1000),
            "faceListId": container_id(),
            "largeFaceListId": container_id(),
            "maxNumOfCandidatesReturned": candidates(1000, 20),
            "mode": { "type": "string", "enum": ["matchPerson", "matchFace"], "default": "matchPerson" },
        })),
        "SimilarFace": object(&["confidence"], json!({
            "faceId": uuid(), "persistedFaceId": uuid(), "confidence": confidence(),
        })),
        "GroupRequest": object(&["faceIds"], json!({ "faceIds": ids(2, 1000) })),
        "GroupResult": object(&["groups", "messyGroup"], json!({
            "groups": { "type": "array", "items": { "type": "array", "items": uuid() } },
            "messyGroup": { "type": "array", "items": uuid() },
        })),
        "IdentifyRequest": object(&["faceIds"], json!({
            "faceIds": ids(1, 10),
            "personGroupId": container_id(),
            "largePersonGroupId": container_id(),
            "dynamicPersonGroupId": container_id(),
            "personIds": {
                "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 30,
                "description": "Persons of the directory, or \"*\" alone for all of them.",
            },
            "maxNumOfCandidatesReturned": candidates(100, 10),
            "confidenceThreshold": share("Drop candidates below. Absent: cut by a false-positive rate."),
        })),
        "IdentifyResult": object(&["faceId", "candidates"], json!({
            "faceId": uuid(),
            "candidates": {
                "type": "array",
                "items": object(&["personId", "confidence"], json!({ "personId": uuid(), "confidence": confidence() })),
            },
        })),
        "VerifyRequest": object(&[], json!({
            "faceId1": uuid(), "faceId2": uuid(),
            "faceId": uuid(), "personId": uuid(),
            "personGroupId": container_id(), "largePersonGroupId": container_id(),
        })),
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
            "userData": user_data(USER_DATA_CHARACTERS),
            "recognitionModel": reference("RecognitionModel"),
        })),
        "ContainerChange": object(&[], json!({ "name": name(), "userData": user_data(USER_DATA_CHARACTERS) })),
        "FaceList": face_list,
        "FaceListSummary": container("faceListId"),
        "LargeFaceList": container("largeFaceListId"),
        "PersonGroup": container("personGroupId"),
        "LargePersonGroup": container("largePersonGroupId"),
        "NewPerson": object(&["name"], json!({ "name": name(), "userData": user_data(USER_DATA_CHARACTERS) })),
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
    let mut new_group = texts(Some(("addPersonIds", ids())), &["name"]);
    new_group["properties"]["addPersonIds"]["description"] = json!("People of the directory.");
    let mut change = texts(Some(("addPersonIds", ids())), &[]);
    change["properties"]["removePersonIds"] = ids();
    json!({
        "DirectoryRecognitionModel": { "type": "string", "enum": DIRECTORY_MODELS },
        "NewDirectoryPerson": texts(None, &[]),
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
                "description": "The work is done before the operation is told, so it has succeeded.",
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
            "userData": remark(),
        })),
        "SnapshotChange": object(&[], json!({ "applyScope": scope(), "userData": remark() })),
        "SnapshotApplication": object(&["objectId"], json!({
            "objectId": container_id(),
            "mode": { "type": "string", "enum": ["CreateNew"], "default": "CreateNew" },
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
