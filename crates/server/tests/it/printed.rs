//! What the command line prints of itself: the help of every command, and the settings in force. Snapshots lie in
//! `snapshots`; `INSTA_UPDATE=always` writes them anew, and the difference is to be read.

use crate::server::{likeness, run};
use std::fmt::Write as _;

fn printed(arguments: &[&str]) -> String {
    // Nothing of this machine: neither its folders nor its variables.
    let output = run(likeness().args(arguments).env_clear().env("HOME", "/home/somebody").env("LIKENESS_WORKERS", "2"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let below = help.split_once("\nCommands:\n").map_or("", |(_, below)| below);
    let names = below.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

fn tell(of: &[String], to: &mut String) {
    let arguments: Vec<&str> = of.iter().map(String::as_str).chain(["--help"]).collect();
    let help = printed(&arguments);
    writeln!(to, "## likeness {}\n{help}", of.join(" ")).expect("a text can be written to");
    for command in commands(&help) {
        tell(&[of, &[command]].concat(), to);
    }
}

#[test]
fn the_help_of_every_command() {
    let mut help = String::new();
    tell(&[], &mut help);
    assert!(help.matches("## likeness ").count() > 30, "{help}");
    insta::assert_snapshot!("help", help);
}

#[test]
fn the_settings_in_force() {
    insta::assert_snapshot!("settings", printed(&["config", "check"]));
}
