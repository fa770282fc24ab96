//! More than one account in an installation.

use crate::server::{Answer, TestServer};
use serde_json::json;

#[test]
fn accounts_are_made_while_the_server_runs() {
    let server = TestServer::new();
    let wrong = server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", "a key that nobody has");
    assert_eq!(Answer::of(wrong).status, 401);
    let other = server.other_account();
    assert_ne!(other.id, server.account(), "the oldest account stays the default");
    for key in &other.keys {
        assert_eq!(key.len(), 64);
        let request = server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key);
        assert_eq!(Answer::of(request).status, 200, "it works at once");
    }
    assert_eq!(other.json("PUT", "facelists/theirs", &json!({ "name": "n" })).status, 200);
    assert_eq!(other.call("GET", "facelists/theirs").status, 200);
    assert_eq!(server.call("GET", "facelists").body, json!([]));
}
