//! The installation key's file.

use std::fs;
use std::path::Path;

use likeness_store::keys::InstallationKey;
use likeness_store::keys::{KeyFileError, KeyFileProblem};

use crate::scene::Dice;

fn problem<T: std::fmt::Debug>(result: Result<T, KeyFileError>) -> KeyFileProblem {
    match result {
        Err(KeyFileError { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

/// Two keys are the same when they make the same digests.
fn same(one: &InstallationKey, other: &InstallationKey) -> bool {
    let probe = "probe".to_owned().into();
    one.lookup_digest(&probe) == other.lookup_digest(&probe)
}

fn entries(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_created_key_is_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("installation.key");
    let created = InstallationKey::create(&path, &Dice::new(1)).unwrap();
    assert!(same(&created, &InstallationKey::load(&path).unwrap()));
    assert!(!same(&created, &InstallationKey::generate(&Dice::new(2))));
    assert_eq!(entries(folder.path()), ["installation.key"], "no draft is left");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("installation.key");
    InstallationKey::create(&path, &Dice::new(1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    for (bits, accepted) in
        [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false), (0o700, false), (0o4600, false)]
    {
        fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
        let loaded = InstallationKey::load(&path);
        match accepted {
            true => assert!(loaded.is_ok(), "{bits:o}"),
            false => assert!(matches!(problem(loaded), KeyFileProblem::Mode { mode } if mode == bits), "{bits:o}"),
        }
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("installation.key");
    let first = InstallationKey::create(&path, &Dice::new(1)).unwrap();
    assert!(matches!(problem(InstallationKey::create(&path, &Dice::new(2))), KeyFileProblem::Exists));
    assert!(same(&first, &InstallationKey::load(&path).unwrap()));
    assert_eq!(entries(folder.path()).len(), 1, "the refused key is nowhere");
}

#[test]
fn what_is_no_key_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("installation.key");
    InstallationKey::create(&path, &Dice::new(1)).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let line = good.trim_end();
    let cases = [
        ("empty", Vec::new()),
        ("label only", b"likeness-installation-key-1:".to_vec()),
        ("a digit short", line[..line.len() - 1].into()),
        ("a digit long", format!("{line}0\n").into()),
        ("no digit", format!("{}g\n", &line[..line.len() - 1]).into()),
        ("another label", good.replace("key-1", "key-2").into()),
        ("a second line that is none", format!("{good}nothing\n").into()),
        ("very long", good.repeat(100_000).into()),
        ("not text", vec![0xff; 92]),
    ];
    for (name, contents) in cases {
        fs::write(&path, contents).unwrap();
        assert!(matches!(problem(InstallationKey::load(&path)), KeyFileProblem::Malformed), "{name}");
    }
    // White space around it is what editors and shells leave behind.
    fs::write(&path, format!("  {line}\r\n\n")).unwrap();
    InstallationKey::load(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(problem(InstallationKey::load(&path)), KeyFileProblem::Missing));
    let no_folder = folder.path().join("missing").join("installation.key");
    assert!(matches!(problem(InstallationKey::create(&no_folder, &Dice::new(1))), KeyFileProblem::Io(_)));
}

#[test]
fn errors_tell_the_place_and_never_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("installation.key");
    InstallationKey::create(&path, &Dice::new(1)).unwrap();
    let contents = fs::read_to_string(&path).unwrap();
    fs::write(&path, contents.replace(':', ";")).unwrap();
    let error = InstallationKey::load(&path).unwrap_err();
    let (shown, debugged) = (error.to_string(), format!("{error:?}"));
    assert!(shown.contains("installation.key") && shown.contains("does not hold an installation key"), "{shown}");
    let digits = contents.trim().rsplit(':').next().unwrap();
    assert!(!shown.contains(digits) && !debugged.contains(digits));
}
