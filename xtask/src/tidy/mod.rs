//! The invariants of ARCHITECTURE.md that no compiler checks, as findings in words.

mod crates;
mod sources;
mod tree;

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Everything that is out of order; empty when the repository is tidy.
pub(crate) fn findings(root: &Path) -> Result<Vec<String>> {
    let files = committed_files(root)?;
    let mut findings = crates::findings(root)?;
    findings.extend(sources::findings(root, &files)?);
    findings.extend(tree::findings(root, &files)?);
    Ok(findings)
}

/// Files that git tracks or would track, relative to the root.
fn committed_files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["-c", "core.quotePath=false", "ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git is needed to know which files belong to the repository")?;
    ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    ensure!(!listed.is_empty(), "git knows no file here");
    Ok(listed.lines().filter(|file| root.join(file).is_file()).map(str::to_owned).collect())
}
