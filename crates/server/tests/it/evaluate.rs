//! `likeness evaluate` on folders of photos, as an operator with a folder of people runs it.

use crate::server::{demo_file, likeness, run, shared_faces, skip};
use image::DynamicImage;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with people, and a place for the page.
struct People {
    folder: TempDir,
    names: Vec<String>,
}

impl People {
    /// Faces cut out of the demo's group photos; of each a copy, smaller and darker, so that everybody has a pair.
    fn of_the_demo() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut names = Vec::new();
        for number in [1, 4, 6] {
            let file = demo_file(number);
            let photo = image::open(&file).expect("a photo");
            let found = run(likeness().arg("detect").arg(&file).arg("--json"));
            let found: Value = serde_json::from_slice(&found.stdout).expect("JSON");
            for face in found[0]["faces"].as_array().expect("faces") {
                let name = format!("Somebody{}", names.len());
                let person = folder.path().join("people").join(&name);
                std::fs::create_dir_all(&person).expect("a folder");
                let head = head(&photo, &face["faceRectangle"]);
                head.save(person.join("first.png")).expect("a photo");
                let (width, height) = (head.width() * 3 / 4, head.height() * 3 / 4);
                let copy = head.resize_exact(width, height, image::imageops::FilterType::Triangle).brighten(-15);
                copy.save(person.join("second.png")).expect("a photo");
                names.push(name);
            }
        }
        Self { folder, names }
    }

    fn photos(&self) -> PathBuf {
        self.folder.path().join("people")
    }

    fn page(&self) -> PathBuf {
        self.folder.path().join("report.html")
    }

    /// Runs with these arguments besides; gives whether it went well, standard output and standard error.
    fn evaluate(&self, arguments: &[&str]) -> (bool, String, String) {
        let mut command = likeness();
        command.arg("evaluate").arg(self.photos()).args(["--rounds", "200"]).args(arguments);
        let output = run(command.current_dir(self.folder.path()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // 3: some of the files are no photos, on purpose.
        let went_well = matches!(output.status.code(), Some(0 | 3));
        (went_well, text(&output.stdout), text(&output.stderr))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let (went_well, said, complained) = self.evaluate(&arguments);
        assert!(went_well, "{complained}");
        for name in &self.names {
            assert!(!said.contains(name.as_str()), "{name} is named in the JSON");
        }
        serde_json::from_str(&said).expect("JSON")
    }

    /// Puts the first half of the people into one group and the rest into another.
    fn grouped(&self) -> PathBuf {
        let file = self.folder.path().join("groups.csv");
        let half = self.names.len() / 2;
        let lines = self.names.iter().enumerate().map(|(place, name)| {
            let side = if place < half { "left <b>" } else { "right" };
            format!("{name},{side},all\n")
        });
        std::fs::write(&file, format!("person,side,whole\n{}", lines.collect::<String>())).expect("a file");
        file
    }
}

/// A face with half its size around it, which holds no other face of these photos.
fn head(photo: &DynamicImage, rect: &Value) -> DynamicImage {
    let side = |name: &str| rect[name].as_i64().expect("a number");
    let (width, height) = (side("width"), side("height"));
    let left = (side("left") - width / 2).max(0);
    let top = (side("top") - height / 2).max(0);
    let right = (side("left") + width * 3 / 2).min(i64::from(photo.width()));
    let bottom = (side("top") + height * 3 / 2).min(i64::from(photo.height()));
    let pixels = |value: i64| u32::try_from(value).expect("inside the photo");
    photo.crop_imm(pixels(left), pixels(top), pixels(right - left), pixels(bottom - top))
}

/// What must be true of any report, by arithmetic of its own.
fn check_counts(report: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    let counts = &report["counts"];
    let templates = number(&counts["templates"]);
    let pairs = number(&counts["genuine_pairs"]) + number(&counts["impostor_pairs"]);
    assert!((pairs - templates * (templates - 1.0) / 2.0).abs() < 0.5, "{counts}");
    let photos = templates + number(&counts["no_face"]) + number(&counts["several_faces"]);
    assert!((number(&counts["photos"]) - photos).abs() < 0.5, "{counts}");
    for at in report["thresholds"].as_array().expect("thresholds") {
        for (rate, of) in [("false_match", "impostor_pairs"), ("false_non_match", "genuine_pairs")] {
            let rate = &at[rate];
            assert_eq!(rate["of"], counts[of], "{at}");
            assert!((number(&rate["value"]) - number(&rate["errors"]) / number(&rate["of"])).abs() < 1e-12, "{rate}");
            assert!(number(&rate["errors"]) > 0.0 || rate["basis"] != "bootstrap", "{rate}");
        }
    }
    for kind in ["genuine", "impostor"] {
        let bars = report["histogram"][kind].as_array().expect("bars");
        let all: u64 = bars.iter().map(|bar| bar.as_u64().expect("a count")).sum();
        assert_eq!(Value::from(all), counts[format!("{kind}_pairs")]);
    }
    for search in report["identification"].as_array().expect("searches") {
        let is_measured = search["false_positive"]["basis"] == "measured";
        let is_filled = search["size"].as_f64() < Some(templates);
        assert_eq!(is_measured, is_filled, "{search}");
    }
}

#[test]
fn people_cut_out_of_the_demo_photos_are_evaluated() {
    let people = People::of_the_demo();
    std::fs::write(people.photos().join("Somebody0/notes.txt"), "no picture").expect("a file");
    let groups = people.grouped().display().to_string();
    let page = people.page().display().to_string();
    let report = people.json(&["--groups", &groups, "--page", &page]);
    check_counts(&report);
    let counts = &report["counts"];
    assert_eq!(counts["people"], people.names.len());
    assert_eq!(counts["unreadable"], 1);
    assert!(counts["genuine_pairs"].as_u64() > Some(people.names.len() as u64 / 2), "{counts}");

    // The sentence follows from the intervals that stand beside it.
    let side = &report["fairness"]["groupings"][0];
    let comparisons = side["comparisons"].as_array().expect("comparisons");
    assert_eq!(comparisons.len(), 3);
    for comparison in comparisons {
        let measure = comparison["measure"].as_str().expect("a measure").replace('-', "_");
        let ends = |group: usize| {
            let interval = &side["groups"][group][&measure]["interval"];
            Some((interval["low"].as_f64()?, interval["high"].as_f64()?))
        };
        let said = comparison["sentence"].as_str().expect("a sentence");
        let expected = match (ends(0), ends(1)) {
            (Some(one), Some(two)) if one.1 < two.0 || two.1 < one.0 => "the intervals do not overlap",
            (Some(_), Some(_)) => "nothing can be concluded: the intervals overlap",
            _ => "no interval is meaningful",
        };
        assert!(said.contains(expected), "{said}");
    }
    let caution = report["fairness"]["caution"].as_str().expect("a caution");
    assert!(caution.starts_with("3 comparisons were made"), "{caution}");

    // The same seed gives the same figures, whenever.
    let mut again = people.json(&["--groups", &groups, "--no-page"]);
    again["made"] = report["made"].clone();
    assert_eq!(again, report);
    assert_ne!(people.json(&["--no-page", "--seed", "2"])["thresholds"], report["thresholds"]);

    let page = std::fs::read_to_string(people.page()).expect("the page is written");
    check_page(&page, &people.names);
    assert!(page.contains("left &lt;b&gt;") && !page.contains("left <b>"));
}

/// A page that loads nothing, runs nothing and names nobody.
fn check_page(page: &str, names: &[String]) {
    for word in ["<script", "http:", "https:", "//", "@import", "url(h", "<img", "src=", ".png", ".jpg", " on"] {
        let found = page.find(word).filter(|_| word != " on" || page.contains(" onload") || page.contains(" onclick"));
        assert_eq!(found, None, "the page says {word}");
    }
    for name in names {
        assert!(!page.contains(name.as_str()), "the page names {name}");
    }
    let charts = page.matches("<svg").count();
    assert!(charts >= 4);
    for part in ["<title id=", "<desc id=", "</svg>"] {
        assert_eq!(page.matches(part).count(), charts, "{part}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("What this page shows, and what it does not"));
}

#[test]
fn the_terminal_says_what_was_counted_and_where_the_page_is() {
    let people = People::of_the_demo();
    std::fs::create_dir(people.photos().join("Nobody")).expect("a folder");
    std::fs::write(people.photos().join("Nobody/broken.jpg"), "no picture").expect("a file");
    let (went_well, said, noted) = people.evaluate(&[]);
    assert!(went_well, "{noted}");
    for part in ["FMR", "FNMR", "cannot be shown: needs at least 3,000,000 pairs", "everybody else", "1 unreadable"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(noted.contains("Nobody/broken.jpg") && noted.contains("Wrote evaluation.html"), "{noted}");
    check_page(
        &std::fs::read_to_string(people.folder.path().join("evaluation.html")).expect("the page is written"),
        &people.names,
    );
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_what_to_do() {
    let people = People::of_the_demo();
    let refusal = |arguments: &[&str]| {
        let (went_well, said, complained) = people.evaluate(arguments);
        assert!(!went_well, "{said}");
        complained
    };
    let file = people.folder.path().join("groups.csv").display().to_string();
    for (csv, expected) in [
        ("person,age\nSomebody0,old\nStranger,old\n", "line 3: no subfolder is called `Stranger`"),
        ("person,age\nSomebody0,old\nSomebody0,young\n", "line 3: `Somebody0` stands in line 2 already"),
        ("name,age\nSomebody0,old\n", "line 1: the first column must be called person"),
        ("person,age\nSomebody0\n", "line 2: not right (it has 1 columns"),
    ] {
        std::fs::write(&file, csv).expect("a file");
        let said = refusal(&["--groups", &file, "--no-page"]);
        assert!(said.contains(expected), "{said}");
    }
    assert!(refusal(&["--groups", "nowhere.csv"]).contains("nowhere.csv cannot be read"));
    assert!(refusal(&["--page", "nowhere/report.html"]).contains("--no-page"));

    // One photo each: nobody can be missed.
    for name in &people.names {
        std::fs::remove_file(people.photos().join(name).join("second.png")).expect("a file is removed");
    }
    let said = refusal(&["--no-page"]);
    assert!(
        said.contains("a subfolder for each of at least two people") && said.contains("at least 1 pairs"),
        "{said}"
    );
}

#[test]
fn the_family_of_the_sample_photos_is_evaluated() {
    let Some(samples) = shared_faces("the_family_of_the_sample_photos_is_evaluated") else { return };
    let people = People { folder: tempfile::tempdir().expect("a folder"), names: portraits(&samples) };
    for line in &people.names {
        let (person, file) = line.split_once('/').expect("a person and a photo");
        let folder = people.photos().join(person);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(samples.join(file), folder.join(file)).expect("a copy");
    }
    if people.names.is_empty() {
        skip("the_family_of_the_sample_photos_is_evaluated", "there is no portrait");
        return;
    }
    let page = people.page().display().to_string();
    let report = people.json(&["--page", &page]);
    check_counts(&report);
    // 21 portraits of 11 people, as `verify_is_right_on_every_pair_of_portraits` knows them: no error.
    let verify = &report["thresholds"][0];
    assert_eq!((report["counts"]["templates"].as_u64(), report["counts"]["people"].as_u64()), (Some(21), Some(11)));
    assert_eq!((verify["false_match"]["errors"].as_u64(), verify["false_match"]["of"].as_u64()), (Some(0), Some(196)));
    let missed = &verify["false_non_match"];
    assert_eq!((missed["errors"].as_u64(), missed["of"].as_u64()), (Some(0), Some(14)));
    assert_eq!(missed["basis"], "rule-of-three");
    check_page(&std::fs::read_to_string(people.page()).expect("the page is written"), &people.names);
}

/// `person/file` of every photo that shows one person and is no copy.
fn portraits(samples: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(samples.join("labels.csv")).expect("the labels can be read");
    let portrait = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let is_portrait = cells[2] == "1" && cells[3].is_empty() && !cells[0].contains('/');
        is_portrait.then(|| format!("{}/{}", cells[1], cells[0]))
    };
    text.lines().skip(1).filter_map(portrait).collect()
}
