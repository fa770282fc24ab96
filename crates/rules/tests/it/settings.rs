//! Settings documents: reading, writing, and the fields that are refused.

use crate::sign::resource;
use likeness_rules::{
    Approvals, Assignment, Installation, NetworkRule, Notice, Principal, RetentionClass, Role, Settings,
    SettingsProblem, default_notice,
};
use serde_json::{Value, json};
use uuid::Uuid;

fn full() -> Settings {
    let mut settings = Settings::new(resource("face"), "westeurope");
    settings.tier = Some("S0".to_owned());
    settings.subdomain = Some("ada-1".to_owned());
    settings.local_auth = false;
    settings.approvals = Approvals::everything();
    settings.network.rules.push(NetworkRule::Subnet("office".to_owned()));
    settings.assignments.push(assignment(1, "https://a", "ada"));
    settings.retention.set(RetentionClass::FaceId, Some(600)).unwrap();
    settings.vendor.may_issue = true;
    settings.vendor.not_before = Some(12);
    settings.vendor.blocked.push(resource("other"));
    settings.notices.push(Notice { version: 1, ..default_notice("en", "Ada & Co", &settings.retention) });
    settings
}

fn assignment(id: u128, issuer: &str, subject: &str) -> Assignment {
    Assignment {
        id: Uuid::from_u128(id),
        issuer: issuer.to_owned(),
        principal: Principal::Subject(subject.to_owned()),
        role: Role::User,
    }
}

#[test]
fn what_is_written_is_read() {
    for settings in [full(), Settings::new(resource("face"), "local")] {
        let bytes = settings.write();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["format"], 1);
        assert_eq!(Settings::read(&bytes).unwrap(), settings);
    }
    let installation =
        Installation { blocked: vec![resource("other")], assignments: vec![assignment(1, "https://a", "ada")] };
    assert_eq!(Installation::read(&installation.write()).unwrap(), installation);
}

#[test]
fn what_is_missing_has_its_default() {
    let oldest = json!({"format": 1, "resource": resource("face"), "location": "local", "later": {"unknown": 1}});
    let settings = Settings::read(oldest.to_string().as_bytes()).unwrap();
    assert_eq!(settings, Settings::new(resource("face"), "local"));
    assert!(settings.local_auth && !settings.vendor.may_issue && settings.approvals.flags.is_empty());
    assert_eq!(Installation::read(br#"{"format":1}"#).unwrap(), Installation::default());
}

#[test]
fn documents_that_are_not_read() {
    let written: Value = serde_json::from_slice(&full().write()).unwrap();
    let changed = |member: &str, value: Value| {
        let mut document = written.clone();
        document[member] = value;
        document.to_string()
    };
    let newer = SettingsProblem::Newer { found: 2 };
    assert_eq!(Settings::read(changed("format", json!(2)).as_bytes()).unwrap_err(), newer);
    assert_eq!(Settings::read(&vec![b' '; 1024 * 1024 + 1]).unwrap_err(), SettingsProblem::TooLong);
    let wrong = [
        String::new(),
        "{}".to_owned(),
        "[1]".to_owned(),
        changed("format", json!("1")),
        changed("resource", json!("secret-resource")),
        changed("localAuth", json!("secret")),
        changed("retention", json!({"faceId": 1})),
        changed("retention", json!({"secret": 600})),
        changed("assignments", json!([{"secret": 1}])),
        changed("network", json!({"rules": [{"address": "secret"}]})),
        changed("tier", json!("S0")).replace("\"S0\"", "\"S0\",\"tier\":\"S0\""),
    ];
    for text in wrong {
        let problem = Settings::read(text.as_bytes()).unwrap_err();
        assert!(matches!(problem, SettingsProblem::Unreadable { .. }), "{text}: {problem}");
        assert!(!format!("{problem} {problem:?}").contains("secret"), "{problem}");
    }
}

#[test]
fn fields_that_are_refused() {
    type Change = fn(&mut Settings);
    let cases: &[(&str, Change)] = &[
        ("location", |it| it.location = String::new()),
        ("location", |it| it.location = "West Europe".to_owned()),
        ("location", |it| it.location = "x".repeat(41)),
        ("tier", |it| it.tier = Some("s0".to_owned())),
        ("tier", |it| it.tier = Some(String::new())),
        ("subdomain", |it| it.subdomain = Some("a".to_owned())),
        ("subdomain", |it| it.subdomain = Some("Ada".to_owned())),
        ("subdomain", |it| it.subdomain = Some("-ada".to_owned())),
        ("subdomain", |it| it.subdomain = Some("ada-".to_owned())),
        ("subdomain", |it| it.subdomain = Some("a.b".to_owned())),
        ("subdomain", |it| it.subdomain = Some("a".repeat(64))),
        ("network.rules", |it| it.network.rules = vec![NetworkRule::Subnet("x".to_owned()); 1001]),
        ("network.rules", |it| it.network.rules = vec![NetworkRule::Subnet(" ".to_owned())]),
        ("assignments", |it| it.assignments = vec![assignment(1, "", "ada")]),
        ("assignments", |it| it.assignments = vec![assignment(1, "https://a", "")]),
        ("assignments", |it| it.assignments = vec![assignment(1, "https://a", "a\nb")]),
        ("assignments", |it| it.assignments = vec![assignment(1, "https://a", &"x".repeat(501))]),
        ("assignments", |it| {
            it.assignments = vec![assignment(1, "https://a", "ada"), assignment(1, "https://a", "bob")]
        }),
        ("assignments", |it| it.assignments = (0..1001).map(|id| assignment(id, "https://a", "ada")).collect()),
        ("vendor.blocked", |it| it.vendor.blocked = vec![resource("other"); 5001]),
        ("notices", |it| it.notices = vec![it.notices[0].clone(); 101]),
        ("notices.language", |it| it.notices[0].language = "e".to_owned()),
        ("notices.language", |it| it.notices[0].language = "en--GB".to_owned()),
        ("notices.language", |it| it.notices[0].language = "12".to_owned()),
        ("notices.version", |it| it.notices[0].version = 0),
        ("notices.version", |it| it.notices.push(Notice { language: "EN".to_owned(), ..it.notices[0].clone() })),
        ("notices.text", |it| it.notices[0].text = " ".to_owned()),
        ("notices.text", |it| it.notices[0].text = "x".repeat(10_001)),
        ("notices.controller", |it| it.notices[0].controller = String::new()),
        ("notices.processor", |it| it.notices[0].processor = String::new()),
    ];
    full().check().unwrap();
    for (number, (name, change)) in cases.iter().enumerate() {
        let mut settings = full();
        change(&mut settings);
        let problem = settings.check().unwrap_err();
        assert!(matches!(problem, SettingsProblem::Field { field, .. } if field == *name), "{number}: {problem}");
        assert_eq!(Settings::read(&settings.write()).unwrap_err(), problem);
    }
    let installation = Installation { assignments: vec![assignment(1, "", "ada")], ..Installation::default() };
    assert!(Installation::read(&installation.write()).is_err());
}

#[test]
fn the_newest_notice_in_the_nearest_language() {
    let mut settings = Settings::new(resource("face"), "local");
    assert_eq!(settings.notice("en"), None);
    for (language, version) in [("en", 1), ("en", 2), ("de", 1), ("de-AT", 1)] {
        settings.notices.push(Notice {
            language: language.to_owned(),
            version,
            text: "x".to_owned(),
            controller: "x".to_owned(),
            processor: "x".to_owned(),
        });
    }
    settings.check().unwrap();
    let cases = [
        ("en", "en", 2),
        ("EN-us", "en", 2),
        ("de", "de", 1),
        ("de-CH", "de", 1),
        ("de-at", "de-AT", 1),
        ("fr", "en", 2),
    ];
    for (asked, language, version) in cases {
        let found = settings.notice(asked).unwrap();
        assert_eq!((found.language.as_str(), found.version), (language, version), "{asked}");
    }
}
