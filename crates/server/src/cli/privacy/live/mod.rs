//! `likeness privacy-report --live`: what this installation holds at this moment, by account and kind of data, what is overdue,
//! and which expiry key went last. Signed with the key that signs tokens, without names.
//!
//! Start at [`write`] and [`verify`]. [`lines`] knows which data of the retention table is in which tables.

mod lines;
mod signature;

pub(super) use signature::verify;

use crate::cli::output;
use crate::config::Config;
use crate::start;
use anyhow::{Context, Result};
use likeness_base::Timestamp;
use likeness_rules::rows;
use likeness_service::accounts::{AccountService, Attribution};
use likeness_store::{AccountId, HourKeysHeld};
use lines::{Line, PATIENCE, Place, lines, place_of};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Everything the report says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LiveReport {
    made: String,
    likeness: &'static str,
    installation: String,
    store: &'static str,
    /// Of everything below. Must be 0.
    overdue: u64,
    expiry_keys: ExpiryKeysLine,
    accounts: Vec<AccountLines>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExpiryKeysLine {
    held: u64,
    /// Of hours that are over for more than a minute. Must be 0.
    overdue: u64,
    last_destroyed: Option<LastDestroyed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastDestroyed {
    hour_ended: String,
    destroyed: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountLines {
    account: String,
    state: &'static str,
    held: Vec<Line>,
}

impl From<HourKeysHeld> for ExpiryKeysLine {
    fn from(held: HourKeysHeld) -> Self {
        let last_destroyed = held
            .last_destroyed
            .map(|(ended, at)| LastDestroyed { hour_ended: ended.to_string(), destroyed: at.to_string() });
        Self { held: held.keys, overdue: held.overdue, last_destroyed }
    }
}

/// Counts, signs and prints, or writes into a file.
pub(super) fn write(config: &Config, out: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let (report, document) = start::block_on(async {
        let service = start::local_account_service(config).await?;
        let made = make(&service, config, as_json).await;
        service.store.close().await;
        made
    })??;
    match out {
        None => output::text(&document),
        Some(file) => {
            std::fs::write(file, &document).with_context(|| format!("{} cannot be written", file.display()))?;
            output::line(&format!("{} overdue; the report is {}", report.overdue, file.display()));
        }
    }
    if report.overdue == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    output::hint(
        "OVERDUE: something is past its end and can still be opened. Servers remove it every 20 seconds: see that one runs, and \
         read its log",
    );
    Ok(ExitCode::FAILURE)
}

async fn make(service: &AccountService, config: &Config, as_json: bool) -> Result<(LiveReport, String)> {
    let now = service.clock.now();
    let report = count(service, config, now).await?;
    let text = if as_json { serde_json::to_string(&report)? + "\n" } else { text(&report) };
    let signed = service.sign_report(&Attribution::of_operator(), &text).await?;
    Ok((report, signature::below(&text, &signed, as_json)?))
}

async fn count(service: &AccountService, config: &Config, now: Timestamp) -> Result<LiveReport> {
    let table = service.cache.last_known();
    let mut accounts = vec![(AccountId::INSTALLATION, "the installation")];
    for account in service.store.accounts().await? {
        accounts.push((account.id, if account.closed_at.is_some() { "closed" } else { "open" }));
    }
    for (_, account) in service.destroyed_accounts().await? {
        if accounts.iter().all(|(known, _)| *known != account) {
            accounts.push((account, "destroyed"));
        }
    }
    let mut counted = Vec::with_capacity(accounts.len());
    for (account, state) in accounts {
        let holdings = service.store.holdings(account, now, PATIENCE).await?;
        let policy = table.account(account).map(|state| state.settings.retention.clone()).unwrap_or_default();
        counted.push(AccountLines { account: account.to_string(), state, held: lines(&holdings, &policy, now) });
    }
    let expiry_keys = ExpiryKeysLine::from(service.store.hour_keys(now, PATIENCE).await?);
    let lines = counted.iter().flat_map(|account| &account.held);
    Ok(LiveReport {
        made: now.to_string(),
        likeness: env!("CARGO_PKG_VERSION"),
        installation: table.own.issuer.clone(),
        store: if config.store.target()?.is_some() { "PostgreSQL" } else { "SQLite" },
        overdue: lines.map(|line| line.overdue).sum::<u64>() + expiry_keys.overdue,
        expiry_keys,
        accounts: counted,
    })
}

fn text(report: &LiveReport) -> String {
    let keys = &report.expiry_keys;
    let last = keys.last_destroyed.as_ref().map_or_else(
        || "none was destroyed yet".to_owned(),
        |last| format!("the last was destroyed at {}, of the hour that ended at {}", last.destroyed, last.hour_ended),
    );
    let mut text = format!(
        "What is held\n\nMade {} by Likeness {} over {}, installation {}.\nOverdue: {}. That is what is past its end for more than \
         a minute and can still be opened; it must be 0.\nExpiry keys: {} held, {} overdue; {last}.\n\n",
        report.made, report.likeness, report.store, report.installation, report.overdue, keys.held, keys.overdue,
    );
    let meaning: Vec<Vec<String>> =
        rows().iter().map(|row| [row.key, row.data, row.stored, row.life].map(str::to_owned).to_vec()).collect();
    text.push_str(&output::table_text(&["kind", "data", "stored", "at most"], &meaning));
    let head = ["kind", "table", "rows", "oldest", "kept", "ended", "overdue"];
    for account in &report.accounts {
        text.push_str(&format!("\nAccount {} ({})\n\n", account.account, account.state));
        let cells: Vec<Vec<String>> = account.held.iter().map(cells).collect();
        text.push_str(&output::table_text(&head, &cells));
    }
    text.push_str(
        "\nended: past their end and not removed yet; no caller can read them. Numbers of rows say nothing of anybody; names are not \
         in this report.\n",
    );
    text
}

fn cells(line: &Line) -> Vec<String> {
    let table = match (line.table, line.data.and_then(place_of)) {
        (Some(table), _) => line.kind.as_ref().map_or_else(|| table.to_owned(), |kind| format!("{table} ({kind})")),
        (None, Some(Place::InTheSession)) => "in the session".to_owned(),
        (None, _) => String::new(),
    };
    let rows = line.rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
    let kept = line.kept_seconds.map_or_else(String::new, |seconds| format!("{seconds} s"));
    let older = if line.is_older_than_kept { "; older ones are hidden" } else { "" };
    vec![
        line.data.unwrap_or("no row of its own").to_owned(),
        table,
        rows,
        line.oldest.clone().unwrap_or_default(),
        format!("{kept}{older}"),
        line.ended.to_string(),
        line.overdue.to_string(),
    ]
}
