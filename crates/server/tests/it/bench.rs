//! The bench measures what it says it measures. No test depends on how long anything took.

use crate::server::{cache, likeness, run, skip};
use serde_json::Value;
use std::process::Command;

fn report(command: &mut Command) -> Value {
    let output = run(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

fn rows<'a>(report: &'a Value, part: &str) -> Vec<&'a Value> {
    let rows = report["rows"].as_array().expect("rows").iter();
    rows.filter(|row| row["part"] == part).collect()
}

#[test]
fn every_part_reports_figures_that_can_be() {
    let report = report(likeness().args(["bench", "--quick", "--json"]));
    assert!(report["machine"]["threads"].as_u64().is_some_and(|threads| threads > 0));
    assert_eq!(report["machine"]["build"], if cfg!(debug_assertions) { "development" } else { "release" });
    for (part, least) in [("inference", 12), ("search", 6), ("store", 9), ("http", 8), ("captures", 7), ("backup", 8)] {
        assert!(rows(&report, part).len() >= least, "{part}: {report:#}");
    }
    for row in report["rows"].as_array().expect("rows") {
        let number = |name: &str| row["ours"][name].as_f64().unwrap_or(f64::NAN);
        // On a busy machine no capture at all may be served in time.
        let may_be_none = row["ours"]["unit"] == "captures";
        assert!(number("median") > 0.0 || may_be_none, "{row:#}");
        assert!(number("low") <= number("median"), "{row:#}");
        assert!(number("median") <= number("high") && number("rounds") >= 1.0, "{row:#}");
        if let Some(ratio) = row["beside"]["ratio"].as_f64() {
            let theirs = row["beside"]["theirs"]["median"].as_f64().expect("a figure");
            assert!((ratio * theirs - number("median")).abs() <= 1e-9 * number("median"), "{row:#}");
        }
    }
    // The parts of a photo are no more than the whole.
    let inference = rows(&report, "inference");
    let median = |what: &str| {
        let row = inference.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("no row {what}"));
        row["ours"]["median"].as_f64().expect("a figure")
    };
    let whole = median("decode, detect, embed");
    assert!(median("stage: DetectNetwork") < whole && median("stage: EmbedNetwork") < whole);
}

#[test]
fn peers_stand_beside_ours_where_they_are_installed() {
    let test = "peers_stand_beside_ours_where_they_are_installed";
    if !cache().join("peers/installed.txt").exists() {
        return skip(test, "the peers are not installed (benches/peers/install)");
    }
    let report = report(likeness().args(["bench", "inference", "search", "--peers", "--quick", "--json"]));
    let versions = report["peers"].as_object().expect("versions");
    assert!(versions.len() >= 6, "{versions:?}");
    let beside: Vec<&str> =
        report["rows"].as_array().expect("rows").iter().filter_map(|row| row["beside"]["whose"].as_str()).collect();
    for whose in ["Python onnxruntime", "libjpeg-turbo", "face_recognition, defaults", "faiss flat"] {
        assert!(beside.iter().any(|name| name.starts_with(whose)), "{whose}: {beside:?}");
    }
}

#[test]
fn without_peers_it_says_how_to_get_them() {
    let empty = tempfile::tempdir().expect("a folder");
    let output = run(likeness().args(["bench", "inference", "--peers"]).env("LIKENESS_CACHE", empty.path()));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("benches/peers/install"));
}
