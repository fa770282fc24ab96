//! A device that keeps to the protocol.

use super::lead::{Wanted, capture, capture_of, has_hint, kinds, pictures};
use likeness_device::{Attack, Device, Folder, Honest, Recorder, Way};
use likeness_liveness::message::{AttemptStatus, Hint, PromptKind};
use std::sync::Arc;

const WAYS: [Way; 2] = [Way::Socket, Way::Requests];

#[tokio::test(start_paused = true)]
async fn an_attempt_succeeds_both_ways() {
    for way in WAYS {
        for seed in 1..6 {
            for (without_light, slow) in [(false, false), (true, false), (false, true), (true, true)] {
                let device = Device { without_light, slow, ..Device::default() };
                let wanted = Wanted { seed, ..Wanted::default() };
                let (outcome, _) = capture(way, device, wanted, &mut Honest).await;
                let outcome = outcome.unwrap();
                let case = format!("{way:?} {seed} {without_light} {slow}: {outcome:?}");
                assert_eq!(outcome.status, AttemptStatus::Succeeded, "{case}");
                assert!(outcome.is_own_digest && outcome.frames > 20, "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_source_is_told_everything() {
    for way in WAYS {
        let folder = pictures(1);
        let mut source = Recorder::new(Folder::open(folder.path(), true).unwrap());
        let (outcome, _) = capture_of(way, Device::default(), Wanted::default(), &mut source, &mut Honest).await;
        assert_eq!(outcome.unwrap().status, AttemptStatus::Succeeded);
        assert!(has_hint(&source.told, Hint::Good), "{way:?}");
        let kinds = kinds(&source.told);
        assert_eq!(kinds.first(), Some(&PromptKind::Settle));
        assert!([PromptKind::Light, PromptKind::Turn, PromptKind::Hold].iter().all(|kind| kinds.contains(kind)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reference_is_sent_where_one_is_expected() {
    for way in WAYS {
        let wanted = Wanted { reference: true, seed: 1 };
        let device = || Device { reference: Some(vec![1; 5_000]), ..Device::default() };
        let (outcome, heard) = capture(way, device(), wanted, &mut Honest).await;
        assert_eq!(outcome.unwrap().status, AttemptStatus::Succeeded, "{way:?}");
        assert_eq!(heard.references, [5_000], "{way:?}");
        let (outcome, heard) = capture(way, device(), Wanted::default(), &mut Honest).await;
        assert_eq!(outcome.unwrap().status, AttemptStatus::Succeeded, "{way:?}");
        assert!(heard.references.is_empty(), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_is_missing_is_said() {
    let wanted = Wanted { reference: true, seed: 1 };
    let (outcome, _) = capture(Way::Socket, Device::default(), wanted, &mut Honest).await;
    assert!(outcome.unwrap_err().to_string().contains("expects a reference picture"));
}

#[tokio::test(start_paused = true)]
async fn a_registered_device_signs_the_end() {
    for way in WAYS {
        let signer = |statement: &[u8]| {
            let mut signature = [0; 64];
            signature[..19].copy_from_slice(&statement[..19]);
            signature[63] = u8::try_from(statement.len()).unwrap();
            signature
        };
        let device = Device { registered: Some(("door".to_owned(), Arc::new(signer))), ..Device::default() };
        let (outcome, heard) = capture(way, device, Wanted::default(), &mut Honest).await;
        assert_eq!(outcome.unwrap().status, AttemptStatus::Succeeded);
        let signature = heard.signature.expect("a signature");
        assert_eq!((&signature[..19], signature[63]), (&b"likeness-capture-v1"[..], 19 + 36 + 32));
    }
}

#[tokio::test(start_paused = true)]
async fn the_digest_is_ours_where_the_server_ends_the_attempt() {
    // Frames are under way by then, which are in our chain and not in the server's.
    let (outcome, _) =
        capture(Way::Socket, Device::default(), Wanted::default(), &mut Attack::NeverShown.attacker()).await;
    assert!(outcome.unwrap().is_own_digest);
    let (outcome, _) =
        capture(Way::Socket, Device::default(), Wanted::default(), &mut Attack::OtherNonce.attacker()).await;
    assert!(!outcome.unwrap().is_own_digest);
}
