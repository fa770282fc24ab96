//! What clients and servers of others do that no standard asks for: slashes too many, JSON in other forms of Unicode,
//! downloads that come compressed or from elsewhere.

use crate::pictures::answer;
use crate::server::{Answer, KEY1, OPERATOR, TestServer, demo};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

#[test]
fn several_slashes_are_one_on_every_api() {
    let server = TestServer::new();
    assert_eq!(server.json("PUT", "//face//v1.0///persongroups//g", &json!({ "name": "g" })).status, 200);
    let made = server.json("POST", "/accounts//default//face/v1.0/persongroups/g//persons//", &json!({ "name": "p" }));
    assert_eq!(made.status, 200, "{made:?}");
    let train = server.call("POST", "//face/v1.0/persongroups/g/train");
    let expected = format!("{}/face/v1.0/persongroups/g/training", server.address);
    assert_eq!((train.status, train.header("operation-location")), (202, Some(&*expected)));
    let trained = server.call("GET", &train.operation(&server.address));
    assert_eq!(trained.status, 200, "{trained:?}");

    let key = |key: &str, method: &str, path: &str| {
        Answer::of(server.bare(method, path).header("Ocp-Apim-Subscription-Key", key)).status
    };
    let good = [
        (OPERATOR, "GET", "//admin//v1//accounts//default"),
        (OPERATOR, "GET", "/admin/v1//"),
        (KEY1, "POST", "//sts//v1.0//issueToken"),
        (KEY1, "GET", "//notice"),
        (KEY1, "GET", "//accounts//default//notice"),
        (KEY1, "GET", "//openapi.json"),
        (KEY1, "GET", "//openapi-admin.json"),
        (KEY1, "GET", "//.well-known//jwks.json"),
        (KEY1, "GET", "//healthz"),
    ];
    for (shown, method, path) in good {
        assert_eq!(key(shown, method, path), 200, "{method} {path}");
    }
    // An escaped slash is part of a name: of a resource id here, of a group that cannot be there.
    let resource = server.resource().replace('/', "%2F");
    assert_eq!(key(OPERATOR, "GET", &format!("/admin/v1/accounts/{resource}")), 200);
    assert_eq!(key(OPERATOR, "GET", &format!("/admin/v1/accounts/%2F{resource}")), 404);
    assert_eq!(server.call("GET", "persongroups%2Fg").status, 404);
    assert_eq!(server.call("GET", "persongroups/%2Fg").code(), "PersonGroupNotFound");
    // An empty id must not make a call on what lies above.
    assert_eq!(server.call("DELETE", "persongroups/g/persons//").status, 404);
    assert_eq!(server.call("GET", "persongroups/g").status, 200);
}

/// A text in the forms in which clients send JSON.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |order: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let utf32 = |order: fn(u32) -> [u8; 4], text: &str| text.chars().flat_map(|c| order(c.into())).collect::<Vec<u8>>();
    let marked = format!("\u{feff}{text}");
    vec![
        ("UTF-8 with a mark", marked.as_bytes().to_vec()),
        ("UTF-16LE with a mark", utf16(u16::to_le_bytes, &marked)),
        ("UTF-16BE with a mark", utf16(u16::to_be_bytes, &marked)),
        ("UTF-32LE with a mark", utf32(u32::to_le_bytes, &marked)),
        ("UTF-32BE with a mark", utf32(u32::to_be_bytes, &marked)),
        ("UTF-16LE", utf16(u16::to_le_bytes, text)),
        ("UTF-16BE", utf16(u16::to_be_bytes, text)),
        ("UTF-32LE", utf32(u32::to_le_bytes, text)),
        ("UTF-32BE", utf32(u32::to_be_bytes, text)),
    ]
}

#[test]
fn json_in_every_form_of_unicode() {
    let server = TestServer::new();
    assert_eq!(server.json("PUT", "persongroups/g", &json!({ "name": "g" })).status, 200);
    let name = "Grün \u{1f600} 名";
    let send = |request: reqwest::blocking::RequestBuilder, media: &str, body: Vec<u8>| {
        Answer::of(request.header("Content-Type", media).body(body))
    };
    let media = [
        "application/json",
        "application/json; charset=utf-16",
        "application/json;charset=\"UTF-32\"",
        "Application/JSON; Charset=UTF-8",
    ];
    for (number, (form, body)) in forms(&json!({ "name": name }).to_string()).into_iter().enumerate() {
        let media = media[number % media.len()];
        let changed = send(server.request("PATCH", "persongroups/g"), media, body);
        assert_eq!(changed.status, 200, "{form}: {changed:?}");
        assert_eq!(server.call("GET", "persongroups/g").body["name"], name, "{form}");
        assert_eq!(server.json("PATCH", "persongroups/g", &json!({ "name": "g" })).status, 200);
    }
    let token =
        json!({ "targetAzureResourceId": server.resource(), "featureFlags": ["Face.Verification"] }).to_string();
    let place = json!({ "location": "northeurope" }).to_string();
    for (form, body) in forms(&place) {
        let request = server.bare("PATCH", "/admin/v1/accounts/default").header("Ocp-Apim-Subscription-Key", OPERATOR);
        assert_eq!(send(request, "application/json", body).status, 200, "{form}");
    }
    for (form, body) in forms(&token) {
        let answer = send(server.request("POST", "/sts/v1.0/issueLimitedAccessToken"), "application/json", body);
        assert_eq!(answer.status, 200, "{form}: {answer:?}");
    }

    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let mut alone = utf16("{\"name\": \"x");
    alone.extend([0x00, 0xd8]);
    alone.extend(utf16("\"}"));
    let long = format!("{{\"name\": \"x\", \"more\": \"{}\"}}", "y".repeat(300_000));
    let refused: [(&str, Vec<u8>, &str); 7] = [
        ("Latin-1", b"{\"name\": \"Gr\xfcn\"}".to_vec(), "not valid UTF-8"),
        ("a surrogate alone", alone, "not valid UTF-16"),
        ("an escaped surrogate alone", br#"{"name": "\ud800"}"#.to_vec(), "JSON parsing error"),
        ("cut within a character", [utf16("{}"), vec![b' ']].concat(), "ends within a character"),
        ("two marks", b"\xef\xbb\xbf\xef\xbb\xbf{}".to_vec(), "JSON parsing error"),
        ("too long", long.clone().into_bytes(), "larger than any JSON"),
        (
            "too long once it is UTF-8",
            long.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            "larger than any JSON",
        ),
    ];
    for (name, body, expected) in refused {
        let answer = send(server.request("PATCH", "persongroups/g"), "application/json", body);
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert!(
            (answer.status, answer.code()) == (400, "BadArgument") && message.contains(expected),
            "{name}: {answer:?}"
        );
    }
    // As UTF-32 it is four times as long on the way, and no longer than allowed.
    let fits = format!("{{\"name\": \"g\", \"more\": \"{}\"}}", "y".repeat(200_000));
    let fits = fits.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    assert_eq!(send(server.request("PATCH", "persongroups/g"), "application/json", fits).status, 200);
}

/// A server of pictures: answers each path as it is set up, and records what was requested.
struct Elsewhere {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Elsewhere {
    fn new(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                noted.lock().expect("nobody panics").push(path.clone());
                drop(stream.write_all(&answer(&path)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("nobody panics"))
    }
}

fn server_that_fetches() -> TestServer {
    TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1")])
}

fn detect(server: &TestServer, url: &str) -> Answer {
    server.json("POST", "detect?returnFaceId=false", &json!({ "url": url }))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn what_comes_compressed_unasked_is_unpacked() {
    let server = server_that_fetches();
    let photo = demo(1);
    let bomb = gzip(&vec![0; 100_000_000]);
    let packed: Vec<(&str, Vec<u8>, u16, &str, &str)> = vec![
        ("gzip", gzip(&photo), 200, "", ""),
        ("GZIP", gzip(&photo), 200, "", ""),
        ("x-gzip", gzip(&photo), 200, "", ""),
        ("deflate", zlib(&photo), 200, "", ""),
        ("Deflate", deflate(&photo), 200, "", ""),
        ("identity", photo.clone(), 200, "", ""),
        ("gzip, deflate", zlib(&gzip(&photo)), 200, "", ""),
        ("deflate, identity, gzip", gzip(&deflate(&photo)), 200, "", ""),
        ("zstd", photo.clone(), 400, "InvalidURL", "gzip, deflate and br are"),
        ("gzip", photo.clone(), 400, "InvalidURL", "damaged or incomplete"),
        ("gzip", gzip(&photo)[..5000].to_vec(), 400, "InvalidURL", "damaged or incomplete"),
        ("br", photo.clone(), 400, "InvalidURL", "damaged or incomplete"),
        ("gzip", bomb.clone(), 400, "InvalidImageSize", "too big"),
        ("gzip, gzip", gzip(&bomb), 400, "InvalidImageSize", "too big"),
        ("gzip,gzip,gzip,gzip,gzip", photo, 400, "InvalidURL", "not read here"),
    ];
    let answers: Vec<Vec<u8>> = packed
        .iter()
        .map(|(name, body, ..)| answer("200 OK", &format!("Content-Encoding: {name}\r\n"), body))
        .collect();
    let elsewhere = Elsewhere::new(move |path| answers[path[1..].parse::<usize>().expect("a number")].clone());
    for (number, (name, _, status, code, text)) in packed.iter().enumerate() {
        let answer = detect(&server, &format!("{}/{number}", elsewhere.address));
        assert_eq!((answer.status, answer.code()), (*status, *code), "{name}: {answer:?}");
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(text), "{name}: {message}");
        assert!(*status == 400 || answer.body.as_array().map(Vec::len) == Some(3), "{name}: {answer:?}");
    }
}

#[test]
fn redirects_lead_where_they_say() {
    let server = server_that_fetches();
    let photo = demo(1);
    let elsewhere = Elsewhere::new(move |path| {
        let to = |status: &str, location: &[u8]| {
            let mut bytes =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ").into_bytes();
            bytes.extend(location);
            bytes.extend(b"\r\n\r\n");
            bytes
        };
        match path.strip_prefix("/hop/").and_then(|left| left.parse::<u32>().ok()) {
            Some(0) => return answer("200 OK", "", &photo),
            Some(left) => return to("302 Found", format!("/hop/{}", left - 1).as_bytes()),
            None => {}
        }
        match path {
            "/utf8" => to("302 Found", "/bilder/grün.jpg".as_bytes()),
            "/latin1" => to("301 Moved Permanently", b"/bilder/gr\xfcn.jpg"),
            "/spaces" => to("303 See Other", b"/two words.jpg?a b"),
            "/relative/x" => to("307 Temporary Redirect", b"../photo.jpg#top"),
            "/query" => to("308 Permanent Redirect", b"?really"),
            "/bilder/gr%C3%BCn.jpg"
            | "/bilder/gr%FCn.jpg"
            | "/two%20words.jpg?a%20b"
            | "/photo.jpg"
            | "/query?really" => answer("200 OK", "", &photo),
            "/loop" => to("302 Found", b"/loop"),
            "/nowhere" => answer("302 Found", "", b""),
            "/empty" => to("302 Found", b""),
            "/choice" => to("300 Multiple Choices", b"/photo.jpg"),
            "/file" => to("302 Found", b"file:///etc/hosts"),
            "/odd" => to("302 Found", b"http://["),
            "/gone" => to("302 Found", b"/missing"),
            "/closed" => to("302 Found", b"http://127.0.0.1:1/"),
            _ => answer("404 Not Found", "", b"no"),
        }
    });
    let good = [
        ("/utf8", "/bilder/gr%C3%BCn.jpg"),
        ("/latin1", "/bilder/gr%FCn.jpg"),
        ("/spaces", "/two%20words.jpg?a%20b"),
        ("/relative/x", "/photo.jpg"),
        ("/query", "/query?really"),
        ("/hop/5", "/hop/0"),
    ];
    for (path, last) in good {
        let found = detect(&server, &format!("{}{path}", elsewhere.address));
        assert_eq!(found.status, 200, "{path}: {found:?}");
        assert_eq!(elsewhere.asked().last().map(String::as_str), Some(last), "{path}");
    }
    // What a server did is said of that server, never of the address that the caller gave.
    let bad = [
        ("/hop/6", "redirects once more after 5 redirects"),
        ("/loop", "redirects once more after 5 redirects"),
        ("/nowhere", "answered 302, a redirect, but does not say where to"),
        ("/empty", "answered 302, a redirect, but does not say where to"),
        ("/choice", "answered 300"),
        ("/file", "redirects to something that is no http or https address"),
        ("/odd", "redirects to something that is no http or https address"),
        ("/gone", "answered 404"),
        ("/closed", "cannot be reached"),
        ("/else", "answered 404"),
    ];
    for (path, expected) in bad {
        let answer = detect(&server, &format!("{}{path}", elsewhere.address));
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!((answer.status, answer.code()), (400, "InvalidURL"), "{path}: {answer:?}");
        assert!(message.contains(&format!("the server 127.0.0.1 {expected}")), "{path}: {message}");
        assert!(!message.contains("Invalid image URL"), "{path}: {message}");
    }
    for wrong in ["photo.jpg", "ftp://127.0.0.1/x", "http://["] {
        let message = detect(&server, wrong).body["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with("Invalid image URL"), "{wrong}: {message}");
    }
}

#[test]
fn the_management_api_takes_what_its_description_names() {
    let server = TestServer::new();
    let call = |method: &str, path: &str, body: &[u8]| {
        let request = server.bare(method, &format!("/admin/v1/{path}")).header("Ocp-Apim-Subscription-Key", OPERATOR);
        let answer = Answer::of(request.body(body.to_vec()));
        (answer.status, answer.body["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let hash = "0".repeat(64);
    let good = [
        "accounts/default/audit?from=2024-01-01T00:00:00%2B05:30&to=2100-01-01&after=&action=",
        "accounts/default/usage?from=&to=2100-01-01T00:00:00-02:00",
        "accounts/default/tokens/report?events=True&from=2024-02-29",
        &format!("accounts/default/audit/verify?known={hash}"),
        "accounts/default/audit/verify?known=",
    ];
    for path in good {
        assert_eq!(call("GET", path, b""), (200, String::new()), "{path}");
    }
    let bad = [
        ("accounts/default/audit?from=2024-01-01T00:00:00", "from must be a time"),
        ("accounts/default/audit?from=2024-01-01T00:00:00%2B24:00", "from must be a time"),
        ("accounts/default/usage?to=yesterday", "to must be a date"),
        ("accounts/default/tokens/report?events=perhaps", "events must be true or false"),
        ("accounts/default/audit/verify?known=null", "known must be a link"),
        (&format!("accounts/default/audit/verify?known={}", "g".repeat(64)), "known must be a link"),
    ];
    for (path, expected) in bad {
        let (status, message) = call("GET", path, b"");
        assert!(status == 400 && message.contains(expected), "{path}: {status} {message}");
    }
    let (status, message) = call("PATCH", "accounts/default", b"\xff\xfe{\0\x00\xd8}\0");
    assert!(status == 400 && message.contains("UTF-16"), "{status} {message}");

    // A name that two have names neither.
    server.cli(&["accounts", "add", "twin", "--group", "one"]);
    server.cli(&["accounts", "add", "twin", "--group", "two"]);
    let (status, message) = call("GET", "accounts/twin", b"");
    assert!(status == 409 && message.contains("several accounts are called twin"), "{status} {message}");
}

#[test]
fn changes_of_nothing_are_refused_where_the_contract_refuses_them() {
    let server = TestServer::new();
    for (container, refuses) in
        [("facelists", false), ("largefacelists", true), ("persongroups", false), ("largepersongroups", true)]
    {
        let path = format!("{container}/c");
        assert_eq!(
            server.json("PUT", &path, &json!({ "name": "c", "userData": null, "recognitionModel": null })).status,
            200
        );
        for nothing in [json!({}), json!({ "name": null, "userData": null }), json!({ "unknown": 1 })] {
            let answer = server.json("PATCH", &path, &nothing);
            let expected = if refuses { (400, "BadArgument") } else { (200, "") };
            assert_eq!((answer.status, answer.code()), expected, "{container} {nothing}: {answer:?}");
        }
        assert_eq!(server.json("PATCH", &path, &json!({ "name": null, "userData": "" })).status, 200, "{container}");
    }
    // A whole number may be written as JSON writes any number.
    let body = |most: &Value| json!({ "faceIds": [server.account()], "personGroupId": "c", "maxNumOfCandidatesReturned": most });
    assert_eq!(server.json("POST", "identify", &body(&json!(2.0))).code(), "FaceNotFound");
    for wrong in [json!(2.5), json!(1e300), json!(0.0), json!("2")] {
        assert_eq!(server.json("POST", "identify", &body(&wrong)).code(), "BadArgument", "{wrong}");
    }
}
