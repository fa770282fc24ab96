//! The management API for people: which call which role opens, in an account and in all of them.

use crate::server::{Answer, House, KEY1};
use crate::oidc::{Provider, assign, by, call, house_with, role, subject};
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
fn staffed(test: &str) -> Option<(House, Provider, tempfile::TempDir)> {
    let provider = Provider::start(test, &people())?;
    let (house, settings) = house_with(&provider.trusted(60));
    house.another(&["second", "--subdomain", "second"]);
    for (name, _) in ROLES {
        assign(&house, "default", &provider, &subject(name), name);
        assign(&house, "", &provider, &subject(&format!("{name}-of-all")), name);
    }
    Some((house, provider, settings))
}

/// The status of a call that says nothing that can be read, so that whoever may make it changes nothing.
fn status(house: &House, token: &str, row: &str, account: &str) -> u16 {
    let (method, path) = row.split_once(' ').expect("method and path");
    let path = path.replacen("accounts/{}", &format!("accounts/{account}"), 1);
    let path = path.replace("{}", "4f8a1f0e-2f51-4d55-8f0a-3f2f4f5f6f7f");
    Answer::of(by(house, token, method, &format!("/admin/v1/{path}")).body("-")).status
}

#[test]
fn every_call_for_every_role() {
    let Some((house, provider, _settings)) = staffed("every_call_for_every_role") else { return };
    let listed = house.manage("GET", "", &Value::Null);
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
            check(name, row, "default", status(&house, &token, row, "default"), may);
            check(name, row, "second", status(&house, &token, row, "second"), is_for_known);
            let manages = ['O', 'C'].contains(letter)
                && !OF_PEOPLE.contains(row)
                && (*letter == 'O' || !OWNERS_OF_ALL.contains(row));
            for account in ["default", "second"] {
                let status = status(&house, &of_all, row, account);
                check(&format!("{name} of all"), row, account, status, may || manages);
            }
        }
    }
    let nobody = provider.token("nobody");
    for (row, letters) in CALLS {
        check("nobody", row, "default", status(&house, &nobody, row, "default"), *letters == "*");
        // Whoever may not look is not told what is there.
        check("nobody", row, "missing", status(&house, &nobody, row, "missing"), *letters == "*");
        let (method, path) = row.split_once(' ').expect("method and path");
        for account in ["default", "second"] {
            let path = path.replacen("accounts/{}", &format!("accounts/{account}"), 1).replace("{}", "x");
            let request = house.request(method, &format!("/admin/v1/{path}")).body("-");
            let may = *letters == "*" || (letters.contains('K') && account == "default");
            check("a key of the first", row, account, Answer::of(request).status, may);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_owner_of_all_manages_by_token() {
    let Some((house, provider, _settings)) = staffed("an_owner_of_all_manages_by_token") else { return };
    let owner = provider.token("owner-of-all");
    let send = |token: &str, method: &str, path: &str, body: &Value| {
        Answer::to_json(by(&house, token, method, &format!("/admin/v1/{path}")), body)
    };
    let me = call(&house, &owner, "GET", "/admin/v1/me").body;
    assert_eq!((&me["kind"], &me["isOperator"]), (&json!("person"), &json!(true)), "{me}");
    assert_eq!(me["accounts"].as_array().map(Vec::len), Some(2), "{me}");
    let made = send(&owner, "POST", "accounts", &json!({ "name": "third" }));
    assert_eq!(made.status, 201, "{made:?}");
    let key = made.body["keys"]["key1"].as_str().expect("a key").to_owned();
    let opened = house.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key);
    assert_eq!(Answer::of(opened).status, 200, "it works at once");

    let reader = role(&provider, &subject("nobody"), "data-reader");
    let given = send(&owner, "POST", "accounts/third/roles", &reader);
    assert_eq!(given.status, 201, "{given:?}");
    let nobody = provider.token("nobody");
    let list = "/accounts/third/face/v1.0/facelists";
    assert_eq!(call(&house, &nobody, "GET", list).status, 200);
    let taken = format!("/admin/v1/accounts/third/roles/{}", given.id("id"));
    assert_eq!(call(&house, &owner, "DELETE", &taken).status, 204);
    assert_eq!(call(&house, &nobody, "GET", list).status, 401);
    // As in Azure: whoever manages reaches data through the keys.
    assert_eq!(call(&house, &owner, "GET", list).code(), "PermissionDenied");

    let trail = house.manage("GET", "accounts/third/audit", &Value::Null);
    let rows = trail.body.as_array().expect("rows");
    assert!(rows.iter().any(|row| row["actor"] == "principal owner-of-all"), "{trail:?}");

    let me = call(&house, &provider.token("user"), "GET", "/admin/v1/me").body;
    let seen = &me["accounts"];
    assert_eq!((&me["isOperator"], seen.as_array().map(Vec::len)), (&json!(false), Some(1)), "{me}");
    let rights = ["mayManage", "mayAssignRoles", "mayListKeys"].map(|right| seen[0][right] == true);
    assert_eq!(rights, [false, false, true], "{me}");
    let keys = send(&provider.token("user"), "POST", "accounts/default/listKeys", &json!({}));
    assert_eq!(keys.body["key1"], KEY1);
    let me = call(&house, &provider.token("nobody"), "GET", "/admin/v1/me").body;
    assert_eq!((&me["isOperator"], &me["accounts"]), (&json!(false), &json!([])), "{me}");
}

#[test]
fn a_contributor_makes_nobody_an_owner() {
    let Some((house, provider, _settings)) = staffed("a_contributor_makes_nobody_an_owner") else { return };
    let before = house.manage("GET", "roles", &Value::Null).body;
    for who in ["contributor-of-all", "contributor", "user-of-all", "owner"] {
        let token = provider.token(who);
        let wish = role(&provider, &subject(who), "owner");
        let answer = Answer::to_json(by(&house, &token, "POST", "/admin/v1/roles"), &wish);
        assert_eq!((answer.status, answer.code()), (403, "Forbidden"), "{who}");
        let answer = Answer::to_json(by(&house, &token, "POST", "/admin/v1/accounts/second/roles"), &wish);
        assert_eq!((answer.status, answer.code()), (403, "Forbidden"), "{who}");
        for role in before.as_array().expect("roles") {
            let path = format!("/admin/v1/roles/{}", role["id"].as_str().expect("an id"));
            assert_eq!(call(&house, &token, "DELETE", &path).status, 403, "{who}");
        }
    }
    assert_eq!(house.manage("GET", "roles", &Value::Null).body, before);
    let owner = provider.token("owner-of-all");
    let made = role(&provider, &subject("nobody"), "owner");
    assert_eq!(Answer::to_json(by(&house, &owner, "POST", "/admin/v1/roles"), &made).status, 201);
}
