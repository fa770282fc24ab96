//! Who may depend on whom, and that versions live in one place.

use anyhow::{Context, Result};
use std::path::Path;
use toml::{Table, Value};

/// Each crate and the crates of ours that it may know. Dependencies point one way: up this list.
const KNOWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("vision", &["likeness-base"]),
    ("gallery", &["likeness-base"]),
    ("rules", &["likeness-base"]),
    ("liveness", &["likeness-base"]),
    ("shares", &[]),
    ("keys", &["likeness-base"]),
    ("records", &["likeness-base", "likeness-keys"]),
    ("store", &["likeness-base", "likeness-keys", "likeness-records", "likeness-shares"]),
    ("backup", &["likeness-base", "likeness-keys", "likeness-store"]),
    ("models", &["likeness-base"]),
    ("pages", &[]),
    ("test-postgres", &[]),
    ("specimens", &[]),
    ("renderer", &[]),
    ("device", &["likeness-liveness", "likeness-renderer"]),
    ("sight", &["likeness-liveness", "likeness-vision"]),
    ("pad", &["likeness-device", "likeness-liveness", "likeness-renderer", "likeness-sight", "likeness-vision"]),
    (
        "fuzz",
        &[
            "likeness-base",
            "likeness-vision",
            "likeness-gallery",
            "likeness-rules",
            "likeness-liveness",
            "likeness-models",
            "likeness-backup",
            "likeness-service",
            "likeness-api",
            "likeness-specimens",
        ],
    ),
    ("engine-ort", &["likeness-base", "likeness-vision"]),
    ("engine-pure", &["likeness-base", "likeness-vision"]),
    (
        "service",
        &[
            "likeness-base",
            "likeness-vision",
            "likeness-gallery",
            "likeness-rules",
            "likeness-liveness",
            "likeness-sight",
            "likeness-store",
            "likeness-shares",
            "likeness-models",
            "likeness-engine-ort",
            "likeness-engine-pure",
        ],
    ),
    ("http", &["likeness-base", "likeness-rules", "likeness-store", "likeness-shares", "likeness-service"]),
    (
        "api",
        &[
            "likeness-base",
            "likeness-vision",
            "likeness-gallery",
            "likeness-rules",
            "likeness-liveness",
            "likeness-store",
            "likeness-pages",
            "likeness-service",
            "likeness-http",
        ],
    ),
    (
        "server",
        &[
            "likeness-base",
            "likeness-vision",
            "likeness-gallery",
            "likeness-rules",
            "likeness-liveness",
            "likeness-shares",
            "likeness-store",
            "likeness-backup",
            "likeness-models",
            "likeness-pages",
            "likeness-service",
            "likeness-http",
            "likeness-api",
            "likeness-device",
            "likeness-pad",
            "likeness-renderer",
        ],
    ),
];

/// Lines of source beyond which a crate usually has a second job.
const MOST_LINES: usize = 12_500;

pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let manifest = folder.join("Cargo.toml");
        let text =
            std::fs::read_to_string(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
        let manifest: Table = toml::from_str(&text)?;
        let Some((_, allowed)) = KNOWS.iter().find(|(known, _)| *known == name) else {
            findings.push(format!("crates/{name}: not in the map of xtask/src/tidy/crates.rs; say whom it may know"));
            continue;
        };
        let shipped = dependencies(&manifest, "dependencies");
        for (dependency, _) in &shipped {
            if dependency.starts_with("likeness-") && !allowed.contains(&dependency.as_str()) {
                findings.push(format!("crates/{name}: must not know {dependency}"));
            }
        }
        let all = shipped
            .into_iter()
            .chain(dependencies(&manifest, "dev-dependencies"))
            .chain(dependencies(&manifest, "build-dependencies"));
        for (dependency, value) in all {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                findings
                    .push(format!("crates/{name}: the version of {dependency} belongs into the workspace manifest"));
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            findings.push(format!("crates/{name}: does not take the lints of the workspace"));
        }
        let lines = lines_below(&folder.join("src"))?;
        if lines > MOST_LINES {
            findings.push(format!("crates/{name}: {lines} lines; look for the second job (limit {MOST_LINES})"));
        }
        if folder.join("build.rs").exists() {
            findings.push(format!("crates/{name}: has a build script; nothing may be fetched or made while building"));
        }
    }
    Ok(findings)
}

fn lines_below(folder: &Path) -> Result<usize> {
    let mut lines = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            lines += lines_below(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            lines += std::fs::read_to_string(&path)?.lines().count();
        }
    }
    Ok(lines)
}

fn dependencies(manifest: &Table, section: &str) -> Vec<(String, Value)> {
    let table = manifest.get(section).and_then(Value::as_table).cloned().unwrap_or_default();
    table.into_iter().collect()
}
