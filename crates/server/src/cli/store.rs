//! `likeness migrate` and `likeness store`: the database as a whole.

use super::output;
use crate::config::Config;
use crate::start::{self, IfMissing};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use likeness_base::Secret;
use likeness_service::networks::Networks;
use likeness_service::randomness::SystemRandomness;
use likeness_service::stored_templates;
use likeness_store::keys::Keyholder;
use likeness_store::{PostgresStore, PostgresTarget, Step, StoreError, copy};
use likeness_vision::AttributeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let Some(target) = config.store.target()? else {
            bail!("LIKENESS_STORE names no database; the schema of a file is upgraded when the server starts");
        };
        let key_folder = config.expiry_keys();
        let migrating = PostgresStore::migrate(&target, holder(config)?, &key_folder, Arc::new(SystemRandomness));
        let outcome = start::block_on(migrating)?;
        let (before, after) = outcome.with_context(|| format!("the database {} was not changed", target.name()))?;
        if before == after {
            output::line(&format!("The database {} has schema {after} already.", target.name()));
        } else {
            output::line(&format!("The database {} was upgraded from schema {before} to {after}.", target.name()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Subcommand)]
pub(super) enum StoreCommand {
    /// Copy a whole installation into an empty store, read the copy again, and compare.
    ///
    /// Stop the servers first: what they write after the copy began is not copied. The installation key and the key
    /// folder are the same for both; records stay sealed on the way.
    Copy {
        /// A file such as data/likeness.db, or an address such as postgres://user@host/database. Leave out the
        /// password: PGPASSWORD and the password file are used.
        from: String,
        /// The same; a file that is not there yet, or an empty database.
        to: String,
    },
    /// Count the stored templates by account and recogniser.
    ///
    /// Templates of different recognisers cannot be compared. A container keeps that of its first face.
    Recognisers {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl StoreCommand {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        match self {
            Self::Copy { from, to } => start::block_on(copy_all(config, from, to))??,
            Self::Recognisers { json } => recognisers(config, *json)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn recognisers(config: &Config, json: bool) -> Result<()> {
    let networks = Networks::read_for(&config.inference, &config.packs(), AttributeSet::empty())?;
    let held = start::block_on(async {
        let store = start::open_store(config, IfMissing::Refuse).await?.store;
        let held = stored_templates::stored_templates(&*store, &networks.recognisers).await;
        store.close().await;
        anyhow::Ok(held?)
    })??;
    if json {
        return output::json(&held);
    }
    let rows: Vec<Vec<String>> = held
        .iter()
        .map(|one| {
            let state = match (one.is_installed, one.is_default) {
                (false, _) => "MISSING",
                (true, true) => "installed; new containers take it",
                (true, false) => "installed",
            };
            vec![one.account_id.to_string(), one.pack.clone(), one.templates.to_string(), state.to_owned()]
        })
        .collect();
    if rows.is_empty() {
        output::line("No face is enrolled.");
    } else {
        output::table(&["account", "model pack of the recogniser", "templates", "pack"], &rows);
    }
    for (pack, templates) in stored_templates::missing(&held) {
        output::line(&stored_templates::advice(pack, templates));
    }
    Ok(())
}

async fn copy_all(config: &Config, from: &str, to: &str) -> Result<()> {
    let holder = holder(config)?;
    if from == to {
        bail!("{} is both source and target of the copy", plain(from));
    }
    if !is_address(from) && !Path::new(from).exists() {
        bail!("there is no file {from}");
    }
    let (source, rows) =
        open(config, from, holder.clone()).await.with_context(|| format!("{} cannot be read", plain(from)))?;
    // The copy has the same installation key.
    let key = source.trusted_keys().installation().clone();
    let (target, into) = open(config, to, holder.with_copied(key)).await.with_context(|| {
        format!("{} cannot be written to; if it is left from an interrupted copy, empty it first", plain(to))
    })?;
    let bar = output::Bar::new("Copying", "rows");
    let progress = |step| {
        let (word, done, total) = match step {
            Step::Copying { done, total } => ("Copying", done, total),
            Step::Checking { done, total } => ("Checking", done, total),
        };
        bar.goes_on(word);
        bar.show(done, total);
    };
    let outcome = copy(&*rows, &*into, &progress).await;
    drop(bar);
    source.close().await;
    target.close().await;
    let sums = match outcome {
        Err(StoreError::NotEmpty) => bail!("{} holds data already; a copy goes into an empty store", plain(to)),
        other => other.context("the copy is incomplete; empty the target and start again")?,
    };
    let rows: Vec<Vec<String>> = sums
        .iter()
        .map(|sum| vec![sum.table.to_owned(), sum.rows.to_string(), hex::encode(&sum.digest[..8])])
        .collect();
    output::table(&["table", "rows", "SHA-256 begins"], &rows);
    output::line("Every row was read again from the copy and is equal.");
    Ok(())
}

/// Opens a store by its name on the command line.
async fn open(config: &Config, name: &str, holder: Keyholder) -> Result<start::StoreAndRows> {
    let target = is_address(name).then(|| PostgresTarget::new(&Secret::new(name.to_owned()))).transpose()?;
    Ok(start::open_at(config, target.as_ref(), Path::new(name), holder).await?)
}

fn is_address(name: &str) -> bool {
    name.starts_with("postgres://") || name.starts_with("postgresql://")
}

/// The name without what may be a password.
fn plain(name: &str) -> String {
    if !is_address(name) {
        return name.to_owned();
    }
    PostgresTarget::new(&Secret::new(name.to_owned())).map_or_else(|_| "the address".to_owned(), |target| target.name())
}

fn holder(config: &Config) -> Result<Keyholder> {
    let holders = start::key_holders(config)?;
    start::keyholder(config, &holders, IfMissing::Make, false, "the database")
}
