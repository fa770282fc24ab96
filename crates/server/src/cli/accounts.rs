//! `likeness accounts`: whose records an installation holds.

use super::say;
use crate::access::new_key;
use crate::config::Config;
use crate::effects::{SystemClock, SystemRandomness};
use crate::start::{self, OpenStore};
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Accounts {
    /// Make an account and print its id and its two keys, which work at once, also with a server that runs.
    Add,
    /// Print the ids of all accounts, oldest first. The first is the default account.
    List,
}

impl Accounts {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        start::block_on(async {
            let opened = start::open_store(config, start::Missing::Refuse).await?;
            let outcome = match self {
                Self::Add => add(&opened).await,
                Self::List => list(&opened).await,
            };
            opened.store.close().await;
            outcome
        })??;
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(OpenStore { store, key }: &OpenStore) -> Result<()> {
    let keys = [new_key(&SystemRandomness), new_key(&SystemRandomness)];
    let account = start::make_account(&**store, key, &SystemClock, &SystemRandomness, None, &keys).await?;
    say::line(&format!("account  {account}"));
    say::line(&format!("key1  {}", keys[0].expose()));
    say::line(&format!("key2  {}", keys[1].expose()));
    Ok(())
}

async fn list(OpenStore { store, .. }: &OpenStore) -> Result<()> {
    let mut accounts = store.accounts().await?;
    accounts.sort_by_key(|account| account.created_at);
    let rows: Vec<Vec<String>> =
        accounts.iter().map(|account| vec![account.id.to_string(), account.created_at.to_string()]).collect();
    say::table(&["account", "made"], &rows);
    Ok(())
}
