//! The shapes of the management API, for its description.

use crate::openapi::{error_response, object, or_null, reference, uuid};
use likeness_rules::{FeatureFlag, LimitedAttribute, RetentionClass, Role};
use likeness_service::accounts::vendors::life_bounds;
use serde_json::{Map, Value, json};

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    for part in [
        basics(),
        accounts(),
        custody(),
        encryption(),
        vendors(),
        records(),
        tokens(),
        super::liveness_shapes::all(),
        super::devices_openapi::schemas(),
    ] {
        let Value::Object(part) = part else { continue };
        all.extend(part);
    }
    all
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

pub(super) fn says(words: &str) -> Value {
    json!({ "type": "string", "description": words })
}

pub(super) fn perhaps(words: &str) -> Value {
    json!({ "type": ["string", "null"], "description": words })
}

pub(super) fn yes_or_no(words: &str) -> Value {
    json!({ "type": "boolean", "description": words })
}

pub(super) fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn says_count(words: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": words })
}

fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

pub(super) fn list_of(schema: &str) -> Value {
    json!({ "type": "array", "items": reference(schema) })
}

/// An object that takes no other members.
pub(super) fn strict(required: &[&str], properties: Value) -> Value {
    let mut object = object(required, properties);
    object["additionalProperties"] = json!(false);
    object
}

fn basics() -> Value {
    json!({
        "ErrorResponse": error_response(),
        "ResourceId": {
            "type": "string",
            // Letter case does not matter to the server; written as Azure writes it.
            "pattern": "^/subscriptions/[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/resourceGroups/[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]/providers/Microsoft\\.CognitiveServices/accounts/[A-Za-z0-9][A-Za-z0-9-]{0,62}[A-Za-z0-9]/?$",
            "description": "The full name of a Face resource.",
            "example": "/subscriptions/6f1a0a3e-6f0e-4c0e-9a39-0d2f7a3c5b11/resourceGroups/doors/providers/Microsoft.CognitiveServices/accounts/front-doors",
        },
        "ResourceIds": list_of("ResourceId"),
        "Calls": { "type": "array", "items": object(&["method", "path", "needs", "summary"], json!({
            "method": text(), "path": text(), "needs": text(), "summary": text(),
        })) },
        "Me": object(&["kind", "isOperator", "proxiesAreUndecided", "accounts"], json!({
            "kind": { "type": "string", "enum": ["operator", "key", "person"] },
            "isOperator": { "type": "boolean" },
            "proxiesAreUndecided": yes_or_no(
                "Whether callers come from beyond this machine and the settings do not say whether a proxy stands in between: behind \
                 one, network rules see its address for everybody.",
            ),
            "accounts": { "type": "array", "items": object(
                &[
                    "id", "name", "resourceId", "mayManage", "mayAssignRoles", "mayListKeys", "mayReadPersons",
                    "mayErasePersons",
                ],
                json!({
                    "id": uuid(), "name": text(), "resourceId": reference("ResourceId"),
                    "mayManage": { "type": "boolean" }, "mayAssignRoles": { "type": "boolean" },
                    "mayListKeys": { "type": "boolean" }, "mayReadPersons": { "type": "boolean" },
                    "mayErasePersons": { "type": "boolean" },
                }),
            ) },
        })),
        "Keys": object(&[], json!({ "key1": text(), "key2": text() })),
        "KeyChoice": strict(&["keyName"], json!({ "keyName": { "type": "string", "enum": ["Key1", "Key2"] } })),
    })
}

fn tier() -> Value {
    json!({ "type": ["string", "null"], "enum": ["F0", "S0", "E0", "unlimited", null], "description": "None: as the installation says." })
}

/// What may be sent as origins of web pages; they come back in lower case and without what goes without saying.
fn confidence() -> Value {
    json!({
        "type": "string", "enum": ["exact", "coarse"],
        "description": "How much answers say about how near two faces are: five decimals, or two from the threshold on and 0 below.",
    })
}

fn origins() -> Value {
    const SCHEME: &str = "[A-Za-z][A-Za-z0-9+.-]*";
    const HOST: &str = r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])";
    const PORT: &str = "0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})";
    json!({
        "type": "array", "maxItems": 100,
        "items": {
            "type": "string", "maxLength": 300,
            "pattern": format!(r"^ *(\*|[Nn][Uu][Ll][Ll]|{SCHEME}://{HOST}(:{PORT})?/?) *$"),
        },
        "description": "Origins of web pages that may call it from a browser, on its own endpoint, such as \
            https://shop.example.org; * for all, null for pages without one.",
    })
}

/// A life that an account can shorten, within the bounds of the table.
fn lives() -> Value {
    let life = |kept: &RetentionClass| {
        let bounds = json!({ "type": ["integer", "null"], "minimum": kept.shortest(), "maximum": kept.longest() });
        (kept.as_text().to_owned(), bounds)
    };
    let mut lives = strict(&[], Value::Object(RetentionClass::ALL.iter().map(life).collect()));
    lives["description"] = json!("Seconds by name; null: the longest. GET /admin/v1/retention has the table.");
    lives
}

fn accounts() -> Value {
    let region = || json!({ "type": "string", "pattern": "^[a-z0-9]{1,40}$" });
    let label = || json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$" });
    let account = json!({
        "id": uuid(),
        "name": says("Last part of its resource id."),
        "resourceId": reference("ResourceId"),
        "location": says("Region that it says it is in."),
        "tier": tier(),
        "tierInForce": text(),
        "subdomain": perhaps("First label of its own host name."),
        "endpointPath": perhaps("Its own endpoint on this server."),
        "createdAt": moment(),
        "state": { "type": "string", "enum": ["open", "closed"] },
        "closedAt": { "type": ["string", "null"], "format": "date-time" },
        "endsAt": { "type": ["string", "null"], "format": "date-time" },
        "localAuth": yes_or_no("Whether its keys open it."),
        "approvals": reference("Approvals"),
        "network": reference("NetworkRules"),
        "corsOrigins": {
            "type": "array", "items": text(),
            "description": "Origins of web pages that may call it from a browser, on its own endpoint.",
        },
        "confidence": confidence(),
        "liveness": reference("LivenessSettings"),
        "retention": { "type": "object", "additionalProperties": reference("Life") },
        "vendor": reference("Vendor"),
        "roles": list_of("Role"),
        "notices": list_of("Notice"),
        "version": count(),
    });
    let always: Vec<&str> = account.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let mut created = account.clone();
    created["keys"] = reference("Keys");
    let with_keys: Vec<&str> = always.iter().copied().chain(["keys"]).collect();
    json!({
        "Account": object(&always, account.clone()),
        "Accounts": list_of("Account"),
        "CreatedAccount": object(&with_keys, created),
        "NewAccount": strict(&["name"], json!({
            "name": { "type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])$" },
            "subscription": or_null(uuid()),
            "resourceGroup": or_null(json!({
                "type": "string", "pattern": "^[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]$", "default": "likeness",
            })),
            "location": or_null(region()),
            "tier": tier(),
            "subdomain": or_null(label()),
            "approvals": reference("NewApprovals"),
            "mayIssue": { "type": "boolean", "default": false },
        })),
        // Null takes tier and subdomain back, and leaves the others as they are.
        "Change": strict(&[], json!({
            "tier": tier(),
            "subdomain": or_null(label()),
            "location": or_null(region()),
            "localAuth": or_null(yes_or_no("Whether its keys open it.")),
            "network": or_null(reference("NetworkRules")),
            "corsOrigins": or_null(origins()),
            "confidence": or_null(confidence()),
            "retention": or_null(lives()),
            "liveness": or_null(strict(&[], super::liveness_shapes::settings())),
        })),
        "Closing": strict(&[], json!({
            "graceDays": { "type": "integer", "minimum": 0, "maximum": 30, "default": 0 },
        })),
    })
}

/// The name of a principal: not blank, and no control characters.
fn named() -> Value {
    const LETTER: &str = r"[^\u0000-\u001f\u007f-\u009f\s]";
    const ANY: &str = r"[^\u0000-\u001f\u007f-\u009f]*";
    json!({ "type": "string", "minLength": 1, "maxLength": 500, "pattern": format!("^{ANY}{LETTER}{ANY}$") })
}

fn custody() -> Value {
    let approvals = json!({
        "flags": { "type": "array", "items": reference("Flag") },
        "attributes": {
            "type": "array",
            "items": { "type": "string", "enum": LimitedAttribute::ALL.map(LimitedAttribute::as_text) },
        },
    });
    json!({
        "Approvals": strict(&["flags", "attributes"], approvals.clone()),
        "NewApprovals": strict(&[], approvals),
        "Flag": { "type": "string", "enum": FeatureFlag::ALL.map(FeatureFlag::as_text) },
        "NetworkRules": strict(&["defaultAction", "rules"], json!({
            "defaultAction": {
                "type": "string", "enum": ["Allow", "Deny"],
                "description": "What happens to an address that no rule names. With Allow the rules have no effect.",
            },
            "rules": { "type": "array", "maxItems": 1000, "items": { "oneOf": [
                strict(&["address"], json!({ "address": {
                    "anyOf": [
                        { "type": "string", "format": "ipv4" }, { "type": "string", "format": "ipv6" },
                        { "type": "string", "pattern": "^(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}/(3[0-2]|[12]?[0-9])$" },
                        { "type": "string", "pattern": "^[0-9a-fA-F:.]{2,45}/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$" },
                    ],
                    "description": "An address or a range such as 203.0.113.0/24.",
                } })),
                strict(&["subnet"], json!({ "subnet": says("A subnet that the settings of the installation name.") })),
            ] } },
        })),
        "Principal": { "oneOf": [
            strict(&["subject"], json!({ "subject": says("The claim oid or sub.") })),
            strict(&["group"], json!({ "group": says("A value of the claim groups.") })),
            strict(&["appRole"], json!({ "appRole": says("A value of the claim roles.") })),
        ] },
        "NewRole": strict(&["issuer", "principal", "role"], json!({
            "issuer": says("One of [[access.oidc]] in the settings."),
            "principal": reference("Principal"),
            "role": {
                "type": "string",
                "enum": Role::ALL.iter().flat_map(|role| {
                    [role.name().to_owned(), role.word().to_owned(), role.id().to_string()]
                }).collect::<Vec<_>>(),
                "description": "A role's name, its short word, or its id.",
            },
        })),
        "Role": object(&["id", "issuer", "principal", "role"], json!({
            "id": uuid(), "issuer": text(), "principal": reference("Principal"),
            "role": { "type": "string", "enum": Role::ALL.map(Role::name) },
        })),
        "Roles": list_of("Role"),
        "Life": object(&["seconds", "longest", "shortest", "isSet"], json!({
            "seconds": count(), "longest": count(), "shortest": count(), "isSet": { "type": "boolean" },
        })),
        "RetentionTable": list_of("RetentionRow"),
        "RetentionRow": object(&["key", "data", "stored", "life", "endedBy", "kept"], json!({
            "key": text(), "data": text(), "stored": text(), "life": text(), "endedBy": text(),
            "kept": perhaps("The name under which an account shortens it."),
        })),
        "NewNotice": strict(&["text", "controller", "processor"], json!({
            "text": { "type": "string", "minLength": 1, "maxLength": 10_000, "pattern": r"\S" },
            "controller": named(), "processor": named(),
        })),
        "Notice": object(&["language", "version", "text", "controller", "processor"], json!({
            "language": text(), "version": count(), "text": text(),
            "controller": says("Who decides what for."), "processor": says("Who computes on the controller's behalf."),
        })),
        "NoticeInForce": object(&["language", "version", "text", "controller", "processor", "digest"], json!({
            "language": text(), "version": says_count("0: no notice was written, the text is made from the account's settings."),
            "text": says("Paragraphs parted by empty lines; the first is the heading."),
            "controller": text(), "processor": text(),
            "digest": says("Of all of it. Send it back with the decision, and remember it with a consent."),
        })),
        "Decision": object(&["language", "version", "session", "decision"], json!({
            "language": says("Of the notice that was shown."),
            "version": { "type": "integer", "minimum": 0 },
            "digest": says("Of the notice that was shown."),
            "session": uuid(),
            "decision": { "type": "string", "enum": ["granted", "refused", "withdrawn"] },
        })),
    })
}

fn encryption() -> Value {
    let overview = json!({
        "account": perhaps("The account's name; none for the installation."),
        "provider": says("The provider of keys, or `installation`: the installation key wraps the account's."),
        "kind": { "type": ["string", "null"], "enum": ["file", "environment", "pkcs11", "transit", null] },
        "version": { "type": ["integer", "null"], "description": "By which version of the provider's key." },
        "state": { "type": "string", "enum": ["enabled", "disabled", "unavailable"] },
        "problem": perhaps("Why the key cannot be used now."),
        "dataKeys": says_count("How many data keys there are; the newest seals."),
        "lastUse": or_null(moment()),
        "lastBackup": or_null(moment()),
        "offered": list_of("KeyProvider"),
        "id": uuid(),
    });
    let required = ["account", "provider", "kind", "version", "state", "problem", "dataKeys", "lastUse", "lastBackup"];
    json!({
        "KeyProvider": object(&["name", "kind"], json!({
            "name": text(), "kind": { "type": "string", "enum": ["file", "environment", "pkcs11", "transit"] },
            "version": { "type": ["integer", "null"] }, "problem": perhaps("Why it does not answer."),
        })),
        "Encryption": object(&required, overview),
        "Encryptions": object(&["installation", "accounts", "providers"], json!({
            "installation": reference("Encryption"), "accounts": list_of("Encryption"),
            "providers": list_of("KeyProvider"),
        })),
        "NewEncryption": strict(&["provider"], json!({
            "provider": says("The provider's name in the settings, or `installation`."),
        })),
        "EncryptionRotation": strict(&["provider"], json!({
            "provider": text(), "onlyBehind": yes_or_no("Make no new version; wrap what is behind."),
        })),
        "EncryptionRotated": object(&["version", "wrapped"], json!({ "version": count(), "wrapped": count() })),
    })
}

fn vendors() -> Value {
    let counted = |name: &str| (name.to_owned(), count());
    let mut day: Map<String, Value> =
        ["issued", "issueRefused", "used", "useRefused"].into_iter().map(counted).collect();
    day.extend([
        ("client".to_owned(), reference("ResourceId")),
        ("flag".to_owned(), reference("Flag")),
        ("day".to_owned(), json!({ "type": "string", "format": "date" })),
    ]);
    json!({
        "Vendor": object(&["mayIssue", "notBefore", "blocked"], json!({
            "mayIssue": yes_or_no("Whether it may issue limited access tokens."),
            "notBefore": { "type": ["integer", "null"], "description": "Tokens issued before this second are invalid." },
            "blocked": reference("ResourceIds"),
        })),
        "Issuing": strict(&["mayIssue"], json!({ "mayIssue": { "type": "boolean" } })),
        "Client": strict(&["resourceId"], json!({ "resourceId": reference("ResourceId") })),
        "Revocation": { "oneOf": [
            strict(&["token"], json!({ "token": uuid(), "before": { "type": "null" } })),
            strict(&["before"], json!({ "token": { "type": "null" }, "before": {
                "anyOf": [
                    { "type": "string", "format": "date-time" }, { "type": "string", "format": "date" },
                    { "type": "string", "pattern": "^[nN][oO][wW]$" },
                ],
                "description": "A time, or now.",
            } })),
        ] },
        "TokenReport": object(&["days"], json!({
            "days": { "type": "array", "items": object(
                &["client", "flag", "day", "issued", "issueRefused", "used", "useRefused"], Value::Object(day),
            ) },
            "events": { "type": "array", "items": object(
                &["at", "action", "refused", "token", "target", "flags", "expires", "requestId"],
                json!({
                    "at": moment(), "action": text(), "refused": { "type": "boolean" }, "token": uuid(),
                    "target": reference("ResourceId"), "flags": list_of("Flag"), "operation": text(),
                    "expires": { "type": "integer" }, "requestId": uuid(),
                }),
            ) },
        })),
        "Rotation": or_null(strict(&[], json!({
            "endFormer": { "type": "boolean", "default": false, "description": "When a key has leaked." },
        }))),
        "SigningKey": object(&["keyId"], json!({ "keyId": text() })),
    })
}

/// Who is meant, by at least one member.
fn person(given: &str, schema: Value) -> Value {
    let mut shape = strict(
        &[given],
        json!({
            "ids": { "type": "array", "items": uuid() },
            "name": perhaps("To the letter."),
            "userData": perhaps("To the letter."),
        }),
    );
    shape["properties"][given] = schema;
    shape
}

fn records() -> Value {
    json!({
        "Recognisers": { "type": "array", "items": object(
            &["accountId", "pack", "space", "templates", "isInstalled", "isDefault"],
            json!({
                "accountId": uuid(),
                "pack": says("The model pack of the recogniser."),
                "space": says("How the templates were made; only those of one space can be compared."),
                "templates": says_count("Templates of enrolled faces."),
                "isInstalled": yes_or_no("Whether the pack is installed here. If not, nobody in these containers can be recognised."),
                "isDefault": yes_or_no("Whether new containers take this recogniser."),
            }),
        ) },
        "Usage": { "type": "array", "items": object(&["day", "operation", "calls", "billed"], json!({
            "day": { "type": "string", "format": "date" }, "operation": text(), "calls": count(), "billed": count(),
        })) },
        "AuditRows": list_of("AuditRow"),
        "AuditRow": object(
            &["sequence", "at", "actor", "action", "records", "outcome", "requestId", "previous", "hash"],
            json!({
                "sequence": count(), "at": moment(), "actor": text(), "action": text(),
                "container": object(&["kind", "number"], json!({ "kind": text(), "number": { "type": "integer" } })),
                "records": count(),
                "outcome": { "type": "string", "enum": ["applied", "refused"] },
                "requestId": uuid(),
                "detail": { "type": "object", "additionalProperties": true },
                "previous": says("Link of the row before, in hexadecimal."),
                "hash": says("Link of this row: a MAC over its fields and the link of the row before."),
            }),
        ),
        "Verified": object(&["rows", "first", "last", "accessHolds"], json!({
            "rows": says_count("The number of the last row."),
            "first": says_count("The number of the first row that is there; older ones were removed when their time was over."),
            "last": says("Link of the last row; keep it elsewhere to prove that nothing was cut off."),
            "brokenAt": { "type": "integer", "description": "The first row that does not follow from the one before, or is missing." },
            "knownAt": { "type": "integer", "description": "The row with the link in the parameter known." },
            "accessHolds": yes_or_no("Whether keys, settings and revocations are what the audit log says."),
        })),
        "Person": { "anyOf": [
            person("ids", json!({ "type": "array", "items": uuid(), "minItems": 1 })),
            person("name", says("To the letter.")),
            person("userData", says("To the letter.")),
        ] },
        "Held": object(&["places", "note"], json!({
            "places": { "type": "array", "items": object(&["kind", "id", "templates"], json!({
                "kind": text(), "container": text(), "id": uuid(), "name": text(), "userData": text(),
                "templates": count(), "faceUserData": { "type": "array", "items": text() }, "groups": { "type": "array", "items": text() },
            })) },
            "note": text(),
        })),
    })
}

fn tokens() -> Value {
    let (least, most) = life_bounds();
    json!({
        "LimitedAccessRequest": object(&["targetAzureResourceId", "featureFlags"], json!({
            "targetAzureResourceId": reference("ResourceId"),
            "featureFlags": {
                "type": "array", "minItems": 1, "maxItems": 100, "items": reference("Flag"),
                "description": format!("What is lent, for {least} to {most} seconds."),
            },
        })),
        "KeySet": object(&["keys"], json!({
            "keys": { "type": "array", "items": object(&["kid", "kty"], json!({ "kid": text(), "kty": text() })) },
        })),
    })
}
