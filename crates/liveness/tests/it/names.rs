//! Names of the contract, levels of assurance, and the numbers of the policy.

use likeness_liveness::{
    Assurance, AttemptCode, Bounds, MinimumAssurance, Mode, ModelVersion, Policy, PolicyProblem, Shape,
};

#[test]
fn names_are_read_in_any_letter_case_and_written_as_the_contract_has_them() {
    assert_eq!(Mode::parse("passiveACTIVE"), Some(Mode::PassiveActive));
    assert_eq!(Mode::parse("Passive"), Some(Mode::Passive));
    assert_eq!(Mode::parse("Active"), None);
    for mode in Mode::ALL {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_text());
    }
    assert_eq!(ModelVersion::parse("2024-11-15", Shape::New), Some(ModelVersion::November2024));
    assert_eq!(ModelVersion::parse("2024-11-15", Shape::Old), None);
    assert_eq!(ModelVersion::parse("2022-10-15-PREVIEW.04", Shape::Old), Some(ModelVersion::Preview04));
    for version in ModelVersion::ALL {
        assert_eq!(serde_json::to_value(version).unwrap(), version.as_text());
        assert_eq!(ModelVersion::parse(version.as_text(), version.shape()), Some(version));
    }
    for code in AttemptCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_text());
        assert_eq!(code.uses_up_an_attempt(), code != AttemptCode::UnexpectedServerError);
    }
}

#[test]
fn level_2_is_met_by_a_registered_device_and_by_an_attested_app() {
    use Assurance::{L0, L1, L2a, L2d};
    let cases = [
        (MinimumAssurance::L0, vec![L0, L1, L2d, L2a]),
        (MinimumAssurance::L1, vec![L1, L2d, L2a]),
        (MinimumAssurance::L2, vec![L2d, L2a]),
    ];
    for (minimum, meeting) in cases {
        for assurance in [Assurance::None, L0, L1, L2d, L2a] {
            assert_eq!(assurance.meets(minimum), meeting.contains(&assurance), "{assurance:?} for {minimum:?}");
            assert_eq!(assurance.check(Some(minimum)).is_ok(), assurance.meets(minimum));
            assert!(assurance.check(None).is_ok());
        }
        assert_eq!(MinimumAssurance::parse(&minimum.as_text().to_lowercase()), Some(minimum));
    }
    assert_eq!(MinimumAssurance::parse("L2d"), None);
    let refused = L0.check(Some(MinimumAssurance::L2)).unwrap_err();
    assert_eq!(refused.to_string(), "the session demands L2, the attempt reached L0");
}

#[test]
fn a_policy_out_of_its_range_names_the_setting() {
    assert_eq!(Policy::default().check(), Ok(()));
    type Change = fn(&mut Policy);
    let cases: [(&str, Change); 8] = [
        ("version", |policy| policy.version.clear()),
        ("light.least_ms", |policy| policy.light.least_ms = 300),
        ("light.most_colours", |policy| policy.light.most_colours = 8),
        ("settle.pair_ms", |policy| policy.settle.pair_ms = 100),
        ("turn.directions", |policy| policy.turn.directions.truncate(1)),
        ("turn.yaw_degrees", |policy| policy.turn.yaw_degrees = f32::NAN),
        ("hints.least_gap_ms", |policy| policy.hints.least_gap_ms = 100),
        ("judge.echo_fresh", |policy| policy.judge.echo_fresh = 0.1),
    ];
    for (name, change) in cases {
        let mut policy = Policy::default();
        change(&mut policy);
        assert_eq!(policy.check(), Err(PolicyProblem(name)));
    }
}

#[test]
fn a_policy_is_a_setting_in_which_nothing_is_misspelt() {
    let read = |json| serde_json::from_str::<Policy>(json);
    assert_eq!(read("{}").unwrap(), Policy::default());
    assert_eq!(read(r#"{"turn": {"retries": 2}}"#).unwrap().turn.retries, 2);
    assert!(read(r#"{"turn": {"retrys": 2}}"#).is_err());
    let written = serde_json::to_string(&Policy::default()).unwrap();
    assert_eq!(read(&written).unwrap(), Policy::default());
}

#[test]
fn bounds_are_those_of_the_page() {
    let (usual, slow) = (Bounds::of(false), Bounds::of(true));
    assert_eq!((usual.attempt_ms, usual.frames_per_second), (45_000, 10));
    assert_eq!((slow.attempt_ms, slow.frames_per_second), (90_000, 5));
    assert_eq!((usual.frames, usual.analysed, usual.bytes, usual.frame_bytes), (450, 120, 25_165_824, 262_144));
}
