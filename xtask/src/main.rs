//! Chores of this repository that need code. Run `cargo run -p xtask -- tidy`.

mod coverage;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => report("tidy", tidy::findings(root)),
        ["coverage", traffic] => report("coverage", coverage::check(root, Path::new(traffic), false)),
        ["coverage", traffic, "--accept"] => report("coverage", coverage::check(root, Path::new(traffic), true)),
        _ => {
            say(
                "usage: cargo run -p xtask -- COMMAND\n\n  tidy\n      check what compilers and lints cannot: who knows whom, sizes, what may be committed\n  coverage TRAFFIC [--accept]\n      hold the traffic that tests recorded (LIKENESS_TRAFFIC) against the checklist; with --accept, rewrite the page",
            );
            ExitCode::FAILURE
        }
    }
}

fn report(what: &str, findings: anyhow::Result<Vec<String>>) -> ExitCode {
    match findings {
        Ok(findings) if findings.is_empty() => {
            say(&format!("{what}: nothing to complain about"));
            ExitCode::SUCCESS
        }
        Ok(findings) => {
            for finding in &findings {
                say(finding);
            }
            say(&format!("{what}: {} finding(s)", findings.len()));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!("{what}: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command prints")]
fn say(text: &str) {
    println!("{text}");
}
