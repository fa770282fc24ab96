//! Pieces of OpenAPI documents, for the descriptions of the Face API and of the management API.

use serde_json::{Value, json};

/// A document as it is served and kept as a golden file.
pub(crate) fn text_of(document: &Value) -> String {
    format!("{document:#}\n")
}

/// A shape of its own name.
pub(crate) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// An answer with JSON.
pub(crate) fn content(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

/// An object with these members, some of which are always there.
pub(crate) fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// The same or `null`, which counts as absent.
pub(crate) fn or_null(mut schema: Value) -> Value {
    let Some(Value::String(one)) = schema.get("type").cloned() else {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    };
    schema["type"] = json!([one, "null"]);
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema
}

/// An id.
pub(crate) fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// The envelope of refusals, the same in all our APIs.
pub(crate) fn error_response() -> Value {
    object(
        &["error"],
        json!({
            "error": object(&["code", "message"], json!({
                "code": { "type": "string", "description": "Stable; in the Face API also in the header x-ms-error-code." },
                "message": { "type": "string", "description": "For the person who reads it." },
            })),
        }),
    )
}

#[cfg(test)]
pub(crate) mod checks {
    //! What holds for every description.

    use serde_json::Value;
    use std::collections::BTreeSet;

    /// The golden file below `docs`. Set `LIKENESS_BLESS=1` to accept a change, and read the difference.
    pub(crate) fn is_golden(name: &str, text: &str) {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        if std::env::var_os("LIKENESS_BLESS").is_some() {
            std::fs::write(&file, text).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(golden == text, "the API changed; run with LIKENESS_BLESS=1 and read the difference in docs/{name}");
    }

    /// Every reference leads somewhere, and every shape is spoken of.
    pub(crate) fn is_whole(document: &Value) {
        let mut used = BTreeSet::new();
        walk(document, &mut |key, value| {
            if key == "$ref" {
                let target = value.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(target).is_some(), "{target} is nowhere");
                used.insert(target.rsplit('/').next().unwrap().to_owned());
            }
        });
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(name), "nothing speaks of {name}");
        }
    }

    fn walk(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, member)| {
                visit(key, member);
                walk(member, visit);
            }),
            Value::Array(entries) => entries.iter().for_each(|entry| walk(entry, visit)),
            _ => {}
        }
    }
}
