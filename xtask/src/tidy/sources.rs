//! What source files must not say, by where they lie.

use anyhow::Result;
use std::path::Path;

/// Lines beyond which a file usually hides a second idea.
const MOST_LINES: usize = 600;

/// A rule about text in source files.
struct Rule {
    /// Folders it is about.
    within: &'static [&'static str],
    /// Files that are the exception, because they are the one place.
    except: &'static [&'static str],
    /// What must not stand there.
    words: &'static [&'static str],
    /// Why.
    because: &'static str,
}

const LEAVES: &[&str] = &[
    "crates/base/src",
    "crates/vision/src",
    "crates/gallery/src",
    "crates/custody/src",
    "crates/store/src",
    "crates/models/src",
    "crates/pages/src",
    "crates/engine-ort/src",
    "crates/engine-pure/src",
];

const RULES: &[Rule] = &[
    Rule {
        within: LEAVES,
        // How long to wait for others is measured, not told.
        except: &[
            "crates/store/src/postgres/writer.rs",
            "crates/store/src/postgres/engine.rs",
            "crates/store/src/sqlite/leases.rs",
        ],
        words: &["SystemTime::now", "Instant::now", "getrandom::", "rand::rng", "OsRng"],
        because: "cores take time and randomness as arguments",
    },
    Rule {
        within: LEAVES,
        except: &[],
        words: &["reqwest::", "hyper::", "axum::", "TcpStream", "TcpListener"],
        because: "only the server knows HTTP",
    },
    Rule {
        within: &["crates"],
        except: &[
            "crates/store/src/sql",
            "crates/store/src/sqlite",
            "crates/store/src/postgres",
            "crates/store/src/database_error.rs",
            "crates/store/tests",
        ],
        words: &["sqlx::"],
        because: "SQL stays inside the store's backend",
    },
    Rule {
        within: &["crates/store/src"],
        except: &["crates/store/src/sql/delete.rs"],
        words: &["DELETE FROM"],
        because: "there is one way to delete",
    },
    Rule {
        within: &["crates/store/src"],
        except: &[],
        words: &["clock_timestamp(", "statement_timestamp(", "CURRENT_TIMESTAMP", "= now()", "+ now()", "FROM now()"],
        because: "the database is asked for the time by likeness_now() alone, which tests can move",
    },
    Rule {
        within: &["crates/server/src"],
        except: &["crates/server/src/ledger.rs", "crates/server/src/start.rs", "crates/server/src/bench"],
        words: &["store.apply("],
        because: "every write goes through the ledger (excepted: accounts, made before there is one or beside a server that has one, and the bench, which fills stores of its own)",
    },
    Rule {
        within: &["crates/server/src/face", "crates/server/src/http"],
        except: &[],
        words: &["Gallery::", ".follow("],
        because: "no handler touches a gallery",
    },
    Rule {
        within: &["crates/server/src"],
        except: &["crates/server/src/effects.rs"],
        words: &["SystemTime::now", "getrandom::"],
        because: "there is one clock and one source of randomness",
    },
    Rule {
        within: &["crates/server/src"],
        except: &["crates/server/src/fetch.rs"],
        words: &["reqwest::Client", "Client::builder"],
        because: "there is one guarded HTTP client",
    },
    Rule {
        within: &["crates/server/src"],
        except: &["crates/server/src/cli/say.rs"],
        words: &["println!", "eprintln!"],
        because: "one module prints",
    },
];

pub(super) fn findings(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = std::fs::read_to_string(root.join(file))?;
        let lines = text.lines().count();
        if lines > MOST_LINES {
            findings.push(format!("{file}: {lines} lines; look for the second idea (limit {MOST_LINES})"));
        }
        let is_front_door = file.ends_with("/lib.rs") || file.ends_with("/main.rs");
        if is_front_door && !text.starts_with("//!") {
            findings.push(format!("{file}: a front door opens with //! and says what it is for"));
        }
        // Without white space: rustfmt breaks long chains over lines.
        let squeeze = |text: &str| text.split_whitespace().collect::<String>();
        let shipped = squeeze(text.split("#[cfg(test)]").next().unwrap_or_default());
        for rule in RULES.iter().filter(|rule| is_within(file, rule.within) && !is_within(file, rule.except)) {
            for word in rule.words.iter().filter(|word| shipped.contains(&squeeze(word))) {
                findings.push(format!("{file}: says {word}, but {}", rule.because));
            }
        }
    }
    Ok(findings)
}

fn is_within(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| file == *place || file.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
}
