//! `docs/limited-access.md` and the drill of `docs/backup.md` as tests: their shell blocks run from top to bottom, and what they
//! print is what the page says.
//!
//! What a block must print stands in the `text` block behind it, or in a comment `<!-- expect: … -->`; `…` in it stands for
//! any characters of a line. A block without either must print nothing.

use crate::server::{cut, demo, demo_face, likeness, run};
use crate::stores::TestStore;
use std::path::Path;
use std::process::{Command, Output};

/// A block of the guide.
struct Block {
    line: usize,
    shell: String,
    expected: String,
}

/// Printed between two blocks; no answer has it.
const NEXT: char = '\u{1e}';

/// The shell blocks of a page, with what is said about what they print.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut fenced = || -> String {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            inside.map(|line| format!("{line}\n")).collect()
        };
        if line == "```sh" {
            blocks.push(Block { line: number + 1, shell: fenced(), expected: String::new() });
        } else if line == "```text" {
            blocks.last_mut().expect("something was run before").expected = fenced();
        } else if let Some(comment) = line.strip_prefix("<!-- expect: ") {
            let comment = comment.strip_suffix(" -->").expect("a comment ends on its line");
            blocks.last_mut().expect("something was run before").expected = format!("{comment}\n");
        } else if line.starts_with("```") {
            drop(fenced());
        }
    }
    blocks
}

/// Whether a line is as expected; `…` is any part of it.
fn fits(line: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn all_fit(printed: &str, expected: &str) -> bool {
    let (printed, expected): (Vec<&str>, Vec<&str>) = (printed.lines().collect(), expected.lines().collect());
    printed.len() == expected.len() && printed.iter().zip(&expected).all(|(line, expected)| fits(line, expected))
}

/// What differs between the page and what its blocks print.
fn differences(blocks: &[Block], output: &Output) -> Vec<String> {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let printed: Vec<&str> = printed.split(NEXT).map(|part| part.strip_prefix('\n').unwrap_or(part)).collect();
    let said = String::from_utf8_lossy(&output.stderr);
    let mut wrong = Vec::new();
    for (position, block) in blocks.iter().enumerate() {
        match printed.get(position + 1) {
            Some(printed) if all_fit(printed, &block.expected) => {}
            Some(printed) => {
                wrong.push(format!("line {}: expected\n{}but it printed\n{printed}", block.line, block.expected));
            }
            None => {
                wrong.push(format!("line {}: not reached, a block before it failed", block.line));
                break;
            }
        }
    }
    if !output.status.success() || !wrong.is_empty() {
        wrong.push(format!("{}; on standard error:\n{said}", output.status));
    }
    wrong
}

crate::stores::on_both_stores!(the_guide_does_what_it_says);

fn the_guide_does_what_it_says(store: &TestStore) {
    let server = store.server(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    // A photo with one face and nothing else.
    let photo = folder.path().join("me.jpg");
    std::fs::write(&photo, cut(&demo(1), &server.detect(&demo(1))[0], 200)).expect("a file");

    let place = [("LIKENESS_DATA", server.data.to_str().expect("text")), ("ADDRESS", server.address.as_str())];
    let settings: Vec<(&str, &str)> =
        server.settings().chain(place).chain([("CLIENT_LISTEN", "127.0.0.1:0")]).collect();
    follow("limited-access.md", "", folder.path(), &photo, &settings);
}

/// The drill of the page about backups, from nothing to a restored server.
#[test]
fn the_drill_ends_with_a_restored_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let photo = folder.path().join("me.jpg");
    std::fs::write(&photo, demo_face()).expect("a file");
    follow("backup.md", "## The drill", folder.path(), &photo, &[("DRILL_LISTEN", "127.0.0.1:0")]);
}

/// Runs the shell blocks of a page from a heading on, and compares what they print with what the page says.
fn follow(page: &str, heading: &str, folder: &Path, photo: &Path, settings: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = std::fs::read_to_string(path).expect("the page is there");
    let from = text.find(heading).expect("the heading is there");
    let blocks = blocks(&text[from..]);
    assert!(blocks.len() >= 5, "{} blocks", blocks.len());
    // Whatever happens, servers that the guide starts end with it.
    let mut script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n".to_owned();
    for block in &blocks {
        script.push_str(&format!("printf '{NEXT}\\n'\n{}", block.shell));
    }
    let file = folder.join("guide.sh");
    std::fs::write(&file, script).expect("a file");

    let program = likeness().get_program().to_owned();
    let mut shell = Command::new("bash");
    // The environment of the program under test: nothing of the machine's own settings.
    for (name, value) in likeness().get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.envs(settings.iter().copied()).env("LIKENESS", program).env("PHOTO", photo);
    shell.env("no_proxy", "*").arg(&file).current_dir(folder);
    let wrong = differences(&blocks, &run(&mut shell));
    assert!(wrong.is_empty(), "docs/{page}\n{}", wrong.join("\n"));
}
