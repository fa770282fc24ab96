use likeness_custody::{Kept, RetentionPolicy, rows};
use std::collections::BTreeSet;

#[test]
fn the_longest_lives() {
    let day = 86_400;
    let cases = [
        (Kept::FaceId, "faceId", day),
        (Kept::Session, "session", 2 * day),
        (Kept::SessionImage, "sessionImage", 2 * day),
        (Kept::DeviceCorrelation, "deviceCorrelation", 2 * day),
        (Kept::AuthToken, "authToken", day),
        (Kept::Operation, "operation", 2 * day),
        (Kept::Snapshot, "snapshot", 2 * day),
    ];
    assert_eq!(cases.map(|(kept, ..)| kept), Kept::ALL);
    for (kept, name, longest) in cases {
        assert_eq!((kept.as_text(), kept.longest(), kept.shortest()), (name, longest, 60));
        assert_eq!(Kept::parse(&name.to_uppercase()), Some(kept));
        assert_eq!(serde_json::to_string(&kept).unwrap(), format!("\"{name}\""));
        assert!(!kept.source().is_empty());
        assert_eq!(RetentionPolicy::default().seconds(kept), longest);

        let mut policy = RetentionPolicy::default();
        for refused in [0, 59, longest + 1, u32::MAX] {
            let problem = policy.set(kept, Some(refused)).unwrap_err();
            assert!(problem.to_string().contains(name), "{problem}");
            assert_eq!(policy, RetentionPolicy::default());
        }
        for taken in [60, 61, longest] {
            policy.set(kept, Some(taken)).unwrap();
            assert_eq!((policy.get(kept), policy.seconds(kept)), (Some(taken), taken));
        }
        policy.set(kept, None).unwrap();
        assert_eq!(policy, RetentionPolicy::default());
    }
}

#[test]
fn a_picture_does_not_outlive_its_session() {
    let mut policy = RetentionPolicy::default();
    policy.set(Kept::Session, Some(3600)).unwrap();
    assert_eq!(policy.seconds(Kept::SessionImage), 3600);
    policy.set(Kept::SessionImage, Some(7200)).unwrap();
    assert_eq!(policy.seconds(Kept::SessionImage), 3600);
    policy.set(Kept::SessionImage, Some(600)).unwrap();
    assert_eq!(policy.seconds(Kept::SessionImage), 600);
}

#[test]
fn policies_in_json() {
    let policy: RetentionPolicy = serde_json::from_str(r#"{"faceId":600,"session":null}"#).unwrap();
    assert_eq!(policy.seconds(Kept::FaceId), 600);
    assert_eq!(serde_json::to_string(&policy).unwrap(), r#"{"faceId":600}"#);
    assert_eq!(serde_json::from_str::<RetentionPolicy>("{}").unwrap(), RetentionPolicy::default());
    for wrong in [r#"{"faceId":59}"#, r#"{"faceId":86401}"#, r#"{"faces":600}"#, r#"{"faceId":"600"}"#, "[]"] {
        assert!(serde_json::from_str::<RetentionPolicy>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_table_is_whole() {
    let keys: BTreeSet<&str> = rows().iter().map(|row| row.key).collect();
    assert_eq!((keys.len(), rows().len()), (17, 17));
    let named: BTreeSet<Kept> = rows().iter().filter_map(|row| row.kept).collect();
    assert_eq!(named, BTreeSet::from(Kept::ALL));
    for row in rows() {
        let words = match row.kept.map(Kept::longest) {
            None => continue,
            Some(172_800) => "48 hours",
            Some(_) if row.key == "authToken" => "60 to 86400 seconds",
            Some(_) => "24 hours",
        };
        assert!(row.life.contains(words), "{row:?}");
    }
}
