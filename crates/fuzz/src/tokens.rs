//! Signed tokens of every kind, and the keys that sign them.

use crate::{Target, text};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use likeness_base::Randomness;
use likeness_rules::{
    BearerIssuer, FeatureFlag, ISSUED_TOKEN_AUDIENCE, IssuedTokenClaims, KeySet, LimitedAccessClaims, ReportClaims,
    ResourceId, SigningKey, TrustedIssuer, check_bearer, check_issued_token, check_limited, check_report_signature,
    key_id_of, sign_issued_token, sign_limited, write_report_signature,
};
use serde_json::Value;
use std::sync::LazyLock;
use uuid::Uuid;

pub(crate) const TARGETS: &[Target] = &[
    Target::with("token", token, || TRUST.tokens.iter().map(|token| token.clone().into_bytes()).collect()),
    Target::with("claims", claims, || TRUST.tokens.iter().map(|token| opened(token)).collect()),
    Target::with("jwks", jwks, key_sets),
];

/// The second at which tokens are looked at: those of `foreign` hold from 1,000,000 to 2,000,000.
const NOW: i64 = 1_500_000;
/// Who signs tokens here, and what they say of themselves.
const US: &str = "https://likeness.example";

static TRUST: LazyLock<Trust> = LazyLock::new(Trust::new);

/// A key that is always the same.
struct Counting;

impl Randomness for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(1..).for_each(|(byte, number)| *byte = number);
    }
}

/// Tokens that another implementation signed, with its keys.
fn foreign() -> Value {
    let text = include_str!("../../rules/tests/it/foreign/tokens.json");
    serde_json::from_str(text).expect("the file is JSON")
}

/// Everybody whose tokens count, and a good token of each kind.
struct Trust {
    own: TrustedIssuer,
    oidc: Vec<BearerIssuer>,
    tokens: Vec<String>,
}

impl Trust {
    fn new() -> Self {
        let key = SigningKey::generate(&Counting, NOW);
        let keys = KeySet::of(&[&key]);
        let resource = |name: &str| ResourceId::new(Uuid::from_u128(7), "rg", name).expect("a name");
        let (issued_at, expires_at) = (NOW, NOW + 600);
        let limited = LimitedAccessClaims {
            issuer: US.to_owned(),
            id: Uuid::from_u128(1),
            vendor: resource("vendor"),
            target: resource("client"),
            flags: FeatureFlag::ALL.into(),
            issued_at,
            expires_at,
        };
        let (id, account) = (Uuid::from_u128(2), Uuid::from_u128(3));
        let session = IssuedTokenClaims { id, account, issuer: US.to_owned(), issued_at, expires_at };
        let report = ReportClaims { issuer: US.to_owned(), made_at: NOW, digest: "00".repeat(32) };
        let report = write_report_signature(&key, &report).signed_here(&key).expect("the key is here");
        let mut tokens: Vec<String> = [sign_limited(&key, &limited), sign_issued_token(&key, &session), report]
            .map(|token| token.expose().clone())
            .into();
        let foreign = foreign();
        let theirs = foreign["tokens"].as_object().expect("tokens").values().filter_map(Value::as_str);
        tokens.extend(theirs.map(str::to_owned));
        let provider = |issuer: &str, audience: &str, keys: &KeySet| BearerIssuer {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            keys: keys.clone(),
            leeway_seconds: 60,
        };
        let jwks = KeySet::from_jwks(foreign["jwks"].to_string().as_bytes()).expect("keys");
        let oidc = vec![
            provider("https://issuer.example", "api://likeness", &jwks),
            provider(US, ISSUED_TOKEN_AUDIENCE, &keys),
        ];
        let own = TrustedIssuer { issuer: US.to_owned(), keys, flags: None, leeway_seconds: 1 };
        let trust = Self { own, oidc, tokens };
        assert!(
            trust.tokens.len() > 4 && trust.tokens.iter().all(|token| trust.takes(token)),
            "a good token is refused"
        );
        trust
    }

    /// All who read tokens; whether one of them takes it.
    fn takes(&self, token: &str) -> bool {
        let limited = check_limited(token, std::slice::from_ref(&self.own), NOW).is_ok();
        let session = check_issued_token(token, &self.own, NOW).is_ok();
        let bearer = check_bearer(token, &self.oidc, NOW).is_ok();
        let report = check_report_signature(token, &self.own).is_ok();
        let taken = limited || session || bearer || report;
        assert!(!taken || key_id_of(token).is_some(), "taken without naming its issuer");
        taken
    }

    /// The same. Nobody but the holder of a key makes a token: what is taken must be one that was there.
    fn takes_its_own(&self, token: &String) -> bool {
        let taken = self.takes(token);
        assert!(!taken || self.tokens.contains(token), "a token that nobody signed was taken");
        taken
    }
}

fn token(input: &[u8]) -> bool {
    TRUST.takes_its_own(&text(input))
}

/// A token from within: header, claims and signature, each on a line, before they are encoded.
fn claims(input: &[u8]) -> bool {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let (header, claims, signature) = (next(), next(), text(next()));
    let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    TRUST.takes_its_own(&format!("{}.{}.{signature}", encoded(header), encoded(claims)))
}

/// What [`claims`] makes this token of.
fn opened(token: &str) -> Vec<u8> {
    let mut parts = token.split('.');
    let mut decoded = || BASE64_URL_SAFE_NO_PAD.decode(parts.next().unwrap_or_default()).expect("base64");
    let (header, claims) = (decoded(), decoded());
    [header, claims, parts.next().unwrap_or_default().as_bytes().to_vec()].join(&b'\n')
}

fn jwks(input: &[u8]) -> bool {
    let Ok(keys) = KeySet::from_jwks(input) else { return false };
    // Whatever was read must be fit for use.
    let issuer = TrustedIssuer { issuer: US.to_owned(), keys: keys.clone(), flags: None, leeway_seconds: 1 };
    let mut oidc = TRUST.oidc.clone();
    oidc[0].keys = keys.clone();
    for token in &TRUST.tokens {
        drop(check_limited(token, std::slice::from_ref(&issuer), NOW));
        drop(check_bearer(token, &oidc, NOW));
    }
    !keys.is_empty()
}

/// Our own keys, and those of others.
fn key_sets() -> Vec<Vec<u8>> {
    let own = SigningKey::generate(&Counting, NOW).public_jwk();
    let own = serde_json::json!({ "keys": [own] });
    [own, foreign()["jwks"].clone()].map(|keys| keys.to_string().into_bytes()).into()
}
