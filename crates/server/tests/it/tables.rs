//! What the pipeline serves, and what the descriptions say: the same rows. The tests of isolation and roles and the
//! machine that makes up calls read the descriptions, so a route that is registered cannot escape them.

use likeness::rows;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Method and address, the names of parameters left out.
type Call = (String, String);

fn without_names(address: &str) -> String {
    address
        .split('/')
        .map(|segment| if segment.starts_with('{') { "{}" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

fn described(name: &str) -> Vec<Call> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let text = std::fs::read_to_string(file).expect("the description is there");
    let document: Value = serde_json::from_str(&text).expect("the description is JSON");
    let paths = document["paths"].as_object().expect("paths");
    let calls = paths.iter().flat_map(|(path, calls)| {
        let methods = calls.as_object().expect("calls").keys();
        methods.map(|method| (method.to_ascii_uppercase(), without_names(path))).collect::<Vec<_>>()
    });
    calls.collect()
}

#[test]
fn every_registered_route_is_described_and_every_described_one_is_registered() {
    let served: BTreeSet<Call> =
        rows().iter().map(|row| (row.method.to_string(), without_names(&row.address))).collect();
    let described: BTreeSet<Call> = ["openapi.json", "openapi-admin.json"].into_iter().flat_map(described).collect();
    assert!(served.len() > 100, "{}", served.len());
    // The public keys need no credentials; they are a page.
    let keys = ("GET".to_owned(), "/.well-known/jwks.json".to_owned());
    let missing: Vec<_> = served.difference(&described).collect();
    let beyond: Vec<_> = described.difference(&served).filter(|call| **call != keys).collect();
    assert!(missing.is_empty() && beyond.is_empty(), "not described: {missing:?}; not served: {beyond:?}");
}

#[test]
fn every_row_says_who_may() {
    let mut operations = BTreeSet::new();
    for row in rows() {
        assert!(!row.rule.is_empty(), "{row:?}");
        assert!(operations.insert((row.api, row.operation)), "{row:?} twice");
    }
}
