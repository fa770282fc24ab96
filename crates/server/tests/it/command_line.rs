//! The commands that analyse photos, without a server: what they do about files that are none.

use crate::server::{demo, demo_face, demo_file, likeness, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Files that are no photos, and what is said of each.
fn bad_files(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let place = |name: &str| folder.join(name);
    std::fs::create_dir(place("folder.jpg")).expect("a folder");
    std::fs::write(place("empty.jpg"), b"").expect("a file");
    std::fs::write(place("text.jpg"), b"no photo").expect("a file");
    std::fs::write(place("cut.jpg"), &demo(1)[..200]).expect("a file");
    vec![
        (place("folder.jpg"), "is a folder"),
        (place("empty.jpg"), "is empty"),
        (place("text.jpg"), "is no picture that can be read"),
        (place("cut.jpg"), "is no picture that can be read"),
        (place("missing.jpg"), "cannot be read: "),
    ]
}

/// Each bad file stands in one line on standard error, with its reason, and with nothing else there.
fn are_named(output: &Output, bad: &[(PathBuf, &str)]) {
    let said = String::from_utf8_lossy(&output.stderr);
    for (file, reason) in bad {
        let about: Vec<&str> = said.lines().filter(|line| line.contains(file.to_str().expect("text"))).collect();
        assert!(about.len() == 1 && about[0].contains(reason), "{}: {said}", file.display());
    }
    assert_eq!(said.lines().count(), bad.len(), "{said}");
}

#[test]
fn detect_tells_of_the_others_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = bad_files(folder.path());
    // First, between and last.
    let mut files = vec![bad[0].0.clone(), demo_file(1), bad[1].0.clone(), bad[2].0.clone(), demo_file(2)];
    files.extend(bad[3..].iter().map(|(file, _)| file.clone()));

    let table = run(likeness().arg("detect").args(&files));
    assert_eq!(table.status.code(), Some(3), "{table:?}");
    are_named(&table, &bad);
    let text = String::from_utf8_lossy(&table.stdout);
    for good in [demo_file(1), demo_file(2)] {
        assert!(text.contains(good.to_str().expect("text")), "{text}");
    }

    let drawn = folder.path().join("drawn");
    let json = run(likeness().args(["detect", "--json", "--annotate"]).arg(&drawn).args(&files));
    assert_eq!(json.status.code(), Some(3), "{json:?}");
    are_named(&json, &bad);
    let report: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let counts: Vec<usize> =
        report.as_array().expect("an array").iter().map(|one| one["faces"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(counts, [3, 3]);
    let mut names: Vec<String> = std::fs::read_dir(&drawn)
        .expect("the folder was made")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["sample1.png", "sample2.png"]);

    let alone = run(likeness().args(["detect", "--json"]).args(bad.iter().map(|(file, _)| file)));
    assert_eq!((alone.status.code(), &*alone.stdout), (Some(3), &b"[]\n"[..]));
    are_named(&alone, &bad);
    assert_eq!(run(likeness().arg("detect").arg(demo_file(1))).status.code(), Some(0));
}

#[test]
fn compare_names_each_file_that_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = bad_files(folder.path());
    for more in [&[][..], &["--json"]] {
        let output = run(likeness().arg("compare").args(more).args([&bad[1].0, &bad[4].0]));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{output:?}");
        are_named(&output, &[bad[1].clone(), bad[4].clone()]);
        let output = run(likeness().arg("compare").args(more).args([&demo_file(1), &bad[2].0]));
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        are_named(&output, &bad[2..3]);
    }
}

/// A folder of people, one of whom has files beside the photos that are none.
fn people(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let face = image::load_from_memory(&demo_face()).expect("a picture");
    for person in ["ann", "bob"] {
        std::fs::create_dir(folder.join(person)).expect("a folder");
        for (name, brightness) in [("one.png", 0), ("two.png", 20)] {
            face.brighten(brightness).save(folder.join(person).join(name)).expect("a file");
        }
    }
    let inside = folder.join("bob");
    std::fs::create_dir(inside.join("more")).expect("a folder");
    std::fs::write(inside.join("empty.jpg"), b"").expect("a file");
    std::fs::write(inside.join("text.jpg"), b"no photo").expect("a file");
    std::os::unix::fs::symlink("nowhere.jpg", inside.join("link.jpg")).expect("a link");
    vec![
        (inside.join("more"), "is a folder"),
        (inside.join("empty.jpg"), "is empty"),
        (inside.join("text.jpg"), "is no picture that can be read"),
        (inside.join("link.jpg"), "cannot be read: "),
    ]
}

#[test]
fn evaluate_and_calibrate_leave_out_what_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = people(folder.path());
    let evaluated = run(likeness().args(["evaluate", "--json", "--no-page", "--rounds", "100"]).arg(folder.path()));
    assert_eq!(evaluated.status.code(), Some(3), "{evaluated:?}");
    are_named(&evaluated, &bad);
    let report: Value = serde_json::from_slice(&evaluated.stdout).expect("JSON");
    let counts = &report["counts"];
    assert_eq!((counts["templates"].as_u64(), counts["unreadable"].as_u64()), (Some(4), Some(3)), "{counts}");

    // Too few pairs for a calibration: that is said after the files.
    let calibrated = run(likeness().arg("calibrate").arg(folder.path()));
    assert_eq!(calibrated.status.code(), Some(1), "{calibrated:?}");
    let said = String::from_utf8_lossy(&calibrated.stderr);
    for (file, _) in &bad {
        assert!(said.contains(file.to_str().expect("text")), "{said}");
    }
    assert!(said.contains("cannot be calibrated from"), "{said}");

    for (file, _) in bad {
        drop(std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file)));
    }
    let evaluated = run(likeness().args(["evaluate", "--json", "--no-page", "--rounds", "100"]).arg(folder.path()));
    assert_eq!(evaluated.status.code(), Some(0), "{evaluated:?}");
}
