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
    "crates/rules/src",
    "crates/liveness/src",
    "crates/store/src",
    "crates/models/src",
    "crates/pages/src",
    "crates/engine-ort/src",
    "crates/engine-pure/src",
];

const ABOVE: &[&str] = &["crates/service/src", "crates/http/src", "crates/api/src", "crates/server/src"];

/// The APIs; none knows another. What some share lies in `azure` and `openapi`.
const APIS: &[&str] = &["face", "sts", "notice", "management", "pages"];

const RULES: &[Rule] = &[
    Rule {
        within: LEAVES,
        // How long to wait for others is measured, not passed in.
        except: &[
            "crates/store/src/work.rs",
            "crates/store/src/postgres/writer.rs",
            "crates/store/src/postgres/engine.rs",
            "crates/store/src/sqlite/leases.rs",
            "crates/store/src/sqlite/writer.rs",
            "crates/store/src/sqlite/fold.rs",
        ],
        words: &["SystemTime::now", "Instant::now", "getrandom::", "rand::rng", "OsRng"],
        because: "cores take time and randomness as arguments",
    },
    Rule {
        within: LEAVES,
        except: &[],
        words: &["reqwest::", "hyper::", "axum::", "TcpStream", "TcpListener"],
        because: "only the crates above know HTTP",
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
        except: &["crates/store/src/sql/delete"],
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
        within: ABOVE,
        except: &["crates/service/src/ledger.rs", "crates/server/src/start.rs", "crates/server/src/bench"],
        words: &["store.apply("],
        because: "every write goes through the ledger (excepted: accounts, made before there is one or beside a server that has one, and the bench, which fills stores of its own)",
    },
    Rule {
        within: &["crates/api/src", "crates/http/src"],
        except: &[],
        words: &["Gallery::", ".follow("],
        because: "no handler touches a gallery",
    },
    Rule {
        within: ABOVE,
        except: &["crates/service/src/clock.rs", "crates/service/src/randomness.rs"],
        words: &["SystemTime::now", "getrandom::"],
        because: "there is one clock and one source of randomness",
    },
    Rule {
        within: ABOVE,
        except: &["crates/service/src/fetch.rs"],
        words: &["reqwest::Client", "Client::builder"],
        because: "there is one guarded HTTP client",
    },
    Rule {
        within: ABOVE,
        except: &["crates/server/src/cli/output.rs"],
        words: &["println!", "eprintln!"],
        because: "one module prints",
    },
    Rule {
        within: &["crates/service/src"],
        // The client that fetches what others name.
        except: &["crates/service/src/fetch.rs"],
        words: &["axum::", "hyper::", "StatusCode"],
        because: "services know no API and serve no HTTP",
    },
    Rule {
        within: &["crates/api/src/face"],
        except: &["crates/api/src/face/call.rs"],
        words: &["Reply::"],
        because: "only a permitted call answers",
    },
    Rule {
        within: &["crates/api/src"],
        except: &[
            "crates/api/src/face/call.rs",
            "crates/api/src/face/api.rs",
            "crates/api/src/sts.rs",
            "crates/api/src/notice.rs",
        ],
        words: &["head.recheck(", ".admit("],
        because: "the pipeline admits, and rechecks after a body; a call rechecks before it writes",
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
        if !text.starts_with("//!") {
            findings.push(format!("{file}: does not open with //!; say what the file is for"));
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
    findings.extend(apis(root, files)?);
    Ok(findings)
}

/// No API imports another, and each is registered with the pipeline.
fn apis(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let folder = "crates/api/src";
    let registered = std::fs::read_to_string(root.join(folder).join("lib.rs"))?;
    for api in APIS {
        let own = [format!("{folder}/{api}"), format!("{folder}/{api}.rs")];
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        for file in files.iter().filter(|file| file.ends_with(".rs") && is_within(file, &own)) {
            let text = std::fs::read_to_string(root.join(file))?;
            for other in APIS.iter().filter(|other| other != &api) {
                if text.contains(&format!("crate::{other}::")) {
                    findings.push(format!("{file}: imports crate::{other}, but no API knows another"));
                }
            }
            for (_, rest) in text.match_indices("impl Api for ").map(|(at, found)| text.split_at(at + found.len())) {
                let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                if !registered.contains(&format!("{api}::{name}>")) {
                    findings.push(format!("{file}: the table of {name} is not registered in {folder}/lib.rs"));
                }
            }
        }
    }
    Ok(findings)
}

fn is_within(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| file == *place || file.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
}
