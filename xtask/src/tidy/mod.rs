//! The invariants of ARCHITECTURE.md that no compiler checks, as findings in words.

mod crates;
mod sources;
mod tree;

use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// Everything that is out of order; empty when the house is tidy.
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
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git is needed to know which files belong to the repository")?;
    let listed = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(listed.lines().filter(|file| root.join(file).is_file()).map(str::to_owned).collect())
}
