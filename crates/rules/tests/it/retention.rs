//! Retention classes, retention policies and the retention table.

use likeness_rules::{RetentionClass, RetentionPolicy, rows};
use std::collections::BTreeSet;

#[test]
fn the_longest_lives() {
    let day = 86_400;
    let cases = [
        (RetentionClass::FaceId, "faceId", day),
        (RetentionClass::Session, "session", 2 * day),
        (RetentionClass::SessionImage, "sessionImage", 2 * day),
        (RetentionClass::DeviceCorrelation, "deviceCorrelation", 2 * day),
        (RetentionClass::EnrolledKey, "enrolledKey", 400 * day),
        (RetentionClass::AuthToken, "authToken", day),
        (RetentionClass::Operation, "operation", 2 * day),
        (RetentionClass::Snapshot, "snapshot", 2 * day),
        (RetentionClass::AuditLog, "auditLog", u32::MAX),
    ];
    assert_eq!(cases.map(|(class, ..)| class), RetentionClass::ALL);
    for (class, name, longest) in cases {
        let shortest = if class == RetentionClass::AuditLog { 30 * day } else { 60 };
        assert_eq!((class.as_text(), class.longest(), class.shortest()), (name, longest, shortest));
        assert_eq!(RetentionClass::parse(&name.to_uppercase()), Some(class));
        assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{name}\""));
        assert!(!class.source().is_empty());
        assert_eq!(RetentionPolicy::default().seconds(class), longest);

        let mut policy = RetentionPolicy::default();
        let too_long = longest.checked_add(1).into_iter().flat_map(|more| [more, u32::MAX]);
        for refused in [0, shortest - 1].into_iter().chain(too_long) {
            let problem = policy.set(class, Some(refused)).unwrap_err();
            assert!(problem.to_string().contains(name), "{problem}");
            assert_eq!(policy, RetentionPolicy::default());
        }
        for taken in [shortest, shortest + 1, longest] {
            policy.set(class, Some(taken)).unwrap();
            assert_eq!((policy.get(class), policy.seconds(class)), (Some(taken), taken));
        }
        policy.set(class, None).unwrap();
        assert_eq!(policy, RetentionPolicy::default());
    }
}

#[test]
fn a_picture_does_not_outlive_its_session() {
    let mut policy = RetentionPolicy::default();
    policy.set(RetentionClass::Session, Some(3600)).unwrap();
    assert_eq!(policy.seconds(RetentionClass::SessionImage), 3600);
    policy.set(RetentionClass::SessionImage, Some(7200)).unwrap();
    assert_eq!(policy.seconds(RetentionClass::SessionImage), 3600);
    policy.set(RetentionClass::SessionImage, Some(600)).unwrap();
    assert_eq!(policy.seconds(RetentionClass::SessionImage), 600);
}

#[test]
fn policies_in_json() {
    let policy: RetentionPolicy = serde_json::from_str(r#"{"faceId":600,"session":null}"#).unwrap();
    assert_eq!(policy.seconds(RetentionClass::FaceId), 600);
    assert_eq!(serde_json::to_string(&policy).unwrap(), r#"{"faceId":600}"#);
    assert_eq!(serde_json::from_str::<RetentionPolicy>("{}").unwrap(), RetentionPolicy::default());
    for wrong in [r#"{"faceId":59}"#, r#"{"faceId":86401}"#, r#"{"faces":600}"#, r#"{"faceId":"600"}"#, "[]"] {
        assert!(serde_json::from_str::<RetentionPolicy>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_table_is_whole() {
    let keys: BTreeSet<&str> = rows().iter().map(|row| row.key).collect();
    assert_eq!((keys.len(), rows().len()), (23, 23));
    let named: BTreeSet<RetentionClass> = rows().iter().filter_map(|row| row.class).collect();
    assert_eq!(named, BTreeSet::from(RetentionClass::ALL));
    for row in rows() {
        let words = match row.class.map(RetentionClass::longest) {
            None => continue,
            Some(172_800) => "48 hours",
            Some(u32::MAX) => "no end",
            Some(34_560_000) => "400 days",
            Some(_) if row.key == "quickLink" => "with the token",
            Some(_) if row.key == "authToken" => "60 to 86400 seconds",
            Some(_) => "24 hours",
        };
        assert!(row.life.contains(words), "{row:?}");
    }
}
