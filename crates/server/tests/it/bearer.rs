//! Bearer tokens of identity providers: whose count, for how long, where, and what roles follow from them. What each role
//! may do is in `roles`.

use crate::clock::Clock;
use crate::oidc::{
    AUDIENCE, Provider, assign, by, call, name_first, outcome, role, server_by, server_with, settings_file, subject,
};
use crate::server::{Answer, KEY1, KEY2, TestServer};
use crate::stores::TestStore;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::time::Duration;

const REFUSED: (u16, &str) = (401, "Unauthorized");
const NO_RIGHT: (u16, &str) = (401, "PermissionDenied");
const FINE: (u16, &str) = (200, "");

/// A question that needs a role.
fn asks(server: &TestServer, token: &str) -> (u16, String) {
    let answer = call(server, token, "GET", "facelists");
    let (status, code) = outcome(&answer);
    (status, code.to_owned())
}

fn is(expected: (u16, &str)) -> (u16, String) {
    (expected.0, expected.1.to_owned())
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

/// Header, claims and signature.
fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

#[test]
fn a_role_opens_its_account_at_the_account_s_address_alone() {
    let people = json!({ "ada": { "claims": { "oid": "object-ada" } } });
    let Some(provider) = Provider::start("a_role_opens_its_account_at_the_account_s_address_alone", &people) else {
        return;
    };
    let (server, _settings) = server_with(&provider.trusted(60));
    name_first(&server);
    assign(&server, "first", &provider, &subject("object-ada"), "user");
    let ada = provider.token("ada");
    assert_eq!(asks(&server, &ada), is(FINE), "where there is one account it needs no address");
    let list = json!({ "name": "n" });
    assert_eq!(Answer::to_json(by(&server, &ada, "PUT", "facelists/list"), &list).status, 200);

    let second = server.another(&["second", "--subdomain", "second", "--approve", "everything"]);
    let port = server.address.rsplit(':').next().expect("a port");
    let at = |host: &str, path: &str| {
        let answer = Answer::of(by(&server, &ada, "GET", path).header("Host", host));
        let (status, code) = outcome(&answer);
        (status, code.to_owned())
    };
    let here = "127.0.0.1";
    for (host, path, expected) in [
        (here, "/accounts/first/face/v1.0/facelists/list", FINE),
        (here, "/ACCOUNTS/First/face/v1.0/facelists/list", FINE),
        ("first.localhost", "/face/v1.0/facelists/list", FINE),
        (&format!("FIRST.localhost:{port}"), "/face/v1.0/facelists/list", FINE),
        // Somebody, but nobody there.
        (here, "/accounts/second/face/v1.0/facelists", NO_RIGHT),
        ("second.localhost", "/face/v1.0/facelists", NO_RIGHT),
        ("first.localhost", "/accounts/second/face/v1.0/facelists", NO_RIGHT),
        // Not even a question to an account.
        (here, "/face/v1.0/facelists", REFUSED),
        ("localhost", "/face/v1.0/facelists", REFUSED),
        ("a.first.localhost", "/face/v1.0/facelists", REFUSED),
        ("first.example.org", "/face/v1.0/facelists", REFUSED),
    ] {
        assert_eq!(at(host, path), is(expected), "{host}{path}");
    }
    let (status, _) = at(here, "/accounts/third/face/v1.0/facelists");
    assert_eq!(status, 401, "an account that is not there");

    assign(&server, "second", &provider, &subject("object-ada"), "data-reader");
    assert_eq!(at("second.localhost", "/face/v1.0/facelists"), is(FINE));
    let theirs = "/accounts/second/face/v1.0/facelists/list";
    assert_eq!(outcome(&call(&server, &ada, "GET", theirs)), (404, "FaceListNotFound"), "it is in the first");
    let written = Answer::to_json(by(&server, &ada, "PUT", theirs), &list);
    assert_eq!(outcome(&written), NO_RIGHT, "the role of one account is none in another");
    assert_eq!(second.call("GET", "facelists").body, json!([]));

    // The audit log names who it was, by the id the provider has for them.
    let trail = server.manage("GET", "accounts/first/audit?top=1000", &Value::Null);
    let rows = trail.body.as_array().expect("rows");
    let by_ada = rows.iter().filter(|row| row["actor"] == "principal object-ada");
    assert_eq!(by_ada.count(), 1, "{trail:?}");
}

#[test]
fn tokens_that_do_not_count() {
    let people = json!({ "ada": { "claims": { "roles": ["Face.All"] } } });
    let test = "tokens_that_do_not_count";
    let Some(provider) = Provider::start(test, &people) else { return };
    let Some(stranger) = Provider::start(test, &people) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    assign(&server, "default", &provider, &json!({ "appRole": "Face.All" }), "user");
    // Managing knows people by the same tokens.
    assign(&server, "", &provider, &subject("ada"), "owner");
    let good = provider.token("ada");
    assert_eq!(asks(&server, &good), is(FINE));
    assert_eq!(asks(&server, &provider.token_for("ada", "api://likeness")), is(FINE), "the other audience");

    let [header, claims, signature] = parts(&good);
    let with_header = |change: &dyn Fn(&mut Value)| {
        let mut header = decoded(header);
        change(&mut header);
        encoded(header.to_string())
    };
    let none = |name: &str| format!("{}.{claims}.", with_header(&|header| header["alg"] = json!(name)));
    let hmac = |secret: &[u8]| {
        let message = format!("{}.{claims}", with_header(&|header| header["alg"] = json!("HS256")));
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).expect("any length");
        mac.update(message.as_bytes());
        format!("{message}.{}", encoded(mac.finalize().into_bytes()))
    };
    let pem = provider.pem();
    let keys = provider.published();
    let modulus = keys["keys"][0]["n"].as_str().expect("an RSA key");
    let mut promoted = decoded(claims);
    promoted["roles"] = json!(["Face.All", "Owner"]);
    let mut other_issuer = decoded(claims);
    other_issuer["iss"] = json!(stranger.issuer);
    let mut twice = decoded(claims).to_string();
    twice.insert_str(1, &format!("\"aud\":\"{AUDIENCE}\","));
    let foreign = stranger.token("ada");
    let [foreign_header, _, foreign_signature] = parts(&foreign);
    let known_id = decoded(header)["kid"].clone();
    let mut borrowed = decoded(foreign_header);
    borrowed["kid"] = known_id;
    let long = "a".repeat(20_000);

    let cases: Vec<(&str, String)> = vec![
        ("another audience", provider.token_for("ada", "https://graph.example.org")),
        ("the audience with a slash", provider.token_for("ada", &format!("{AUDIENCE}/"))),
        ("an issuer that nobody trusts", foreign.clone()),
        ("one's claims under another's signature", format!("{foreign_header}.{claims}.{foreign_signature}")),
        (
            "the same, with the id of the right key",
            format!("{}.{claims}.{foreign_signature}", encoded(borrowed.to_string())),
        ),
        ("another issuer's name", format!("{header}.{}.{signature}", encoded(other_issuer.to_string()))),
        ("nothing", String::new()),
        ("garbage", "garbage".to_owned()),
        ("two dots", "..".to_owned()),
        ("three words", "a.b.c".to_owned()),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{good}.{signature}")),
        ("no signature", format!("{header}.{claims}.")),
        ("another signature", format!("{header}.{claims}.{}", encoded([7; 256]))),
        ("claims that were changed", format!("{header}.{}.{signature}", encoded(promoted.to_string()))),
        ("a claim that stands there twice", format!("{header}.{}.{signature}", encoded(twice))),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg NONE with a signature", format!("{}{signature}", none("NONE"))),
        ("the public key as a secret", hmac(pem.as_bytes())),
        ("the same without its last line end", hmac(pem.trim_end().as_bytes())),
        ("the modulus as a secret", hmac(&BASE64_URL_SAFE_NO_PAD.decode(modulus).expect("base64"))),
        ("the published key as a secret", hmac(keys["keys"][0].to_string().as_bytes())),
        ("an empty secret", hmac(b"")),
        (
            "a key that is not there",
            format!("{}.{claims}.{signature}", with_header(&|header| header["kid"] = json!("x"))),
        ),
        (
            "a key of one's own",
            format!("{}.{claims}.{signature}", with_header(&|header| header["jwk"] = keys["keys"][0].clone())),
        ),
        (
            "demands that are not understood",
            format!("{}.{claims}.{signature}", with_header(&|header| header["crit"] = json!(["exp"]))),
        ),
        (
            "a token of another kind",
            format!("{}.{claims}.{signature}", with_header(&|header| header["typ"] = json!("logout+jwt"))),
        ),
        ("far too long", format!("{header}.{long}.{signature}")),
        ("a key instead of a token", KEY1.to_owned()),
    ];
    let mut wrong = Vec::new();
    for (what, token) in &cases {
        let asked = asks(&server, token);
        let managed = call(&server, token, "GET", "/admin/v1/me");
        if asked != is(REFUSED) || (managed.status, managed.code()) != REFUSED {
            wrong.push(format!("{what}: {asked:?} {managed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    let shown = |value: &str| {
        let answer = Answer::of(server.bare("GET", "facelists").header("Authorization", value));
        let (status, code) = outcome(&answer);
        (status, code.to_owned())
    };
    assert_eq!(shown(&format!("bearer {good}")), is(FINE), "schemes have no letter case");
    for value in [&*good, &format!("Basic {good}"), "Bearer", &format!("Bearer {good} {good}"), ""] {
        assert_eq!(shown(value), is(REFUSED), "{value}");
    }
    // A key counts for more than a token: a caller with a wrong one is not admitted by the other.
    let both = by(&server, &good, "GET", "facelists").header("Ocp-Apim-Subscription-Key", "wrong");
    assert_eq!(outcome(&Answer::of(both)), (401, "401"));
    assert_eq!(asks(&server, &good), is(FINE));
}

#[test]
fn whoever_is_right_is_let_in_while_others_guess() {
    let test = "whoever_is_right_is_let_in_while_others_guess";
    let Some(provider) = Provider::start(test, &json!({ "ada": {} })) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    assign(&server, "default", &provider, &subject("ada"), "data-reader");
    let [known, new] = [provider.token("ada"), provider.token("ada")];
    assert_eq!(asks(&server, &known), is(FINE));
    let status =
        |token: &str, path: &str| by(&server, token, "GET", path).send().expect("it answers").status().as_u16();
    for path in ["facelists", "/admin/v1/me"] {
        let guessed = (0..300).map(|number| status(&format!("guess-{number}"), path)).find(|status| *status != 401);
        assert_eq!(guessed, Some(429), "refusals are slowed at {path}");
        assert_eq!([status(&new, "facelists"), status(&new, "/admin/v1/me")], [200, 200]);
        assert_eq!([status(&known, "facelists"), status(&known, "/admin/v1/me")], [200, 200]);
    }
}

#[test]
fn one_provider_does_not_speak_for_another_s_people() {
    let test = "one_provider_does_not_speak_for_another_s_people";
    let people = json!({ "ada": { "claims": { "oid": "object", "groups": ["staff"], "roles": ["Face.All"] } } });
    let Some(one) = Provider::start(test, &people) else { return };
    let Some(other) = Provider::signing(test, &people, "ES256") else { return };
    let (server, _settings) = server_with(&format!("{}{}", one.trusted(60), other.trusted(60)));
    let tokens = [&one, &other].map(|provider| provider.token("ada"));
    let known = || tokens.each_ref().map(|token| asks(&server, token));
    assert_eq!(known(), [is(NO_RIGHT), is(NO_RIGHT)]);
    let principals = [subject("ada"), subject("object"), json!({ "group": "staff" }), json!({ "appRole": "Face.All" })];
    for principal in principals {
        for (provider, expected) in [(&one, [is(FINE), is(NO_RIGHT)]), (&other, [is(NO_RIGHT), is(FINE)])] {
            let path = assign(&server, "default", provider, &principal, "user");
            assert_eq!(known(), expected, "{principal}");
            assert_eq!(server.manage("DELETE", &path, &Value::Null).status, 204);
        }
    }
}

#[test]
fn groups_and_app_roles_and_subjects_are_kept_apart() {
    let test = "groups_and_app_roles_and_subjects_are_kept_apart";
    let people = json!({
        "ada": { "claims": { "oid": "object-ada", "groups": ["staff", "night"], "roles": ["Face.Ask"] } },
        "bob": { "claims": { "groups": "night", "roles": [] } },
        "staff": {},
    });
    let Some(provider) = Provider::start(test, &people) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    let tokens = ["ada", "bob", "staff"].map(|who| provider.token(who));
    for (principal, expected) in [
        (json!({ "subject": "ada" }), [true, false, false]),
        (json!({ "subject": "object-ada" }), [true, false, false]),
        (json!({ "group": "staff" }), [true, false, false]),
        (json!({ "group": "night" }), [true, true, false]),
        (json!({ "appRole": "Face.Ask" }), [true, false, false]),
        (json!({ "subject": "staff" }), [false, false, true]),
        (json!({ "appRole": "staff" }), [false, false, false]),
        (json!({ "group": "Face.Ask" }), [false, false, false]),
        (json!({ "subject": "Ada" }), [false, false, false]),
    ] {
        let path = assign(&server, "default", &provider, &principal, "data-reader");
        let found = tokens.each_ref().map(|token| asks(&server, token));
        assert_eq!(found, expected.map(|is_in| is(if is_in { FINE } else { NO_RIGHT })), "{principal}");
        assert_eq!(server.manage("DELETE", &path, &Value::Null).status, 204);
    }
}

#[test]
fn a_role_is_there_and_gone_when_the_call_returns() {
    let Some(provider) =
        Provider::start("a_role_is_there_and_gone_when_the_call_returns", &json!({ "ada": {}, "bob": {} }))
    else {
        return;
    };
    let (server, _settings) = server_with(&provider.trusted(60));
    let [ada, bob] = ["ada", "bob"].map(|who| provider.token(who));
    let stays = assign(&server, "default", &provider, &subject("bob"), "data-reader");
    for account in ["default", ""].into_iter().cycle().take(20) {
        assert_eq!(asks(&server, &ada), is(NO_RIGHT));
        let path = assign(&server, account, &provider, &subject("ada"), "data-reader");
        assert_eq!(asks(&server, &ada), is(FINE));
        assert_eq!(server.manage("DELETE", &path, &Value::Null).status, 204);
    }
    assert_eq!([asks(&server, &ada), asks(&server, &bob)], [is(NO_RIGHT), is(FINE)], "the other's role stays");
    assert_eq!(server.manage("DELETE", &stays, &Value::Null).status, 204);
    assert_eq!(server.manage("DELETE", &stays, &Value::Null).status, 404, "it is gone already");
    let everywhere = format!("roles/{}", stays.rsplit('/').next().expect("an id"));
    assert_eq!(server.manage("DELETE", &everywhere, &Value::Null).status, 404, "and never held everywhere");
    let account = server.manage("GET", "accounts/default", &Value::Null);
    assert_eq!(account.body["roles"], json!([]));
}

#[test]
fn two_nodes_agree_at_once_who_may() {
    let test = "two_nodes_agree_at_once_who_may";
    let Some(provider) = Provider::start(test, &json!({ "ada": {} })) else { return };
    let Some(store) = TestStore::database(test) else { return };
    let (file, _settings) = settings_file(&provider.trusted(60));
    let nodes = [0, 1].map(|_| store.server(&[("LIKENESS_CONFIG", &file)]));
    let ada = provider.token("ada");
    for turn in 0..6 {
        let [here, there] = if turn % 2 == 0 { [&nodes[0], &nodes[1]] } else { [&nodes[1], &nodes[0]] };
        let account = if turn < 4 { "default" } else { "" };
        assert_eq!(asks(there, &ada), is(NO_RIGHT));
        let path = assign(here, account, &provider, &subject("ada"), "data-reader");
        assert_eq!(asks(there, &ada), is(FINE), "given on the other node");
        assert_eq!(there.manage("DELETE", &path, &Value::Null).status, 204);
        assert_eq!(asks(here, &ada), is(NO_RIGHT), "taken away on the other node");
    }
}

#[test]
fn roles_that_nobody_could_have_are_refused() {
    let Some(provider) = Provider::start("roles_that_nobody_could_have_are_refused", &json!({ "ada": {} })) else {
        return;
    };
    let (server, _settings) = server_with(&provider.trusted(60));
    let good = role(&provider, &subject("ada"), "user");
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let cases = [
        with("issuer", json!("https://login.example.org")),
        with("issuer", json!(format!("{}/", provider.issuer))),
        with("role", json!("Reader")),
        with("role", json!("")),
        with("principal", json!("ada")),
        with("principal", json!({ "subject": 7 })),
        with("principal", json!({ "subject": "" })),
        with("principal", json!({ "group": "g".repeat(501) })),
        with("principal", json!({ "person": "ada" })),
        with("principal", json!({ "subject": "ada", "group": "staff" })),
        with("until", json!("2030-01-01")),
        json!({}),
    ];
    for path in ["accounts/default/roles", "roles"] {
        for body in &cases {
            let answer = server.manage("POST", path, body);
            assert_eq!((answer.status, answer.code()), (400, "Invalid"), "{path} {body}");
        }
        for name in ["a97b65f3-24c7-4388-baec-2e87135dc908", "COGNITIVE SERVICES USER", "user"] {
            let answer = server.manage("POST", path, &with("role", json!(name)));
            assert_eq!((answer.status, &answer.body["role"]), (201, &json!("Cognitive Services User")), "{answer:?}");
        }
    }
}

#[test]
fn a_token_counts_for_its_time_and_a_little_more() {
    let test = "a_token_counts_for_its_time_and_a_little_more";
    let people = json!({ "ada": {}, "short": { "seconds": 3 } });
    let Some(strict) = Provider::start(test, &people) else { return };
    let Some(lenient) = Provider::start(test, &people) else { return };
    let clock = Clock::new();
    let (server, _settings) = server_by(&clock, &format!("{}{}", strict.trusted(0), lenient.trusted(60)));
    for provider in [&strict, &lenient] {
        for who in ["ada", "short"] {
            assign(&server, "default", provider, &subject(who), "data-reader");
        }
    }
    let short = [&strict, &lenient].map(|provider| provider.token("short"));
    let asked = || short.each_ref().map(|token| asks(&server, token));
    assert_eq!(asked(), [is(FINE), is(FINE)]);
    clock.forward(Duration::from_millis(4_100));
    assert_eq!(asked(), [is(REFUSED), is(FINE)], "it had been looked at before, and still ended");

    for (ahead, expected) in [
        (0, [FINE, FINE]),
        (30, [REFUSED, FINE]),
        (120, [REFUSED, REFUSED]),
        // An hour long, from a clock that is an hour and half a minute, or two minutes, behind.
        (-3_630, [REFUSED, FINE]),
        (-3_720, [REFUSED, REFUSED]),
    ] {
        let tokens = [&strict, &lenient].map(|provider| {
            provider.ahead(ahead);
            let token = provider.token("ada");
            provider.ahead(0);
            token
        });
        assert_eq!(tokens.each_ref().map(|token| asks(&server, token)), expected.map(is), "{ahead} s ahead");
    }
}

#[test]
fn keys_of_a_provider_come_and_go() {
    let people = json!({ "ada": {} });
    let Some(provider) = Provider::start("keys_of_a_provider_come_and_go", &people) else { return };
    let clock = Clock::new();
    let (server, _settings) = server_by(&clock, &provider.trusted(60));
    assign(&server, "default", &provider, &subject("ada"), "data-reader");
    assert_eq!(provider.asked(), (0, 0), "nobody is asked before there is a token");

    // Two keys are published, one signs.
    let oldest = [provider.token("ada"), provider.token("ada")];
    provider.rotate();
    let old = provider.token("ada");
    std::thread::scope(|scope| {
        for token in [&oldest[0], &old, &oldest[0], &old] {
            scope.spawn(|| assert_eq!(asks(&server, token), is(FINE)));
        }
    });
    assert_eq!(provider.asked(), (1, 1), "once for all who came at once");

    // Nobody makes us ask the provider again and again.
    for number in 0..20 {
        let [header, claims, signature] = parts(&old);
        let mut header = decoded(header);
        header["kid"] = json!(format!("key-{number}"));
        let token = format!("{}.{claims}.{signature}", encoded(header.to_string()));
        assert_eq!(asks(&server, &token), is(REFUSED));
    }
    assert_eq!(provider.asked(), (1, 1));

    // Now there is one key, and a new one.
    provider.rotate();
    provider.forget();
    let new = provider.token("ada");
    assert_eq!(asks(&server, &oldest[0]), is(FINE), "nothing told us so far");
    clock.forward(Duration::from_millis(10_200));
    assert_eq!(asks(&server, &new), is(FINE), "a new key is taken in without a restart");
    assert_eq!(provider.asked(), (2, 2));
    for (what, token) in [("looked at before", &oldest[0]), ("never seen", &oldest[1]), ("of the second key", &old)] {
        assert_eq!(asks(&server, token), is(REFUSED), "{what}");
    }
    assert_eq!(asks(&server, &new), is(FINE));
}

#[test]
fn a_provider_that_does_not_answer() {
    let test = "a_provider_that_does_not_answer";
    let people = json!({ "ada": {} });
    let Some(falls) = Provider::start(test, &people) else { return };
    let Some(down) = Provider::start(test, &people) else { return };
    let Some(misnamed) = Provider::start(test, &people) else { return };
    let Some(direct) = Provider::start(test, &people) else { return };
    let Some(odd) = Provider::start(test, &people) else { return };
    let Some(empty) = Provider::start(test, &people) else { return };
    let (of_down, of_misnamed) = (down.token("ada"), misnamed.token("ada"));
    let [header, claims, signature] = parts(&of_misnamed);
    let mut renamed = decoded(claims);
    renamed["iss"] = json!(format!("{}/", misnamed.issuer));
    let renamed = format!("{header}.{}.{signature}", encoded(renamed.to_string()));
    let settings = [
        falls.trusted(60),
        down.trusted(60),
        // The discovery document found there is of an issuer without the slash.
        misnamed.trusted(60).replace(&misnamed.issuer, &format!("{}/", misnamed.issuer)),
        format!("{}jwks = '{}/jwks'\n", direct.trusted(60), direct.issuer),
        // JSON, but no keys; and nothing at all.
        format!("{}jwks = '{}/test/asked'\n", odd.trusted(60), odd.issuer),
        format!("{}jwks = '{}/nothing'\n", empty.trusted(60), empty.issuer),
    ];
    drop(down);
    let (server, _settings) = server_with(&settings.concat());
    for provider in [&falls, &direct] {
        assign(&server, "default", provider, &subject("ada"), "data-reader");
    }
    assert_eq!(server.call("GET", "facelists").status, 200, "keys open as ever");
    let answer = call(&server, &of_down, "GET", "facelists");
    assert_eq!(outcome(&answer), (503, "ServiceUnavailable"), "nobody can say whether it counts");
    assert_eq!(asks(&server, &of_misnamed), is(REFUSED), "names are compared to the letter");
    assert_eq!(asks(&server, &renamed), is((503, "ServiceUnavailable")), "the keys found there are another's");
    assert_eq!(misnamed.asked(), (1, 0), "so they are not even fetched");

    for provider in [&odd, &empty] {
        assert_eq!(asks(&server, &provider.token("ada")), is((503, "ServiceUnavailable")), "there are no keys");
    }

    assert_eq!(asks(&server, &direct.token("ada")), is(FINE));
    assert_eq!(direct.asked(), (0, 1), "the settings say where its keys are");

    let tokens = [falls.token("ada"), falls.token("ada")];
    assert_eq!(asks(&server, &tokens[0]), is(FINE));
    drop(falls);
    assert_eq!(tokens.each_ref().map(|token| asks(&server, token)), [is(FINE), is(FINE)], "its keys are known");
}

#[test]
fn an_account_without_keys_is_opened_by_people() {
    let people = json!({ "ada": {} });
    let Some(provider) = Provider::start("an_account_without_keys_is_opened_by_people", &people) else { return };
    let (server, _settings) = server_with(&provider.trusted(60));
    name_first(&server);
    assign(&server, "first", &provider, &subject("ada"), "user");
    let ada = provider.token("ada");
    let keyed = || {
        [KEY1, KEY2].map(|key| {
            let answer = Answer::of(server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key));
            let (status, code) = outcome(&answer);
            (status, code.to_owned())
        })
    };
    for _ in 0..3 {
        server.cli(&["accounts", "set", "first", "--local-auth", "off"]);
        let refused = is((403, "AuthenticationTypeDisabled"));
        assert_eq!(keyed(), [refused.clone(), refused]);
        assert_eq!(asks(&server, &ada), is(FINE));
        server.cli(&["accounts", "set", "first", "--local-auth", "on"]);
        assert_eq!(keyed(), [is(FINE), is(FINE)]);
    }
    // Network rules hold for people too.
    server.cli(&["accounts", "set", "first", "--allow", "10.0.0.0/8"]);
    assert_eq!(asks(&server, &ada), is((403, "403")));
    assert_eq!(outcome(&call(&server, &ada, "GET", "/accounts/first/face/v1.0/facelists")), (403, "403"));
}
