//! Our own tokens: limited access tokens and issued tokens.

use crate::sign::{NOW, decode, encode, forge, forge_text, header, key, resource, with};
use likeness_rules::{
    FeatureFlag, IssuedTokenClaims, KeySet, LimitedAccessClaims, SigningKey, TokenProblem, TrustedIssuer,
    check_issued_token, check_limited, sign_issued_token, sign_limited,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const ISSUER: &str = "https://here.example";
const ELSEWHERE: &str = "https://elsewhere.example";

fn access() -> LimitedAccessClaims {
    LimitedAccessClaims {
        issuer: ISSUER.to_owned(),
        id: Uuid::from_u128(42),
        vendor: resource("vendor"),
        target: resource("client"),
        flags: BTreeSet::from([FeatureFlag::Identification, FeatureFlag::Verification]),
        issued_at: NOW,
        expires_at: NOW + 3600,
    }
}

fn own(key: &SigningKey) -> TrustedIssuer {
    TrustedIssuer { issuer: ISSUER.to_owned(), keys: KeySet::of(&[key]), flags: None, leeway_seconds: 0 }
}

/// The claims of [`access`] as anybody may write them.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "urn:likeness:limited-access", "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
        "jti": Uuid::from_u128(42), "isvResourceId": resource("vendor"), "targetAzureResourceId": resource("client"),
        "featureFlags": ["Face.Identification", "Face.Verification"],
    })
}

#[test]
fn a_token_as_others_read_it() {
    let key = key(1);
    let token = sign_limited(&key, &access());
    let parts: Vec<&str> = token.expose().split('.').collect();
    assert_eq!(decode(parts[0]), header(&key));
    assert_eq!(decode(parts[1]), claims());
    assert_eq!(format!("{token:?}"), "Secret(..)");
    assert_eq!(check_limited(token.expose(), &[own(&key)], NOW), Ok(access()));
}

#[test]
fn when_a_token_holds() {
    let key = key(1);
    let token = sign_limited(&key, &access());
    let foreign = TrustedIssuer { leeway_seconds: 60, ..own(&key) };
    let early = Err(TokenProblem::NotYet);
    let late = Err(TokenProblem::Expired);
    let cases = [
        (i64::MIN, early.clone(), early.clone()),
        (NOW - 61, early.clone(), early.clone()),
        (NOW - 60, early.clone(), Ok(access())),
        (NOW - 1, early, Ok(access())),
        (NOW, Ok(access()), Ok(access())),
        (NOW + 3599, Ok(access()), Ok(access())),
        (NOW + 3600, late.clone(), Ok(access())),
        (NOW + 3659, late.clone(), Ok(access())),
        (NOW + 3660, late.clone(), late.clone()),
        (i64::MAX, late.clone(), late),
    ];
    for (now, at_home, abroad) in cases {
        assert_eq!(check_limited(token.expose(), &[own(&key)], now), at_home, "{now}");
        assert_eq!(check_limited(token.expose(), std::slice::from_ref(&foreign), now), abroad, "{now}");
    }
}

#[test]
fn another_installation_lends_no_more_than_it_may() {
    let (ours, theirs) = (key(1), key(2));
    let issuers = |flags: &[FeatureFlag]| {
        let lent = Some(flags.iter().copied().collect());
        let elsewhere = TrustedIssuer {
            issuer: ELSEWHERE.to_owned(),
            keys: KeySet::of(&[&theirs]),
            flags: lent,
            leeway_seconds: 60,
        };
        [own(&ours), elsewhere]
    };
    let token = sign_limited(&theirs, &LimitedAccessClaims { issuer: ELSEWHERE.to_owned(), ..access() });
    for allowed in [&[][..], &[FeatureFlag::Verification], &[FeatureFlag::HighRisk], &FeatureFlag::ALL] {
        let found = check_limited(token.expose(), &issuers(allowed), NOW).unwrap();
        let expected: BTreeSet<FeatureFlag> =
            access().flags.into_iter().filter(|flag| allowed.contains(flag)).collect();
        assert_eq!((found.issuer.as_str(), found.flags), (ELSEWHERE, expected), "{allowed:?}");
    }
    // Nobody signs in the name of another.
    let as_us = sign_limited(&theirs, &access());
    assert_eq!(check_limited(as_us.expose(), &issuers(&FeatureFlag::ALL), NOW), Err(TokenProblem::UnknownKey));
    let as_them = sign_limited(&ours, &LimitedAccessClaims { issuer: ELSEWHERE.to_owned(), ..access() });
    assert_eq!(check_limited(as_them.expose(), &issuers(&FeatureFlag::ALL), NOW), Err(TokenProblem::UnknownKey));
    let mut stolen_name = header(&theirs);
    stolen_name["kid"] = json!(ours.key_id());
    let token = forge(&theirs, &stolen_name, &claims());
    assert_eq!(check_limited(&token, &issuers(&FeatureFlag::ALL), NOW), Err(TokenProblem::Signature));
    assert_eq!(check_limited(&token, &[], NOW), Err(TokenProblem::UnknownIssuer));
}

#[test]
fn claims_that_do_not_count() {
    use TokenProblem::{Audience, Claims, Malformed, NotYet, UnknownIssuer};
    let key = key(1);
    let cases = [
        ("iss", Value::Null, Claims("iss")),
        ("iss", json!("https://here.example/"), UnknownIssuer),
        ("iss", json!(["https://here.example"]), Malformed),
        ("aud", Value::Null, Audience),
        ("aud", json!("urn:likeness:access"), Audience),
        ("aud", json!(["urn:likeness:limited-access2"]), Audience),
        ("aud", json!([]), Audience),
        ("iat", Value::Null, Claims("iat")),
        ("iat", json!(NOW + 1), NotYet),
        ("iat", json!(NOW - 86_400), Claims("exp")),
        ("iat", json!(i64::MIN), Claims("exp")),
        ("nbf", json!(NOW + 1), NotYet),
        ("nbf", json!("soon"), Malformed),
        ("exp", Value::Null, Claims("exp")),
        ("exp", json!("never"), Malformed),
        ("exp", json!(NOW + 86_401), Claims("exp")),
        ("exp", json!(u64::MAX), Claims("exp")),
        ("exp", json!(1e300), Claims("exp")),
        ("exp", json!(0), TokenProblem::Expired),
        ("exp", json!(-1e300), TokenProblem::Expired),
        ("jti", Value::Null, Claims("jti")),
        ("jti", json!("42"), Claims("jti")),
        ("isvResourceId", Value::Null, Claims("isvResourceId")),
        ("isvResourceId", json!("/subscriptions/x"), Claims("isvResourceId")),
        ("targetAzureResourceId", Value::Null, Claims("targetAzureResourceId")),
        ("targetAzureResourceId", json!(""), Claims("targetAzureResourceId")),
        ("featureFlags", Value::Null, Claims("featureFlags")),
        ("featureFlags", json!("Face.Identification"), Malformed),
        ("featureFlags", json!([1]), Malformed),
    ];
    for (member, value, problem) in cases {
        let token = forge(&key, &header(&key), &with(&claims(), member, value.clone()));
        assert_eq!(check_limited(&token, &[own(&key)], NOW), Err(problem), "{member} {value}");
    }
    let twice = claims().to_string().replace("\"exp\"", "\"exp\":1,\"exp\"");
    let token = forge_text(&key, &header(&key).to_string(), &twice);
    assert_eq!(check_limited(&token, &[own(&key)], NOW), Err(Malformed));
}

#[test]
fn claims_that_do() {
    let key = key(1);
    let flags = |names: &[FeatureFlag]| LimitedAccessClaims { flags: names.iter().copied().collect(), ..access() };
    let cases = [
        ("aud", json!(["x", "urn:likeness:limited-access"]), access()),
        ("nbf", Value::Null, access()),
        ("exp", json!(NOW as f64 + 3600.9), access()),
        ("jti", json!(Uuid::from_u128(42).simple().to_string()), access()),
        ("more", json!({"than": "we know"}), access()),
        ("featureFlags", json!([]), flags(&[])),
        ("featureFlags", json!(["face.verification", "Face.Tomorrow"]), flags(&[FeatureFlag::Verification])),
    ];
    for (member, value, expected) in cases {
        let token = forge(&key, &header(&key), &with(&claims(), member, value.clone()));
        assert_eq!(check_limited(&token, &[own(&key)], NOW), Ok(expected), "{member} {value}");
    }
}

#[test]
fn headers_and_shapes_that_do_not_count() {
    use TokenProblem::{Algorithm, Malformed, Signature, UnknownKey};
    let key = key(1);
    let good = sign_limited(&key, &access());
    let good = good.expose().as_str();
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let other = sign_limited(&key, &LimitedAccessClaims { id: Uuid::from_u128(43), ..access() });
    let other: Vec<&str> = other.expose().split('.').collect();
    let forged = |header: Value| forge(&key, &header, &claims());
    let unsigned = |alg: &str| format!("{}.{body}.", encode(format!(r#"{{"alg":"{alg}"}}"#).as_bytes()));
    let kid = key.key_id();
    let cases = [
        (String::new(), Malformed),
        (".".to_owned(), Malformed),
        ("..".to_owned(), Malformed),
        ("...".to_owned(), Malformed),
        (head.to_owned(), Malformed),
        (format!("{head}.{body}"), Malformed),
        (format!("{good}.{signature}"), Malformed),
        (format!("Bearer {good}"), Malformed),
        (format!("{good} "), Signature),
        (format!("{good}="), Signature),
        (format!("{head}.{body}."), Signature),
        (good[..good.len() - 1].to_owned(), Signature),
        (good[..good.len() - 4].to_owned(), Signature),
        (format!("{head}.{body}.{}", other[2]), Signature),
        (format!("{head}.{}.{signature}", other[1]), Signature),
        (format!("{head}.{body}.{}", encode(&[0; 64])), Signature),
        ("x".repeat(16 * 1024 + 1), Malformed),
        (unsigned("none"), Algorithm),
        (unsigned("None"), Algorithm),
        (unsigned(""), Algorithm),
        (unsigned("HS256"), Algorithm),
        (unsigned("ES256K"), Algorithm),
        (forged(json!({"alg": "ES384", "kid": kid})), Algorithm),
        (forged(json!({"alg": "RS256", "kid": kid})), Algorithm),
        (forged(json!({"alg": "EdDSA", "kid": kid})), Algorithm),
        (forged(json!({"kid": kid})), Malformed),
        (forged(json!({"alg": ["ES256"], "kid": kid})), Malformed),
        (forged(json!({"alg": "ES256", "kid": "other"})), UnknownKey),
        (forged(json!({"alg": "ES256", "kid": ""})), UnknownKey),
        (forged(json!({"alg": "ES256", "kid": kid, "typ": "JOSE"})), Malformed),
        (forged(json!({"alg": "ES256", "kid": kid, "crit": ["exp"]})), Malformed),
        (forged(json!({"alg": "ES256", "kid": kid, "crit": []})), Malformed),
        (forged(json!({"alg": "ES256", "kid": kid, "crit": null})), Malformed),
        (forge_text(&key, r#"{"alg":"ES256","alg":"ES256"}"#, &claims().to_string()), Malformed),
        (forge_text(&key, &header(&key).to_string(), "[]"), Malformed),
        (forge_text(&key, &header(&key).to_string(), "no"), Malformed),
    ];
    for (number, (token, problem)) in cases.into_iter().enumerate() {
        assert_eq!(check_limited(&token, &[own(&key)], NOW), Err(problem), "{number}");
    }
    // What a header says about keys has no effect: this one brings its own.
    let thief = self::key(9);
    let brought = json!({"alg": "ES256", "kid": kid, "jwk": thief.public_jwk(), "jku": "https://thief.example"});
    assert_eq!(check_limited(&forge(&thief, &brought, &claims()), &[own(&key)], NOW), Err(Signature));
    // Without an id the only key is tried.
    assert_eq!(check_limited(&forged(json!({"alg": "ES256", "typ": "at+jwt"})), &[own(&key)], NOW), Ok(access()));
}

#[test]
fn every_changed_letter_is_noticed() {
    let key = key(1);
    let token = sign_limited(&key, &access());
    for place in 0..token.expose().len() {
        let mut bytes = token.expose().clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(check_limited(&changed, &[own(&key)], NOW).is_err(), "{place}");
    }
}

#[test]
fn keys_change_while_tokens_last() {
    let (old, new) = (key(1), key(2));
    let issuer = TrustedIssuer { keys: KeySet::of(&[&new, &old]), ..own(&old) };
    for key in [&old, &new] {
        let token = sign_limited(key, &access());
        assert_eq!(check_limited(token.expose(), std::slice::from_ref(&issuer), NOW), Ok(access()));
    }
}

#[test]
fn issued_tokens() {
    let key = key(1);
    let issued = IssuedTokenClaims {
        id: Uuid::from_u128(1),
        account: Uuid::from_u128(2),
        issuer: ISSUER.to_owned(),
        issued_at: NOW,
        expires_at: NOW + 600,
    };
    let token = sign_issued_token(&key, &issued);
    let check = |token: &str, now| check_issued_token(token, &own(&key), now);
    assert_eq!(check(token.expose(), NOW), Ok(issued.clone()));
    assert_eq!(check(token.expose(), NOW + 599), Ok(issued.clone()));
    assert_eq!(check(token.expose(), NOW + 600), Err(TokenProblem::Expired));
    assert_eq!(check(token.expose(), NOW - 1), Err(TokenProblem::NotYet));
    // Neither kind of token passes for the other.
    assert_eq!(check(sign_limited(&key, &access()).expose(), NOW), Err(TokenProblem::Audience));
    assert_eq!(check_limited(token.expose(), &[own(&key)], NOW), Err(TokenProblem::Audience));

    let claims = decode(token.expose().split('.').nth(1).unwrap());
    let cases = [
        ("iss", json!(ELSEWHERE), TokenProblem::UnknownIssuer),
        ("iss", Value::Null, TokenProblem::Claims("iss")),
        ("exp", Value::Null, TokenProblem::Claims("exp")),
        ("exp", json!(NOW + 601), TokenProblem::Claims("exp")),
        ("iat", Value::Null, TokenProblem::Claims("iat")),
        ("sub", Value::Null, TokenProblem::Claims("sub")),
        ("sub", json!("ada"), TokenProblem::Claims("sub")),
        ("jti", Value::Null, TokenProblem::Claims("jti")),
    ];
    for (member, value, problem) in cases {
        assert_eq!(check(&forge(&key, &header(&key), &with(&claims, member, value)), NOW), Err(problem), "{member}");
    }
    assert_eq!(check(sign_issued_token(&self::key(2), &issued).expose(), NOW), Err(TokenProblem::UnknownKey));
}
