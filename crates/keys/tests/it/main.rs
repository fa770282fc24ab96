//! Every provider of keys does the same, and says so when it cannot.
#![expect(clippy::unwrap_used, reason = "a test fails where something is not as it must be")]

mod conformance;
mod local;
mod token;
mod transit;

use likeness_base::Randomness;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that repeat from run to run.
#[derive(Debug, Default)]
pub(crate) struct Dice(AtomicU64);

impl Randomness for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Says that a test did not run, to whoever watches and in the list that `make test` collects.
#[expect(clippy::print_stdout, reason = "a skip is told to whoever watches the tests")]
pub(crate) fn skip(test: &str, why: &str) {
    use std::io::Write;
    let line = format!("{test}: {why}");
    println!("SKIPPED {line}");
    if let Some(list) = std::env::var_os("LIKENESS_SKIPPED") {
        let mut list =
            std::fs::OpenOptions::new().append(true).create(true).open(list).expect("the list of skips opens");
        writeln!(list, "{line}").expect("the list takes a line");
    }
}

/// Runs a test of this program again, in a process of its own with these variables. Gives what it said if it failed.
pub(crate) fn in_a_process_of_its_own(test: &str, variables: &[(&str, &str)]) -> Result<(), String> {
    let program = std::env::current_exe().expect("this program is somewhere");
    let mut command = std::process::Command::new(program);
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"]).envs(variables.iter().copied());
    let output = command.output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // A name that no test has would be a success of nothing.
    match output.status.success() && said.contains("1 passed") {
        true => Ok(()),
        false => Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr))),
    }
}
