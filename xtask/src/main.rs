//! Chores of this repository that need code. Run `cargo run -p xtask -- tidy`.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository");
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => report(tidy::findings(root)),
        _ => {
            say(
                "usage: cargo run -p xtask -- tidy\n\n  tidy   check what compilers and lints cannot: who knows whom, sizes, what may be committed",
            );
            ExitCode::FAILURE
        }
    }
}

fn report(findings: anyhow::Result<Vec<String>>) -> ExitCode {
    match findings {
        Ok(findings) if findings.is_empty() => {
            say("tidy: nothing to complain about");
            ExitCode::SUCCESS
        }
        Ok(findings) => {
            for finding in &findings {
                say(finding);
            }
            say(&format!("tidy: {} finding(s)", findings.len()));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!("tidy: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command prints")]
fn say(text: &str) {
    println!("{text}");
}
