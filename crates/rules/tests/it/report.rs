//! The signature under a report counts for that report alone, and opens nothing.

use crate::sign::{NOW, key};
use likeness_rules::{
    KeySet, ReportClaims, SigningKey, TokenProblem, TrustedIssuer, check_issued_token, check_limited,
    check_liveness_token, check_report_signature, write_report_signature,
};

const ISSUER: &str = "https://here.example";

fn own(key: &SigningKey) -> TrustedIssuer {
    TrustedIssuer { issuer: ISSUER.to_owned(), keys: KeySet::of(&[key]), flags: None, leeway_seconds: 0 }
}

fn claims(issuer: &str) -> ReportClaims {
    ReportClaims { issuer: issuer.to_owned(), made_at: NOW, digest: "ab".repeat(32) }
}

fn signed(key: &SigningKey, issuer: &str) -> String {
    let signed = write_report_signature(key, &claims(issuer)).signed_here(key);
    signed.expect("the key is here").expose().to_owned()
}

#[test]
fn it_counts_where_it_was_made() {
    let (here, elsewhere) = (key(1), key(2));
    let signature = signed(&here, ISSUER);
    assert_eq!(check_report_signature(&signature, &own(&here)), Ok(claims(ISSUER)));
    assert_eq!(check_report_signature(&signature, &own(&elsewhere)), Err(TokenProblem::UnknownKey));
    let foreign = signed(&here, "https://elsewhere.example");
    assert_eq!(check_report_signature(&foreign, &own(&here)), Err(TokenProblem::UnknownIssuer));
    let (message, _) = signature.rsplit_once('.').expect("three parts");
    let (_, other) = foreign.rsplit_once('.').expect("three parts");
    assert_eq!(check_report_signature(&format!("{message}.{other}"), &own(&here)), Err(TokenProblem::Signature));
}

#[test]
fn it_opens_nothing_and_no_token_stands_under_a_report() {
    let key = key(1);
    let signature = signed(&key, ISSUER);
    let own = own(&key);
    assert!(check_issued_token(&signature, &own, NOW).is_err());
    assert!(check_liveness_token(&signature, &own, NOW).is_err());
    assert!(check_limited(&signature, std::slice::from_ref(&own), NOW).is_err());
    let issued = likeness_rules::IssuedTokenClaims {
        id: uuid::Uuid::from_u128(1),
        account: uuid::Uuid::from_u128(2),
        issuer: ISSUER.to_owned(),
        issued_at: NOW,
        expires_at: NOW + 60,
    };
    let token = likeness_rules::sign_issued_token(&key, &issued);
    assert_eq!(check_report_signature(token.expose(), &own), Err(TokenProblem::Audience));
}
