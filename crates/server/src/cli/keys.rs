//! `likeness keys`: the keys by which accounts are called, and who holds those that seal their data.

use super::output::{self, Bar};
use super::serve;
use crate::config::Config;
use crate::start;
use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use likeness_service::accounts::keys::INSTALLATION;
use likeness_service::accounts::{AccountService, Attribution};
use likeness_service::limits::Limits;
use likeness_service::randomness::SystemRandomness;
use likeness_store::keys::InstallationKey;
use likeness_store::{AccountId, AccountKey, KeySlot};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Keys {
    /// Print the operator's key and both keys of every account, or of one. Needs the data and the installation key.
    Show {
        /// One account: its name, subdomain, id or resource id.
        #[arg(long)]
        account: Option<String>,
    },
    /// Replace one key of an account by a new one and print it. The old one is invalid when this returns.
    Regenerate {
        /// The account: its name, subdomain, id or resource id; without it, the operator's own key is replaced.
        #[arg(long)]
        account: Option<String>,
        /// Which of the two.
        #[arg(value_enum)]
        key: Slot,
    },
    /// Show who holds the keys that seal the data, of the installation and of each account, and how it stands with them.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give an account's key, or the installation's, to another provider of keys.
    ///
    /// From then on nobody reads the account's data without that provider: not this program, and not whoever has the database
    /// and the key file. Where the provider loses its key, the data is lost.
    Move {
        /// One account: its name, subdomain, id or resource id; without it, the installation's key is moved.
        #[arg(long)]
        account: Option<String>,
        /// The provider, as the settings name it; `installation` gives an account's key back.
        #[arg(long)]
        to: String,
    },
    /// Make a new version of a provider's key and wrap everything with it. Servers go on meanwhile.
    ///
    /// Stopped half-way, run it again with --only-behind.
    Rotate {
        /// The provider, as the settings name it; `file` is the key file.
        provider: String,
        /// Make no new version: wrap what is not wrapped by the newest.
        #[arg(long)]
        only_behind: bool,
    },
    /// Make a new data key for an account and seal everything anew with it. Servers go on meanwhile.
    ///
    /// For when a data key may be known to somebody. Stopped half-way, run it again with --only-behind.
    Reseal {
        /// The account: its name, subdomain, id or resource id.
        account: String,
        /// Make no new key: seal what the newest has not sealed.
        #[arg(long)]
        only_behind: bool,
    },
    /// Disable an account's key: its data cannot be used until the key is enabled again. Nothing is deleted.
    Disable {
        /// The account: its name, subdomain, id or resource id.
        account: String,
    },
    /// Enable an account's key again.
    Enable {
        /// The account: its name, subdomain, id or resource id.
        account: String,
    },
    /// Make a key file for a provider of kind `file`. A file that is there is never replaced.
    CreateFile {
        /// The file.
        path: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Slot {
    Key1,
    Key2,
}

impl Keys {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        if let Self::CreateFile { path } = self {
            create_file(path)?;
            return Ok(ExitCode::SUCCESS);
        }
        if config.store.target()?.is_none() && !config.data.exists() {
            bail!("there is no data folder {}; start the server once, or set LIKENESS_DATA", config.data.display());
        }
        start::block_on(async {
            let service = start::local_account_service(config).await?;
            let outcome = self.run_on(config, &service).await;
            service.store.close().await;
            outcome
        })??;
        Ok(ExitCode::SUCCESS)
    }

    async fn run_on(&self, config: &Config, service: &AccountService) -> Result<()> {
        match self {
            Self::Show { account } => show(config, service, account.as_deref()).await,
            Self::Regenerate { account, key } => regenerate(service, account.as_deref(), *key).await,
            Self::Status { json } => status(service, *json).await,
            Self::Move { account: Some(account), to } => move_account(config, service, account, to).await,
            Self::Move { account: None, to } => move_installation(service, to).await,
            Self::Rotate { provider, only_behind } => rotate(service, provider, *only_behind).await,
            Self::Reseal { account, only_behind } => reseal(service, account, *only_behind).await,
            Self::Disable { account } => set_enabled(service, account, false).await,
            Self::Enable { account } => set_enabled(service, account, true).await,
            Self::CreateFile { path } => create_file(path),
        }
    }
}

fn create_file(path: &Path) -> Result<()> {
    InstallationKey::create(path, &SystemRandomness)?;
    output::line(&format!("Made {}. Keep a copy of it, apart from the data.", path.display()));
    Ok(())
}

async fn show(config: &Config, service: &AccountService, account: Option<&str>) -> Result<()> {
    let of_all = account.is_none();
    let accounts = match account {
        Some(account) => vec![service.find(account)?],
        None => service.cache.last_known().all(),
    };
    let are_several = accounts.len() > 1;
    let mut pages = Vec::new();
    for state in accounts {
        if are_several {
            output::line(&format!("account  {}", state.settings.resource));
        }
        for key in service.keys(state.id(), &Attribution::of_operator()).await? {
            output::line(&format!("{}  {}", word(key.slot), key.value.expose()));
            if let (KeySlot::Key1, Some(page)) = (key.slot, serve::page(config.listen, "", &key.value)) {
                pages.push(page);
            }
        }
    }
    for page in pages {
        output::hint(&format!("Open in a browser while the server runs:\n  {page}"));
    }
    if of_all {
        let operator: Vec<AccountKey> = service.keys(AccountId::INSTALLATION, &Attribution::of_operator()).await?;
        for key in operator.iter().filter(|key| key.slot == KeySlot::Key1) {
            output::line(&format!("operator  {}", key.value.expose()));
            if let Some(page) = serve::page(config.listen, "admin", &key.value) {
                output::hint(&format!("To manage accounts:\n  {page}"));
            }
        }
    }
    Ok(())
}

async fn regenerate(service: &AccountService, account: Option<&str>, key: Slot) -> Result<()> {
    let id = match account {
        Some(account) => service.find(account)?.id(),
        None => AccountId::INSTALLATION,
    };
    let slot = match key {
        Slot::Key1 => KeySlot::Key1,
        Slot::Key2 => KeySlot::Key2,
    };
    let value = service.regenerate(id, &Attribution::of_operator(), slot).await?;
    output::line(&format!("{}  {}", word(slot), value.expose()));
    Ok(())
}

async fn move_account(config: &Config, service: &AccountService, account: &str, to: &str) -> Result<()> {
    let state = service.find(account)?;
    let tier = Limits::new(config.tier, config.shares.stored_gib).tier(&state);
    service.move_keys(&state, tier, &Attribution::of_operator(), (to != INSTALLATION).then_some(to)).await?;
    output::line(&format!("The key of {} is held by {to} now.", state.settings.resource.name()));
    Ok(())
}

async fn move_installation(service: &AccountService, to: &str) -> Result<()> {
    service.move_installation_key(to, &Attribution::of_operator()).await?;
    output::line(&format!("The key of the installation is held by {to} now."));
    output::hint(&format!("Set keys.installation (LIKENESS_KEY_PROVIDER) to {to} on every node."));
    Ok(())
}

async fn rotate(service: &AccountService, provider: &str, only_behind: bool) -> Result<()> {
    let bar = Bar::new("Wrapping", "accounts");
    let progress = |done: usize, all: usize| bar.show(done as u64, all as u64);
    let rotated = service.rotate_keys(provider, &Attribution::of_operator(), only_behind, &progress).await;
    drop(bar);
    let rotated = rotated?;
    let wrapped = output::counted(rotated.wrapped as u64, "key", "keys");
    output::line(&format!("Wrapped {wrapped} with version {} of the key of {provider}.", rotated.version));
    Ok(())
}

async fn reseal(service: &AccountService, account: &str, only_behind: bool) -> Result<()> {
    let state = service.find(account)?;
    let all: u64 = service.store.totals(state.id()).await?.iter().map(|held| held.persons + held.faces).sum();
    let bar = Bar::new("Sealing", "rows");
    let progress = |done: u64| bar.show(done, all.max(done));
    let rows = service.reseal(state.id(), &Attribution::of_operator(), only_behind, &progress).await;
    drop(bar);
    let rows = output::counted(rows?, "row", "rows");
    output::line(&format!("Sealed {rows} of {} anew.", state.settings.resource.name()));
    Ok(())
}

async fn set_enabled(service: &AccountService, account: &str, is_enabled: bool) -> Result<()> {
    let state = service.find(account)?;
    service.set_keys_enabled(state.id(), &Attribution::of_operator(), is_enabled).await?;
    let word = if is_enabled { "enabled" } else { "disabled" };
    output::line(&format!("The key of {} is {word}.", state.settings.resource.name()));
    Ok(())
}

async fn status(service: &AccountService, json: bool) -> Result<()> {
    let mut all = vec![service.key_overview(AccountId::INSTALLATION).await?];
    for state in service.cache.last_known().all() {
        all.push(service.key_overview(state.id()).await?);
    }
    if json {
        return output::json(&all);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let version = one.version.map_or_else(String::new, |version| format!(" (version {version})"));
            let state =
                one.problem.as_ref().map_or_else(|| one.state.to_owned(), |why| format!("{}: {why}", one.state));
            let moment = |at: &Option<String>| at.clone().unwrap_or_else(|| "never".to_owned());
            vec![
                one.account.clone().unwrap_or_else(|| "(installation)".to_owned()),
                format!("{}{version}", one.provider),
                state,
                moment(&one.last_use),
                moment(&one.last_backup),
            ]
        })
        .collect();
    output::table(&["account", "key held by", "state", "last use", "last backup"], &rows);
    Ok(())
}

const fn word(slot: KeySlot) -> &'static str {
    match slot {
        KeySlot::Key1 => "key1",
        KeySlot::Key2 => "key2",
    }
}
