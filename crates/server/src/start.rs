//! From settings to a running program: opens the store, makes what the first start needs, loads the networks.

use crate::access::{Access, new_key};
use crate::app::App;
use crate::config::Config;
use crate::effects::{SystemClock, SystemRandomness};
use crate::engine;
use crate::fetch::Fetcher;
use crate::galleries::Galleries;
use crate::inference::{Admission, Inference};
use crate::ledger::Ledger;
use crate::limits::Limits;
use crate::networks::Networks;
use crate::trainings::Trainings;
use anyhow::{Context, Result, bail};
use likeness_base::{Clock, Randomness, Secret, random_bytes};
use likeness_store::keys::InstallationKey;
use likeness_store::{AccountId, Actor, Command, KeySlot, SqliteStore, Store, Write};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::future::Future;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// Runs a future to its end on a runtime of its own.
///
/// # Errors
/// When the operating system has no threads left.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the async runtime cannot start")?;
    Ok(runtime.block_on(future))
}

/// What to do where there is no data yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Make the folder, the key and the database.
    Make,
    /// Say so.
    Refuse,
}

/// An open store and the key that seals it.
pub(crate) struct OpenStore {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The installation key.
    pub key: Arc<InstallationKey>,
}

/// Opens the store in the data folder.
///
/// # Errors
/// When the key is missing or does not belong to the data, or the database cannot be used; the text says what to do.
pub(crate) async fn open_store(config: &Config, missing: Missing) -> Result<OpenStore> {
    let database = config.data.join("likeness.db");
    let key_file = config.key_file();
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let key = if key_file.exists() {
        InstallationKey::load(&key_file)?
    } else if database.exists() {
        bail!(
            "the installation key {} is missing, and without it the data in {} cannot be read. Put your copy of it back, or name its place with LIKENESS_KEY_FILE",
            key_file.display(),
            config.data.display()
        );
    } else if missing == Missing::Refuse {
        bail!("there is no data in {} yet; start the server once, or set LIKENESS_DATA", config.data.display());
    } else {
        std::fs::create_dir_all(&config.data)
            .with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
        InstallationKey::create(&key_file, &*randomness).with_context(|| {
            format!("the installation key cannot be written; may this user write in {}?", config.data.display())
        })?
    };
    let key = Arc::new(key);
    let store = SqliteStore::open(&database, key.clone(), randomness).await.with_context(|| {
        format!("the data in {} cannot be opened with the key {}", config.data.display(), key_file.display())
    })?;
    Ok(OpenStore { store: Arc::new(store), key })
}

/// A program that is ready to serve.
pub(crate) struct Started {
    /// The program.
    pub app: Arc<App>,
    /// The keys of the default account, if this was the first start.
    pub first_keys: Option<[Secret<String>; 2]>,
    /// The engine in use, and why.
    pub engine: String,
}

/// Puts the program together.
///
/// # Errors
/// Whatever is missing or wrong; the text says what to do.
pub(crate) async fn app(config: Config) -> Result<Started> {
    let chosen = engine::choose(&config)?;
    let networks = Arc::new(Networks::read(&config)?);
    let admission = Admission { workers: config.workers(), queue: config.inference.queue, patience: config.patience() };
    let inference = {
        let (engine, networks) = (chosen.engine, networks.clone());
        tokio::task::spawn_blocking(move || Inference::start(admission, move || networks.load(&*engine))).await??
    };

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let OpenStore { store, key } = open_store(&config, Missing::Make).await?;
    let first_keys = first_account(&*store, &key, &*clock, &*randomness).await?;
    let access = Access::load(store.clone(), key).await?;
    let galleries = Arc::new(Galleries::new(
        store.clone(),
        networks.space.clone(),
        networks.space_id.clone(),
        networks.calibration.clone(),
    ));
    let ledger = Arc::new(Ledger::new(store.clone(), galleries.clone()));
    let trainings = Trainings::new(store.clone(), ledger.clone(), galleries.clone(), clock.clone());
    let fetcher = Fetcher::new(config.images.allow_private_urls).map_err(anyhow::Error::msg)?;
    let limits = Limits::new(config.tier);
    let app = Arc::new(App {
        config,
        store,
        ledger,
        galleries,
        inference,
        calibration: networks.calibration.clone(),
        space: networks.space_id.clone(),
        attributes: networks.attributes(),
        trainings,
        fetcher,
        access,
        limits,
        clock,
        randomness,
        metrics: metrics_recorder()?,
    });
    Ok(Started { app, first_keys, engine: chosen.why })
}

/// Makes the default account and its keys where there is no account yet.
async fn first_account(
    store: &dyn Store,
    installation: &InstallationKey,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> Result<Option<[Secret<String>; 2]>> {
    let accounts = store.accounts().await?;
    // The default account is the oldest; later ones are made whole by the command that adds them, or not at all.
    let account = match accounts.iter().min_by_key(|account| account.created_at) {
        Some(account) if store.keys(account.id).await?.len() == 2 => return Ok(None),
        // A first start that was cut off between account and keys is finished here.
        Some(account) => Some(account.id),
        None => None,
    };
    let chosen = |variable: &str| match std::env::var(variable) {
        Ok(key) if key.is_empty() => Ok(new_key(randomness)),
        Ok(key) if key.len() < 16 || key.len() > 256 || !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            bail!("{variable} must have 16 to 256 visible ASCII characters")
        }
        Ok(key) => Ok(Secret::new(key)),
        Err(_) => Ok(new_key(randomness)),
    };
    let keys = [chosen("LIKENESS_KEY1")?, chosen("LIKENESS_KEY2")?];
    make_account(store, installation, clock, randomness, account, &keys).await?;
    Ok(Some(keys))
}

/// Makes an account with two keys and gives its id; one that is there already only gets the keys.
pub(crate) async fn make_account(
    store: &dyn Store,
    installation: &InstallationKey,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
    known: Option<AccountId>,
    keys: &[Secret<String>; 2],
) -> Result<AccountId> {
    let new = || AccountId(uuid::Builder::from_random_bytes(random_bytes(randomness)).into_uuid());
    let account = known.unwrap_or_else(new);
    let write = |write| Command { account, actor: Actor::Operator, at: clock.now(), request_id: Uuid::nil(), write };
    if known.is_none() {
        store.apply(write(Write::CreateAccount {})).await?;
    }
    for (slot, key) in [KeySlot::Key1, KeySlot::Key2].into_iter().zip(keys) {
        let lookup = installation.lookup_digest(key);
        store.apply(write(Write::SetKey { slot, value: key.clone(), lookup })).await?;
    }
    Ok(account)
}

/// Metrics are one per process; tests start several programs in one.
fn metrics_recorder() -> Result<PrometheusHandle> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    // Half a millisecond to ten seconds: what a request, a search or a wait can take.
    let buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &buckets)
        .context("the metrics cannot be set up")?
        .build_recorder();
    let handle = recorder.handle();
    // Another recorder can only be there in a test that brought its own; then ours renders nothing.
    drop(metrics::set_global_recorder(recorder));
    Ok(RECORDER.get_or_init(|| handle).clone())
}
