//! The management API for people: which call which role opens, in an account and in all of them.

use crate::oidc::{Provider, assign, by, call, role, server_with, subject};
use crate::server::{Answer, KEY1, TestServer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every call below `/admin/v1/`, and who may make it in an account: the first letters of the roles, Owner, Contributor,
/// User, Data Reader, Face Recognizer, and `K` for a key of the account, `*` for anybody who is known. What the
/// installation decides, no role of an account opens.
const CALLS: &[(&str, &str)] = &[
    ("GET ", "*"),
    ("GET me", "*"),
    ("GET retention", "*"),
    ("GET accounts", ""),
    ("POST accounts", ""),
    ("GET accounts/{}", "OCUK"),
    ("PATCH accounts/{}", "OC"),
    ("PUT accounts/{}/approvals", ""),
    ("POST accounts/{}/close", ""),
    ("POST accounts/{}/reopen", ""),
    ("POST accounts/{}/listKeys", "OCU"),
    ("POST accounts/{}/regenerateKey", "OC"),
    ("POST accounts/{}/roles", "O"),
    ("DELETE accounts/{}/roles/{}", "O"),
    ("PUT accounts/{}/notices/{}", "OC"),
    ("GET accounts/{}/usage", "OCUK"),
    ("GET accounts/{}/audit", "OC"),
    ("GET accounts/{}/audit/verify", "OC"),
    ("GET accounts/{}/audit/export", "OC"),
    ("POST accounts/{}/persons/report", "UDK"),
    ("POST accounts/{}/persons/erase", "UK"),
    ("GET accounts/{}/liveness/sessions", "OCUK"),
    ("DELETE accounts/{}/liveness/sessions/{}", "OC"),
    ("GET accounts/{}/liveness/correlations", "OCUK"),
    ("POST accounts/{}/liveness/correlations/find", "OCUK"),
    ("POST accounts/{}/liveness/correlations/close", "OC"),
    ("POST accounts/{}/liveness/correlations/reopen", "OC"),
    ("GET accounts/{}/liveness/keys", "OCUK"),
    ("POST accounts/{}/liveness/keys/find", "OCUK"),
    ("POST accounts/{}/liveness/keys/remove", "OCK"),
    ("POST accounts/{}/vendor", ""),
    ("POST accounts/{}/tokens/revoke", "OCK"),
    ("GET accounts/{}/tokens/report", "OCK"),
    ("PUT accounts/{}/blocked", "OCK"),
    ("DELETE accounts/{}/blocked", "OCK"),
    ("GET blocked", ""),
    ("PUT blocked", ""),
    ("DELETE blocked", ""),
    ("POST roles", ""),
    ("GET roles", ""),
    ("DELETE roles/{}", ""),
    ("POST signingKeys/rotate", ""),
    ("GET recognisers", ""),
    ("GET audit", ""),
    ("GET accounts/{}/encryption", "OCUK"),
    ("PUT accounts/{}/encryption", "OC"),
    // These two take no body and are done; the second takes the first back.
    ("POST accounts/{}/encryption/disable", "OC"),
    ("POST accounts/{}/encryption/enable", "OC"),
    ("GET encryption", ""),
    ("PUT encryption", ""),
    ("POST encryption/rotate", ""),
];

/// What an owner of the whole installation may and a contributor may not: to say who else may.
const OWNERS_OF_ALL: &[&str] =
    &["POST accounts/{}/roles", "DELETE accounts/{}/roles/{}", "POST roles", "DELETE roles/{}"];

/// People's data, which managers reach through the keys alone.
const OF_PEOPLE: &[&str] = &["POST accounts/{}/persons/report", "POST accounts/{}/persons/erase"];

const ROLES: &[(&str, char)] =
    &[("owner", 'O'), ("contributor", 'C'), ("user", 'U'), ("data-reader", 'D'), ("face-recognizer", 'F')];

fn people() -> Value {
    let of = |(name, _): &(&str, char)| [(*name).to_owned(), format!("{name}-of-all")];
    let names = ROLES.iter().flat_map(of).chain(["nobody".to_owned()]);
    Value::Object(names.map(|name| (name, json!({}))).collect())
}

/// A server with an account of each role's people, and the roles of all accounts given.
fn staffed(test: &str) -> Option<(TestServer, Provider, tempfile::TempDir)> {
    let provider = Provider::start(test, &people())?;
    let (server, settings) = server_with(&provider.trusted(60));
    server.another(&["second", "--subdomain", "second"]);
    for (name, _) in ROLES {
        assign(&server, "default", &provider, &subject(name), name);
        assign(&server, "", &provider, &subject(&format!("{name}-of-all")), name);
    }
    Some((server, provider, settings))
}

/// The status of a call with an unreadable body, so that a permitted call changes nothing.
fn status(server: &TestServer, token: &str, row: &str, account: &str) -> u16 {
    let (method, path) = row.split_once(' ').expect("method and path");
    let path = path.replacen("accounts/{}", &format!("accounts/{account}"), 1);
    let path = path.replace("{}", "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f");
    Answer::of(by(server, token, method, &format!("/admin/v1/{path}")).body("-")).status
}

#[test]
fn every_call_for_every_role() {
    let Some((server, provider, _settings)) = staffed("every_call_for_every_role") else { return };
    let listed = server.manage("GET", "", &Value::Null);
    let listed: Vec<String> = listed
        .body
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            let path = row["path"].as_str().and_then(|path| path.strip_prefix("/admin/v1/")).expect("a path");
            format!("{} {path}", row["method"].as_str().expect("a method"))
        })
        .collect();
    let written: BTreeMap<&str, &str> = CALLS.iter().copied().collect();
    assert_eq!((listed.len(), CALLS.len()), (written.len(), written.len()), "each stands there once");
    for row in &listed {
        assert!(written.contains_key(row.as_str()), "{row} is not in the table above");
    }

    let mut wrong = Vec::new();
    let mut check = |who: &str, row: &str, account: &str, status: u16, may: bool| {
        let is_right = if may { ![401, 403, 500].contains(&status) } else { status == 403 };
        if !is_right {
            wrong.push(format!("{row} of {account} by {who}: {status}"));
        }
    };
    for (name, letter) in ROLES {
        let [token, of_all] = [(*name).to_owned(), format!("{name}-of-all")].map(|who| provider.token(&who));
        for (row, letters) in CALLS {
            let is_for_known = *letters == "*";
            let may = is_for_known || letters.contains(*letter);
            check(name, row, "default", status(&server, &token, row, "default"), may);
            check(name, row, "second", status(&server, &token, row, "second"), is_for_known);
            let manages = ['O', 'C'].contains(letter)
                && !OF_PEOPLE.contains(row)
                && (*letter == 'O' || !OWNERS_OF_ALL.contains(row));
            for account in ["default", "second"] {
                let status = status(&server, &of_all, row, account);
                check(&format!("{name} of all"), row, account, status, may || manages);
            }
        }
    }
    let nobody = provider.token("nobody");
    for (row, letters) in CALLS {
        check("nobody", row, "default", status(&server, &nobody, row, "default"), *letters == "*");
        // A caller without the right does not learn what exists.
        check("nobody", row, "missing", status(&server, &nobody, row, "missing"), *letters == "*");
        let (method, path) = row.split_once(' ').expect("method and path");
        for account in ["default", "second"] {
            let path = path.replacen("accounts/{}", &format!("accounts/{account}"), 1).replace("{}", "x");
            let request = server.request(method, &format!("/admin/v1/{path}")).body("-");
            let may = *letters == "*" || (letters.contains('K') && account == "default");
            check("a key of the first", row, account, Answer::of(request).status, may);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_owner_of_all_manages_by_token() {
    let Some((server, provider, _settings)) = staffed("an_owner_of_all_manages_by_token") else { return };
    let owner = provider.token("owner-of-all");
    let send = |token: &str, method: &str, path: &str, body: &Value| {
        Answer::to_json(by(&server, token, method, &format!("/admin/v1/{path}")), body)
    };
    let me = call(&server, &owner, "GET", "/admin/v1/me").body;
    assert_eq!((&me["kind"], &me["isOperator"]), (&json!("person"), &json!(true)), "{me}");
    assert_eq!(me["accounts"].as_array().map(Vec::len), Some(2), "{me}");
    let made = send(&owner, "POST", "accounts", &json!({ "name": "third" }));
    assert_eq!(made.status, 201, "{made:?}");
    let key = made.body["keys"]["key1"].as_str().expect("a key").to_owned();
    let opened = server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key);
    assert_eq!(Answer::of(opened).status, 200, "it works at once");

    let reader = role(&provider, &subject("nobody"), "data-reader");
    let given = send(&owner, "POST", "accounts/third/roles", &reader);
    assert_eq!(given.status, 201, "{given:?}");
    let nobody = provider.token("nobody");
    let list = "/accounts/third/face/v1.0/facelists";
    assert_eq!(call(&server, &nobody, "GET", list).status, 200);
    let taken = format!("/admin/v1/accounts/third/roles/{}", given.id("id"));
    assert_eq!(call(&server, &owner, "DELETE", &taken).status, 204);
    assert_eq!(call(&server, &nobody, "GET", list).status, 401);
    // As in Azure: managers reach data through the keys.
    assert_eq!(call(&server, &owner, "GET", list).code(), "PermissionDenied");

    let trail = server.manage("GET", "accounts/third/audit", &Value::Null);
    let rows = trail.body.as_array().expect("rows");
    assert!(rows.iter().any(|row| row["actor"] == "principal owner-of-all"), "{trail:?}");

    let me = call(&server, &provider.token("user"), "GET", "/admin/v1/me").body;
    let seen = &me["accounts"];
    assert_eq!((&me["isOperator"], seen.as_array().map(Vec::len)), (&json!(false), Some(1)), "{me}");
    let rights = ["mayManage", "mayAssignRoles", "mayListKeys"].map(|right| seen[0][right] == true);
    assert_eq!(rights, [false, false, true], "{me}");
    let keys = send(&provider.token("user"), "POST", "accounts/default/listKeys", &json!({}));
    assert_eq!(keys.body["key1"], KEY1);
    let me = call(&server, &provider.token("nobody"), "GET", "/admin/v1/me").body;
    assert_eq!((&me["isOperator"], &me["accounts"]), (&json!(false), &json!([])), "{me}");
}

#[test]
fn a_contributor_makes_nobody_an_owner() {
    let Some((server, provider, _settings)) = staffed("a_contributor_makes_nobody_an_owner") else { return };
    let before = server.manage("GET", "roles", &Value::Null).body;
    for who in ["contributor-of-all", "contributor", "user-of-all", "owner"] {
        let token = provider.token(who);
        let wish = role(&provider, &subject(who), "owner");
        let answer = Answer::to_json(by(&server, &token, "POST", "/admin/v1/roles"), &wish);
        assert_eq!((answer.status, answer.code()), (403, "Forbidden"), "{who}");
        let answer = Answer::to_json(by(&server, &token, "POST", "/admin/v1/accounts/second/roles"), &wish);
        assert_eq!((answer.status, answer.code()), (403, "Forbidden"), "{who}");
        for role in before.as_array().expect("roles") {
            let path = format!("/admin/v1/roles/{}", role["id"].as_str().expect("an id"));
            assert_eq!(call(&server, &token, "DELETE", &path).status, 403, "{who}");
        }
    }
    assert_eq!(server.manage("GET", "roles", &Value::Null).body, before);
    let owner = provider.token("owner-of-all");
    let made = role(&provider, &subject("nobody"), "owner");
    assert_eq!(Answer::to_json(by(&server, &owner, "POST", "/admin/v1/roles"), &made).status, 201);
}
