//! Roles: ids, data actions, management rights, and which identities have one.

use likeness_rules::{Assignment, Identity, Principal, Role, roles_of};
use std::collections::BTreeSet;
use uuid::Uuid;

#[test]
fn names_and_ids() {
    let cases = [
        (
            Role::FaceRecognizer,
            "9894cab4-e18a-44aa-828b-cb588cd6f2d7",
            "Cognitive Services Face Recognizer",
            "face-recognizer",
        ),
        (Role::User, "a97b65f3-24c7-4388-baec-2e87135dc908", "Cognitive Services User", "user"),
        (Role::Contributor, "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68", "Cognitive Services Contributor", "contributor"),
        (Role::DataReader, "b59867f0-fa02-499b-be73-45a86b5b3e1c", "Cognitive Services Data Reader", "data-reader"),
        (Role::Owner, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", "owner"),
    ];
    for (role, id, name, word) in cases {
        assert_eq!((role.id().to_string().as_str(), role.name(), role.word()), (id, name, word));
        for text in [id, name, word] {
            assert_eq!(Role::parse(text), Some(role), "{text}");
            assert_eq!(Role::parse(&text.to_uppercase()), Some(role), "{text}");
        }
        assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{name}\""));
    }
    for nothing in ["", "reader", "9894cab4e18a44aa828bcb588cd6f2d7"] {
        assert_eq!(Role::parse(nothing), None, "{nothing}");
    }
}

#[test]
fn data_actions() {
    use Role::{DataReader, FaceRecognizer, User};
    let cases: &[(&str, &[Role])] = &[
        // The twelve, two of them under each kind of session.
        ("detect/action", &[FaceRecognizer, User]),
        ("verify/action", &[FaceRecognizer, User]),
        ("identify/action", &[FaceRecognizer, User]),
        ("group/action", &[FaceRecognizer, User]),
        ("findsimilars/action", &[FaceRecognizer, User]),
        ("detectliveness/multimodal/action", &[FaceRecognizer, User]),
        ("detectliveness/singlemodal/action", &[FaceRecognizer, User]),
        ("detectlivenesswithverify/singlemodal/action", &[FaceRecognizer, User]),
        ("detectliveness/singlemodal/sessions/action", &[FaceRecognizer, User]),
        ("detectlivenesswithverify/singlemodal/sessions/action", &[FaceRecognizer, User]),
        ("detectliveness/singlemodal/sessions/delete", &[FaceRecognizer, User]),
        ("detectliveness/singlemodal/sessions/read", &[FaceRecognizer, User, DataReader]),
        ("detectlivenesswithverify/singlemodal/sessions/audit/read", &[FaceRecognizer, User, DataReader]),
        // In any letter case, and in full.
        ("detectLiveness/singleModal/sessions/read", &[FaceRecognizer, User, DataReader]),
        ("Microsoft.CognitiveServices/accounts/Face/detect/action", &[FaceRecognizer, User]),
        ("microsoft.cognitiveservices/ACCOUNTS/face/persons/read", &[User, DataReader]),
        // Beyond the twelve.
        ("facelists/read", &[User, DataReader]),
        ("facelists/write", &[User]),
        ("facelists/delete", &[User]),
        ("facelists/persistedfaces/write", &[User]),
        ("largefacelists/train/action", &[User]),
        ("largefacelists/training/read", &[User, DataReader]),
        ("persongroups/train/action", &[User]),
        ("persongroups/training/read", &[User, DataReader]),
        ("persongroups/persons/action", &[User]),
        ("persongroups/persons/persistedfaces/read", &[User, DataReader]),
        ("dynamicpersongroups/delete", &[User]),
        ("snapshots/read", &[User, DataReader]),
        ("operations/read", &[User, DataReader]),
        ("compare/action", &[User]),
        ("sessionimages/read", &[User, DataReader]),
        ("detectliveness/singlemodal/action/action", &[User]),
        ("sessions", &[User]),
        // No action at all.
        ("", &[]),
        ("*", &[]),
        ("*/read", &[]),
        ("detect//action", &[]),
        ("/detect/action", &[]),
        ("detect/action/", &[]),
        ("Microsoft.CognitiveServices/accounts/SpeechServices/read", &[]),
        ("Microsoft.CognitiveServices/accounts/listKeys/action", &[]),
    ];
    for (action, expected) in cases {
        let found: BTreeSet<Role> = Role::ALL.into_iter().filter(|role| role.may(action)).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{action}");
    }
    assert_eq!(FaceRecognizer.data_patterns().len(), 12);
}

#[test]
fn what_else_roles_may() {
    let cases = [
        (Role::FaceRecognizer, false, false, false),
        (Role::User, true, false, false),
        (Role::Contributor, true, true, false),
        (Role::DataReader, false, false, false),
        (Role::Owner, true, true, true),
    ];
    for (role, keys, manage, assign) in cases {
        assert_eq!((role.may_list_keys(), role.may_manage(), role.may_assign_roles()), (keys, manage, assign));
    }
}

fn given(issuer: &str, principal: Principal, role: Role) -> Assignment {
    Assignment { id: Uuid::nil(), issuer: issuer.to_owned(), principal, role }
}

fn ada() -> Identity {
    Identity {
        issuer: "https://a".to_owned(),
        subject: "sub-ada".to_owned(),
        object_id: Some("oid-ada".to_owned()),
        groups: vec!["g1".to_owned(), "g2".to_owned()],
        app_roles: vec!["Face.Ask".to_owned()],
    }
}

#[test]
fn who_has_a_role() {
    let text = str::to_owned;
    let cases = [
        ("https://a", Principal::Subject(text("sub-ada")), true),
        ("https://a", Principal::Subject(text("oid-ada")), true),
        ("https://a", Principal::Group(text("g2")), true),
        ("https://a", Principal::AppRole(text("Face.Ask")), true),
        // Another issuer, another kind of value, another name.
        ("https://b", Principal::Subject(text("sub-ada")), false),
        ("https://A", Principal::Subject(text("sub-ada")), false),
        ("https://a", Principal::Group(text("sub-ada")), false),
        ("https://a", Principal::Subject(text("g1")), false),
        ("https://a", Principal::AppRole(text("g1")), false),
        ("https://a", Principal::Group(text("g")), false),
        ("https://a", Principal::Subject(String::new()), false),
    ];
    for (issuer, principal, has) in cases {
        let found = roles_of(&ada(), &[given(issuer, principal.clone(), Role::User)]);
        assert_eq!(!found.is_empty(), has, "{issuer} {}", principal.value());
    }
    let several = [
        given("https://a", Principal::Group(text("g1")), Role::User),
        given("https://a", Principal::Group(text("g2")), Role::User),
        given("https://a", Principal::AppRole(text("Face.Ask")), Role::Owner),
    ];
    assert_eq!(roles_of(&ada(), &several), BTreeSet::from([Role::User, Role::Owner]));
    assert!(roles_of(&ada(), &[]).is_empty());
}

#[test]
fn debug_tells_nobody() {
    let shown = format!("{:?} {:?}", ada(), given("https://a", Principal::Subject("sub-ada".to_owned()), Role::User));
    for secret in ["sub-ada", "oid-ada", "g1", "Face.Ask"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn assignments_in_json() {
    let json = r#"{"id":"00000000-0000-0000-0000-000000000000","issuer":"https://a","principal":{"appRole":"x"},"role":"Cognitive Services User"}"#;
    let assignment: Assignment = serde_json::from_str(json).unwrap();
    assert_eq!(assignment, given("https://a", Principal::AppRole("x".to_owned()), Role::User));
    assert_eq!(serde_json::to_string(&assignment).unwrap(), json);
}
