//! Tokens of identity providers, most of them signed by another implementation.

use crate::sign::{NOW, encode, forge, header, key, with};
use jsonwebtoken::{Algorithm, EncodingKey};
use likeness_rules::{BearerIssuer, Identity, KeySet, SigningKey, TokenProblem, check_bearer, key_id_of};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";

fn foreign() -> Value {
    serde_json::from_str(include_str!("foreign/tokens.json")).unwrap()
}

fn issuer(keys: KeySet) -> BearerIssuer {
    let audiences = vec!["https://cognitiveservices.azure.com".to_owned(), "api://likeness".to_owned()];
    BearerIssuer { issuer: ISSUER.to_owned(), audiences, keys, leeway_seconds: 60 }
}

fn theirs() -> BearerIssuer {
    issuer(KeySet::from_jwks(foreign()["jwks"].to_string().as_bytes()).unwrap())
}

fn ours(key: &SigningKey) -> [BearerIssuer; 1] {
    [issuer(KeySet::of(&[key]))]
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "api://likeness", "sub": "ada", "exp": NOW + 100})
}

fn ada() -> Identity {
    Identity {
        issuer: ISSUER.to_owned(),
        subject: "ada".to_owned(),
        object_id: None,
        groups: Vec::new(),
        app_roles: Vec::new(),
    }
}

#[test]
fn every_algorithm_of_another_implementation() {
    let tokens = foreign()["tokens"].as_object().unwrap().clone();
    let names: Vec<&String> = tokens.keys().collect();
    assert_eq!(names, ["ES256", "ES384", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]);
    for (algorithm, token) in tokens {
        let token = token.as_str().unwrap();
        let expected = Identity {
            subject: algorithm.clone(),
            object_id: Some("oid-1".to_owned()),
            groups: vec!["g1".to_owned(), "g2".to_owned()],
            app_roles: vec!["Face.User".to_owned()],
            ..ada()
        };
        let at = |now| check_bearer(token, &[theirs()], now);
        assert_eq!(at(1_500_000), Ok((expected, 2_000_000)), "{algorithm}");
        assert_eq!(at(2_000_060), Err(TokenProblem::Expired));
        assert_eq!(at(999_939), Err(TokenProblem::NotYet));
        // Another's signature, one of the same length, none.
        let (message, signature) = token.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        for wrong in [String::new(), "AAAA".to_owned(), format!("{flipped}{}", &signature[1..])] {
            let found = check_bearer(&format!("{message}.{wrong}"), &[theirs()], 1_500_000);
            assert_eq!(found, Err(TokenProblem::Signature), "{algorithm}");
        }
        // The same bytes under the name of another algorithm, with each key there is.
        for (other, kid) in [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "p256"), ("ES384", "p384"), ("EdDSA", "ed")]
        {
            if other == algorithm {
                continue;
            }
            let head = encode(json!({"alg": other, "kid": kid}).to_string().as_bytes());
            let body = message.split_once('.').unwrap().1;
            let found = check_bearer(&format!("{head}.{body}.{signature}"), &[theirs()], 1_500_000);
            assert_eq!(found, Err(TokenProblem::Signature), "{algorithm} as {other}");
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let jwks = foreign()["jwks"]["keys"].clone();
    let modulus = jwks[0]["n"].as_str().unwrap().to_owned();
    for secret in [modulus.clone().into_bytes(), jwks[0].to_string().into_bytes(), Vec::new()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for kid in ["rsa", "p256", "ed"] {
                let mut header = jsonwebtoken::Header::new(algorithm);
                header.kid = Some(kid.to_owned());
                let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
                assert_eq!(check_bearer(&token, &[theirs()], NOW), Err(TokenProblem::Algorithm), "{kid}");
            }
        }
    }
    // Nor does a key set make one.
    let shared = json!({"keys": [{"kty": "oct", "kid": "rsa", "k": encode(b"secret")}]});
    assert!(KeySet::from_jwks(shared.to_string().as_bytes()).unwrap().is_empty());
}

#[test]
fn a_key_that_is_too_short_is_not_known() {
    let weak = foreign()["weak"].clone();
    let keys = KeySet::from_jwks(json!({"keys": [weak["key"]]}).to_string().as_bytes()).unwrap();
    assert!(keys.is_empty());
    let found = check_bearer(weak["token"].as_str().unwrap(), &[issuer(keys)], 1_500_000);
    assert_eq!(found, Err(TokenProblem::UnknownKey));
}

#[test]
fn claims_that_do_not_count() {
    use TokenProblem::{Audience, Claims, Expired, Malformed, NotYet, UnknownIssuer};
    let many: Vec<String> = (0..201).map(|number| number.to_string()).collect();
    let key = key(1);
    let cases = [
        ("iss", Value::Null, Claims("iss")),
        ("iss", json!("https://issuer.example/"), UnknownIssuer),
        ("iss", json!("HTTPS://issuer.example"), UnknownIssuer),
        ("aud", Value::Null, Audience),
        ("aud", json!("api://Likeness"), Audience),
        ("aud", json!(["api://other", "api://likeness/"]), Audience),
        ("aud", json!({"api://likeness": 1}), Malformed),
        ("exp", Value::Null, Claims("exp")),
        ("exp", json!(NOW - 60), Expired),
        ("nbf", json!(NOW + 61), NotYet),
        ("iat", json!(NOW + 61), NotYet),
        ("sub", Value::Null, Claims("sub")),
        ("sub", json!(""), Claims("sub")),
        ("sub", json!(7), Malformed),
        ("oid", json!(7), Malformed),
        ("groups", json!(many), Claims("groups")),
        ("groups", json!([1]), Malformed),
        ("groups", json!({"a": 1}), Malformed),
        ("roles", json!(many), Claims("roles")),
        ("roles", json!(true), Malformed),
    ];
    for (member, value, problem) in cases {
        let token = forge(&key, &header(&key), &with(&claims(), member, value.clone()));
        assert_eq!(check_bearer(&token, &ours(&key), NOW), Err(problem), "{member} {value}");
    }
    let long = forge(&key, &header(&key), &with(&claims(), "more", json!("x".repeat(13_000))));
    assert_eq!(check_bearer(&long, &ours(&key), NOW), Err(Malformed));
}

#[test]
fn claims_that_do() {
    let many: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let key = key(1);
    let cases = [
        ("more", json!("than we know"), ada()),
        ("aud", json!(["x", "https://cognitiveservices.azure.com"]), ada()),
        ("exp", json!(NOW - 59), ada()),
        ("nbf", json!(NOW + 60), ada()),
        ("oid", json!("o"), Identity { object_id: Some("o".to_owned()), ..ada() }),
        ("oid", json!(""), ada()),
        ("groups", json!("one"), Identity { groups: vec!["one".to_owned()], ..ada() }),
        ("groups", json!(many), Identity { groups: many.clone(), ..ada() }),
        ("roles", json!([]), ada()),
        ("roles", json!(["a", "b"]), Identity { app_roles: vec!["a".to_owned(), "b".to_owned()], ..ada() }),
    ];
    for (member, value, expected) in cases {
        let token = forge(&key, &header(&key), &with(&claims(), member, value.clone()));
        let found = check_bearer(&token, &ours(&key), NOW).map(|(identity, _)| identity);
        assert_eq!(found, Ok(expected), "{member} {value}");
    }
}

#[test]
fn one_issuer_does_not_speak_for_another() {
    let (one, other) = (key(1), key(2));
    let issuers = [
        BearerIssuer { issuer: "https://one".to_owned(), ..issuer(KeySet::of(&[&one])) },
        BearerIssuer {
            issuer: "https://other".to_owned(),
            audiences: vec!["api://other".to_owned()],
            ..issuer(KeySet::of(&[&other]))
        },
    ];
    let token = |key: &SigningKey, iss: &str, aud: &str| {
        forge(key, &header(key), &with(&with(&claims(), "iss", json!(iss)), "aud", json!(aud)))
    };
    let cases = [
        (token(&one, "https://one", "api://likeness"), None),
        (token(&other, "https://other", "api://other"), None),
        (token(&one, "https://other", "api://other"), Some(TokenProblem::UnknownKey)),
        (token(&other, "https://other", "api://likeness"), Some(TokenProblem::Audience)),
        (token(&other, "https://third", "api://other"), Some(TokenProblem::UnknownIssuer)),
    ];
    for (token, problem) in cases {
        assert_eq!(check_bearer(&token, &issuers, NOW).err(), problem);
    }
    assert_eq!(check_bearer("", &[], NOW), Err(TokenProblem::Malformed));
}

#[test]
fn what_a_token_names() {
    let key = key(1);
    let names = |header: Value, claims: Value| key_id_of(&forge(&key, &header, &claims));
    let kid = Some(key.key_id().to_owned());
    assert_eq!(names(header(&key), claims()), Some((Some(ISSUER.to_owned()), kid)));
    assert_eq!(names(json!({"alg": "ES256"}), json!({"iss": 7})), Some((None, None)));
    assert_eq!(names(json!({"alg": "HS256"}), claims()), None);
    for nothing in ["", "a.b.c", "0123456789abcdef0123456789abcdef"] {
        assert_eq!(key_id_of(nothing), None, "{nothing}");
    }
}

#[test]
fn problems_show_no_part_of_the_token() {
    let key = key(1);
    let token = forge(&key, &header(&key), &with(&claims(), "sub", json!({"secret-subject": 1})));
    let problem = check_bearer(&token, &ours(&key), NOW).unwrap_err();
    assert_eq!(problem.to_string(), "the token is malformed");
    let token = forge(&key, &header(&key), &with(&claims(), "iss", json!("secret-issuer")));
    let problem = check_bearer(&token, &ours(&key), NOW).unwrap_err();
    assert!(!format!("{problem} {problem:?}").contains("secret"));
}
