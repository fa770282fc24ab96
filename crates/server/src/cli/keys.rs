//! `likeness keys`: the keys of accounts.

use super::{output, serve};
use crate::config::Config;
use crate::start;
use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use likeness_service::accounts::Attribution;
use likeness_store::{AccountId, AccountKey, KeySlot};
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
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Slot {
    Key1,
    Key2,
}

impl Keys {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        if config.store.target()?.is_none() && !config.data.exists() {
            bail!("there is no data folder {}; start the server once, or set LIKENESS_DATA", config.data.display());
        }
        start::block_on(async {
            let service = start::local_account_service(config).await?;
            let outcome = match self {
                Self::Show { account } => {
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
                            if let (KeySlot::Key1, Some(page)) = (key.slot, serve::page(config.listen, "", &key.value))
                            {
                                pages.push(page);
                            }
                        }
                    }
                    for page in pages {
                        output::hint(&format!("Open in a browser while the server runs:\n  {page}"));
                    }
                    if of_all {
                        let attribution = Attribution::of_operator();
                        let operator: Vec<AccountKey> = service.keys(AccountId::INSTALLATION, &attribution).await?;
                        for key in operator.iter().filter(|key| key.slot == KeySlot::Key1) {
                            output::line(&format!("operator  {}", key.value.expose()));
                            if let Some(page) = serve::page(config.listen, "admin", &key.value) {
                                output::hint(&format!("To manage accounts:\n  {page}"));
                            }
                        }
                    }
                    anyhow::Ok(())
                }
                Self::Regenerate { account, key } => {
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
                    anyhow::Ok(())
                }
            };
            service.store.close().await;
            outcome
        })??;
        Ok(ExitCode::SUCCESS)
    }
}

const fn word(slot: KeySlot) -> &'static str {
    match slot {
        KeySlot::Key1 => "key1",
        KeySlot::Key2 => "key2",
    }
}
