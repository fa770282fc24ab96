//! The fuzzer: a target of the list under libFuzzer. `scripts/fuzz` builds it with the flags that libFuzzer needs, and says
//! in the environment which target it is:
//!
//! | variable | what it does |
//! |---|---|
//! | `LIKENESS_FUZZ_TARGET=NAME` | fuzzes the target; the arguments are those of libFuzzer |
//! | and `LIKENESS_FUZZ_SEEDS=FOLDER` | writes its seeds there and ends |
//! | neither | prints the names of all targets and ends |
#![no_main]

use libfuzzer_sys::fuzz_target;
use likeness_fuzz::{Target, target, targets};
use std::path::Path;
use std::sync::LazyLock;

/// The target that is fuzzed.
static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let Ok(name) = std::env::var("LIKENESS_FUZZ_TARGET") else {
        targets().for_each(|target| say(target.name));
        std::process::exit(0);
    };
    let target = target(&name).unwrap_or_else(|| {
        say(&format!("no target is called `{name}`"));
        std::process::exit(2);
    });
    if let Ok(folder) = std::env::var("LIKENESS_FUZZ_SEEDS") {
        for (number, seed) in target.seeds().expect("the corpus can be read").iter().enumerate() {
            std::fs::write(Path::new(&folder).join(format!("seed-{number:03}")), seed).expect("a seed can be written");
        }
        std::process::exit(0);
    }
    target
});

#[expect(clippy::print_stdout, reason = "the script reads it")]
fn say(text: &str) {
    println!("{text}");
}

fuzz_target!(init: { LazyLock::force(&TARGET); }, |input: &[u8]| {
    (TARGET.feed)(input);
});
