//! Every route of the Face API, one row each: the only place where a path is written.
//!
//! The pipeline reads the table, and a test holds its rows against the checklist; what comes later and must not forget a
//! route reads it too.

use super::api::{Face, admitted};
use super::{
    containers, detect, directory, dynamic_groups, faces, identify, liveness, operations, persons, similar, snapshots,
    training, verify,
};
use axum::http::Method;
use likeness_http::{BodyKind, Route};
use likeness_rules::Gate;
use likeness_store::ContainerKind;

/// What a row of the table says of its operation.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Row of the coverage checklist in the public contract.
    pub row: u16,
    /// The kind of container that the path is about.
    pub kind: Option<ContainerKind>,
    /// The data action, below `Microsoft.CognitiveServices/accounts/Face/` (`face-api.md` section 6): the fixed segments of
    /// the path and a verb. Adding a face writes; what else is posted is an action.
    pub action: &'static str,
    /// What the account needs an approval for (`face-api.md` section 4); of detect, where nothing limited is requested.
    pub gate: Gate,
}

macro_rules! routes {
    ($($row:literal $method:ident $path:literal $operation:literal $kind:expr, $reads:ident, $action:literal $gate:ident => $handler:path;)*) => {
        /// The table, in the order of the checklist.
        pub(super) static ROUTES: &[Route<Face>] = &[$(Route {
            method: Method::$method,
            path: $path,
            operation: $operation,
            body: BodyKind::$reads,
            rule: Rule { row: $row, kind: $kind, action: $action, gate: Gate::$gate },
            handler: |call| Box::pin($handler(admitted(call))),
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
    1 POST "detect" "Detect" None, Picture, "detect/action" Open => detect::detect;
    2 POST "findsimilars" "FindSimilar" None, Json, "findsimilars/action" Identification => similar::find_similar;
    3 POST "group" "Group" None, Json, "group/action" Identification => similar::group;
    4 POST "identify" "Identify" None, Json, "identify/action" Identification => identify::identify;
    5 POST "verify" "Verify" None, Json, "verify/action" Verification => verify::verify;

    6 PUT "facelists/{}" "CreateFaceList" FACE_LIST, Json, "facelists/write" Either => containers::create;
    7 GET "facelists/{}" "GetFaceList" FACE_LIST, Nothing, "facelists/read" Open => containers::get;
    8 PATCH "facelists/{}" "UpdateFaceList" FACE_LIST, Json, "facelists/write" Open => containers::update;
    9 DELETE "facelists/{}" "DeleteFaceList" FACE_LIST, Nothing, "facelists/delete" Open => containers::delete;
    10 GET "facelists" "GetFaceLists" FACE_LIST, Nothing, "facelists/read" Open => containers::list;
    11 POST "facelists/{}/persistedfaces" "AddFaceListFace" FACE_LIST, Picture, "facelists/persistedfaces/write" Either => faces::add;
    12 DELETE "facelists/{}/persistedfaces/{}" "DeleteFaceListFace" FACE_LIST, Nothing, "facelists/persistedfaces/delete" Open => faces::delete;

    13 PUT "largefacelists/{}" "CreateLargeFaceList" LARGE_FACE_LIST, Json, "largefacelists/write" Either => containers::create;
    14 GET "largefacelists/{}" "GetLargeFaceList" LARGE_FACE_LIST, Nothing, "largefacelists/read" Open => containers::get;
    15 PATCH "largefacelists/{}" "UpdateLargeFaceList" LARGE_FACE_LIST, Json, "largefacelists/write" Open => containers::update;
    16 DELETE "largefacelists/{}" "DeleteLargeFaceList" LARGE_FACE_LIST, Nothing, "largefacelists/delete" Open => containers::delete;
    17 GET "largefacelists" "GetLargeFaceLists" LARGE_FACE_LIST, Nothing, "largefacelists/read" Open => containers::list;
    18 POST "largefacelists/{}/train" "TrainLargeFaceList" LARGE_FACE_LIST, Nothing, "largefacelists/train/action" Either => training::train;
    19 GET "largefacelists/{}/training" "GetLargeFaceListTrainingStatus" LARGE_FACE_LIST, Nothing, "largefacelists/training/read" Open => training::status;
    20 POST "largefacelists/{}/persistedfaces" "AddLargeFaceListFace" LARGE_FACE_LIST, Picture, "largefacelists/persistedfaces/write" Either => faces::add;
    21 GET "largefacelists/{}/persistedfaces" "GetLargeFaceListFaces" LARGE_FACE_LIST, Nothing, "largefacelists/persistedfaces/read" Open => faces::list;
    22 GET "largefacelists/{}/persistedfaces/{}" "GetLargeFaceListFace" LARGE_FACE_LIST, Nothing, "largefacelists/persistedfaces/read" Open => faces::get;
    23 PATCH "largefacelists/{}/persistedfaces/{}" "UpdateLargeFaceListFace" LARGE_FACE_LIST, Json, "largefacelists/persistedfaces/write" Open => faces::update;
    24 DELETE "largefacelists/{}/persistedfaces/{}" "DeleteLargeFaceListFace" LARGE_FACE_LIST, Nothing, "largefacelists/persistedfaces/delete" Open => faces::delete;

    25 PUT "persongroups/{}" "CreatePersonGroup" PERSON_GROUP, Json, "persongroups/write" Either => containers::create;
    26 GET "persongroups/{}" "GetPersonGroup" PERSON_GROUP, Nothing, "persongroups/read" Open => containers::get;
    27 PATCH "persongroups/{}" "UpdatePersonGroup" PERSON_GROUP, Json, "persongroups/write" Open => containers::update;
    28 DELETE "persongroups/{}" "DeletePersonGroup" PERSON_GROUP, Nothing, "persongroups/delete" Open => containers::delete;
    29 GET "persongroups" "GetPersonGroups" PERSON_GROUP, Nothing, "persongroups/read" Open => containers::list;
    30 POST "persongroups/{}/train" "TrainPersonGroup" PERSON_GROUP, Nothing, "persongroups/train/action" Either => training::train;
    31 GET "persongroups/{}/training" "GetPersonGroupTrainingStatus" PERSON_GROUP, Nothing, "persongroups/training/read" Open => training::status;
    32 POST "persongroups/{}/persons" "CreatePersonGroupPerson" PERSON_GROUP, Json, "persongroups/persons/action" Either => persons::create;
    33 GET "persongroups/{}/persons" "GetPersonGroupPersons" PERSON_GROUP, Nothing, "persongroups/persons/read" Open => persons::list;
    34 GET "persongroups/{}/persons/{}" "GetPersonGroupPerson" PERSON_GROUP, Nothing, "persongroups/persons/read" Open => persons::get;
    35 PATCH "persongroups/{}/persons/{}" "UpdatePersonGroupPerson" PERSON_GROUP, Json, "persongroups/persons/write" Open => persons::update;
    36 DELETE "persongroups/{}/persons/{}" "DeletePersonGroupPerson" PERSON_GROUP, Nothing, "persongroups/persons/delete" Open => persons::delete;
    37 POST "persongroups/{}/persons/{}/persistedfaces" "AddPersonGroupPersonFace" PERSON_GROUP, Picture, "persongroups/persons/persistedfaces/write" Either => faces::add;
    38 GET "persongroups/{}/persons/{}/persistedfaces/{}" "GetPersonGroupPersonFace" PERSON_GROUP, Nothing, "persongroups/persons/persistedfaces/read" Open => faces::get;
    39 PATCH "persongroups/{}/persons/{}/persistedfaces/{}" "UpdatePersonGroupPersonFace" PERSON_GROUP, Json, "persongroups/persons/persistedfaces/write" Open => faces::update;
    40 DELETE "persongroups/{}/persons/{}/persistedfaces/{}" "DeletePersonGroupPersonFace" PERSON_GROUP, Nothing, "persongroups/persons/persistedfaces/delete" Open => faces::delete;

    41 PUT "largepersongroups/{}" "CreateLargePersonGroup" LARGE_PERSON_GROUP, Json, "largepersongroups/write" Either => containers::create;
    42 GET "largepersongroups/{}" "GetLargePersonGroup" LARGE_PERSON_GROUP, Nothing, "largepersongroups/read" Open => containers::get;
    43 PATCH "largepersongroups/{}" "UpdateLargePersonGroup" LARGE_PERSON_GROUP, Json, "largepersongroups/write" Open => containers::update;
    44 DELETE "largepersongroups/{}" "DeleteLargePersonGroup" LARGE_PERSON_GROUP, Nothing, "largepersongroups/delete" Open => containers::delete;
    45 GET "largepersongroups" "GetLargePersonGroups" LARGE_PERSON_GROUP, Nothing, "largepersongroups/read" Open => containers::list;
    46 POST "largepersongroups/{}/train" "TrainLargePersonGroup" LARGE_PERSON_GROUP, Nothing, "largepersongroups/train/action" Either => training::train;
    47 GET "largepersongroups/{}/training" "GetLargePersonGroupTrainingStatus" LARGE_PERSON_GROUP, Nothing, "largepersongroups/training/read" Open => training::status;
    48 POST "largepersongroups/{}/persons" "CreateLargePersonGroupPerson" LARGE_PERSON_GROUP, Json, "largepersongroups/persons/action" Either => persons::create;
    49 GET "largepersongroups/{}/persons" "GetLargePersonGroupPersons" LARGE_PERSON_GROUP, Nothing, "largepersongroups/persons/read" Open => persons::list;
    50 GET "largepersongroups/{}/persons/{}" "GetLargePersonGroupPerson" LARGE_PERSON_GROUP, Nothing, "largepersongroups/persons/read" Open => persons::get;
    51 PATCH "largepersongroups/{}/persons/{}" "UpdateLargePersonGroupPerson" LARGE_PERSON_GROUP, Json, "largepersongroups/persons/write" Open => persons::update;
    52 DELETE "largepersongroups/{}/persons/{}" "DeleteLargePersonGroupPerson" LARGE_PERSON_GROUP, Nothing, "largepersongroups/persons/delete" Open => persons::delete;
    53 POST "largepersongroups/{}/persons/{}/persistedfaces" "AddLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Picture, "largepersongroups/persons/persistedfaces/write" Either => faces::add;
    54 GET "largepersongroups/{}/persons/{}/persistedfaces/{}" "GetLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Nothing, "largepersongroups/persons/persistedfaces/read" Open => faces::get;
    55 PATCH "largepersongroups/{}/persons/{}/persistedfaces/{}" "UpdateLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Json, "largepersongroups/persons/persistedfaces/write" Open => faces::update;
    56 DELETE "largepersongroups/{}/persons/{}/persistedfaces/{}" "DeleteLargePersonGroupPersonFace" LARGE_PERSON_GROUP, Nothing, "largepersongroups/persons/persistedfaces/delete" Open => faces::delete;

    57 POST "snapshots" "TakeSnapshot" None, Json, "snapshots/action" Open => snapshots::take;
    58 GET "snapshots" "GetSnapshots" None, Nothing, "snapshots/read" Open => snapshots::list;
    59 GET "snapshots/{}" "GetSnapshot" None, Nothing, "snapshots/read" Open => snapshots::get;
    60 PATCH "snapshots/{}" "UpdateSnapshot" None, Json, "snapshots/write" Open => snapshots::update;
    61 DELETE "snapshots/{}" "DeleteSnapshot" None, Nothing, "snapshots/delete" Open => snapshots::delete;
    62 POST "snapshots/{}/apply" "ApplySnapshot" None, Json, "snapshots/apply/action" Either => snapshots::apply;
    63 GET "operations/{}" "GetOperationStatus" None, Nothing, "operations/read" Open => operations::get;

    64 POST "persons" "CreatePerson" DIRECTORY, Json, "persons/action" Either => directory::create;
    65 GET "persons" "GetPersons" DIRECTORY, Nothing, "persons/read" Open => directory::list;
    66 GET "persons/{}" "GetPerson" DIRECTORY, Nothing, "persons/read" Open => directory::get;
    67 PATCH "persons/{}" "UpdatePerson" DIRECTORY, Json, "persons/write" Open => directory::update;
    68 DELETE "persons/{}" "DeletePerson" DIRECTORY, Nothing, "persons/delete" Open => directory::delete;
    69 GET "persons/{}/dynamicPersonGroupReferences" "GetDynamicPersonGroupReferences" DIRECTORY, Nothing, "persons/dynamicpersongroupreferences/read" Open => directory::references;
    70 POST "persons/{}/recognitionModels/{}/persistedfaces" "AddPersonFace" DIRECTORY, Picture, "persons/persistedfaces/write" Either => directory::add_face;
    71 GET "persons/{}/recognitionModels/{}/persistedfaces" "GetPersonFaces" DIRECTORY, Nothing, "persons/persistedfaces/read" Open => directory::list_faces;
    72 GET "persons/{}/recognitionModels/{}/persistedfaces/{}" "GetPersonFace" DIRECTORY, Nothing, "persons/persistedfaces/read" Open => directory::get_face;
    73 PATCH "persons/{}/recognitionModels/{}/persistedfaces/{}" "UpdatePersonFace" DIRECTORY, Json, "persons/persistedfaces/write" Open => directory::update_face;
    74 DELETE "persons/{}/recognitionModels/{}/persistedfaces/{}" "DeletePersonFace" DIRECTORY, Nothing, "persons/persistedfaces/delete" Open => directory::delete_face;

    75 PUT "dynamicpersongroups/{}" "CreateDynamicPersonGroup" DYNAMIC_GROUP, Json, "dynamicpersongroups/write" Either => dynamic_groups::create;
    76 GET "dynamicpersongroups/{}" "GetDynamicPersonGroup" DYNAMIC_GROUP, Nothing, "dynamicpersongroups/read" Open => dynamic_groups::get;
    77 PATCH "dynamicpersongroups/{}" "UpdateDynamicPersonGroup" DYNAMIC_GROUP, Json, "dynamicpersongroups/write" Open => dynamic_groups::update;
    78 DELETE "dynamicpersongroups/{}" "DeleteDynamicPersonGroup" DYNAMIC_GROUP, Nothing, "dynamicpersongroups/delete" Open => dynamic_groups::delete;
    79 GET "dynamicpersongroups" "GetDynamicPersonGroups" DYNAMIC_GROUP, Nothing, "dynamicpersongroups/read" Open => dynamic_groups::list;
    80 GET "dynamicpersongroups/{}/persons" "GetDynamicPersonGroupPersons" DYNAMIC_GROUP, Nothing, "dynamicpersongroups/persons/read" Open => dynamic_groups::list_persons;

    81 POST "detectLiveness/singleModal/sessions" "CreatePreviewLivenessSession" None, FormOrJson, "detectliveness/singlemodal/sessions/action" Either => liveness::create;
    82 GET "detectLiveness/singleModal/sessions" "GetPreviewLivenessSessions" None, Nothing, "detectliveness/singlemodal/sessions/read" Open => liveness::list;
    83 GET "detectLiveness/singleModal/sessions/{}" "GetPreviewLivenessSessionResult" None, Nothing, "detectliveness/singlemodal/sessions/read" Open => liveness::get;
    84 DELETE "detectLiveness/singleModal/sessions/{}" "DeletePreviewLivenessSession" None, Nothing, "detectliveness/singlemodal/sessions/delete" Open => liveness::delete;
    85 GET "detectLiveness/singleModal/sessions/{}/audit" "GetPreviewLivenessSessionAuditEntries" None, Nothing, "detectliveness/singlemodal/sessions/audit/read" Open => liveness::audit;

    86 POST "detectLivenessWithVerify/singleModal/sessions" "CreatePreviewLivenessWithVerifySession" None, FormOrJson, "detectlivenesswithverify/singlemodal/sessions/action" Verification => liveness::create;
    87 GET "detectLivenessWithVerify/singleModal/sessions" "GetPreviewLivenessWithVerifySessions" None, Nothing, "detectlivenesswithverify/singlemodal/sessions/read" Open => liveness::list;
    88 GET "detectLivenessWithVerify/singleModal/sessions/{}" "GetPreviewLivenessWithVerifySessionResult" None, Nothing, "detectlivenesswithverify/singlemodal/sessions/read" Open => liveness::get;
    89 DELETE "detectLivenessWithVerify/singleModal/sessions/{}" "DeletePreviewLivenessWithVerifySession" None, Nothing, "detectlivenesswithverify/singlemodal/sessions/delete" Open => liveness::delete;
    90 GET "detectLivenessWithVerify/singleModal/sessions/{}/audit" "GetPreviewLivenessWithVerifySessionAuditEntries" None, Nothing, "detectlivenesswithverify/singlemodal/sessions/audit/read" Open => liveness::audit;
    91 GET "session/sessionImages/{}" "GetPreviewSessionImage" None, Nothing, "sessionimages/read" Open => liveness::image;

    92 POST "detectLiveness-sessions" "CreateLivenessSession" None, FormOrJson, "detectliveness/singlemodal/sessions/action" Either => liveness::create;
    93 GET "detectLiveness-sessions/{}" "GetLivenessSessionResult" None, Nothing, "detectliveness/singlemodal/sessions/read" Open => liveness::get;
    94 DELETE "detectLiveness-sessions/{}" "DeleteLivenessSession" None, Nothing, "detectliveness/singlemodal/sessions/delete" Open => liveness::delete;

    95 POST "detectLivenessWithVerify-sessions" "CreateLivenessWithVerifySession" None, FormOrJson, "detectlivenesswithverify/singlemodal/sessions/action" Verification => liveness::create;
    96 GET "detectLivenessWithVerify-sessions/{}" "GetLivenessWithVerifySessionResult" None, Nothing, "detectlivenesswithverify/singlemodal/sessions/read" Open => liveness::get;
    97 DELETE "detectLivenessWithVerify-sessions/{}" "DeleteLivenessWithVerifySession" None, Nothing, "detectlivenesswithverify/singlemodal/sessions/delete" Open => liveness::delete;
    98 GET "sessionImages/{}" "GetSessionImage" None, Nothing, "sessionimages/read" Open => liveness::image;

    99 GET "settings/liveness-abuse-monitoring" "GetLivenessAbuseMonitoring" None, Nothing, "settings/read" Open => liveness::monitoring;
    100 PATCH "settings/liveness-abuse-monitoring" "UpdateLivenessAbuseMonitoring" None, Json, "settings/write" Open => liveness::change_monitoring;
    99 GET "settings" "GetSettings" None, Nothing, "settings/read" Open => liveness::monitoring;
    100 PATCH "settings" "UpdateSettings" None, Json, "settings/write" Open => liveness::change_monitoring;
    101 GET "settings/getClientAssetsAccessToken" "GetClientAssetsAccessToken" None, Nothing, "settings/action" Open => liveness::assets_token;
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_http::{Misrouted, find};

    fn row(method: Method, path: &str) -> Option<(u16, Vec<String>)> {
        find::<Face>(&method, path).ok().map(|(route, parameters)| (route.rule.row, parameters))
    }

    #[test]
    fn paths_find_their_rows() {
        let cases = [
            (Method::POST, "Detect", Some((1, vec![]))),
            (Method::POST, "detect/", Some((1, vec![]))),
            (Method::POST, "detect//", None),
            (Method::POST, "facelists/Mine/persistedFaces", Some((11, vec!["Mine".to_owned()]))),
            (Method::GET, "persongroups/a%2Db", Some((26, vec!["a-b".to_owned()]))),
            (Method::GET, "", None),
        ];
        for (method, path, expected) in cases {
            assert_eq!(row(method, path), expected, "{path}");
        }
    }

    #[test]
    fn rows_are_the_checklist_without_gap() {
        let mut rows: Vec<u16> = ROUTES.iter().map(|route| route.rule.row).collect();
        // Two rows have a second spelling each.
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows, (1..=101).collect::<Vec<u16>>());
    }

    /// The rule by which the public roles name data actions; the table writes each out.
    #[test]
    fn data_actions_are_named_as_the_public_roles_name_them() {
        // Liveness names each out: those of the newer paths would match no right of the public roles.
        for route in ROUTES.iter().filter(|route| route.rule.row <= 80) {
            let segments: Vec<String> = route
                .path
                .split('/')
                .filter(|segment| *segment != "{}" && *segment != "recognitionModels")
                .map(str::to_ascii_lowercase)
                .collect();
            let is_face = segments.last().is_some_and(|last| last == "persistedfaces");
            let verb = match route.method {
                Method::GET => "read",
                Method::DELETE => "delete",
                Method::POST if !is_face => "action",
                _ => "write",
            };
            assert_eq!(route.rule.action, format!("{}/{verb}", segments.join("/")), "{}", route.operation);
        }
    }

    /// Rows of the checklist by what they require; all others are open, so that a customer can always read, change and
    /// delete.
    #[test]
    fn the_gates_of_the_contract() {
        let identification = [2, 3, 4];
        let either = [6, 11, 13, 18, 20, 25, 30, 32, 37, 41, 46, 48, 53, 62, 64, 70, 75];
        for route in ROUTES {
            let expected = match route.rule.row {
                5 => Gate::Verification,
                86 | 95 => Gate::Verification,
                81 | 92 => Gate::Either,
                row if identification.contains(&row) => Gate::Identification,
                row if either.contains(&row) => Gate::Either,
                _ => Gate::Open,
            };
            assert_eq!(route.rule.gate, expected, "{} {}", route.rule.row, route.operation);
        }
    }

    #[test]
    fn another_method_is_told_apart_from_no_route() {
        let of = |path| find::<Face>(&Method::GET, path).err();
        assert_eq!(of("detect"), Some(Misrouted::OtherMethods("POST".to_owned())));
        assert_eq!(of("nothing"), Some(Misrouted::Nowhere));
    }
}
