//! What the operations of the person directory, of dynamic groups and of snapshots are for.

use super::operations::{
    ADD_FACE_BODY, Answer, DETECTION, Description, FACE, Form, PERSON, PLAIN, Parameter, START, START_PERSON, TARGET,
    TOP, USER_DATA, changes, one_face, shape,
};
use crate::face::Face;
use likeness_http::Route;

const MODEL: Parameter =
    Parameter::path("recognitionModel", Form::OneOf("DirectoryRecognitionModel"), "The model that the face is for.");
const GROUP_ID: Parameter = Parameter::path("dynamicPersonGroupId", Form::ContainerId, "The dynamic person group.");
const SNAPSHOT_ID: Parameter = Parameter::path("snapshotId", Form::Uuid, "The snapshot.");
const SNAPSHOT_TYPE: Parameter = Parameter::query("type", Form::OneOf("SnapshotType"), "Only snapshots of this kind.");
const SNAPSHOT_SCOPE: Parameter =
    Parameter::query("applyScope", Form::Accounts, "Only snapshots that one of these accounts may apply.");
const OPERATION_ID: Parameter = Parameter::path("operationId", Form::Uuid, "The operation.");

/// Operations on people of the directory.
pub(super) fn person(route: &Route<Face>) -> Option<Description> {
    let described = match shape(route) {
        ("POST", "") => Description {
            summary: "Add a person",
            says: "Give a name, user data, or both; neither may be empty alone.",
            body: "NewDirectoryPerson",
            answer: Answer::Made("AddedPerson"),
            ..PLAIN
        },
        ("GET", "") => Description {
            summary: "List the persons",
            parameters: &[START_PERSON, TOP],
            answer: Answer::Many("DirectoryPerson"),
            ..PLAIN
        },
        ("GET", "{}") => Description {
            summary: "Read a person",
            parameters: &[PERSON],
            answer: Answer::One("DirectoryPerson"),
            ..PLAIN
        },
        ("PATCH", "{}") => Description {
            summary: "Change a person",
            says: changes(true),
            body: "RequiredChange",
            parameters: &[PERSON],
            ..PLAIN
        },
        ("DELETE", "{}") => Description {
            summary: "Delete a person with all faces",
            says: "Dynamic groups lose the person too.",
            parameters: &[PERSON],
            answer: Answer::Accepted,
            ..PLAIN
        },
        ("GET", "{}/dynamicPersonGroupReferences") => Description {
            summary: "List the dynamic groups a person is in",
            parameters: &[PERSON, START, TOP],
            answer: Answer::One("DynamicPersonGroupReferences"),
            ..PLAIN
        },
        ("POST", "{}/recognitionModels/{}/persistedfaces") => Description {
            summary: "Add a face to a person",
            says: "A person can have 248 faces of each model.",
            body: ADD_FACE_BODY,
            parameters: &[PERSON, MODEL, TARGET, DETECTION, USER_DATA],
            answer: Answer::Made("AddedFace"),
            ..PLAIN
        },
        ("GET", "{}/recognitionModels/{}/persistedfaces") => Description {
            summary: "List the faces of a person",
            parameters: &[PERSON, MODEL],
            answer: Answer::One("PersonFaces"),
            ..PLAIN
        },
        ("DELETE", "{}/recognitionModels/{}/persistedfaces/{}") => Description {
            summary: "Delete a face",
            parameters: &[PERSON, MODEL, FACE],
            answer: Answer::Accepted,
            ..PLAIN
        },
        (method, "{}/recognitionModels/{}/persistedfaces/{}") => one_face(method, &[PERSON, MODEL, FACE])?,
        _ => return None,
    };
    Some(Description { tag: "Person directory", ..described })
}

/// Operations on dynamic person groups.
pub(super) fn dynamic_group(route: &Route<Face>) -> Option<Description> {
    let described = match shape(route) {
        ("PUT", "{}") => Description {
            summary: "Make a dynamic group",
            says: "202 with people, 200 without. A person who is not in the directory refuses the call.",
            body: "NewDynamicPersonGroup",
            parameters: &[GROUP_ID],
            answer: Answer::EmptyOrAccepted,
            ..PLAIN
        },
        ("GET", "{}") => Description {
            summary: "Read a dynamic group",
            parameters: &[GROUP_ID],
            answer: Answer::One("DynamicPersonGroup"),
            ..PLAIN
        },
        ("PATCH", "{}") => Description {
            summary: "Change a dynamic group",
            says: "First adds, then removes. 202 where people come or go, else 200. What is absent or null stays; a change \
                of nothing is refused.",
            body: "DynamicPersonGroupChange",
            parameters: &[GROUP_ID],
            answer: Answer::EmptyOrAccepted,
            ..PLAIN
        },
        ("DELETE", "{}") => Description {
            summary: "Delete a dynamic group",
            says: "Its people stay in the directory.",
            parameters: &[GROUP_ID],
            answer: Answer::Accepted,
            ..PLAIN
        },
        ("GET", "") => Description {
            summary: "List the dynamic groups",
            parameters: &[START, TOP],
            answer: Answer::Many("DynamicPersonGroup"),
            ..PLAIN
        },
        ("GET", "{}/persons") => Description {
            summary: "List the people of a dynamic group",
            parameters: &[GROUP_ID, START_PERSON, TOP],
            answer: Answer::One("DynamicPersonGroupPersons"),
            ..PLAIN
        },
        _ => return None,
    };
    Some(Description { tag: "Dynamic person groups", ..described })
}

/// Operations on snapshots, and the question how an operation went.
pub(super) fn snapshot(route: &Route<Face>) -> Option<Description> {
    let described = match (route.method.as_str(), route.path) {
        ("POST", "snapshots") => Description {
            summary: "Take a snapshot of a list or group",
            says: "The operation status gives the person's id in resourceLocation. It is kept for 48 hours.",
            body: "NewSnapshot",
            answer: Answer::Accepted,
            ..PLAIN
        },
        ("GET", "snapshots") => Description {
            summary: "List the snapshots this account took or may apply",
            parameters: &[SNAPSHOT_TYPE, SNAPSHOT_SCOPE],
            answer: Answer::Many("Snapshot"),
            ..PLAIN
        },
        ("GET", "snapshots/{}") => Description {
            summary: "Read a snapshot",
            parameters: &[SNAPSHOT_ID],
            answer: Answer::One("Snapshot"),
            ..PLAIN
        },
        ("PATCH", "snapshots/{}") => Description {
            summary: "Change who may apply a snapshot, or its user data",
            says: "By the account that took it. What is absent or null stays; a change of nothing is refused.",
            body: "SnapshotChange",
            parameters: &[SNAPSHOT_ID],
            ..PLAIN
        },
        ("DELETE", "snapshots/{}") => Description {
            summary: "Delete a snapshot",
            says: "By the account that took it. What was made of it stays.",
            parameters: &[SNAPSHOT_ID],
            ..PLAIN
        },
        ("POST", "snapshots/{}/apply") => Description {
            summary: "Make a list or group of a snapshot",
            says: "By an account in its applyScope. Ids, names, faces and the last training are those of the source.",
            body: "SnapshotApplication",
            parameters: &[SNAPSHOT_ID],
            answer: Answer::Accepted,
            ..PLAIN
        },
        ("GET", "operations/{}") => Description {
            summary: "Ask how an operation went",
            says: "For 48 hours. Operations on snapshots tell resourceLocation and message; the others operationId and \
                finishedTime.",
            parameters: &[OPERATION_ID],
            answer: Answer::One("OperationStatus"),
            ..PLAIN
        },
        _ => return None,
    };
    let tag = if route.path.starts_with("snapshots") { "Snapshots" } else { "Operations" };
    Some(Description { tag, ..described })
}
