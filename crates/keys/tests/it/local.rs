//! Keys in files and in the environment, and the bounds of every provider.

use crate::{Dice, conformance, in_a_process_of_its_own};
use async_trait::async_trait;
use likeness_base::Secret;
use likeness_keys::InstallationKey;
use likeness_keys::provider::bounded::{Bounded, LEFT_ALONE, PATIENCE};
use likeness_keys::provider::local::LocalKeys;
use likeness_keys::provider::{KeyBytes, KeyDescription, KeyProvider, ProviderError, ProviderKind, Signer};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

fn key_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customer.key");
    InstallationKey::create(&path, &Dice::default()).unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_file_wraps_rotates_and_signs() {
    let (_folder, path) = key_file();
    let keys = LocalKeys::in_file(&path, Arc::new(Dice::default()));
    conformance::wraps(&keys).await;
    conformance::rotates(&keys).await;
    conformance::signs(&keys).await;
    assert_eq!(keys.describe().await.unwrap().kind, ProviderKind::File);
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept.lines().count(), 2, "both versions");
    // What signs is sealed by the version of its time, and signs on after a rotation.
    let signing = keys.create("a").await.unwrap();
    keys.rotate().await.unwrap();
    keys.sign(&signing.handle, b"m").await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_taken_away_disables_its_key() {
    let (_folder, path) = key_file();
    let keys = LocalKeys::in_file(&path, Arc::new(Dice::default()));
    let wrapped = keys.wrap(b"a", &Secret::new([1; 32])).await.unwrap();
    let elsewhere = path.with_extension("away");
    std::fs::rename(&path, &elsewhere).unwrap();
    assert_eq!(keys.unwrap(b"a", &wrapped).await.err(), Some(ProviderError::Disabled));
    assert_eq!(keys.describe().await.err(), Some(ProviderError::Disabled));
    std::fs::rename(&elsewhere, &path).unwrap();
    keys.unwrap(b"a", &wrapped).await.unwrap();
    // Half a key, no key, and the key of somebody else.
    let whole = std::fs::read_to_string(&path).unwrap();
    for bad in ["", &whole[..whole.len() / 2], "likeness-installation-key-1:zz", &format!("{whole}\nsomething else")] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(keys.unwrap(b"a", &wrapped).await.err(), Some(ProviderError::Malformed), "{bad:?}");
    }
    std::fs::write(&path, format!("likeness-installation-key-1:{}", "ab".repeat(32))).unwrap();
    assert_eq!(keys.unwrap(b"a", &wrapped).await.err(), Some(ProviderError::DoesNotOpen));
}

#[test]
fn a_variable_of_the_environment_wraps_and_signs() {
    let keys = format!("{},{}", "11".repeat(32), "22".repeat(32));
    let variables = [("LIKENESS_TEST_KEYS", keys.as_str()), ("LIKENESS_TEST_HALF_A_KEY", "1122")];
    in_a_process_of_its_own("local::in_the_environment", &variables).unwrap();
}

#[tokio::test]
#[ignore = "of a_variable_of_the_environment_wraps_and_signs, which gives it the variables"]
async fn in_the_environment() {
    let keys = LocalKeys::in_environment("LIKENESS_TEST_KEYS", Arc::new(Dice::default()));
    assert_eq!(keys.describe().await.unwrap().version, 2);
    conformance::wraps(&keys).await;
    conformance::signs(&keys).await;
    assert!(matches!(keys.rotate().await, Err(ProviderError::Unsupported(_))));
    for (variable, expected) in
        [("LIKENESS_TEST_HALF_A_KEY", ProviderError::Malformed), ("LIKENESS_TEST_NO_KEY", ProviderError::Disabled)]
    {
        let keys = LocalKeys::in_environment(variable, Arc::new(Dice::default()));
        assert_eq!(keys.describe().await.err(), Some(expected), "{variable}");
    }
}

/// A provider that never answers, as long as it is told so.
#[derive(Debug, Default)]
struct Hanging {
    asked: AtomicU32,
    answers: AtomicU32,
}

#[async_trait]
impl KeyProvider for Hanging {
    async fn describe(&self) -> Result<KeyDescription, ProviderError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.answers.load(Ordering::Relaxed) == 0 {
            std::future::pending::<()>().await;
        }
        Ok(KeyDescription { kind: ProviderKind::Transit, name: "hanging".into(), version: 1 })
    }
    async fn wrap(&self, _: &[u8], _: &KeyBytes) -> Result<Vec<u8>, ProviderError> {
        Err(ProviderError::DoesNotOpen)
    }
    async fn unwrap(&self, _: &[u8], _: &[u8]) -> Result<KeyBytes, ProviderError> {
        Err(ProviderError::DoesNotOpen)
    }
    async fn rewrap(&self, _: &[u8], _: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        Ok(None)
    }
    async fn rotate(&self) -> Result<u32, ProviderError> {
        Ok(1)
    }
    fn version(&self, _: &[u8]) -> Option<u32> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_costs_a_bounded_time_and_is_then_left_alone() {
    let hanging = Arc::new(Hanging::default());
    let bounded = Bounded::new(hanging.clone());
    for _ in 0..3 {
        let begun = tokio::time::Instant::now();
        assert_eq!(bounded.describe().await.err(), Some(ProviderError::TimedOut));
        assert_eq!(begun.elapsed(), PATIENCE);
    }
    let begun = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(bounded.describe().await.err(), Some(ProviderError::TimedOut));
    }
    assert_eq!((begun.elapsed(), hanging.asked.load(Ordering::Relaxed)), (Duration::ZERO, 3), "it is left alone");
    // After the pause it is asked again, and once it answers all is as before.
    tokio::time::advance(LEFT_ALONE).await;
    hanging.answers.store(1, Ordering::Relaxed);
    bounded.describe().await.unwrap();
    assert_eq!(hanging.asked.load(Ordering::Relaxed), 4);
    // A refusal is an answer.
    for _ in 0..10 {
        assert_eq!(bounded.unwrap(b"a", b"b").await.err(), Some(ProviderError::DoesNotOpen));
    }
    bounded.describe().await.unwrap();
}
