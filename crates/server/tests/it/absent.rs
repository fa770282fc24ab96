//! What is not there, asked for by every route that could; and pictures by address for every route that takes one.

use crate::pictures::{answer, remote};
use crate::server::{TestServer, demo, target};
use serde_json::{Value, json};

const ID: &str = "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f";

/// Method, path below the container, and what is missing: the container, the person, the face, or a training.
const UNDER_LISTS: &[(&str, &str, &str)] = &[
    ("GET", "", ""),
    ("PATCH", "", ""),
    ("DELETE", "", ""),
    ("POST", "/persistedfaces", ""),
    ("DELETE", "/persistedfaces/{}", "PersistedFace"),
];
const UNDER_LARGE_LISTS: &[(&str, &str, &str)] = &[
    ("POST", "/train", ""),
    ("GET", "/training", "NotTrained"),
    ("GET", "/persistedfaces", ""),
    ("GET", "/persistedfaces/{}", "PersistedFace"),
    ("PATCH", "/persistedfaces/{}", "PersistedFace"),
];
const UNDER_GROUPS: &[(&str, &str, &str)] = &[
    ("GET", "", ""),
    ("PATCH", "", ""),
    ("DELETE", "", ""),
    ("POST", "/train", ""),
    ("GET", "/training", "NotTrained"),
    ("POST", "/persons", ""),
    ("GET", "/persons", ""),
    ("GET", "/persons/{}", "Person"),
    ("PATCH", "/persons/{}", "Person"),
    ("DELETE", "/persons/{}", "Person"),
    ("POST", "/persons/{}/persistedfaces", "Person"),
    ("GET", "/persons/{}/persistedfaces/{}", "Person"),
    ("PATCH", "/persons/{}/persistedfaces/{}", "Person"),
    ("DELETE", "/persons/{}/persistedfaces/{}", "Person"),
];

#[test]
fn every_route_says_what_is_not_there() {
    let server = TestServer::new();
    let mut wrong = Vec::new();
    for (path, kind, routes) in [
        ("facelists", "FaceList", vec![UNDER_LISTS]),
        ("largefacelists", "LargeFaceList", vec![UNDER_LISTS, UNDER_LARGE_LISTS]),
        ("persongroups", "PersonGroup", vec![UNDER_GROUPS]),
        ("largepersongroups", "LargePersonGroup", vec![UNDER_GROUPS]),
    ] {
        let made = json!({ "name": "n", "recognitionModel": "recognition_04" });
        assert_eq!(server.json("PUT", &format!("{path}/here"), &made).status, 200);
        for (method, below, missing) in routes.into_iter().flatten() {
            let ask = |container: &str| {
                let address = format!("{path}/{container}{}", below.replace("{}", ID));
                match *method {
                    "POST" if below.ends_with("/persistedfaces") => server.picture(&address, &demo(1)),
                    "POST" | "PATCH" if !below.ends_with("/train") => {
                        server.json(method, &address, &json!({ "name": "x" }))
                    }
                    _ => server.call(method, &address),
                }
            };
            let mut expect = |container: &str, code: String| {
                let answer = ask(container);
                if (answer.status, answer.code()) != (404, code.as_str()) {
                    wrong.push(format!("{method} {path}/{container}{below}: {answer:?}, not {code}"));
                }
            };
            expect("gone", format!("{kind}NotFound"));
            match *missing {
                "" => {}
                "NotTrained" => expect("here", format!("{kind}NotTrained")),
                // A face of a person who is not there: either may be called missing, and it is the person.
                what => expect("here", format!("{what}NotFound")),
            }
        }
        if path != "facelists" {
            let answer = server.call("GET", &format!("{path}?top=1001"));
            assert_eq!((answer.status, answer.code()), (400, "BadArgument"), "{path}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_route_that_takes_a_picture_takes_an_address() {
    let server = TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1")]);
    let faces = server.detect(&demo(1));
    let chosen = target(&faces[0]);
    let mut routes = vec!["detect?recognitionModel=recognition_04".to_owned()];
    for container in ["facelists/l", "largefacelists/l", "persongroups/g", "largepersongroups/g"] {
        let made = server.json("PUT", container, &json!({ "name": "n", "recognitionModel": "recognition_04" }));
        assert_eq!(made.status, 200, "{made:?}");
        let owner = if container.ends_with("/g") {
            let person = server.json("POST", &format!("{container}/persons"), &json!({ "name": "p" }));
            format!("{container}/persons/{}", person.body["personId"].as_str().expect("an id"))
        } else {
            container.to_owned()
        };
        routes.push(format!("{owner}/persistedfaces?targetFace={chosen}"));
    }
    let person = server.json("POST", "persons", &json!({ "name": "p" })).id("personId");
    routes.push(format!("persons/{person}/recognitionModels/recognition_04/persistedfaces?targetFace={chosen}"));
    let address = remote(vec![answer("200 OK", "", &demo(1)); routes.len()]);
    for route in &routes {
        let good = server.json("POST", route, &json!({ "url": format!("{address}/photo.jpg") }));
        let expected = if route.starts_with("persons/") { 202 } else { 200 };
        assert_eq!(good.status, expected, "{route}: {good:?}");
        let id = if route.starts_with("detect") { &good.body[0]["faceId"] } else { &good.body["persistedFaceId"] };
        assert!(id.is_string(), "{route}: {good:?}");
        // Nobody listens there any more, and it is no address at all.
        for url in ["http://127.0.0.1:1/photo.jpg", "ftp://127.0.0.1/photo.jpg", "photo"] {
            let refused = server.json("POST", route, &json!({ "url": url }));
            assert_eq!((refused.status, refused.code()), (400, "InvalidURL"), "{route} {url}");
        }
        let nothing = server.json("POST", route, &Value::Object(serde_json::Map::new()));
        assert_eq!((nothing.status, nothing.code()), (400, "BadArgument"), "{route}");
    }
}
