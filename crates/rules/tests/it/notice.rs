//! The default notice: its languages and what it must contain.

use likeness_rules::{Notice, ResourceId, RetentionClass, RetentionPolicy, Settings, default_notice};
use uuid::Uuid;

#[test]
fn languages() {
    let cases = [
        ("en", "en"),
        ("en-GB", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE", "de"),
        ("del", "en"),
        ("fr", "en"),
        ("", "en"),
    ];
    for (asked, given) in cases {
        assert_eq!(default_notice(asked, "Ada & Co", &RetentionPolicy::default()).language, given, "{asked}");
    }
}

#[test]
fn a_notice_says_what_it_must() {
    let mut policy = RetentionPolicy::default();
    let said = |notice: &Notice, words: &[&str]| {
        for word in words {
            assert!(notice.text.contains(word), "{word}: {}", notice.text);
        }
    };
    said(
        &default_notice("en", "Ada & Co", &policy),
        &["Ada & Co", "controller", "processor", "biometric", "24 hours", "48 hours", "delete", "grace", "say no"],
    );
    said(
        &default_notice("de", "Ada & Co", &policy),
        &["Ada & Co", "Verantwortlicher", "Auftragsverarbeiter", "24 Stunden", "48 Stunden", "lösch", "ablehnen"],
    );
    policy.set(RetentionClass::FaceId, Some(60)).unwrap();
    policy.set(RetentionClass::Session, Some(3600)).unwrap();
    policy.set(RetentionClass::SessionImage, Some(90)).unwrap();
    said(&default_notice("en", "Ada & Co", &policy), &["most 1 minute.", "most 1 hour.", "most 90 seconds."]);
    said(&default_notice("de", "Ada & Co", &policy), &["höchstens 1 Minute ", "höchstens 1 Stunde ", "90 Sekunden "]);
}

#[test]
fn a_notice_passes_the_check_of_settings() {
    let mut settings = Settings::new(ResourceId::new(Uuid::nil(), "rg", "face").unwrap(), "local");
    for language in ["en", "de"] {
        // As an account's own notice, not as the default one.
        let plain = default_notice(language, "Ada & Co", &settings.retention);
        assert_eq!(plain.version, 0);
        settings.notices.push(Notice { version: 1, ..plain });
    }
    settings.check().unwrap();
}
