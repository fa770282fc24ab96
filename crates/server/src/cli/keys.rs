//! `likeness keys`: the keys of the account.

use super::{say, serve};
use crate::config::Config;
use crate::start;
use anyhow::{Result, bail};
use clap::Subcommand;
use likeness_store::KeySlot;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Keys {
    /// Print both keys of every account, the default account first. Needs the data folder and the installation key.
    Show,
}

impl Keys {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        if !config.data.exists() {
            bail!("there is no data folder {}; start the server once, or set LIKENESS_DATA", config.data.display());
        }
        let keys = start::block_on(async {
            let store = start::open_store(config, start::Missing::Refuse).await?.store;
            let mut accounts = store.accounts().await?;
            accounts.sort_by_key(|account| account.created_at);
            let mut keys = Vec::new();
            for account in accounts {
                keys.push((account.id, store.keys(account.id).await?));
            }
            store.close().await;
            anyhow::Ok(keys)
        })??;
        let are_several = keys.len() > 1;
        let mut pages = Vec::new();
        for (account, key) in
            keys.into_iter().flat_map(|(account, keys)| keys.into_iter().map(move |key| (account, key)))
        {
            if are_several && key.slot == KeySlot::Key1 {
                say::line(&format!("account  {account}"));
            }
            let slot = match key.slot {
                KeySlot::Key1 => "key1",
                KeySlot::Key2 => "key2",
            };
            say::line(&format!("{slot}  {}", key.value.expose()));
            if let (KeySlot::Key1, Some(page)) = (key.slot, serve::studio(config.listen, &key.value)) {
                pages.push(page);
            }
        }
        for page in pages {
            say::note(&format!("Open in a browser while the server runs:\n  {page}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
