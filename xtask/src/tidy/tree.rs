//! What may lie in the repository at all.

use anyhow::Result;
use std::path::Path;

/// Endings of pictures, weights and binaries: they come from pinned packages or are made by our own tools.
const FOREIGN: &[&str] =
    &["jpg", "jpeg", "gif", "bmp", "onnx", "bin", "pth", "dat", "so", "dll", "dylib", "a", "node", "wasm", "zip", "gz"];

/// Largest file that may be committed, in bytes. The lock files are the largest we have.
const MOST_BYTES: u64 = 512 * 1024;

pub(super) fn findings(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    // Written in two halves so that this file does not find itself.
    let hosts = [
        ["registry.npm", "js.org"].concat(),
        ["files.python", "hosted.org"].concat(),
        ["static.crates", ".io"].concat(),
    ];
    for file in files {
        let path = root.join(file);
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        if FOREIGN.contains(&ending) {
            findings.push(format!("{file}: pictures, weights and binaries are not committed"));
            continue;
        }
        if std::fs::metadata(&path)?.len() > MOST_BYTES {
            findings.push(format!("{file}: larger than {MOST_BYTES} bytes"));
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if file.ends_with("package-lock.json") && text.contains("\"resolved\"") {
            findings.push(format!("{file}: carries `resolved`; write it with npm --omit-lockfile-registry-resolved"));
        }
        for host in hosts.iter().filter(|host| text.contains(host.as_str())) {
            findings.push(format!("{file}: names the package registry host {host}"));
        }
        if file.ends_with(".md") {
            findings.extend(broken_links(root, file, &text));
        }
    }
    findings.extend(decisions(files));
    Ok(findings)
}

/// Links from one of our pages to a file that is not there.
fn broken_links(root: &Path, file: &str, text: &str) -> Vec<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.contains(char::is_whitespace))
        .filter(|target| !root.join(folder).join(target).exists())
        .map(|target| format!("{file}: links to {target}, which is not there"))
        .collect()
}

/// Decisions are numbered without gap and never renumbered.
fn decisions(files: &[String]) -> Vec<String> {
    let names = files.iter().filter_map(|file| file.strip_prefix("docs/adr/"));
    let mut numbers: Vec<u32> = names.filter_map(|name| name.get(..4)?.parse().ok()).collect();
    numbers.sort_unstable();
    let expected: Vec<u32> = (1..).take(numbers.len()).collect();
    if numbers == expected {
        Vec::new()
    } else {
        vec![format!("docs/adr: the numbers {numbers:?} are not 1 to {}", numbers.len())]
    }
}
