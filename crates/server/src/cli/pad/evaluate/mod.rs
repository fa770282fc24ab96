//! `likeness pad evaluate`: how often the checks of this version err on recordings of people and of attacks.

mod report;

use super::recordings;
use crate::cli::evaluate::groups;
use crate::cli::labelled::bar;
use crate::cli::photos::Offline;
use crate::cli::{ended, html, output};
use crate::config::Config;
use anyhow::{Result, bail};
use clap::Args;
use likeness_base::Clock as _;
use likeness_liveness::{Policy, Recording, RecordingLabel};
use likeness_pad::{Replayed, Response, replay};
use likeness_service::clock::SystemClock;
use report::{Grouped, Report};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Args)]
pub(in crate::cli) struct Evaluate {
    /// A folder with a subfolder for each recording: those of `likeness pad record`, or of `likeness pad matrix --keep`.
    folder: PathBuf,
    /// CSV that puts people into groups, such as `person,age,skin`: the subject of the recordings first, then the groups.
    #[arg(long, value_name = "CSV")]
    groups: Option<PathBuf>,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
    /// Where to write the report as a page for a browser. It holds no picture and no subject.
    #[arg(long, value_name = "HTML", default_value = "pad.html", conflicts_with = "no_page")]
    page: PathBuf,
    /// Write no page.
    #[arg(long)]
    no_page: bool,
}

/// A recording, and what the checks of this version make of it; none: they would have asked for something else.
struct Presented {
    label: RecordingLabel,
    response: Option<Response>,
}

impl Evaluate {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        if !self.no_page {
            html::check_file(&self.page)?;
        }
        let (recordings, mut unread) = recordings::read_all(&self.folder)?;
        let simulated = recordings.iter().filter(|(_, recording)| recording.label.simulated).count();
        if simulated > 0 && simulated < recordings.len() {
            bail!(
                "{} has recordings of people and simulated ones; figures of both together say nothing, so put them into two folders",
                self.folder.display()
            );
        }
        let people = recordings.iter().filter(|(_, recording)| recording.label.is_live());
        let people: BTreeSet<&str> = people.map(|(_, recording)| recording.label.subject.as_str()).collect();
        let people: Vec<String> = people.into_iter().map(str::to_owned).collect();
        let groupings = match &self.groups {
            Some(file) => groups::read(file, &people, "subject")?,
            None => Vec::new(),
        };
        let offline = Offline::load(config)?;
        let policy = Arc::new(config.liveness.policy.clone());
        let presented = replayed(&recordings, &policy, &offline, config, &mut unread)?;
        for problem in &unread {
            output::error(problem);
        }
        let grouped: Vec<Grouped> =
            groupings.iter().map(|grouping| Grouped::of(grouping, &people, &presented)).collect();
        let report = Report::of(&presented, grouped, unread.len(), &policy, offline.engine.name(), SystemClock.now());
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.text());
        }
        if !self.no_page {
            html::write_file(&self.page, &report.page())?;
        }
        Ok(ended(unread.len()))
    }
}

/// Plays all recordings on as many threads as the server has workers. What cannot be read is named.
fn replayed(
    recordings: &[(PathBuf, Recording)],
    policy: &Arc<Policy>,
    offline: &Offline,
    config: &Config,
    unread: &mut Vec<String>,
) -> Result<Vec<Presented>> {
    let bar = bar(recordings.len(), "playing recordings");
    let (next, all) = (AtomicUsize::new(0), Mutex::new((Vec::new(), Vec::new())));
    offline.on_all_workers(config, |vision| {
        while let Some((folder, recording)) = recordings.get(next.fetch_add(1, Ordering::Relaxed)) {
            let played = replay(recording, &mut |seq| recordings::frame(folder, seq), policy, vision);
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            match played {
                Ok(played) => all.0.push(Presented {
                    label: recording.label.clone(),
                    response: match played {
                        Replayed::Played(played) => Some(played.response(policy)),
                        Replayed::AskedOtherwise => None,
                    },
                }),
                Err(problem) => all.1.push(unread_line(folder, &problem)),
            }
            bar.inc(1);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    let (presented, problems) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    unread.extend(problems);
    Ok(presented)
}

fn unread_line(folder: &Path, problem: &likeness_pad::NotReplayed) -> String {
    format!("{}: {problem}", folder.display())
}
