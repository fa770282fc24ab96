//! The description of the management API, and of the tokens and notices beside the Face API, for programs: an OpenAPI
//! 3.1 document made from the route table.
//!
//! Start at [`document`]. As with the Face API the golden file, `docs/openapi-admin.json`, is what the pages generate
//! their types from, and what a machine that makes up calls holds the server to.

use super::api::Management;
use super::api::PREFIX;
use super::routes::ROUTES;
use super::{devices_openapi, shapes};
use crate::openapi::{content, reference, text_of, uuid};
use likeness_http::Route;
use likeness_service::accounts::vendors::life_bounds;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The document, as it is served.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| text_of(&document()));
    &TEXT
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let names = names_of(route.path);
        let operation = json!({
            "operationId": route.operation,
            "tags": [heading_of(route.path)],
            "summary": route.rule.summary,
            "description": format!("Needs {}.", route.rule.need.words()),
            "parameters": names.iter().map(|name| path_parameter(name)).chain(query_of(route)).collect::<Vec<_>>(),
            "responses": answers(route.rule.status, route.rule.gives),
        });
        insert(&mut paths, &served_path(route, &names), route.method.as_str(), operation, route.rule.takes);
    }
    beside(&mut paths);
    devices_openapi::insert(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Likeness: management, tokens and notices",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
            "description": "Whose records an installation holds, who may do what to them, what was done, and the tokens \
                and notices beside the Face API. An account is named by its id, its full resource id (percent-encoded), \
                its subdomain, or its name where only one is called so.",
        },
        "servers": [{ "url": "/", "description": "The server that gave you this document" }],
        "security": [{ "key": [] }, { "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "apiKey", "in": "header", "name": "Ocp-Apim-Subscription-Key",
                    "description": "The operator's key, or one of the account's own two.",
                },
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of an identity provider that the settings name.",
                },
            },
            "schemas": shapes::all(),
        },
    })
}

fn insert(paths: &mut Map<String, Value>, path: &str, method: &str, mut operation: Value, takes: &str) {
    if takes != "Nothing" {
        operation["requestBody"] = json!({ "required": takes != "Rotation", "content": { "application/json": { "schema": reference(takes) } } });
        for (status, means) in
            [("408", "The body did not arrive in time."), ("413", "The body is far larger than this service reads.")]
        {
            operation["responses"][status] = refusal(means);
        }
    }
    paths.entry(path).or_insert_with(|| json!({}))[method.to_ascii_lowercase()] = operation;
}

/// The names of the parameters in a path, in its order.
fn names_of(path: &str) -> Vec<&'static str> {
    let segments: Vec<&str> = path.split('/').collect();
    let name_of = |before: &str| match before {
        "accounts" => "account",
        "notices" => "language",
        _ => "id",
    };
    segments.windows(2).filter(|pair| pair[1] == "{}").map(|pair| name_of(pair[0])).collect()
}

fn served_path(route: &Route<Management>, names: &[&str]) -> String {
    let mut names = names.iter();
    let segments = route.path.split('/').map(|segment| match (segment, names.len()) {
        ("{}", 1..) => format!("{{{}}}", names.next().copied().unwrap_or_default()),
        _ => segment.to_owned(),
    });
    format!("{PREFIX}/{}", segments.collect::<Vec<_>>().join("/"))
}

fn path_parameter(name: &str) -> Value {
    let (says, schema) = match name {
        "account" => (
            "The account: id, full resource id (percent-encoded), subdomain or name.",
            json!({ "type": "string", "minLength": 1, "example": "default" }),
        ),
        "language" => ("A BCP 47 tag such as en or de-AT.", json!({ "type": "string", "example": "en" })),
        _ => ("The id of the role, or of the session.", uuid()),
    };
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema })
}

/// How long a token lasts: the one parameter that has to say something where it stands.
const LIFE: &str = "expiredTime";

fn query(name: &str, is_required: bool, says: &str, schema: &Value) -> Value {
    let mut parameter =
        json!({ "name": name, "in": "query", "required": is_required, "description": says, "schema": schema });
    if !is_required && name != LIFE {
        // An empty value counts as absent.
        parameter["allowEmptyValue"] = json!(true);
    }
    parameter
}

/// The parameters behind the question mark.
fn query_of(route: &Route<Management>) -> Vec<Value> {
    let time = || {
        let forms = ["date-time", "date"].map(|format| json!({ "type": "string", "format": format }));
        json!({ "anyOf": forms })
    };
    let days = || {
        vec![
            query("from", false, "The first day, in UTC.", &time()),
            query("to", false, "The last day, in UTC; it is meant too.", &time()),
        ]
    };
    match (route.method.as_str(), route.path) {
        (_, "accounts/{}/usage") => days(),
        (_, "accounts/{}/tokens/report") => {
            let mut all = days();
            let flag = json!({ "type": "boolean", "default": false });
            all.push(query("events", false, "Also return each single event, at most 10,000.", &flag));
            all
        }
        (_, "audit" | "accounts/{}/audit") => {
            let number =
                |most: i64, usual: u32| json!({ "type": "integer", "minimum": 0, "maximum": most, "default": usual });
            vec![
                query("after", false, "Rows after this sequence number.", &number(i64::MAX, 0)),
                query("from", false, "From then on.", &time()),
                query("to", false, "Before then.", &time()),
                query("action", false, "Rows of this action alone.", &json!({ "type": "string" })),
                query("top", false, "At most so many rows.", &number(1000, 100)),
            ]
        }
        (_, "accounts/{}/audit/verify") => {
            let says = "A link that was kept elsewhere; knownAt tells the row that has it.";
            vec![query("known", false, says, &json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }))]
        }
        (
            "GET",
            "accounts/{}/liveness/sessions" | "accounts/{}/liveness/correlations" | "accounts/{}/liveness/keys",
        ) => {
            let top = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 1000 });
            let mut all = vec![
                query("start", false, "What comes after this id.", &uuid()),
                query("top", false, "At most so many.", &top),
            ];
            if route.path.ends_with("sessions") {
                let flag = json!({ "type": "boolean", "default": false });
                all.push(query("verify", false, "Those that compare faces, instead of those that do not.", &flag));
            }
            all
        }
        ("DELETE", "blocked" | "accounts/{}/blocked") => {
            vec![query("resourceId", true, "The client's full resource id.", &reference("ResourceId"))]
        }
        _ => Vec::new(),
    }
}

fn heading_of(path: &str) -> &'static str {
    let below = path.strip_prefix("accounts/{}/").unwrap_or(path);
    match below.split('/').next().unwrap_or_default() {
        "listKeys" | "regenerateKey" => "Keys",
        "roles" => "Roles",
        "usage" | "audit" => "Audit and usage",
        "persons" => "Persons",
        "vendor" | "tokens" | "blocked" | "signingKeys" => "Vendors and clients",
        "notices" => "Notices",
        "liveness" => "Liveness sessions",
        "" | "me" | "retention" | "recognisers" => "About this server",
        _ => "Accounts",
    }
}

fn refusal(means: &str) -> Value {
    content(means, &reference("ErrorResponse"))
}

/// All answers of a call: the good one, and what can be in the way.
fn answers(status: u16, gives: &str) -> Value {
    let good = match gives {
        "Nothing" => json!({ "description": "Done; the body is empty." }),
        "Lines" => json!({
            "description": "One row of the audit log a line, oldest first.",
            "content": { "application/x-ndjson": { "schema": { "type": "string" } } },
        }),
        "Token" => json!({
            "description": "The token and nothing else.",
            "content": { "application/jwt": { "schema": { "type": "string" } } },
        }),
        shape => content("Done.", &reference(shape)),
    };
    let mut answers = json!({ status.to_string(): good });
    for (status, means) in [
        ("400", "An argument is missing or wrong; the message says which and why."),
        ("401", "No key or token, or a wrong one."),
        ("403", "Known, but not for this; the message says what it needs."),
        ("404", "What the path names is not there."),
        ("409", "Something of that name exists, or the state does not allow it."),
        ("429", "Too much at once; come back after the time in Retry-After."),
        ("500", "The server failed; its log has the cause under the apim-request-id of the answer."),
        ("503", "Cannot answer now; come back later."),
    ] {
        answers[status] = refusal(means);
    }
    answers
}

/// What is served beside `/admin/v1`: tokens for the Face API, the keys to check them by, and notices.
fn beside(paths: &mut Map<String, Value>) {
    let (least, most) = life_bounds();
    let calls = [
        (
            "POST",
            "/sts/v1.0/issueToken",
            json!({
                "operationId": "IssueToken", "tags": ["Tokens"],
                "summary": "A token that stands for the account's key for ten minutes.",
                "description": "Needs a key of the account. The token dies with the key.",
                "responses": answers(200, "Token"),
            }),
            "Nothing",
        ),
        (
            "POST",
            "/sts/v1.0/issueLimitedAccessToken",
            json!({
                "operationId": "IssueLimitedAccessToken", "tags": ["Tokens"],
                "summary": "A token that lends features of a vendor to one client.",
                "description": "Needs a key of an account that may issue such tokens and is approved for each feature it lends.",
                "parameters": [query(
                    LIFE, false, "Seconds until it expires.",
                    &json!({ "type": "integer", "minimum": least, "maximum": most, "default": 3600 }),
                )],
                "responses": answers(200, "Token"),
            }),
            "LimitedAccessRequest",
        ),
        (
            "GET",
            "/.well-known/jwks.json",
            json!({
                "operationId": "ListSigningKeys", "tags": ["Tokens"], "security": [],
                "summary": "The public keys under which tokens are signed here.",
                "responses": { "200": content("Done.", &reference("KeySet")) },
            }),
            "Nothing",
        ),
        (
            "GET",
            "/notice",
            json!({
                "operationId": "GetNotice", "tags": ["Notices"],
                "summary": "The notice to show before a camera starts.",
                "description": "Needs a key of the account; below an account's own endpoint it needs none.",
                "parameters": [query(
                    "language", false, "A BCP 47 tag; English where there is no such text.",
                    &json!({ "type": "string", "default": "en" }),
                )],
                "responses": answers(200, "NoticeInForce"),
            }),
            "Nothing",
        ),
        (
            "POST",
            "/notice/decision",
            json!({
                "operationId": "DecideNotice", "tags": ["Notices"],
                "summary": "A person's consent decision on it; recorded in the audit log.",
                "description": "Needs a key of the account.",
                "responses": answers(204, "Nothing"),
            }),
            "Decision",
        ),
    ];
    for (method, path, mut operation, takes) in calls {
        if operation["parameters"].is_null() {
            operation["parameters"] = json!([]);
        }
        if path.starts_with("/sts/") && takes != "Nothing" {
            operation["responses"]["415"] = refusal("The content type is not application/json.");
        }
        insert(paths, path, method, operation, takes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::checks::{is_golden, is_whole};

    #[test]
    fn the_description_is_the_golden_file_and_whole() {
        is_golden("openapi-admin.json", text());
        is_whole(&document());
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for route in ROUTES {
            assert!(names.insert(route.operation), "{} twice", route.operation);
            assert_eq!(names_of(route.path).len(), route.path.matches("{}").count(), "{}", route.path);
        }
    }
}
