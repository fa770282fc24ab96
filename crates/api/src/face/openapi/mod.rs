//! The description of the Face API for programs: an OpenAPI 3.1 document made from the route table.
//!
//! Start at [`document`]. Paths, methods and bodies come from [`super::routes::ROUTES`], so that a route cannot be
//! served and not described; what no table can know (summaries, shapes) stands in `operations` and `schemas`. The
//! document is kept as a golden file, `docs/openapi.json`, from which the pages generate their types: a change of the
//! API is a change of that file that a person has to accept.

mod directory;
mod liveness;
mod operations;
mod schemas;

use super::Face;
use super::routes::ROUTES;
use crate::azure::Version;
use crate::openapi::{content, reference, text_of};
use likeness_http::{BodyKind, Route};
use operations::{Answer, Description, Parameter};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The document, as it is served.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| text_of(&document()));
    &TEXT
}

/// The document.
fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let described = operations::describe(route);
        let path = format!("/face/{{version}}/{}", named(route, described.parameters));
        let operations = paths.entry(path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_ascii_lowercase()] = operation(route, &described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Likeness: Face API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
            "description": "Face recognition on your own machine that answers the routes of the Azure AI Face API. \
                Every operation exists under every version; shapes that differ are told where they do.",
        },
        "servers": [{ "url": "/", "description": "The server that gave you this document" }],
        "security": [{ "key": [] }, { "keyInQuery": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "Ocp-Apim-Subscription-Key" },
                "keyInQuery": { "type": "apiKey", "in": "query", "name": "subscription-key" },
            },
            "responses": refusals(),
            "schemas": schemas::all(),
        },
    })
}

/// The path with the names of its parameters.
fn named(route: &Route<Face>, parameters: &[Parameter]) -> String {
    let mut names = parameters.iter().filter(|parameter| parameter.place == "path").map(|parameter| parameter.name);
    let segments = route.path.split('/').map(|segment| match segment {
        "{}" => format!("{{{}}}", names.next().expect("operations names every path parameter; a test holds it")),
        literal => literal.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn operation(route: &Route<Face>, described: &Description) -> Value {
    let versions: Vec<&str> = Version::ALL.iter().map(|version| version.segment()).collect();
    let version = json!({
        "name": "version", "in": "path", "required": true,
        "description": "Version of the API.",
        "schema": { "type": "string", "enum": versions },
    });
    let parameters = described.parameters.iter().map(|parameter| {
        let mut described = json!({
            "name": parameter.name, "in": parameter.place, "required": parameter.place == "path",
            "description": parameter.says, "schema": parameter.schema(),
        });
        if parameter.place == "query" {
            // An empty value counts as absent: clients write `top=` for the default.
            described["allowEmptyValue"] = json!(true);
        }
        described
    });
    let parameters: Vec<Value> = std::iter::once(version).chain(parameters).collect();
    let mut operation = json!({
        "operationId": route.operation,
        "tags": [described.tag],
        "summary": described.summary,
        "x-checklist-row": route.rule.row,
        "parameters": parameters,
        "responses": responses(route, &described.answer),
    });
    if !described.says.is_empty() {
        operation["description"] = json!(described.says);
    }
    if let Some(content) = body(route.body, described.body) {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn body(kind: BodyKind, schema: &str) -> Option<Value> {
    let json_body = || json!({ "schema": reference(schema) });
    match kind {
        BodyKind::Nothing | BodyKind::Bytes | BodyKind::Form | BodyKind::Upgrade => None,
        BodyKind::FormOrJson => Some(json!({
            "application/json": json_body(),
            "multipart/form-data": { "schema": reference(&format!("{schema}Form")) },
        })),
        BodyKind::Json => Some(json!({ "application/json": json_body() })),
        BodyKind::Picture => Some(json!({
            "application/json": json_body(),
            "application/octet-stream": {
                "schema": {
                    "type": "string", "format": "binary",
                    "description": "A JPEG, PNG, GIF (first frame) or BMP picture of 1 KB to 6 MB.",
                },
            },
        })),
    }
}

fn responses(route: &Route<Face>, answer: &Answer) -> Value {
    let mut responses = match answer {
        Answer::Empty => json!({ "200": { "description": "Done; the body is empty." } }),
        Answer::Accepted => json!({ "202": accepted() }),
        Answer::EmptyOrAccepted => {
            json!({ "200": { "description": "Done; the body is empty." }, "202": accepted() })
        }
        Answer::Made(schema) => {
            let mut made = content("Done.", &reference(schema));
            made["headers"] = accepted()["headers"].clone();
            made["headers"]["Location"] = address("Where it is found.");
            json!({ "202": made })
        }
        Answer::Nothing => json!({ "204": { "description": "Done; the body is empty." } }),
        Answer::NotOffered => json!({ "501": content("Not offered here.", &reference("ErrorResponse")) }),
        Answer::Bytes => json!({ "200": {
            "description": "Done.",
            "content": { "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } },
        } }),
        Answer::One(schema) => json!({ "200": content("Done.", &reference(schema)) }),
        Answer::Many(schema) => {
            json!({ "200": content("Done.", &json!({ "type": "array", "items": reference(schema) })) })
        }
    };
    let mut refuse = |status: &str| {
        responses[status] = json!({ "$ref": format!("#/components/responses/Refusal{status}") });
    };
    for status in ["400", "401", "404", "429", "500", "503"] {
        refuse(status);
    }
    if route.body != BodyKind::Nothing {
        for status in ["403", "408", "413", "415"] {
            refuse(status);
        }
    }
    if route.method != axum::http::Method::GET {
        refuse("409");
    }
    responses
}

/// What may be in the way, by status: the same for every operation that it can happen to.
fn refusals() -> Value {
    let means = [
        ("400", "An argument is missing or wrong; the message says which and why."),
        ("401", "No key, or a wrong one."),
        ("403", "The feature needs an approval, is retired, or a limit is reached."),
        ("404", "What the path names is not there."),
        ("408", "The body did not arrive in time."),
        ("409", "Something of that name exists, or another operation is under way."),
        ("413", "The body is far larger than this service reads."),
        ("415", "The content type is not one of those listed."),
        ("429", "Too much at once; come back after the time in Retry-After."),
        ("500", "The server failed; its log has the cause under the apim-request-id of the answer."),
        ("503", "Cannot answer now; come back after the time in Retry-After."),
    ];
    let error = reference("ErrorResponse");
    Value::Object(
        means.into_iter().map(|(status, means)| (format!("Refusal{status}"), content(means, &error))).collect(),
    )
}

fn accepted() -> Value {
    json!({
        "description": "Begun; the body is empty.",
        "headers": { "Operation-Location": address("The address of the operation status.") },
    })
}

fn address(says: &str) -> Value {
    json!({ "description": says, "schema": { "type": "string", "format": "uri" } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::checks::{is_golden, is_whole};

    #[test]
    fn the_description_is_the_golden_file_and_whole() {
        is_golden("openapi.json", text());
        is_whole(&document());
    }

    #[test]
    fn every_path_parameter_has_a_name_and_every_operation_an_id_of_its_own() {
        let mut ids = std::collections::BTreeSet::new();
        for route in ROUTES {
            let described = operations::describe(route);
            let holes = route.path.matches("{}").count();
            let names = described.parameters.iter().filter(|parameter| parameter.place == "path").count();
            assert_eq!(holes, names, "{} {}", route.method, route.path);
            assert!(ids.insert(route.operation), "{} twice", route.operation);
        }
    }
}
