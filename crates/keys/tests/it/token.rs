//! SoftHSM, as a token behind PKCS#11. It reads where its tokens are from the environment, so each run is a process of its own.

use crate::{Dice, conformance, in_a_process_of_its_own, skip};
use likeness_base::Secret;
use likeness_keys::provider::pkcs11::{Token, TokenSettings};
use likeness_keys::provider::{KeyProvider, ProviderError, ProviderKind, Signer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const PIN: &str = "123456";

/// Where Debian puts it.
fn module() -> Option<PathBuf> {
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// Runs a test with a new token.
fn with_softhsm(test: &str) {
    if module().is_none() {
        return skip(test, "SoftHSM is not installed; on Debian: apt-get install softhsm2");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tokens")).unwrap();
    let settings = folder.path().join("softhsm2.conf");
    let tokens = folder.path().join("tokens");
    std::fs::write(&settings, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let settings = settings.to_str().unwrap();
    make_token("likeness", settings);
    in_a_process_of_its_own(test, &[("SOFTHSM2_CONF", settings)]).unwrap();
}

fn make_token(label: &str, settings: &str) {
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "654321"])
        .env("SOFTHSM2_CONF", settings)
        .output()
        .expect("it comes with SoftHSM");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn token(label: &str, key: &str, pin: &str) -> Token {
    let settings = TokenSettings { module: module().unwrap(), token: label.into(), key: key.into() };
    Token::new(settings, Secret::new(pin.to_owned()), Arc::new(Dice::default()))
}

#[test]
fn a_token_wraps_rotates_and_signs() {
    with_softhsm("token::wraps_rotates_and_signs");
}

#[tokio::test]
#[ignore = "of a_token_wraps_rotates_and_signs, which makes the token"]
async fn wraps_rotates_and_signs() {
    let one = token("likeness", "customer", PIN);
    assert_eq!(one.describe().await.err(), Some(ProviderError::Disabled), "there is no key yet");
    assert_eq!(one.rotate().await.unwrap(), 1);
    let described = one.describe().await.unwrap();
    assert_eq!((described.kind, described.name.as_str()), (ProviderKind::Pkcs11, "likeness/customer"));
    conformance::wraps(&one).await;
    conformance::rotates(&one).await;
    conformance::signs(&one).await;
    // What was retired signs no more.
    let signing = one.create("three").await.unwrap();
    one.sign(&signing.handle, b"m").await.unwrap();
    one.retire(&signing.handle).await.unwrap();
    assert_eq!(one.sign(&signing.handle, b"m").await.err(), Some(ProviderError::Disabled));
    // Another key on the same token opens nothing of this one, and two talk to the token at once.
    let two = token("likeness", "another", PIN);
    two.rotate().await.unwrap();
    let wrapped = one.wrap(b"a", &Secret::new([1; 32])).await.unwrap();
    assert!(two.unwrap(b"a", &wrapped).await.is_err());
    one.unwrap(b"a", &wrapped).await.unwrap();
}

#[test]
fn a_token_that_is_not_there_or_does_not_let_in_is_told() {
    with_softhsm("token::not_there_or_not_let_in");
}

#[tokio::test]
#[ignore = "of a_token_that_is_not_there_or_does_not_let_in_is_told, which makes the token"]
async fn not_there_or_not_let_in() {
    let elsewhere = token("nowhere", "customer", PIN);
    assert_eq!(elsewhere.describe().await.err(), Some(ProviderError::Unreachable));
    let stranger = token("likeness", "customer", "000000");
    assert_eq!(stranger.describe().await.err(), Some(ProviderError::Disabled));
    let settings =
        TokenSettings { module: Path::new("/nowhere.so").to_owned(), token: "likeness".into(), key: "k".into() };
    let no_module = Token::new(settings, Secret::new(PIN.to_owned()), Arc::new(Dice::default()));
    assert_eq!(no_module.describe().await.err(), Some(ProviderError::Unreachable));
    // A key that was deleted on the token opens nothing any more.
    let one = token("likeness", "customer", PIN);
    one.rotate().await.unwrap();
    let wrapped = one.wrap(b"a", &Secret::new([1; 32])).await.unwrap();
    one.unwrap(b"a", &wrapped).await.unwrap();
    let removed = Command::new("softhsm2-util").args(["--delete-token", "--token", "likeness"]).output().unwrap();
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    assert!(one.unwrap(b"a", &wrapped).await.is_err(), "the token was taken away");
}
