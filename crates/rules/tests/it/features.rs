//! Feature flags, limited attributes and gates: their names, and which approvals a gate needs.

use likeness_rules::{Approvals, FeatureFlag, Gate, LimitedAttribute};
use std::collections::BTreeSet;

#[test]
fn names_of_flags_and_attributes() {
    assert_eq!(
        FeatureFlag::ALL.map(FeatureFlag::as_text),
        ["Face.Identification", "Face.Verification", "LimitedAccess.HighRisk"]
    );
    for flag in FeatureFlag::ALL {
        assert_eq!(FeatureFlag::parse(&flag.as_text().to_uppercase()), Some(flag));
        assert_eq!(serde_json::to_string(&flag).unwrap(), format!("\"{}\"", flag.as_text()));
    }
    assert_eq!(LimitedAttribute::ALL.map(LimitedAttribute::as_text), ["age", "smile", "facialHair", "hair"]);
    for attribute in LimitedAttribute::ALL {
        assert_eq!(LimitedAttribute::parse(&attribute.as_text().to_lowercase()), Some(attribute));
        assert_eq!(serde_json::to_string(&attribute).unwrap(), format!("\"{}\"", attribute.as_text()));
    }
    for nothing in ["", "Face", "Face.Identification ", "Identification", "emotion"] {
        assert_eq!((FeatureFlag::parse(nothing), LimitedAttribute::parse(nothing)), (None, None), "{nothing}");
    }
}

#[test]
fn gates() {
    let [identification, verification, high_risk] = FeatureFlag::ALL;
    let sets: [&[FeatureFlag]; 5] =
        [&[], &[high_risk], &[identification], &[verification], &[identification, verification, high_risk]];
    let cases = [
        (Gate::Open, "", [true, true, true, true, true]),
        (Gate::Identification, "Identification", [false, false, true, false, true]),
        (Gate::Verification, "Verification", [false, false, false, true, true]),
        (Gate::Either, "Identification or Verification", [false, false, true, true, true]),
    ];
    for (gate, words, expected) in cases {
        let found = sets.map(|flags| gate.allows(&flags.iter().copied().collect()));
        assert_eq!((found, gate.words()), (expected, words), "{gate:?}");
    }
}

#[test]
fn approvals_are_none_unless_given() {
    let none: Approvals = serde_json::from_str("{}").unwrap();
    assert_eq!(none, Approvals::default());
    assert!(none.flags.is_empty() && none.attributes.is_empty());
    let all = Approvals::everything();
    assert_eq!(all.flags, BTreeSet::from(FeatureFlag::ALL));
    assert_eq!(all.attributes, BTreeSet::from(LimitedAttribute::ALL));
    let json = r#"{"flags":["Face.Verification"],"attributes":["facialHair"]}"#;
    assert_eq!(serde_json::to_string(&serde_json::from_str::<Approvals>(json).unwrap()).unwrap(), json);
}
