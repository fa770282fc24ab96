//! `POST /sts/v1.0/issueToken`: ten minutes in exchange for a key, and no longer than the key lives.

use crate::clock::Clock;
use crate::oidc::{self, Provider, call, outcome};
use crate::server::{Answer, KEY1, KEY2, TestServer};
use crate::stores::TestStore;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const ISSUE: &str = "/sts/v1.0/issueToken";

fn issue(server: &TestServer, key: &str) -> String {
    let answer = Answer::of(server.bare("POST", ISSUE).header("Ocp-Apim-Subscription-Key", key));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")), "{answer:?}");
    answer.body.as_str().expect("the token alone").to_owned()
}

/// Status and code of a question with a token.
fn asks(server: &TestServer, token: &str) -> (u16, String) {
    let answer = call(server, token, "GET", "facelists");
    let (status, code) = outcome(&answer);
    (status, code.to_owned())
}

fn works() -> (u16, String) {
    (200, String::new())
}

fn refused() -> (u16, String) {
    (401, "Unauthorized".to_owned())
}

#[test]
fn a_token_does_what_its_key_does_for_ten_minutes() {
    let server = TestServer::new();
    let token = issue(&server, KEY1);
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
    };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!((parts.len(), &header["alg"]), (3, &json!("ES256")), "{header}");
    assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), 600, "{claims}");
    for key in [KEY1, KEY2] {
        assert!(!claims.to_string().contains(key), "nothing of the key is in it");
    }

    let body = json!({ "name": "n" });
    let made = Answer::to_json(oidc::by(&server, &token, "PUT", "facelists/list"), &body);
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(server.call("GET", "facelists/list").status, 200, "in the account of the key");
    assert_eq!(call(&server, &token, "DELETE", "facelists/list").status, 200);
    let trail = server.manage("GET", "accounts/default/audit", &Value::Null);
    let rows = trail.body.as_array().expect("rows");
    assert_eq!(rows.iter().filter(|row| row["actor"] == "issued token").count(), 2, "{trail:?}");

    // In the query, in other letters, with a slash at the end.
    let in_query = Answer::of(server.bare("POST", &format!("{ISSUE}?subscription-key={KEY2}")));
    assert_eq!(in_query.status, 200, "{in_query:?}");
    let elsewhere = server.bare("POST", "/STS/v1.0/issuetoken/").header("Ocp-Apim-Subscription-Key", KEY1);
    assert_eq!(Answer::of(elsewhere).status, 200);
}

#[test]
fn ten_minutes_are_ten_minutes() {
    let clock = Clock::new();
    let ahead = |seconds: i64| clock.set(seconds * 1_000);
    let server = TestServer::with(&[clock.setting()]);
    let token = issue(&server, KEY1);
    ahead(590);
    assert_eq!(asks(&server, &token), works());
    ahead(602);
    assert_eq!(asks(&server, &token), refused());
    assert_eq!(asks(&server, &issue(&server, KEY1)), works());
}

#[test]
fn only_a_key_gets_a_token() {
    let people = json!({ "ada": {} });
    let Some(provider) = Provider::start("only_a_key_gets_a_token", &people) else { return };
    let (server, _settings) = oidc::server_with(&provider.trusted(60));
    oidc::assign(&server, "default", &provider, &oidc::subject("ada"), "User");
    let ada = provider.token("ada");
    assert_eq!(asks(&server, &ada), works());
    let issued = issue(&server, KEY1);
    for (who, token) in [("a person", &ada), ("a token that was issued", &issued)] {
        let answer = call(&server, token, "POST", ISSUE);
        assert_eq!(answer.status, 401, "{who}: {answer:?}");
    }
    assert_eq!(outcome(&Answer::of(server.bare("POST", ISSUE))), (401, "401"));
    let wrong = server.bare("POST", ISSUE).header("Ocp-Apim-Subscription-Key", "a key that nobody has");
    assert_eq!(outcome(&Answer::of(wrong)), (401, "401"));
    assert_eq!(outcome(&server.call("GET", ISSUE)), (404, "404"));
    assert_eq!(outcome(&server.call("POST", "/sts/v1.0/issueTokens")), (404, "404"));
}

#[test]
fn a_token_ends_with_its_key_and_not_with_the_other() {
    let server = TestServer::new();
    let mut keys = [KEY1.to_owned(), KEY2.to_owned()];
    for (dies, lives) in [(0, 1), (1, 0)] {
        let tokens = keys.each_ref().map(|key| issue(&server, key));
        assert_eq!(tokens.each_ref().map(|token| asks(&server, token)), [works(), works()]);
        let named = format!("Key{}", dies + 1);
        let answer = server.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": named }));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(asks(&server, &tokens[dies]), refused(), "{named} is dead when the call returns");
        assert_eq!(asks(&server, &tokens[lives]), works());
        keys = [answer.id("key1"), answer.id("key2")];
        assert_eq!(asks(&server, &issue(&server, &keys[dies])), works(), "the new key gets tokens of its own");
        assert_eq!(asks(&server, &tokens[dies]), refused(), "and does not bring the old ones back");
    }
}

#[test]
fn a_token_opens_its_own_account_and_no_other() {
    let server = TestServer::new();
    oidc::name_first(&server);
    let second = server.another(&["second", "--subdomain", "second", "--approve", "everything"]);
    let tokens = [issue(&server, KEY1), issue(&server, &second.keys[0])];
    let list = json!({ "name": "n" });
    assert_eq!(second.json("PUT", "facelists/theirs", &list).status, 200);
    // Whose a token is it says itself, so it needs no address.
    assert_eq!(call(&server, &tokens[0], "GET", "facelists").body, json!([]));
    assert_eq!(call(&server, &tokens[1], "GET", "facelists").body[0]["faceListId"], "theirs");
    for (place, opens) in [("first", 0), ("second", 1)] {
        for (index, token) in tokens.iter().enumerate() {
            let expected = if index == opens { (200, "") } else { (401, "Unauthorized") };
            let answer = call(&server, token, "GET", &format!("/accounts/{place}/face/v1.0/facelists"));
            assert_eq!(outcome(&answer), expected, "{place} {index}");
        }
    }
    // A token for a key is no more than a key where accounts are managed.
    for (method, path, status) in [
        ("GET", "/admin/v1/me", 200),
        ("GET", "/admin/v1/accounts/second", 200),
        ("GET", "/admin/v1/accounts/default", 403),
        ("POST", "/admin/v1/accounts/second/listKeys", 403),
        ("GET", "/admin/v1/accounts", 403),
    ] {
        assert_eq!(call(&server, &tokens[1], method, path).status, status, "{method} {path}");
    }
    server.cli(&["accounts", "close", "second", "--grace-days", "1"]);
    assert_eq!(asks(&server, &tokens[1]), refused(), "a closed account is closed to its tokens");
    assert_eq!(asks(&server, &tokens[0]), works());
}

#[test]
fn a_token_outlives_a_restart_and_a_new_signing_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = TestServer::over(folder.path(), &[]);
    let before = issue(&server, KEY1);
    let key_id = |token: &str| token.split('.').next().map(str::to_owned);
    let mut after = before.clone();
    // All within a second or two: the newest is found by more than its date.
    for _ in 0..5 {
        assert_eq!(server.manage("POST", "signingKeys/rotate", &Value::Null).status, 200);
        let last = std::mem::replace(&mut after, issue(&server, KEY1));
        assert_ne!(key_id(&last), key_id(&after), "signed with another key");
    }
    assert_eq!([asks(&server, &before), asks(&server, &after)], [works(), works()]);
    server.stop();
    let server = TestServer::over(folder.path(), &[]);
    assert_eq!([asks(&server, &before), asks(&server, &after)], [works(), works()]);
}

#[test]
fn a_token_of_one_node_counts_on_another_and_ends_there_too() {
    let Some(store) = TestStore::database("a_token_of_one_node_counts_on_another_and_ends_there_too") else { return };
    let [one, two] = [0, 1].map(|_| store.server(&[]));
    let tokens = [issue(&one, KEY1), issue(&two, KEY2)];
    let both = |server: &TestServer| tokens.each_ref().map(|token| asks(server, token));
    assert_eq!([both(&one), both(&two)], [[works(), works()], [works(), works()]]);
    assert_eq!(one.manage("POST", "signingKeys/rotate", &Value::Null).status, 200);
    assert_eq!(asks(&two, &issue(&one, KEY1)), works(), "signed with a key that is new");
    let answer = one.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": "Key1" }));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!([both(&two), both(&one)], [[refused(), works()], [refused(), works()]]);
}

#[test]
fn what_closes_keys_out_closes_out_their_tokens() {
    let server = TestServer::new();
    oidc::name_first(&server);
    let token = issue(&server, KEY1);
    assert_eq!(asks(&server, &token), works());
    let managed = |server: &TestServer| {
        let answers = [
            call(server, &token, "GET", "/admin/v1/accounts/default"),
            Answer::of(server.request("GET", "/admin/v1/accounts/default")),
        ];
        answers.map(|answer| (answer.status, answer.code().to_owned()))
    };
    let both = |status, code: &str| [(status, code.to_owned()), (status, code.to_owned())];
    assert_eq!(managed(&server), both(200, ""));

    server.cli(&["accounts", "set", "first", "--local-auth", "off"]);
    assert_eq!(asks(&server, &token), (403, "AuthenticationTypeDisabled".to_owned()));
    assert_eq!(outcome(&server.call("POST", ISSUE)), (403, "AuthenticationTypeDisabled"));
    assert_eq!(managed(&server), both(403, "KeysDisabled"));

    server.cli(&["accounts", "set", "first", "--local-auth", "on", "--allow", "10.0.0.0/8"]);
    assert_eq!(asks(&server, &token), (403, "403".to_owned()));
    assert_eq!(outcome(&server.call("POST", ISSUE)), (403, "403"));
    assert_eq!(managed(&server), both(403, "NetworkDenied"));

    server.cli(&["accounts", "set", "first", "--allow", "everybody"]);
    assert_eq!(asks(&server, &token), works());
    assert_eq!(managed(&server), both(200, ""));
}
