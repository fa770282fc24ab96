//! `likeness privacy-report`: tries the promises of `docs/privacy.md` against scratch accounts of the server that runs,
//! and writes one page that a data-protection officer can file.
//!
//! Start at [`promises::PROMISES`], the one list of promises: the document has the same, and a test holds them
//! together. What is tried is tried as a client would, over HTTP; then the report looks into the files as a thief
//! would. The scratch accounts are destroyed at the end, whatever came of it.
//!
//! [`live`] is the other report: what is held at this moment.

mod checks;
mod live;
mod page;
mod promises;
mod scratch;

use super::output;
use crate::config::Config;
use crate::start;
use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use promises::PROMISES;
use scratch::Scratch;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the page goes if nobody says.
const PAGE: &str = "privacy-report.html";

#[derive(Args)]
pub(super) struct PrivacyReport {
    /// Where to write the page; privacy-report.html without. With --live: where to write the report, which is printed without.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the findings as JSON as well. With --live: the report is JSON, a line for it and a line for its signature.
    #[arg(long)]
    json: bool,
    /// Address of the running server; also LIKENESS_LISTEN.
    #[arg(long)]
    address: Option<SocketAddr>,
    /// Photo with a face to try with; a demo photo of the model pack without.
    #[arg(long)]
    photo: Option<PathBuf>,
    /// Count what is held at this moment instead: by account and kind of data, the oldest, and what is overdue. Signed, without
    /// names. The exit code is 1 if something is overdue.
    #[arg(long, conflicts_with_all = ["address", "photo"])]
    live: bool,
    /// Check the signature under a report that --live wrote here.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["live", "out", "json", "address", "photo"])]
    verify: Option<PathBuf>,
}

/// What came of trying a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict", content = "evidence")]
enum CheckOutcome {
    /// It was kept; what was seen.
    Kept(String),
    /// It was not; what was seen instead.
    Broken(String),
    /// It cannot be tried from here; why, and what holds it.
    NotTried(String),
}

/// One promise and what came of it.
#[derive(Serialize)]
struct Finding {
    id: &'static str,
    promise: &'static str,
    test: &'static str,
    #[serde(flatten)]
    verdict: CheckOutcome,
}

/// All there is to say.
#[derive(Serialize)]
struct Report {
    made: String,
    likeness: &'static str,
    store: String,
    findings: Vec<Finding>,
}

async fn try_all(scratch: &mut Scratch, bar: &ProgressBar) -> Vec<Finding> {
    let mut findings = Vec::new();
    for promise in PROMISES {
        bar.set_message(promise.promise);
        let tried = (promise.check)(scratch).await;
        let verdict = tried.unwrap_or_else(|error| CheckOutcome::Broken(format!("it could not be tried: {error:#}")));
        findings.push(Finding { id: promise.id, promise: promise.promise, test: promise.test, verdict });
        bar.inc(1);
    }
    findings
}

impl PrivacyReport {
    pub(super) fn run(self, config: &Config) -> Result<ExitCode> {
        if let Some(file) = &self.verify {
            return live::verify(config, file);
        }
        if self.live {
            return live::write(config, self.out.as_deref(), self.json);
        }
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(PAGE));
        let report = start::block_on(self.make(config))??;
        std::fs::write(&out, page::page(&report)).with_context(|| format!("{} cannot be written", out.display()))?;
        if self.json {
            output::json(&report)?;
        }
        let broken: Vec<&Finding> =
            report.findings.iter().filter(|finding| matches!(finding.verdict, CheckOutcome::Broken(_))).collect();
        for finding in &broken {
            output::hint(&format!("BROKEN {}: {}", finding.id, finding.promise));
        }
        let kept = report.findings.iter().filter(|finding| matches!(finding.verdict, CheckOutcome::Kept(_))).count();
        output::line(&format!(
            "{kept} of {} promises tried and kept, {} broken; the page is {}",
            report.findings.len(),
            broken.len(),
            out.display()
        ));
        Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn make(&self, config: &Config) -> Result<Report> {
        let service = start::local_account_service(config).await?;
        let store = match config.store.target()? {
            Some(target) => format!("PostgreSQL, {}", target.name()),
            None => format!("SQLite, in {}", config.data.display()),
        };
        let photo = match &self.photo {
            Some(photo) => photo.clone(),
            None => config.cache().join("demo").join("sample1.jpg"),
        };
        let photo = std::fs::read(&photo)
            .with_context(|| format!("the photo {} cannot be read; name one with --photo", photo.display()))?;
        let address = self.address.unwrap_or(config.listen);
        let mut scratch = Scratch::make(config, service.clone(), address, photo).await?;
        if let Err(error) = scratch.look().await {
            scratch.clear().await;
            return Err(error);
        }
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(PROMISES.len() as u64).with_style(style);
        let findings = tokio::select! {
            findings = try_all(&mut scratch, &bar) => Ok(findings),
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped; the scratch accounts are destroyed")),
        };
        bar.finish_and_clear();
        scratch.clear().await;
        let findings = findings?;
        let made = service.clock.now().to_string();
        service.store.close().await;
        Ok(Report { made, likeness: env!("CARGO_PKG_VERSION"), store, findings })
    }
}
