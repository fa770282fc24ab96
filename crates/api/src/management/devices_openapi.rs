//! The device routes and the quick link in the description of what lies beside the Face API. The protocol itself is told by
//! `docs/device-protocol.md`, for a description of calls has no place for a conversation.

use crate::openapi::{content, object, reference, uuid};
use serde_json::{Map, Value, json};

/// The versions of the Face API, under all of which the routes are served.
fn version() -> Value {
    let versions = crate::azure::Version::ALL.map(crate::azure::Version::segment);
    json!({
        "name": "version", "in": "path", "required": true, "description": "Version of the Face API.",
        "schema": { "type": "string", "enum": versions },
    })
}

fn refusals(responses: &mut Value, has_body: bool) {
    let means = [
        ("400", "The body, or something in it, cannot be used."),
        ("401", "The liveness token is missing, wrong or over."),
        ("403", "The network, a closed correlation id, or a notice that nobody accepted is in the way."),
        ("404", "There is no such session, not any more, or nothing at this link."),
        ("409", "An attempt is in progress, none is, none is left, or it is on another node."),
        ("410", "The link was used."),
        ("429", "Called too often."),
        ("500", "The server failed; its log has the cause."),
        ("503", "No place is free; come back after the time in Retry-After."),
    ];
    for (status, means) in means {
        responses[status] = content(means, &reference("ErrorResponse"));
    }
    if has_body {
        for (status, means) in [
            ("408", "The body did not arrive in time."),
            ("413", "The body is far larger than this service reads."),
            ("415", "The content type is not the one listed."),
        ] {
            responses[status] = content(means, &reference("ErrorResponse"));
        }
    }
}

fn operation(id: &str, summary: &str, good: Value, body: Option<Value>, is_open: bool) -> Value {
    let mut responses = good;
    refusals(&mut responses, body.is_some());
    let mut operation = json!({
        "operationId": id, "tags": ["Devices of liveness sessions"], "summary": summary, "parameters": [], "responses": responses,
        "description": "See docs/device-protocol.md. Needs the liveness token of a session, as bearer.",
        "security": [{ "bearer": [] }],
    });
    if is_open {
        operation["security"] = json!([]);
        operation["description"] = json!("Needs nothing but the link.");
    }
    if let Some(content) = body {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn answer(schema: &str) -> Value {
    json!({ "200": content("Done.", &reference(schema)) })
}

/// Puts the routes in.
pub(super) fn insert(paths: &mut Map<String, Value>) {
    let json_of = |schema: &str| Some(json!({ "application/json": { "schema": reference(schema) } }));
    let mut below_version = |path: &str, method: &str, mut operation: Value| {
        operation["parameters"] = json!([version()]);
        paths.entry(format!("/face/{{version}}/{path}")).or_insert_with(|| json!({}))[method] = operation;
    };
    below_version(
        "session/start",
        "post",
        operation("StartLivenessAttempt", "Begins an attempt.", answer("BegunAttempt"), json_of("DeviceHello"), false),
    );
    below_version(
        "session/attempt/end",
        "post",
        operation("EndLivenessAttempt", "Ends an attempt.", answer("EndedAttempt"), json_of("AttemptEnd"), false),
    );
    let taken = json!({ "204": { "description": "Taken. Whether it was enrolled is for the app server alone." } });
    let mut enrol =
        operation("EnrolDeviceKey", "Brings a new key of the device.", taken, json_of("NewDeviceKey"), false);
    enrol["responses"]["409"]["description"] = json!("No key is expected, or not this one.");
    below_version("session/key", "post", enrol);
    for (path, name) in
        [("detectliveness/singlemodal", "Liveness"), ("detectlivenesswithverify/singlemodal", "LivenessWithVerify")]
    {
        let frames = json!({ "multipart/form-data": { "schema": reference("FramesForm") } });
        let mut good = answer("FramesTaken");
        good["204"] = json!({ "description": "Taken; nothing is asked of a device that only delivers pictures." });
        let send = operation(&format!("Send{name}Frames"), "Brings frames of an attempt.", good, Some(frames), false);
        below_version(path, "post", send);
        let good =
            json!({ "101": { "description": "The connection is a socket of the protocol likeness.capture.v1." } });
        let mut open = operation(&format!("Open{name}Socket"), "Opens a socket for an attempt.", good, None, true);
        open["description"] = json!("The token comes in the first message. See docs/device-protocol.md.");
        below_version(path, "get", open);
    }
    let link = json!({ "200": content("Done.", &object(&["url"], json!({ "url": { "type": "string" } }))) });
    let link = operation("CreateQuickLink", "A link by which a browser takes the session up, once.", link, None, false);
    paths.insert("/api/quicklink".to_owned(), json!({ "post": link }));
    let mut about =
        operation("DescribeQuickLink", "What a page has to know before it begins.", answer("AboutLink"), None, true);
    about["parameters"] = json!([
        { "name": "s", "in": "query", "required": true, "description": "The link.", "schema": uuid() },
        { "name": "callbackUrl", "in": "query", "required": false, "allowEmptyValue": true,
          "description": "Where the page is to turn to afterwards; its origin must be one of the account's.",
          "schema": { "type": "string" } },
    ]);
    paths.insert("/api/quicklink/about".to_owned(), json!({ "get": about }));
    let begin = operation(
        "BeginQuickLink",
        "Uses the link and gives the liveness token.",
        answer("BegunLink"),
        json_of("LinkToUse"),
        true,
    );
    paths.insert("/api/quicklink/begin".to_owned(), json!({ "post": begin }));
}

/// The shapes.
pub(super) fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let messages =
        || json!({ "type": "array", "items": { "type": "object" }, "description": "As the socket would send them." });
    let about = json!({
        "branding": { "type": "object" }, "alternative": { "type": ["object", "null"] },
        "verify": { "type": "boolean" }, "expectsReference": { "type": "boolean" }, "enrolKey": { "type": "boolean" },
        "recording": { "type": "boolean" }, "noticeAccepted": { "type": "boolean" },
    });
    let mut begun = about.clone();
    begun["token"] = text();
    begun["sessionId"] = uuid();
    let tail = |bytes: u32| json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_-]{{{}}}$", bytes.div_ceil(3) * 4 - (3 - bytes % 3) % 3) });
    let octets =
        |most: u32| json!({ "type": "string", "minLength": 2, "maxLength": most, "pattern": "^[A-Za-z0-9_-]+$" });
    json!({
        "DeviceHello": object(&[], json!({
            "camera": { "type": "object" }, "screen": { "type": "object" },
            "withoutLight": { "type": "boolean" }, "slow": { "type": "boolean" },
            "deviceCorrelationId": { "type": "string", "minLength": 1, "maxLength": 64 },
            "userCorrelationId": { "type": "string", "minLength": 1, "maxLength": 64 },
        })),
        "BegunAttempt": object(&["sessionId", "attemptId", "remainingAttempts", "messages"], json!({
            "sessionId": uuid(), "livenessOperationMode": text(), "modelVersion": text(),
            "attemptId": { "type": "integer" }, "remainingAttempts": { "type": "integer" }, "messages": messages(),
        })),
        "FramesForm": object(&[], json!({
            "frame": { "type": "array", "maxItems": 10, "items": { "type": "string", "format": "binary" } },
            "metadata": { "type": "string" },
            "VerifyImage": { "type": "string", "format": "binary" },
        })),
        "FramesTaken": object(&[], json!({ "messages": messages() })),
        "AttemptEnd": object(&["attemptId", "outcome"], json!({
            "attemptId": { "type": "integer", "minimum": 1, "maximum": 255 },
            "outcome": { "type": "string", "enum": ["completed", "canceled"] },
            "errorCode": text(), "count": { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 },
            "tail": tail(32), "signature": tail(64),
            "assertion": object(&["id", "clientData", "authenticatorData", "signature"], json!({
                "id": octets(683), "clientData": octets(1366), "authenticatorData": octets(683), "signature": octets(96),
            })),
            "evidence": octets(2731),
        })),
        "NewDeviceKey": object(&["attemptId", "clientData", "authenticatorData"], json!({
            "attemptId": { "type": "integer", "minimum": 1, "maximum": 255 },
            "clientData": octets(1366), "authenticatorData": octets(1366),
        })),
        "EndedAttempt": object(&["status", "digest", "remainingAttempts"], json!({
            "status": { "type": "string", "enum": ["Succeeded", "Failed"] },
            "digest": text(), "code": text(), "remainingAttempts": { "type": "integer" }, "response": { "type": "object" },
        })),
        "AboutLink": object(&["branding", "verify", "expectsReference", "enrolKey", "recording", "noticeAccepted"], about),
        "BegunLink": object(&["branding", "verify", "expectsReference", "token", "sessionId"], begun),
        "LinkToUse": object(&["link"], json!({ "link": uuid() })),
    })
}
