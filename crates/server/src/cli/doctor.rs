//! `likeness doctor`: what works here, what does not, and what to do about it.

use super::{models, output};
use crate::config::Config;
use crate::start::{self, IfMissing};
use anyhow::Result;
use clap::Args;
use likeness_models::Cache;
use likeness_service::engine;
use likeness_service::files::is_open_to_others;
use likeness_service::networks::Networks;
use likeness_service::recognisers::Recognisers;
use likeness_service::stored_templates;
use likeness_vision::AttributeSet;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Doctor {
    /// Also read the whole database and check its integrity. Slow for large ones.
    #[arg(long)]
    deep: bool,
}

/// How a finding weighs.
enum Mark {
    Good,
    Warning,
    Bad,
}

impl Doctor {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let mut bad = 0;
        let mut tell = |mark: Mark, text: &str| {
            let word = match mark {
                Mark::Good => "ok  ",
                Mark::Warning => "warn",
                Mark::Bad => {
                    bad += 1;
                    "BAD "
                }
            };
            output::line(&format!("{word}  {text}"));
        };
        let recognisers = check_engine(config, &mut tell);
        check_key(config, &mut tell);
        if let Some(warning) = start::undecided_proxies(config) {
            tell(Mark::Warning, &format!("proxies: {warning}"));
        }
        if is_open_to_others(&config.data) {
            let folder = config.data.display();
            tell(
                Mark::Warning,
                &format!("other users of this machine may look into {folder}; `chmod 700 {folder}` shuts it"),
            );
        }
        check_data(config, self.deep, recognisers.as_deref(), &mut tell);
        Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn check_engine(config: &Config, tell: &mut dyn FnMut(Mark, &str)) -> Option<Arc<Recognisers>> {
    let cache = Cache::at(config.cache());
    // All that a pack has, allowed or not: a broken part shows before an account is approved for it.
    let networks = Networks::read_for(&config.inference, &config.packs(), AttributeSet::all());
    match &networks {
        Ok(networks) => {
            tell(Mark::Good, &format!("model packs: {} in {}", networks.packs.join(", "), cache.root().display()));
            let first = networks.recognisers.default_recogniser();
            tell(Mark::Good, &format!("recogniser of new faces: {}", first.pack.pack.id));
            tell(Mark::Good, &format!("calibration: {}", first.calibration.parts().note));
            models::recommendations(|id| id == first.pack.pack.id).for_each(|says| tell(Mark::Good, &says));
        }
        Err(error) => tell(Mark::Bad, &format!("model packs: {error:#}")),
    }
    match engine::choose(&config.inference, &config.packs()) {
        Ok(chosen) => {
            tell(Mark::Good, &format!("engine: {}", chosen.why));
            if let Ok(networks) = &networks {
                match networks.load(&*chosen.engine) {
                    Ok(_) => tell(Mark::Good, "the engine loads every network of the packs in use"),
                    Err(error) => tell(Mark::Bad, &format!("the engine refuses a network: {error}")),
                }
            }
        }
        Err(error) => tell(Mark::Bad, &format!("engine: {error:#}")),
    }
    networks.ok().map(|networks| networks.recognisers)
}

fn check_key(config: &Config, tell: &mut dyn FnMut(Mark, &str)) {
    let file = config.key_file();
    if !file.exists() {
        return;
    }
    match likeness_store::keys::InstallationKey::load(&file) {
        Err(error) => tell(Mark::Bad, &format!("key file: {error}")),
        Ok(_) => {
            tell(Mark::Good, &format!("key file: {}", file.display()));
            let inside = |path: &std::path::Path| path.canonicalize().ok();
            if let (Some(key), Some(data)) = (inside(&file), inside(&config.data))
                && key.starts_with(&data)
            {
                tell(
                    Mark::Warning,
                    "the key file lies in the data folder, so a copy of that folder is a copy of the key. \
                     Move it elsewhere, name the place with LIKENESS_KEY_FILE, and keep a backup of it apart from the data",
                );
            }
        }
    }
}

fn check_data(config: &Config, deep: bool, recognisers: Option<&Recognisers>, tell: &mut dyn FnMut(Mark, &str)) {
    let place = match config.store.target() {
        Ok(Some(target)) => format!("database: {}", target.name()),
        Ok(None) if !config.data.join("likeness.db").exists() => {
            tell(Mark::Good, &format!("data folder: {} is made at the first start", config.data.display()));
            return;
        }
        Ok(None) => format!("data folder: {}", config.data.display()),
        Err(error) => return tell(Mark::Bad, &format!("{error:#}")),
    };
    let checked = start::block_on(async {
        let store = start::open_store(config, IfMissing::Refuse).await?.store;
        let accounts = store.accounts().await?;
        if deep {
            store.check_integrity().await?;
        }
        let held = match recognisers {
            Some(recognisers) => stored_templates::stored_templates(&*store, recognisers).await?,
            None => Vec::new(),
        };
        let mut faces = 0;
        for account in &accounts {
            faces += store.totals(account.id).await?.iter().map(|total| total.faces).sum::<u64>();
        }
        store.close().await;
        anyhow::Ok((accounts.len(), faces, held))
    });
    match checked.and_then(|inner| inner) {
        Ok((accounts, faces, held)) => {
            let depth = if deep { "; the whole database was read and is intact" } else { "" };
            tell(Mark::Good, &format!("{place} with {accounts} account(s) and {faces} enrolled face(s){depth}"));
            for (pack, templates) in stored_templates::missing(&held) {
                tell(Mark::Bad, &stored_templates::advice(pack, templates));
            }
        }
        Err(error) => tell(Mark::Bad, &format!("{place}: {error:#}")),
    }
}
