//! Whatever strangers send: an answer, never a panic.

use crate::sign::{NOW, encode, key, resource};
use likeness_rules::{
    BearerIssuer, FeatureFlag, Installation, KeySet, LimitedAttribute, ResourceId, RetentionClass, Role, Settings,
    SigningKey, TrustedIssuer, check_bearer, check_issued_token, check_limited, client_address, key_id_of,
    parse_network,
};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

/// Texts, mostly nonsense, some of it made of the right pieces.
fn texts(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![proptest::sample::select(pieces).prop_map(str::to_owned), any::<String>()];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// JSON that resembles valid input.
fn json(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        proptest::sample::select(pieces).prop_map(|text| serde_json::json!(text).to_string()),
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let name = proptest::sample::select(pieces).prop_map(|text| serde_json::json!(text).to_string());
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((name, inner), 0..8).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn check_everything(token: &str, now: i64) {
    let keys = KeySet::of(&[&key(1)]);
    let trusted = TrustedIssuer { issuer: "i".to_owned(), keys: keys.clone(), flags: None, leeway_seconds: u64::MAX };
    let oidc = BearerIssuer { issuer: "i".to_owned(), audiences: vec!["a".to_owned()], keys, leeway_seconds: 60 };
    assert!(check_issued_token(token, &trusted, now).is_err());
    assert!(check_limited(token, &[trusted], now).is_err());
    assert!(check_bearer(token, &[oidc], now).is_err());
    let _ = key_id_of(token);
}

proptest! {
    #[test]
    fn words(text in texts(&["/subscriptions/", "/resourceGroups/", "00000000-0000-0000-0000-000000000000", "/providers/Microsoft.CognitiveServices/accounts/", "rg", "face", "/"])) {
        if let Some(id) = ResourceId::parse(&text) {
            prop_assert_eq!(ResourceId::parse(&id.to_string()), Some(id));
        }
        let _ = (FeatureFlag::parse(&text), LimitedAttribute::parse(&text), RetentionClass::parse(&text), Role::parse(&text));
    }

    #[test]
    fn actions(text in texts(&["*", "/", "read", "sessions", "action", "Microsoft.CognitiveServices/accounts/Face/"])) {
        let reader = Role::DataReader.may(&text);
        prop_assert!(!reader || Role::User.may(&text));
        prop_assert!(!Role::Contributor.may(&text) && !Role::Owner.may(&text));
    }

    #[test]
    fn forwarded(first in texts(&["1.2.3.4", "10.0.0.9", ",", "[::1]:5", "\"", "[", "]", ":", " "]), second in texts(&["10.0.0.1", ",", ":1"])) {
        let trusted = [parse_network("10.0.0.0/8").unwrap()];
        let stranger = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
        prop_assert_eq!(client_address(stranger, &[&first, &second], &trusted), stranger);
        let _ = client_address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), &[&first, &second], &trusted);
        let _ = parse_network(&first);
    }

    #[test]
    fn tokens(token in texts(&[".", "eyJhbGciOiJFUzI1NiJ9", "e30", "AAAA", "="]), now in any::<i64>()) {
        check_everything(&token, now);
    }

    #[test]
    fn tokens_of_json(
        header in json(&["alg", "ES256", "kid", "typ", "JWT", "crit", "none", "RS256"]),
        claims in json(&["iss", "i", "aud", "a", "exp", "nbf", "iat", "sub", "jti", "groups", "roles", "featureFlags"]),
        signature in proptest::collection::vec(any::<u8>(), 0..80),
        now in any::<i64>(),
    ) {
        check_everything(&format!("{}.{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()), encode(&signature)), now);
        let head = encode(br#"{"alg":"ES256"}"#);
        check_everything(&format!("{head}.{}.{}", encode(claims.as_bytes()), encode(&signature)), now);
    }

    #[test]
    fn key_sets(bytes in proptest::collection::vec(any::<u8>(), 0..200), keys in json(&["kty", "EC", "RSA", "OKP", "crv", "P-256", "Ed25519", "x", "y", "n", "e", "AQAB", "AAAA", "kid"])) {
        let _ = KeySet::from_jwks(&bytes);
        let _ = KeySet::from_jwks(keys.as_bytes());
        let _ = KeySet::from_jwks(format!("{{\"keys\":[{keys}]}}").as_bytes());
        let _ = SigningKey::from_bytes(&bytes);
    }

    #[test]
    fn points_of_any_bytes(x in proptest::collection::vec(any::<u8>(), 30..50), y in proptest::collection::vec(any::<u8>(), 30..50), crv in proptest::sample::select(vec!["P-256", "P-384", "Ed25519"]), size in proptest::sample::select(vec![32, 48, 30])) {
        let kty = if crv == "Ed25519" { "OKP" } else { "EC" };
        let part = |bytes: &[u8]| encode(&bytes[..bytes.len().min(size)]);
        let jwk = serde_json::json!({"keys": [{"kty": kty, "crv": crv, "x": part(&x), "y": part(&y)}]});
        let keys = KeySet::from_jwks(jwk.to_string().as_bytes()).unwrap();
        let oidc = BearerIssuer { issuer: "i".to_owned(), audiences: vec!["a".to_owned()], keys, leeway_seconds: 60 };
        for alg in ["ES256", "ES384", "EdDSA", "RS256"] {
            let head = encode(format!(r#"{{"alg":"{alg}"}}"#).as_bytes());
            let token = format!("{head}.{}.{}", encode(br#"{"iss":"i"}"#), encode(&x));
            prop_assert!(check_bearer(&token, std::slice::from_ref(&oidc), NOW).is_err());
        }
    }

    #[test]
    fn documents(bytes in proptest::collection::vec(any::<u8>(), 0..200), member in proptest::sample::select(vec!["location", "tier", "subdomain", "localAuth", "approvals", "network", "assignments", "retention", "vendor", "notices"]), value in json(&["flags", "rules", "address", "subnet", "faceId", "blocked", "language", "version", "defaultAction"])) {
        let _ = (Settings::read(&bytes), Installation::read(&bytes));
        let document = format!("{{\"format\":1,\"resource\":\"{}\",\"location\":\"l\",\"{member}\":{value}}}", resource("face"));
        if let Ok(settings) = Settings::read(document.as_bytes()) {
            prop_assert_eq!(Settings::read(&settings.write()).unwrap(), settings);
        }
        let _ = Installation::read(document.as_bytes());
    }
}
