//! From settings to a running program: opens the store, makes what the first start needs, loads the networks.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use likeness_backup::DeletionJournal;
use likeness_base::{Clock as _, Randomness, Secret};
use likeness_rules::{Action, Approvals};
use likeness_service::access::{Access, AccessCache, SETTINGS, new_key};
use likeness_service::accounts::audit::with_changed_access;
use likeness_service::accounts::lifecycle::AccountSpec;
use likeness_service::accounts::{AccountService, Attribution};
use likeness_service::app::App;
use likeness_service::clock::{SharedClock, SystemClock};
use likeness_service::config::KEY_FILE;
use likeness_service::engine;
use likeness_service::fetch::Fetcher;
use likeness_service::files::private_folder;
use likeness_service::galleries::Galleries;
use likeness_service::inference::{Inference, QueueLimits};
use likeness_service::key_holders::KeyHolders;
use likeness_service::leases::Leases;
use likeness_service::ledger::Ledger;
use likeness_service::limits::Limits;
use likeness_service::liveness::{Captures, LivenessSessions};
use likeness_service::meter::Meter;
use likeness_service::networks::Networks;
use likeness_service::randomness::{SystemRandomness, random_id};
use likeness_service::recognisers::Recognisers;
use likeness_service::shares::FairShares;
use likeness_service::stored_templates;
use likeness_service::trainings::Trainings;
use likeness_store::keys::provider::ProviderError;
use likeness_store::keys::{InstallationKey, KeyProblem, Keyholder};
use likeness_store::{
    AccountId, Actor, Command, KeyWrite, PostgresStore, PostgresTarget, RecordKind, SqliteStore, Store, StoreError,
    Transferable,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
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
pub(crate) enum IfMissing {
    /// Make the folder, the key and the database.
    Make,
    /// Say so.
    Refuse,
}

/// An open store and what came with it.
pub(crate) struct OpenStore {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The same, row by row.
    pub rows: Arc<dyn Transferable>,
    /// The installation key.
    pub key: Arc<InstallationKey>,
    /// Who may hold keys.
    pub holders: Arc<KeyHolders>,
}

/// Opens the store: the database that is named, or the file in the data folder.
///
/// # Errors
/// When the key is missing or does not belong to the data, or the database cannot be used; the text says what to do.
pub(crate) async fn open_store(config: &Config, missing: IfMissing) -> Result<OpenStore> {
    let holders = Arc::new(key_holders(config)?);
    let file = config.data.join("likeness.db");
    let target = config.store.target()?;
    let (place, is_new) = if let Some(target) = &target {
        let place = format!("the database {}", target.name());
        let is_new = PostgresStore::is_new(target).await.with_context(|| format!("{place} cannot be opened"))?;
        (place, is_new)
    } else {
        (format!("the data in {}", config.data.display()), !file.exists())
    };
    let holder = keyholder(config, &holders, missing, is_new, &place)?;
    let opened = open_at(config, target.as_ref(), &file, holder).await;
    let (store, rows) = opened.map_err(|error| cannot_open(config, error, &place))?;
    let key = store.trusted_keys().installation().clone();
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let journal = DeletionJournal::at(&config.journal(), &key, Arc::new(SystemClock), randomness);
    store.keep_journal(Arc::new(journal));
    Ok(OpenStore { store, rows, key, holders })
}

/// A store, and the same row by row.
pub(crate) type StoreAndRows = (Arc<dyn Store>, Arc<dyn Transferable>);

/// Opens a database; without one, a file.
///
/// # Errors
/// What the store says.
pub(crate) async fn open_at(
    config: &Config,
    target: Option<&PostgresTarget>,
    file: &Path,
    holder: Keyholder,
) -> Result<StoreAndRows, StoreError> {
    let (key_folder, randomness) = (config.expiry_keys(), Arc::new(SystemRandomness));
    if let Some(target) = target {
        let store = Arc::new(PostgresStore::open(target, holder, &key_folder, randomness).await?);
        return Ok((store.clone(), store));
    }
    let store = Arc::new(SqliteStore::open(file, holder, &key_folder, randomness).await?);
    Ok((store.clone(), store))
}

/// Tells the audit log that a backup was made of an account, or of the installation.
///
/// # Errors
/// What the store says.
pub(crate) async fn note_backup(store: &dyn Store, account: AccountId) -> Result<()> {
    let command = Command {
        account,
        actor: Actor::Operator,
        at: SystemClock.now(),
        request_id: Uuid::nil(),
        idempotency_key: random_id(&SystemRandomness),
        most_stored_bytes: None,
        write: KeyWrite::BackedUp.into(),
    };
    Ok(store.apply(command).await.map(drop)?)
}

/// Who may hold keys, by the settings.
///
/// # Errors
/// When a secret that the settings name cannot be read; the text says which.
pub(crate) fn key_holders(config: &Config) -> Result<KeyHolders> {
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    // What operators name in the settings may well lie in their own network.
    let fetcher = Fetcher::new(true).map_err(anyhow::Error::msg)?.confidential();
    KeyHolders::new(&config.keys, &config.key_file(), &fetcher, &randomness).map_err(anyhow::Error::msg)
}

fn cannot_open(config: &Config, error: StoreError, place: &str) -> anyhow::Error {
    let key_file = config.key_file();
    let has_none = matches!(error, StoreError::KeyUnavailable(KeyProblem::Installation(ProviderError::Disabled)));
    if has_none && config.keys.installation == KEY_FILE && !key_file.exists() {
        return anyhow::anyhow!(
            "the key file {} is missing, and without it {place} cannot be read. Put your copy of it there (each node needs the same key), or name its place with LIKENESS_KEY_FILE",
            key_file.display(),
        );
    }
    let holder = match config.keys.installation.as_str() {
        KEY_FILE => format!("the key {}", key_file.display()),
        name => format!("the key of the provider {name}"),
    };
    anyhow::Error::new(error).context(format!("{place} cannot be opened with {holder}"))
}

/// Whoever holds the key that belongs to the data; a key file is made where there is no data yet.
///
/// # Errors
/// When there is nothing and nothing is to be made, or a key file cannot be read or made; the text says what to do.
pub(crate) fn keyholder(
    config: &Config,
    holders: &KeyHolders,
    missing: IfMissing,
    is_new: bool,
    place: &str,
) -> Result<Keyholder> {
    let key_file = config.key_file();
    if is_new && missing == IfMissing::Refuse {
        bail!("there is nothing in {place} yet; start the server once, or set LIKENESS_DATA or LIKENESS_STORE");
    }
    if is_new {
        private_folder(&config.data)
            .with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
    }
    if is_new && holders.of_installation() == KEY_FILE && !key_file.exists() {
        InstallationKey::create(&key_file, &SystemRandomness).with_context(|| {
            format!("the key file cannot be written; may this user write in {}?", config.data.display())
        })?;
    }
    let former = match key_file.exists() {
        true => Some(InstallationKey::load(&key_file)?),
        false => None,
    };
    Ok(holders.keyholder(former))
}

/// A program that is ready to serve.
pub(crate) struct Started {
    /// The program.
    pub app: Arc<App>,
    /// The keys of the default account and of the operator, if this was the first start.
    pub first_keys: FirstKeys,
    /// The engine in use, and why.
    pub engine: String,
}

/// Puts the program together.
///
/// # Errors
/// Whatever is missing or wrong; the text says what to do.
pub(crate) async fn app(config: &Config) -> Result<Started> {
    let chosen = engine::choose(&config.inference, &config.packs())?;
    let networks = Arc::new(Networks::read(&config.inference, &config.packs())?);
    let admission = QueueLimits {
        workers: config.inference.workers(),
        queue: config.inference.queue,
        longest_wait: config.inference.patience(),
    };
    let inference = {
        let (engine, networks) = (chosen.engine, networks.clone());
        tokio::task::spawn_blocking(move || Inference::start(admission, move || networks.sight(engine.clone())))
            .await??
    };

    let clock = Arc::new(SharedClock::default());
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let OpenStore { store, key, holders, .. } = open_store(config, IfMissing::Make).await?;
    clock.adjust(&*store).await?;
    refuse_changed_access(&*store).await?;
    let leases = Leases::new(store.clone(), &*randomness);
    let recognisers = networks.recognisers.clone();
    let galleries = Arc::new(Galleries::new(store.clone(), recognisers.clone()));
    let ledger = Arc::new(Ledger::new(store.clone(), galleries.clone()));
    let shares = Arc::new(FairShares::new(&config.shares, config.inference.patience()));
    let trainings = Trainings::new(
        store.clone(),
        ledger.clone(),
        galleries.clone(),
        leases.clone(),
        clock.clone(),
        randomness.clone(),
        shares.background.clone(),
    );
    let fetcher = Fetcher::new(config.images.allow_private_urls).map_err(anyhow::Error::msg)?;
    // What operators name in the settings may well lie in their own network.
    let named_fetcher = Fetcher::new(true).map_err(anyhow::Error::msg)?.confidential();
    let limits = Limits::new(config.tier, config.shares.stored_gib);
    let others = config.store.target()?.is_some();
    let service = account_service(config, store.clone(), ledger.clone(), holders, clock.clone(), others).await?;
    let first_keys = first_start(&service, &leases).await?;
    // On the side: counting a large store takes a moment, and nobody waits for it.
    tokio::spawn(warn_of_missing_packs(store.clone(), recognisers.clone()));
    let access = Access::new(service.cache.clone(), key, service.holders.clone(), &config.access, &named_fetcher);
    let liveness = LivenessSessions {
        store: store.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        randomness: randomness.clone(),
    };
    let captures = Captures::new(
        random_id(&*randomness),
        config.liveness.address(),
        config.liveness.policy.clone(),
        crate::judge::judge(),
        config.liveness.recordings(),
        config.liveness.places(),
        u64::try_from(config.inference.workers()).unwrap_or(1),
    )
    .attesting_by(config.liveness.attestation_program());
    captures.sweep_recordings(clock.now());
    let app = Arc::new(App {
        config: config.of_app(),
        store,
        ledger,
        galleries,
        inference,
        recognisers,
        attributes: networks.attributes(),
        trainings,
        leases,
        fetcher,
        access,
        accounts: service,
        liveness,
        captures,
        meter: Meter::new(config.audit.questions_a_day),
        shares,
        limits,
        clock,
        randomness,
        metrics: metrics_recorder()?,
    });
    Ok(Started { app, first_keys, engine: chosen.why })
}

/// Refuses to serve where somebody has changed or put back, outside the program, what decides who may call: a key that was
/// replaced could be valid again.
async fn refuse_changed_access(store: &dyn Store) -> Result<()> {
    let changed = with_changed_access(store).await?;
    if changed.is_empty() {
        return Ok(());
    }
    let name = |account: &AccountId| match *account {
        AccountId::INSTALLATION => "the installation".to_owned(),
        account => format!("account {account}"),
    };
    let names: Vec<String> = changed.iter().map(name).collect();
    bail!(
        "who may call is not what the audit log says, in: {}. Keys, settings or revocations were changed or put back outside the \
         program. Run `likeness audit verify` and find out by whom; `likeness audit accept ACCOUNT` accepts what is there",
        names.join(", ")
    )
}

/// What to tell the operator about proxies, if anything.
pub(crate) fn undecided_proxies(config: &Config) -> Option<&'static str> {
    config.proxies_are_undecided().then_some(
        "it is not said whether a proxy stands before this server. Behind one, network rules and the count of wrong keys see \
         the proxy's address for everybody: name your proxies in LIKENESS_TRUSTED_PROXIES, or set it to none",
    )
}

/// Whether an account lets in only some addresses.
pub(crate) fn has_network_rules(accounts: &AccessCache) -> bool {
    accounts.last_known().all().iter().any(|account| account.settings.network.default_action == Action::Deny)
}

/// Says which templates wait for a model pack that is not installed.
async fn warn_of_missing_packs(store: Arc<dyn Store>, recognisers: Arc<Recognisers>) {
    match stored_templates::stored_templates(&*store, &recognisers).await {
        Ok(held) => {
            for (pack, templates) in stored_templates::missing(&held) {
                tracing::warn!(pack, templates, "{}", stored_templates::advice(pack, templates));
            }
        }
        Err(error) => tracing::debug!(%error, "Which recognisers made the templates could not be read"),
    }
}

/// The account service on an open store.
///
/// # Errors
/// What the store says.
pub(crate) async fn account_service(
    config: &Config,
    store: Arc<dyn Store>,
    ledger: Arc<Ledger>,
    holders: Arc<KeyHolders>,
    clock: Arc<SharedClock>,
    others: bool,
) -> Result<AccountService> {
    let installation = store.trusted_keys().installation().clone();
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let issuer = match config.access.issuer.as_str() {
        "" => format!("urn:likeness:{}", installation.subscription()),
        named => named.to_owned(),
    };
    let cache = Arc::new(AccessCache::load(store.clone(), clock.clone(), issuer).await?);
    let subnets = Arc::new(config.access.subnets.keys().cloned().collect());
    let usual_confidence = config.confidence;
    Ok(AccountService {
        store,
        ledger,
        cache,
        installation,
        holders,
        clock,
        randomness,
        others,
        subnets,
        usual_confidence,
    })
}

/// The same for the command line, beside which a server may run.
///
/// # Errors
/// When the store cannot be opened or says so.
pub(crate) async fn local_account_service(config: &Config) -> Result<AccountService> {
    local_service_of(config, &open_store(config, IfMissing::Refuse).await?).await
}

/// The same on a store that is open.
///
/// # Errors
/// What the store says.
pub(crate) async fn local_service_of(config: &Config, opened: &OpenStore) -> Result<AccountService> {
    let (store, holders) = (opened.store.clone(), opened.holders.clone());
    let clock = Arc::new(SharedClock::default());
    clock.adjust(&*store).await?;
    let ledger = Arc::new(Ledger::without_galleries(store.clone()));
    account_service(config, store, ledger, holders, clock, true).await
}

/// The keys that the first start made.
#[derive(Default)]
pub(crate) struct FirstKeys {
    /// Of the default account.
    pub account: Option<[Secret<String>; 2]>,
    /// The operator's.
    pub operator: Option<Secret<String>>,
}

/// Makes what the first start needs: the operator's keys, the default account with everything approved, a key to sign
/// tokens with. Of several nodes that start at once, one makes it.
async fn first_start(service: &AccountService, leases: &Leases) -> Result<FirstKeys> {
    let everybody = AccountId(Uuid::nil());
    loop {
        if let Some(made) = leases.run_exclusively(everybody, "first start", first_start_alone(service)).await? {
            // What another node made meanwhile.
            service.cache.refresh().await?;
            return made;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn first_start_alone(service: &AccountService) -> Result<FirstKeys> {
    // No other process acts on what is made here before it exists.
    let service = &AccountService { others: false, ..service.clone() };
    let mut made = FirstKeys::default();
    let operator = [chosen("LIKENESS_OPERATOR_KEY", service)?, new_key(&*service.randomness)];
    let operator_key = operator[0].clone();
    if service.make_installation(operator).await? {
        made.operator = Some(operator_key);
    }
    let mut accounts = service.store.accounts().await?;
    accounts.sort_by_key(|account| (account.created_at, account.id));
    for (position, account) in accounts.iter().enumerate() {
        // Accounts of a time when accounts had no settings.
        let now = service.clock.now();
        let settings = match service.store.record(account.id, RecordKind::Settings, SETTINGS, now).await {
            Err(StoreError::KeyUnavailable(problem)) => {
                tracing::warn!(account = %account.id, %problem, "An account is locked: its key cannot be had");
                continue;
            }
            other => other?,
        };
        if settings.is_none() && account.ends_at.is_none() {
            let name = if position == 0 { "default".to_owned() } else { format!("account-{}", account.id) };
            service.adopt(account.id, &name).await?;
        }
    }
    if accounts.is_empty() {
        let keys = [chosen("LIKENESS_KEY1", service)?, chosen("LIKENESS_KEY2", service)?];
        let spec = AccountSpec { approvals: Approvals::everything(), is_vendor: true, ..AccountSpec::named("default") };
        service.create(&Attribution::of_operator(), spec, keys.clone()).await?;
        made.account = Some(keys);
    }
    service.rotate_due_signing_keys().await?;
    Ok(made)
}

/// A key from the environment, or a new one.
fn chosen(variable: &str, service: &AccountService) -> Result<Secret<String>> {
    match std::env::var(variable) {
        Ok(key) if key.is_empty() => Ok(new_key(&*service.randomness)),
        Ok(key) if key.len() < 16 || key.len() > 256 || !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            bail!("{variable} must have 16 to 256 visible ASCII characters")
        }
        Ok(key) => Ok(Secret::new(key)),
        Err(_) => Ok(new_key(&*service.randomness)),
    }
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
