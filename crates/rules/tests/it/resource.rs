//! Resource ids: which are accepted, and their comparison without regard to letter case.

use likeness_rules::ResourceId;
use std::collections::HashSet;
use uuid::{Uuid, uuid};

const GUID: &str = "0F0E0D0C-0b0a-4908-8706-050403020100";

fn path(guid: &str, group: &str, name: &str) -> String {
    format!("/subscriptions/{guid}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}")
}

#[test]
fn names_that_are_read() {
    let longest_group = "g".repeat(90);
    let longest_name = "n".repeat(64);
    let cases = [
        path(GUID, "rg", "face"),
        path(GUID, "rg", "face") + "/",
        path(GUID, "My.Group_(1)-x", "My-Face-01"),
        path(GUID, ".", "face").replace("/./", "/.x/"),
        path(GUID, &longest_group, &longest_name),
        path(GUID, "r", "ab"),
        path(GUID, "rg", "face").to_uppercase(),
        path(GUID, "rg", "face").to_lowercase(),
    ];
    for text in cases {
        let id = ResourceId::parse(&text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(id.subscription(), uuid!("0f0e0d0c-0b0a-4908-8706-050403020100"));
        assert_eq!(ResourceId::parse(&id.to_string()), Some(id.clone()));
        assert_eq!(id.folded(), text.trim_end_matches('/').to_lowercase());
    }
}

#[test]
fn names_that_are_not() {
    let good = path(GUID, "rg", "face");
    let cases = [
        String::new(),
        "/".to_owned(),
        good[1..].to_owned(),
        good.clone() + "//",
        good.clone() + "/x",
        format!("{good} "),
        format!("/{good}"),
        good.replace("subscriptions", "subscription"),
        good.replace("Microsoft.CognitiveServices", "Microsoft.Storage"),
        path(&GUID.replace('-', ""), "rg", "face"),
        path(&format!("{{{GUID}}}"), "rg", "face"),
        path(&format!("urn:uuid:{GUID}"), "rg", "face"),
        path(&GUID.replace('0', "g"), "rg", "face"),
        path("", "rg", "face"),
        path(GUID, "", "face"),
        path(GUID, "rg.", "face"),
        path(GUID, "r g", "face"),
        path(GUID, "rg%20", "face"),
        path(GUID, "rü", "face"),
        path(GUID, &"g".repeat(91), "face"),
        path(GUID, "rg", ""),
        path(GUID, "rg", "f"),
        path(GUID, "rg", "-face"),
        path(GUID, "rg", "face-"),
        path(GUID, "rg", "fa_ce"),
        path(GUID, "rg", "fa.ce"),
        path(GUID, "rg", &"n".repeat(65)),
    ];
    for text in cases {
        assert_eq!(ResourceId::parse(&text), None, "{text}");
    }
}

#[test]
fn letter_case_is_kept_and_does_not_matter() {
    let one = ResourceId::new(Uuid::nil(), "Group", "Face").unwrap();
    let other = ResourceId::new(Uuid::nil(), "gROUP", "fACE").unwrap();
    let third = ResourceId::new(Uuid::nil(), "group", "face2").unwrap();
    assert_eq!(one, other);
    assert_ne!(one, third);
    assert!(one < third && other < third);
    assert_eq!(HashSet::from([one.clone(), other, third]).len(), 2);
    assert_eq!((one.group(), one.name()), ("Group", "Face"));
    assert!(one.to_string().ends_with("/resourceGroups/Group/providers/Microsoft.CognitiveServices/accounts/Face"));
}

#[test]
fn json_holds_the_text() {
    let id = ResourceId::new(Uuid::nil(), "rg", "face").unwrap();
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{id}\""));
    assert_eq!(serde_json::from_str::<ResourceId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<ResourceId>("\"/subscriptions/x\"").is_err());
}
