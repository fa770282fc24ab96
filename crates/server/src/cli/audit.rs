//! `likeness audit`: the trails of what was done, checked and exported.

use super::output;
use crate::config::Config;
use crate::start;
use anyhow::Result;
use clap::Subcommand;
use likeness_service::accounts::audit::{self, AuditFilter};
use likeness_service::accounts::{AccountService, Attribution};
use likeness_store::AccountId;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Audit {
    /// Check every audit log, or one, and print the link of its last row. Keep that link elsewhere: it proves later that no row
    /// was cut off since. Fails when a row was changed, or when who may call is not what the log says.
    Verify {
        /// An account: its name, subdomain, id or resource id; without, the audit logs of all accounts, of the
        /// installation, and of accounts that were destroyed.
        account: Option<String>,
        /// A link that an earlier run printed and that was kept elsewhere. Fails unless it is in one of the audit logs. It
        /// detects that the database was put back to an earlier state as a whole.
        #[arg(long)]
        known: Option<String>,
    },
    /// Accept what decides who may call in an account, though its audit log says something else: the server does not start
    /// before. Find out first what was changed, and by whom; a key that was replaced may be valid again.
    Accept {
        /// An account; without, the installation.
        account: Option<String>,
    },
    /// Put a pseudonym in the place of somebody who left, in the audit log of one account or of all. Their rows stay
    /// together and the log can be verified as before. Nobody can undo it.
    Pseudonymise {
        /// The subject by which the identity provider names them: what stands after \"principal\" in the log.
        subject: String,
        /// An account; without, all accounts and the installation.
        #[arg(long)]
        account: Option<String>,
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
                Self::Accept { account } => accept(&service, account.as_deref()).await.map(|()| ExitCode::SUCCESS),
                Self::Pseudonymise { subject, account } => {
                    pseudonymise(&service, subject, account.as_deref()).await.map(|()| ExitCode::SUCCESS)
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

async fn accept(service: &AccountService, account: Option<&str>) -> Result<()> {
    let id = id_of(service, account)?;
    service.accept_access(id, &Attribution::of_operator()).await?;
    output::line("The audit log says now that what decides who may call is accepted.");
    Ok(())
}

async fn pseudonymise(service: &AccountService, subject: &str, account: Option<&str>) -> Result<()> {
    let ids = match account {
        Some(_) => vec![id_of(service, account)?],
        None => trails(service).await?.into_iter().map(|(_, id)| id).collect(),
    };
    let mut changed = 0;
    for id in ids {
        changed += service.pseudonymise(id, &Attribution::of_operator(), subject).await?;
    }
    output::line(&format!("{changed} rows name a pseudonym now."));
    Ok(())
}

/// Every audit log that there is, with a name for it.
async fn trails(service: &AccountService) -> Result<Vec<(String, AccountId)>> {
    let accounts = service.cache.last_known().all();
    let named = accounts.iter().map(|state| (state.settings.resource.name().to_owned(), state.id()));
    let first = std::iter::once(("installation".to_owned(), AccountId::INSTALLATION));
    let mut all: Vec<_> = first.chain(named).collect();
    for (resource, id) in service.destroyed_accounts().await? {
        let name = resource.rsplit('/').next().unwrap_or_default();
        all.push((format!("{name} (destroyed)"), id));
    }
    Ok(all)
}

async fn verify(service: &AccountService, account: Option<&str>, known: Option<&str>) -> Result<ExitCode> {
    let trails = match account {
        Some(name) => vec![(name.to_owned(), id_of(service, account)?)],
        None => trails(service).await?,
    };
    let mut is_whole = true;
    let mut has_changed_access = false;
    let mut is_known = known.is_none();
    let mut rows = Vec::new();
    for (name, id) in trails {
        let verified = audit::verify(&*service.store, id, known).await?;
        is_known |= verified.known_at.is_some();
        let verdict = match verified.broken_at {
            None if verified.access_holds => "holds".to_owned(),
            None => {
                has_changed_access = true;
                "ACCESS CHANGED".to_owned()
            }
            Some(row) => {
                is_whole = false;
                format!("BROKEN at row {row}")
            }
        };
        rows.push(vec![name, id.to_string(), verified.rows.to_string(), verdict, verified.last]);
    }
    output::table(&["trail", "account", "rows", "chain", "last link"], &rows);
    if !is_whole {
        output::hint("A row was changed, removed or inserted outside the program. Compare with an earlier export.");
    }
    if has_changed_access {
        output::hint(
            "Keys, settings or revocations are not what the audit log says: rows were changed or put back outside the program.",
        );
    }
    if !is_known {
        output::hint(
            "The link that you kept is in none of these audit logs: they were put back or cut off outside the program.",
        );
    }
    Ok(if is_whole && is_known && !has_changed_access { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
