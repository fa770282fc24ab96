//! Every route of the Face API, one row each: the only place where a path is written.
//!
//! The router reads the table, and a test holds its rows against the checklist; what comes later and must not forget a
//! route reads it too. Literal segments match in any letter case and one trailing slash is accepted, because public
//! samples disagree about both (`face-api.md` section 1).

use super::call::{Call, Handling};
use super::{
    compare, containers, detect, directory, dynamic_groups, faces, identify, operations, persons, snapshots, training,
};
use axum::http::Method;
use likeness_store::ContainerKind;

/// What a route reads from the request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing; a body is ignored unread.
    Nothing,
    /// A JSON object.
    Json,
    /// A picture as bytes, or a JSON object that says where the picture is.
    Picture,
}

/// One route.
pub(crate) struct Route {
    /// Row of the coverage checklist in the public contract.
    pub row: u16,
    /// HTTP method.
    pub method: Method,
    /// Path below `/face/{version}/`, with `{}` for a parameter.
    pub path: &'static str,
    /// Name of the operation, for logs and metrics.
    pub operation: &'static str,
    /// The kind of container that the path is about.
    pub kind: Option<ContainerKind>,
    /// What it reads.
    pub reads: Reads,
    /// What answers.
    pub handler: fn(Call) -> Handling,
}

impl Route {
    /// The data action of the operation, below `Microsoft.CognitiveServices/accounts/Face/` (`face-api.md` section 6):
    /// the fixed segments of the path and a verb. Adding a face writes; what else is posted is an action.
    pub(crate) fn action(&self) -> String {
        let segments: Vec<String> = self
            .path
            .split('/')
            .filter(|segment| *segment != "{}" && *segment != "recognitionModels")
            .map(str::to_ascii_lowercase)
            .collect();
        let is_face = segments.last().is_some_and(|last| last == "persistedfaces");
        let verb = match self.method {
            Method::GET => "read",
            Method::DELETE => "delete",
            Method::POST if !is_face => "action",
            _ => "write",
        };
        format!("{}/{verb}", segments.join("/"))
    }
}

/// What became of a path.
pub(crate) enum Matched {
    /// The route and its path parameters in order.
    Route(&'static Route, Vec<String>),
    /// The path exists for these methods only.
    OtherMethods(String),
    /// No such path.
    Nothing,
}

/// Finds the route of a path below the version segment, such as `persongroups/staff/persons`.
pub(crate) fn find(method: &Method, path: &str) -> Matched {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut other_methods = Vec::new();
    for route in ROUTES {
        let Some(parameters) = parameters(route.path, path) else { continue };
        if route.method == *method {
            return Matched::Route(route, parameters);
        }
        other_methods.push(route.method.as_str());
    }
    if other_methods.is_empty() { Matched::Nothing } else { Matched::OtherMethods(other_methods.join(", ")) }
}

/// The values of the parameters if the path fits the pattern.
pub(crate) fn parameters(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut given = path.split('/');
    for expected in pattern.split('/') {
        let segment = given.next()?;
        if expected == "{}" {
            let decoded = percent_decoded(segment)?;
            if decoded.is_empty() {
                return None;
            }
            parameters.push(decoded);
        } else if !segment.eq_ignore_ascii_case(expected) {
            return None;
        }
    }
    given.next().is_none().then_some(parameters)
}

/// Decodes `%XX`. A broken escape or bytes that are no UTF-8 match no route.
fn percent_decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

macro_rules! routes {
    ($($row:literal $method:ident $path:literal $operation:literal $kind:expr, $reads:ident => $handler:path;)*) => {
        /// The table, in the order of the checklist.
        pub(crate) static ROUTES: &[Route] = &[$(Route {
            row: $row,
            method: Method::$method,
            path: $path,
            operation: $operation,
            kind: $kind,
            reads: Reads::$reads,
            handler: |call| Box::pin($handler(call)),
        }),*];
    };
}

const FACE_LIST: Option<ContainerKind> = Some(ContainerKind::FaceList);
const LARGE_FACE_LIST: Option<ContainerKind> = Some(ContainerKind::LargeFaceList);
const PERSON_GROUP: Option<ContainerKind> = Some(ContainerKind::PersonGroup);
const LARGE_PERSON_GROUP: Option<ContainerKind> = Some(ContainerKind::LargePersonGroup);
const DIRECTORY: Option<ContainerKind> = Some(ContainerKind::PersonDirectory);
const DYNAMIC_GROUP: Option<ContainerKind> = Some(ContainerKind::DynamicPersonGroup);

routes! {
    1 POST "detect" "Detect" None, Picture => detect::detect;
    2 POST "findsimilars" "FindSimilar" None, Json => compare::find_similar;
    3 POST "group" "Group" None, Json => compare::group;
    4 POST "identify" "Identify" None, Json => identify::identify;
    5 POST "verify" "Verify" None, Json => compare::verify;

    6 PUT "facelists/{}" "CreateFaceList" FACE_LIST, Json => containers::create;
    7 GET "facelists/{}" "GetFaceList" FACE_LIST, Nothing => containers::get;
    8 PATCH "facelists/{}" "UpdateFaceList" FACE_LIST, Json => containers::update;
    9 DELETE "facelists/{}" "DeleteFaceList" FACE_LIST, Nothing => containers::delete;
    10 GET "facelists" "GetFaceLists" FACE_LIST, Nothing => containers::list;
    11 POST "facelists/{}/persistedfaces" "AddFaceListFace" FACE_LIST, Picture => faces::add;
    12 DELETE "facelists/{}/persistedfaces/{}" "DeleteFaceListFace" FACE_LIST, Nothing => faces::delete;

    13 PUT "largefacelists/{}" "CreateLargeFaceList" LARGE_FACE_LIST, Json => containers::create;
    14 GET "largefacelists/{}" "GetLargeFaceList" LARGE_FACE_LIST, Nothing => containers::get;
    15 PATCH "largefacelists/{}" "UpdateLargeFaceList" LARGE_FACE_LIST, Json => containers::update;
    16 DELETE "largefacelists/{}" "DeleteLargeFaceList" LARGE_FACE_LIST, Nothing => containers::delete;
    17 GET "largefacelists" "GetLargeFaceLists" LARGE_FACE_LIST, Nothing => containers::list;
    18 POST "largefacelists/{}/train" "TrainLargeFaceList" LARGE_FACE_LIST, Nothing => training::train;
    19 GET "largefacelists/{}/training" "GetLargeFaceListTrainingStatus" LARGE_FACE_LIST, Nothing => training::status;
    20 POST "largefacelists/{}/persistedfaces" "AddLargeFaceListFace" LARGE_FACE_LIST, Picture => faces::add;
    21 GET "largefacelists/{}/persistedfaces" "GetLargeFaceListFaces" LARGE_FACE_LIST, Nothing => faces::list;
    22 GET "largefacelists/{}/persistedfaces/{}" "GetLargeFaceListFace" LARGE_FACE_LIST, Nothing => faces::get;
    23 PATCH "largefacelists/{}/persistedfaces/{}" "UpdateLargeFaceListFace" LARGE_FACE_LIST, Json => faces::update;
    24 DELETE "largefacelists/{}/persistedfaces/{}" "DeleteLargeFaceListFace" LARGE_FACE_LIST, Nothing => faces::delete;

    25 PUT "persongroups/{}" "CreatePersonGroup" PERSON_GROUP, Json => containers::create;
    26 GET "persongroups/{}" "GetPersonGroup" PERSON_GROUP, Nothing => containers::get;
    27 PATCH "persongroups/{}" "UpdatePersonGroup" PERSON_GROUP, Json => containers::update;
    28 DELETE "persongroups/{}" "DeletePersonGroup" PERSON_GROUP, Nothing => containers::delete;
    29 GET "persongroups" "GetPersonGroups" PERSON_GROUP, Nothing => containers::list;
    30 POST "persongroups/{}/train" "TrainPersonGroup" PERSON_GROUP, Nothing => training::train;
    31 GET "persongroups/{}/training" "GetPersonGroupTrainingStatus" PERSON_GROUP, Nothing => training::status;
    32 POST "persongroups/{}/persons" "CreatePersonGroupPerson" PERSON_GROUP, Json => persons::create;
    33 GET "persongroups/{}/persons" "GetPersonGroupPersons" PERSON_GROUP, Nothing => persons::list;
    34 GET "persongroups/{}/persons/{}" "GetPersonGroupPerson" PERSON_GROUP, Nothing => persons::get;
    35 PATCH "persongroups/{}/persons/{}" "UpdatePersonGroupPerson" PERSON_GROUP, Json => persons::update;
    36 DELETE "persongroups/{}/persons/{}" "DeletePersonGroupPerson" PERSON_GROUP, Nothing => persons::delete;
    37 POST "persongroups/{}/persons/{}/persistedfaces" "AddPersonGroupPersonFace" PERSON_GROUP, Picture => faces::add;
    38 GET "persongroups/{}/persons/{}/persistedfaces/{}" "GetPersonGroupPersonFace" PERSON_GROUP, Nothing => faces::get;
    39 PATCH "persongroups/{}/persons/{}/persistedfaces/{}" "UpdatePersonGroupPersonFace" PERSON_GROUP, Json => faces::update;
    40 DELETE "persongroups/{}/persons/{}/persistedfaces/{}" "DeletePersonGroupPersonFace" PERSON_GROUP, Nothing => faces::delete;

    41 PUT "largepersongroups/{}" "CreateLargePersonGroup" LARGE_PERSON_GROUP, Json => containers::create;
    42 GET "largepersongroups/{}" "GetLargePersonGroup" LARGE_PERSON_GROUP, Nothing => containers::get;
    43 PATCH "largepersongroups/{}" "UpdateLargePersonGroup" LARGE_PERSON_GROUP, Json => containers::update;
    44 DELETE "largepersongroups/{}" "DeleteLargePersonGroup" LARGE_PERSON_GROUP, Nothing => containers::delete;
    45 GET "largepersongroups" "GetLargePersonGroups" LARGE_PERSON_GROUP, Nothing => containers::list;
    46 POST "largepersongroups/{}/train" "TrainLargePersonGroup" LARGE_PERSON_GROUP, Nothing => training::train;
    47 GET "largepersongroups/{}/training" "GetLargePersonGroupTrainingStatus" LARGE_PERSON_GROUP, Nothing => training::status;
    48 POST "largepersongroups/{}/persons" "CreateLargePersonGroupPerson" LARGE_PERSON_GROUP, Json => persons::create;
    49 GET "largepersongroups/{}/persons" "GetLargePersonGroupPersons" LARGE_PERSON_GROUP, Nothing => persons::list;
    50 GET "largepersongroups/{}/persons/{}" "GetLargePersonGroupPerson" LARGE_PERSON_GROUP, Nothing => persons::get;
    51 PATCH "largepersongroups/{}/persons/{}" "UpdateLargePersonGroupPerson" LARGE_PERSON_GROUP, Json => persons::update;
    52 DELETE "largepersongroups/{}/persons/{}" "DeleteLargePersonGroupPerson" LARGE_PERSON_GROUP, Nothing => persons::delete;
    53 POST "largepersongroups/{}/persons/{}/persistedfaces" "AddLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Picture => faces::add;
    54 GET "largepersongroups/{}/persons/{}/persistedfaces/{}" "GetLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Nothing => faces::get;
    55 PATCH "largepersongroups/{}/persons/{}/persistedfaces/{}" "UpdateLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Json => faces::update;
    56 DELETE "largepersongroups/{}/persons/{}/persistedfaces/{}" "DeleteLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Nothing => faces::delete;

    57 POST "snapshots" "TakeSnapshot" None, Json => snapshots::take;
    58 GET "snapshots" "GetSnapshots" None, Nothing => snapshots::list;
    59 GET "snapshots/{}" "GetSnapshot" None, Nothing => snapshots::get;
    60 PATCH "snapshots/{}" "UpdateSnapshot" None, Json => snapshots::update;
    61 DELETE "snapshots/{}" "DeleteSnapshot" None, Nothing => snapshots::delete;
    62 POST "snapshots/{}/apply" "ApplySnapshot" None, Json => snapshots::apply;
    63 GET "operations/{}" "GetOperationStatus" None, Nothing => operations::get;

    64 POST "persons" "CreatePerson" DIRECTORY, Json => directory::create;
    65 GET "persons" "GetPersons" DIRECTORY, Nothing => directory::list;
    66 GET "persons/{}" "GetPerson" DIRECTORY, Nothing => directory::get;
    67 PATCH "persons/{}" "UpdatePerson" DIRECTORY, Json => directory::update;
    68 DELETE "persons/{}" "DeletePerson" DIRECTORY, Nothing => directory::delete;
    69 GET "persons/{}/dynamicPersonGroupReferences" "GetDynamicPersonGroupReferences" DIRECTORY, Nothing => directory::references;
    70 POST "persons/{}/recognitionModels/{}/persistedfaces" "AddPersonFace" DIRECTORY, Picture => directory::add_face;
    71 GET "persons/{}/recognitionModels/{}/persistedfaces" "GetPersonFaces" DIRECTORY, Nothing => directory::list_faces;
    72 GET "persons/{}/recognitionModels/{}/persistedfaces/{}" "GetPersonFace" DIRECTORY, Nothing => directory::get_face;
    73 PATCH "persons/{}/recognitionModels/{}/persistedfaces/{}" "UpdatePersonFace" DIRECTORY, Json => directory::update_face;
    74 DELETE "persons/{}/recognitionModels/{}/persistedfaces/{}" "DeletePersonFace" DIRECTORY, Nothing => directory::delete_face;

    75 PUT "dynamicpersongroups/{}" "CreateDynamicPersonGroup" DYNAMIC_GROUP, Json => dynamic_groups::create;
    76 GET "dynamicpersongroups/{}" "GetDynamicPersonGroup" DYNAMIC_GROUP, Nothing => dynamic_groups::get;
    77 PATCH "dynamicpersongroups/{}" "UpdateDynamicPersonGroup" DYNAMIC_GROUP, Json => dynamic_groups::update;
    78 DELETE "dynamicpersongroups/{}" "DeleteDynamicPersonGroup" DYNAMIC_GROUP, Nothing => dynamic_groups::delete;
    79 GET "dynamicpersongroups" "GetDynamicPersonGroups" DYNAMIC_GROUP, Nothing => dynamic_groups::list;
    80 GET "dynamicpersongroups/{}/persons" "GetDynamicPersonGroupPersons" DYNAMIC_GROUP, Nothing => dynamic_groups::list_persons;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(method: Method, path: &str) -> Option<(u16, Vec<String>)> {
        match find(&method, path) {
            Matched::Route(route, parameters) => Some((route.row, parameters)),
            _ => None,
        }
    }

    #[test]
    fn literals_in_any_letter_case_parameters_as_given() {
        let cases = [
            (Method::POST, "Detect", Some((1, vec![]))),
            (Method::POST, "detect/", Some((1, vec![]))),
            (Method::POST, "detect//", None),
            (Method::POST, "facelists/Mine/persistedFaces", Some((11, vec!["Mine".to_owned()]))),
            (Method::GET, "persongroups/a%2Db", Some((26, vec!["a-b".to_owned()]))),
            (Method::GET, "persongroups/%zz", None),
            (Method::GET, "persongroups/%ff", None),
            (Method::GET, "persongroups//persons", None),
            (Method::GET, "", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(row(method, path), expected, "{path}");
        }
    }

    #[test]
    fn rows_are_the_checklist_without_gap() {
        let rows: Vec<u16> = ROUTES.iter().map(|route| route.row).collect();
        assert_eq!(rows, (1..=80).collect::<Vec<u16>>());
    }

    #[test]
    fn data_actions_are_named_as_the_public_roles_name_them() {
        let cases = [
            (1, "detect/action"),
            (2, "findsimilars/action"),
            (6, "facelists/write"),
            (9, "facelists/delete"),
            (10, "facelists/read"),
            (11, "facelists/persistedfaces/write"),
            (18, "largefacelists/train/action"),
            (19, "largefacelists/training/read"),
            (32, "persongroups/persons/action"),
            (35, "persongroups/persons/write"),
            (37, "persongroups/persons/persistedfaces/write"),
            (62, "snapshots/apply/action"),
            (63, "operations/read"),
            (64, "persons/action"),
            (70, "persons/persistedfaces/write"),
            (80, "dynamicpersongroups/persons/read"),
        ];
        for (row, action) in cases {
            let route = ROUTES.iter().find(|route| route.row == row).unwrap();
            assert_eq!(route.action(), action, "{row}");
        }
    }

    #[test]
    fn another_method_is_told_apart_from_no_route() {
        assert!(matches!(find(&Method::GET, "detect"), Matched::OtherMethods(methods) if methods == "POST"));
        assert!(matches!(find(&Method::GET, "nothing"), Matched::Nothing));
    }
}
