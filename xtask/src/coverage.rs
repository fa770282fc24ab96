//! Which rows of the contract's checklist the tests have really seen: from recorded traffic, never edited.
//!
//! The test server writes a line for each answer into the file that `LIKENESS_TRAFFIC` names. Start at [`check`], which
//! holds those lines against `docs/openapi.json` and the result against `docs/coverage.md`.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Codes that say nothing about an operation: the pipeline refuses so before it is reached. Every 401 is such an answer.
const DOOR: [&str; 4] = ["403", "404", "429", "AuthenticationTypeDisabled"];

/// One operation of the description.
struct Operation {
    row: u64,
    method: String,
    /// Below the version, with `{}` for parameters.
    path: Vec<String>,
    told: String,
    name: String,
    takes_picture: bool,
    /// Whether it is served under every version of the Face API.
    is_versioned: bool,
}

/// Rows beside the Face API: number, method, path, name, and whether a version stands before the path.
const BESIDE: [(u64, &str, &str, &str, bool); 8] = [
    (102, "POST", "sts/v1.0/issueLimitedAccessToken", "IssueLimitedAccessToken", false),
    (103, "POST", "sts/v1.0/issueToken", "IssueToken", false),
    (104, "POST", "session/start", "StartLivenessAttempt", true),
    (105, "POST", "session/attempt/end", "EndLivenessAttempt", true),
    (106, "POST", "detectLiveness/singleModal", "SendLivenessFrames", true),
    (107, "POST", "detectLivenessWithVerify/singleModal", "SendLivenessWithVerifyFrames", true),
    (108, "POST", "api/quicklink", "CreateQuickLink", false),
    (109, "GET", "?s", "OpenQuickLink", false),
];

/// What was seen of a row.
#[derive(Default)]
struct Seen {
    versions: BTreeSet<String>,
    succeeded: BTreeSet<&'static str>,
    refused: BTreeSet<&'static str>,
}

/// Compares what was recorded with what must be, and writes the page anew when `accept` says so.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn check(root: &Path, traffic: &Path, accept: bool) -> Result<Vec<String>> {
    let description: Value = serde_json::from_str(&std::fs::read_to_string(root.join("docs/openapi.json"))?)?;
    let operations = operations(&description).context("docs/openapi.json is not as xtask knows it")?;
    let text = std::fs::read_to_string(traffic)
        .with_context(|| format!("{} cannot be read; set LIKENESS_TRAFFIC for the tests", traffic.display()))?;
    let mut seen: BTreeMap<u64, Seen> = BTreeMap::new();
    for line in text.lines() {
        note(line, &operations, &mut seen);
    }
    let versions = description["paths"]
        .as_object()
        .and_then(|paths| {
            paths.values().next()?.as_object()?.values().next()?["parameters"][0]["schema"]["enum"].as_array()
        })
        .map_or(0, Vec::len);
    let mut findings = Vec::new();
    let page = page(&operations, &seen, versions, &mut findings);
    let file = root.join("docs/coverage.md");
    if accept {
        std::fs::write(&file, &page)?;
    } else if std::fs::read_to_string(&file).unwrap_or_default() != page {
        findings.push(
            "docs/coverage.md says something else than the traffic; run the step with --accept and look".to_owned(),
        );
    }
    Ok(findings)
}

fn operations(description: &Value) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object()? {
        let below = path.strip_prefix("/face/{version}/")?;
        for (method, operation) in methods.as_object()? {
            operations.push(Operation {
                row: operation["x-checklist-row"].as_u64()?,
                method: method.to_ascii_uppercase(),
                path: below.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }.to_owned()).collect(),
                told: below.to_owned(),
                name: operation["operationId"].as_str()?.to_owned(),
                takes_picture: operation["requestBody"]["content"].get("application/octet-stream").is_some(),
                is_versioned: true,
            });
        }
    }
    for (row, method, path, name, is_versioned) in BESIDE {
        operations.push(Operation {
            row,
            method: method.to_owned(),
            path: path.split('/').map(str::to_owned).collect(),
            told: path.to_owned(),
            name: name.to_owned(),
            takes_picture: false,
            is_versioned,
        });
    }
    operations.sort_by_key(|operation| operation.row);
    Some(operations)
}

/// A line of the record: method, path, media type, names in the body, status, code.
fn note(line: &str, operations: &[Operation], seen: &mut BTreeMap<u64, Seen>) {
    let fields: Vec<&str> = line.split('\t').collect();
    let [method, path, media, names, status, code] = fields[..] else { return };
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (version, rest) = match parts.as_slice() {
        [face, version, rest @ ..] if face.eq_ignore_ascii_case("face") => (Some(*version), rest),
        rest => (None, rest),
    };
    let fits = |operation: &&Operation| {
        operation.method == method
            && operation.is_versioned == version.is_some()
            && operation.path.len() == rest.len()
            && operation.path.iter().zip(rest).all(|(own, given)| own == "{}" || own.eq_ignore_ascii_case(given))
    };
    let Some(operation) = operations.iter().find(fits) else { return };
    let variant = variant(operation, media, &names.split(',').collect::<Vec<_>>());
    let seen = seen.entry(operation.row).or_default();
    // Of what is not offered, the documented refusal is all there is.
    if status.starts_with('2') || (operation.row == NOT_OFFERED && status == "501") {
        seen.versions.insert(version.unwrap_or_default().to_ascii_lowercase());
        seen.succeeded.insert(variant);
    } else if status.starts_with('4') && status != "401" && !DOOR.contains(&code) {
        seen.refused.insert(variant);
    }
}

/// Which of the bodies that an operation takes this was.
fn variant(operation: &Operation, media: &str, names: &[&str]) -> &'static str {
    let has = |name: &str| names.iter().any(|given| given.eq_ignore_ascii_case(name));
    let first = |names: &[&'static str]| names.iter().copied().find(|name| has(name)).unwrap_or("");
    if operation.takes_picture {
        return if media.contains("json") { "url" } else { "bytes" };
    }
    match operation.name.as_str() {
        "FindSimilar" => first(&["faceIds", "faceListId", "largeFaceListId"]),
        "Identify" => first(&["personGroupId", "largePersonGroupId", "dynamicPersonGroupId", "personIds"]),
        "Verify" if has("faceId1") || has("faceId2") => "faceId1, faceId2",
        "Verify" => match first(&["personGroupId", "largePersonGroupId"]) {
            "" => "personId",
            group => group,
        },
        "CreateDynamicPersonGroup" | "UpdateDynamicPersonGroup" => {
            if has("addPersonIds") || has("removePersonIds") {
                "with persons"
            } else {
                "without persons"
            }
        }
        _ => "",
    }
}

/// The bodies that an operation must have been seen with.
fn variants(operation: &Operation) -> Vec<&'static str> {
    if operation.takes_picture {
        return vec!["bytes", "url"];
    }
    match operation.name.as_str() {
        "FindSimilar" => vec!["faceIds", "faceListId", "largeFaceListId"],
        "Identify" => vec!["personGroupId", "largePersonGroupId", "dynamicPersonGroupId", "personIds"],
        "Verify" => vec!["faceId1, faceId2", "personGroupId", "largePersonGroupId", "personId"],
        "CreateDynamicPersonGroup" | "UpdateDynamicPersonGroup" => vec!["without persons", "with persons"],
        _ => vec![""],
    }
}

/// The row of what the original alone offers.
const NOT_OFFERED: u64 = 101;

/// Lists and settings that take no argument and belong to nobody, and what is refused in any case: there is nothing in them that
/// could be refused. A token for a key needs a key, and without one it is 401; the page of a link tells what is wrong with it itself.
fn cannot_be_refused(operation: &Operation) -> bool {
    const ISSUE_TOKEN: u64 = 103;
    const QUICK_LINK_PAGE: u64 = 109;
    let lists = ["facelists", "settings"];
    operation.method == "GET" && (operation.path.len() == 1 && lists.contains(&operation.path[0].as_str()))
        || operation.method == "GET" && operation.path == ["settings", "liveness-abuse-monitoring"]
        || [NOT_OFFERED, ISSUE_TOKEN, QUICK_LINK_PAGE].contains(&operation.row)
}

fn page(operations: &[Operation], seen: &BTreeMap<u64, Seen>, versions: usize, findings: &mut Vec<String>) -> String {
    let mut page = String::from(
        "# Coverage of the Face API\n\nWritten by `cargo run -p xtask -- coverage` from the traffic that the tests recorded; a test \
         run fails when a row is lost.\nA row is ticked when it was seen to succeed under every version, and each of its bodies was seen \
         to succeed and to be\nrefused with a documented code (not counting 401 and 429, which every operation can give).\n\n\
         | row | | operation | bodies | seen |\n|---|---|---|---|---|\n",
    );
    let none = Seen::default();
    for operation in operations {
        let seen = seen.get(&operation.row).unwrap_or(&none);
        let mut missing = Vec::new();
        let versions = if operation.is_versioned { versions } else { 1 };
        if seen.versions.len() < versions {
            missing.push(format!("success under {} of {versions} versions only", seen.versions.len()));
        }
        let bodies = variants(operation);
        for body in &bodies {
            let of = if body.is_empty() { String::new() } else { format!(" with {body}") };
            if !seen.succeeded.contains(body) {
                missing.push(format!("no success{of}"));
            }
            if !seen.refused.contains(body) && !cannot_be_refused(operation) {
                missing.push(format!("no refusal{of}"));
            }
        }
        findings.extend(missing.iter().map(|what| format!("row {} {}: {what}", operation.row, operation.name)));
        let tick = if missing.is_empty() { "yes".to_owned() } else { missing.join("; ") };
        let told = format!("`{} {}`", operation.method, operation.told);
        writeln!(page, "| {} | {told} | {} | {} | {tick} |", operation.row, operation.name, bodies.join("; "))
            .expect("a string takes every text");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify() -> Vec<Operation> {
        let path = vec!["verify".to_owned()];
        let (told, name) = ("verify".to_owned(), "Verify".to_owned());
        vec![Operation {
            row: 5,
            method: "POST".to_owned(),
            path,
            told,
            name,
            takes_picture: false,
            is_versioned: true,
        }]
    }

    #[test]
    fn a_row_is_ticked_by_every_body_seen_both_ways() {
        let operations = verify();
        let mut seen = BTreeMap::new();
        for (names, status, code) in [
            ("faceId1,faceId2", "200", ""),
            ("faceId1,faceId2", "404", "FaceNotFound"),
            ("faceId,personGroupId,personId", "200", ""),
            ("faceId,personGroupId,personId", "429", "429"),
            ("faceId,personGroupId,personId", "401", "PermissionDenied"),
        ] {
            note(
                &format!("POST\t/face/v1.0/Verify\tapplication/json\t{names}\t{status}\t{code}"),
                &operations,
                &mut seen,
            );
        }
        let mut findings = Vec::new();
        page(&operations, &seen, 1, &mut findings);
        assert_eq!(
            findings,
            [
                "row 5 Verify: no refusal with personGroupId",
                "row 5 Verify: no success with largePersonGroupId",
                "row 5 Verify: no refusal with largePersonGroupId",
                "row 5 Verify: no success with personId",
                "row 5 Verify: no refusal with personId",
            ]
        );
    }
}
