//! `likeness audit`: the trails of what was done, checked and exported.

use super::output;
use crate::config::Config;
use crate::start;
use anyhow::Result;
use clap::Subcommand;
use likeness_service::accounts::AccountService;
use likeness_service::accounts::audit::{self, AuditFilter};
use likeness_store::AccountId;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Audit {
    /// Check the hash chain of every audit log, or of one, and print its last hash. Keep that hash elsewhere: it proves later
    /// that no row was changed since. Fails when a chain is broken.
    Verify {
        /// An account: its name, subdomain, id or resource id; without, the audit logs of all accounts, of the
        /// installation, and of accounts that were destroyed.
        account: Option<String>,
        /// A hash that an earlier run printed and that was kept elsewhere. Fails unless it is in one of the audit logs. It
        /// detects a whole chain that was computed anew by an attacker who can write to the database.
        #[arg(long)]
        known: Option<String>,
    },
    /// Print the newest rows of an audit log.
    List {
        /// An account; without, the audit log of the installation.
        account: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50)]
        top: usize,
        /// Only rows of this action, such as delete_person.
        #[arg(long)]
        action: Option<String>,
    },
    /// Print a whole audit log as lines of JSON.
    Export {
        /// An account; also the id of one that was destroyed. Without, the audit log of the installation.
        account: Option<String>,
    },
}

impl Audit {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        start::block_on(async {
            let service = start::local_account_service(config).await?;
            let outcome = match self {
                Self::Verify { account, known } => verify(&service, account.as_deref(), known.as_deref()).await,
                Self::List { account, top, action } => {
                    list(&service, account.as_deref(), *top, action.clone()).await.map(|()| ExitCode::SUCCESS)
                }
                Self::Export { account } => export(&service, account.as_deref()).await.map(|()| ExitCode::SUCCESS),
            };
            service.store.close().await;
            outcome
        })?
    }
}

/// Audit logs outlive their accounts, so the account of an id need not exist.
fn id_of(service: &AccountService, account: Option<&str>) -> Result<AccountId> {
    let Some(account) = account else { return Ok(AccountId::INSTALLATION) };
    match service.find(account) {
        Ok(state) => Ok(state.id()),
        Err(problem) => Ok(AccountId(uuid::Uuid::parse_str(account).map_err(|_| problem)?)),
    }
}

async fn verify(service: &AccountService, account: Option<&str>, known: Option<&str>) -> Result<ExitCode> {
    let trails: Vec<(String, AccountId)> = match account {
        Some(name) => vec![(name.to_owned(), id_of(service, account)?)],
        None => {
            let accounts = service.cache.last_known().all();
            let named = accounts.iter().map(|state| (state.settings.resource.name().to_owned(), state.id()));
            let first = std::iter::once(("installation".to_owned(), AccountId::INSTALLATION));
            let mut all: Vec<_> = first.chain(named).collect();
            for (resource, id) in service.destroyed_accounts().await? {
                let name = resource.rsplit('/').next().unwrap_or_default();
                all.push((format!("{name} (destroyed)"), id));
            }
            all
        }
    };
    let mut is_whole = true;
    let mut is_known = known.is_none();
    let mut rows = Vec::new();
    for (name, id) in trails {
        let verified = audit::verify(&*service.store, id, known).await?;
        is_known |= verified.known_at.is_some();
        let verdict = match verified.broken_at {
            None => "holds".to_owned(),
            Some(row) => {
                is_whole = false;
                format!("BROKEN at row {row}")
            }
        };
        rows.push(vec![name, id.to_string(), verified.rows.to_string(), verdict, verified.last]);
    }
    output::table(&["trail", "account", "rows", "chain", "last hash"], &rows);
    if !is_whole {
        output::hint("A row was changed, removed or inserted outside the program. Compare with an earlier export.");
    }
    if !is_known {
        output::hint(
            "The hash that you kept is in none of these audit logs: they were rewritten or cut off outside the program.",
        );
    }
    Ok(if is_whole && is_known { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn list(service: &AccountService, account: Option<&str>, top: usize, action: Option<String>) -> Result<()> {
    let id = id_of(service, account)?;
    let filter = AuditFilter { action, top: usize::MAX, ..AuditFilter::default() };
    let all = service.audit_rows(id, &filter).await?;
    let newest = all.iter().skip(all.len().saturating_sub(top));
    let rows: Vec<Vec<String>> = newest
        .map(|row| {
            let container = row.container.as_ref().map(|container| format!("{} {}", container.kind, container.number));
            let detail = row.detail.as_ref().map(ToString::to_string);
            vec![
                row.sequence.to_string(),
                row.at.clone(),
                row.actor.clone(),
                row.action.clone(),
                row.outcome.to_owned(),
                container.unwrap_or_default(),
                detail.unwrap_or_default(),
            ]
        })
        .collect();
    output::table(&["row", "at", "actor", "action", "outcome", "container", "detail"], &rows);
    Ok(())
}

async fn export(service: &AccountService, account: Option<&str>) -> Result<()> {
    let id = id_of(service, account)?;
    let mut after = 0;
    while let Some((lines, last)) = service.export(id, after).await? {
        output::text(&lines);
        after = last;
    }
    Ok(())
}
