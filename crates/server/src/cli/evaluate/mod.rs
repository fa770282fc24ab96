//! `likeness evaluate`: how often people of your own are confused, missed or not found.

pub(super) mod groups;
mod page;
mod rows;
mod table;

use super::labelled::{self, Folder, Made, Taken};
use super::photos::Offline;
use super::{ended, html, output};
use crate::config::{Config, IdentifyCut};
use anyhow::{Context, Result};
use clap::Args;
use likeness_base::{Clock, Timestamp};
use likeness_gallery::evaluate::{self, Report, Rule, Setup, Step};
use likeness_service::clock::SystemClock;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Evaluate {
    /// A folder with one subfolder for each person, photos of that person inside.
    ///
    /// Photos with several faces are left out and counted, because nobody says which face is meant (see --centre-face).
    /// Photos of at
    /// least two people are needed, two or more of somebody; figures that decide something need hundreds of people.
    folder: PathBuf,
    /// CSV that puts people into groups, such as `person,age,skin`: the subfolder's name first, then the groups.
    #[arg(long, value_name = "CSV")]
    groups: Option<PathBuf>,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
    /// Where to write the report as a page for a browser. It holds no photo and no name of a person.
    #[arg(long, value_name = "HTML", default_value = "evaluation.html", conflicts_with = "no_page")]
    page: PathBuf,
    /// Write no page.
    #[arg(long)]
    no_page: bool,
    /// How often whole people are drawn anew for the intervals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    rounds: u32,
    /// Seed of everything random, so that a report can be made again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    taken: Taken,
}

/// The report and what it is about.
#[derive(Serialize)]
struct Evaluation {
    /// When.
    made: String,
    /// Version of this program.
    likeness: &'static str,
    /// What ran the networks.
    engine: String,
    /// The model packs.
    packs: Vec<String>,
    /// The space of the templates: pack, hash and kind.
    space: String,
    calibration: Behind,
    /// The rule of identify that is configured.
    identify_rule: Rule,
    #[serde(flatten)]
    report: Report,
}

/// What the calibration says of itself.
#[derive(Serialize)]
struct Behind {
    /// The operator's own, rather than the pack's.
    is_own: bool,
    note: String,
    people: u64,
    impostor_pairs: u64,
}

impl Evaluate {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        if !self.no_page {
            html::check_file(&self.page)?;
        }
        let folder = Folder::read(&self.folder)?;
        let groupings = match &self.groups {
            Some(file) => groups::read(file, &folder.people, "subfolder")?,
            None => Vec::new(),
        };
        let offline = Offline::load(config)?;
        let Made { labelled, left_out, excluded, unread } = folder.templates(&offline, config, &self.taken)?;
        let networks = &offline.networks;
        let recogniser = networks.recognisers.default_recogniser();
        let setup = Setup {
            space: &recogniser.space,
            calibration: &recogniser.calibration,
            false_positive_rate: config.identify.false_positive_rate,
            rounds: self.rounds as usize,
            seed: self.seed,
            excluded: &excluded,
        };
        let (pairs, rounds) = (
            labelled::bar(2 * labelled.len(), "comparing all pairs"),
            labelled::bar(setup.rounds, "drawing people anew"),
        );
        let report = evaluate::evaluate(&labelled, &left_out, &groupings, &setup, &|step| match step {
            Step::Compared(done, _) => pairs.set_position(done as u64),
            Step::Drawn(done) => {
                pairs.finish_and_clear();
                rounds.set_position(done as u64);
            }
        });
        pairs.finish_and_clear();
        rounds.finish_and_clear();
        let report =
            report.with_context(|| format!("{} cannot be evaluated; {}", self.folder.display(), labelled::SHAPE))?;
        let parts = recogniser.calibration.parts();
        let evaluation = Evaluation {
            made: minute(SystemClock.now()),
            likeness: env!("CARGO_PKG_VERSION"),
            engine: offline.engine.name(),
            packs: networks.packs.clone(),
            space: recogniser.space_id.to_string(),
            calibration: Behind {
                is_own: !config.inference.calibration.as_os_str().is_empty(),
                note: parts.note.clone(),
                people: parts.people,
                impostor_pairs: parts.impostor_pairs,
            },
            identify_rule: match config.identify.cut {
                IdentifyCut::FalsePositiveRate => Rule::FalsePositiveRate,
                IdentifyCut::Classic => Rule::Classic,
            },
            report,
        };
        if self.json {
            output::json(&evaluation)?;
        } else {
            table::print(&evaluation);
        }
        if !self.no_page {
            html::write_file(&self.page, &page::page(&evaluation))?;
        }
        Ok(ended(unread))
    }
}

/// A date and time for people, to the minute.
fn minute(moment: Timestamp) -> String {
    let text = moment.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {} UTC", time.get(..5).unwrap_or(time))
}

/// What a threshold is called.
fn threshold_name(threshold: evaluate::Threshold) -> &'static str {
    match threshold {
        evaluate::Threshold::Verify => "verify, confidence 0.5",
        evaluate::Threshold::OneInHundredThousand => "claimed for 1 in 100,000",
    }
}

/// What a rule of identify is called.
fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::FalsePositiveRate => "by false-positive rate",
        Rule::Classic => "classic 0.5",
    }
}

/// A count with separators.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|chunk| std::str::from_utf8(chunk).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(12_345_678), "12,345,678");
        assert_eq!(minute(Timestamp::from_millis(1_709_636_878_371)), "2024-03-05 11:07 UTC");
    }
}
