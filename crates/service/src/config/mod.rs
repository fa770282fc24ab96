//! Settings of the services, one structure for whoever needs it.
//!
//! Nothing here reads a file or the environment: the program does, and hands each service its own.

mod access;
mod keys;
mod liveness;

pub use access::{AccessConfig, OidcConfig, TrustedIssuerConfig};
pub use keys::{KEY_FILE, KeysConfig, ProviderConfig, ProviderPlace};
pub use liveness::LivenessConfig;

use anyhow::{Context, Result, bail};
use likeness_base::Secret;
use likeness_models::Trust;
use likeness_store::PostgresTarget;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What requests are answered by.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Who may call, and whose word counts.
    pub access: AccessConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// How identify decides without `confidenceThreshold`.
    pub identify: IdentifyConfig,
    /// How long a request waits for its turn.
    pub patience: Duration,
    /// Whether callers come from beyond this machine and nobody has said whether a proxy stands in between.
    pub proxies_are_undecided: bool,
}

/// Where records are kept: in one file in the data folder, unless a PostgreSQL database is named.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// File with the address of the database, `postgres://user:password@host/database`, readable by its owner alone.
    /// `LIKENESS_STORE_FILE`.
    pub address_file: PathBuf,
    /// Folder with the keys that end when what they seal expires: one for all nodes, and in no backup. Empty means
    /// `expiry-keys` in the data folder. `LIKENESS_EXPIRY_KEYS`.
    pub expiry_keys: PathBuf,
    /// Most connections of this node to the database; 0 means 16. `LIKENESS_STORE_CONNECTIONS`.
    pub connections: u32,
    /// The address itself, from the environment alone, because it may hold a password. `LIKENESS_STORE`.
    #[serde(skip)]
    pub address: Option<Secret<String>>,
}

impl StoreConfig {
    /// The database server to use; `None`: a file in the data folder.
    ///
    /// # Errors
    /// When the file cannot be read or the address is not one.
    pub fn target(&self) -> Result<Option<PostgresTarget>> {
        let address = match &self.address {
            Some(address) => address.clone(),
            None if self.address_file.as_os_str().is_empty() => return Ok(None),
            None => {
                let file = self.address_file.display();
                let text = std::fs::read_to_string(&self.address_file);
                let text =
                    Secret::new(text.with_context(|| format!("the file {file} (LIKENESS_STORE_FILE) cannot be read"))?);
                Secret::new(text.expose().trim().to_owned())
            }
        };
        let target = PostgresTarget::new(&address).context("LIKENESS_STORE")?;
        Ok(Some(if self.connections == 0 { target } else { target.with_connections(self.connections) }))
    }
}

/// Pictures and inference.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InferenceConfig {
    /// `auto`, `onnxruntime` or `pure`. `LIKENESS_ENGINE`.
    pub engine: EngineChoice,
    /// ONNX Runtime's shared library; empty means the one that `likeness models install` put in the cache.
    /// `LIKENESS_ONNXRUNTIME`.
    pub library: PathBuf,
    /// Which installed pack finds faces; empty means the default pack. `LIKENESS_DETECTOR_PACK`.
    pub detector_pack: String,
    /// Which installed pack makes templates; empty means the default pack. `LIKENESS_RECOGNISER_PACK`.
    pub recogniser_pack: String,
    /// Calibration made by `likeness calibrate`; empty means the pack's own. `LIKENESS_CALIBRATION`.
    pub calibration: PathBuf,
    /// Accept model files whose hash this build does not know. `LIKENESS_ALLOW_UNKNOWN_MODELS`.
    pub allow_unknown_models: bool,
    /// Worker threads, one picture each; 0 means one for each processor. `LIKENESS_WORKERS`.
    pub workers: usize,
    /// Requests that may wait for a worker; more are refused with 429 at once.
    pub queue: usize,
    /// Seconds that a request waits for a worker before it is refused with 429.
    pub wait_seconds: f64,
}

/// Which engine runs the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// ONNX Runtime where its library loads, else pure Rust.
    Auto,
    /// ONNX Runtime or nothing.
    OnnxRuntime,
    /// Pure Rust.
    Pure,
}

/// The audit log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Record who searched among whom: identify, verify, find similar, group. `LIKENESS_AUDIT_QUESTIONS`.
    pub questions: bool,
    /// Of one account so many searches are recorded one by one on one day (UTC), by each node; of the rest the audit log has
    /// a sum every minute. `LIKENESS_AUDIT_QUESTIONS_A_DAY`.
    pub questions_a_day: u64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { questions: true, questions_a_day: 200_000 }
    }
}

/// Pictures by address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesConfig {
    /// Fetch pictures from loopback and private networks too. `LIKENESS_ALLOW_PRIVATE_URLS`.
    pub allow_private_urls: bool,
}

/// What all calls share. Each account has a quarter of it at most, and so has each address of callers without an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharesConfig {
    /// Megabytes of bodies in memory that are on their way in. `LIKENESS_BODY_MEGABYTES`.
    pub body_megabytes: u64,
    /// Megabytes of answers in memory that are on their way out. `LIKENESS_ANSWER_MEGABYTES`.
    pub answer_megabytes: u64,
    /// Pictures that are fetched by address at once. `LIKENESS_FETCHES`.
    pub fetches: u64,
    /// GiB of sealed data in the store for each account; those of the free tier have 1 at most. `LIKENESS_STORED_GIB`.
    pub stored_gib: u64,
}

impl SharesConfig {
    /// Whether one caller can be served.
    ///
    /// # Errors
    /// A message that names the setting and says what it may be.
    pub fn check(&self) -> Result<()> {
        for (name, megabytes) in
            [("shares.body_megabytes", self.body_megabytes), ("shares.answer_megabytes", self.answer_megabytes)]
        {
            // A quarter of it must hold a picture of 6 MB.
            if !(32..=1_048_576).contains(&megabytes) {
                bail!("{name} must lie between 32 and 1048576");
            }
        }
        if !(4..=10_000).contains(&self.fetches) {
            bail!("shares.fetches (LIKENESS_FETCHES) must lie between 4 and 10000");
        }
        if !(1..=1_000_000).contains(&self.stored_gib) {
            bail!("shares.stored_gib (LIKENESS_STORED_GIB) must lie between 1 and 1000000");
        }
        Ok(())
    }
}

impl Default for SharesConfig {
    fn default() -> Self {
        Self { body_megabytes: 512, answer_megabytes: 256, fetches: 32, stored_gib: 200 }
    }
}

/// How identify decides without `confidenceThreshold`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentifyConfig {
    /// `false-positive-rate` or `classic` (confidence 0.5 whatever the size of the group).
    pub cut: IdentifyCut,
    /// With `false-positive-rate`: share of strangers who may get a candidate, above 0 and below 1.
    pub false_positive_rate: f64,
}

/// The rule for identify without `confidenceThreshold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifyCut {
    /// By a false-positive identification rate at the size of the group.
    FalsePositiveRate,
    /// By confidence 0.5.
    Classic,
}

impl InferenceConfig {
    /// Worker threads in force.
    pub fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        }
    }

    /// How long a request waits for a worker.
    pub fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.wait_seconds)
    }

    /// Which packs are admitted.
    pub fn trust(&self) -> Trust {
        if self.allow_unknown_models { Trust::AllowUnknown } else { Trust::KnownOnly }
    }
}

impl Default for InferenceConfig {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Auto,
            library: PathBuf::new(),
            detector_pack: String::new(),
            recogniser_pack: String::new(),
            calibration: PathBuf::new(),
            allow_unknown_models: false,
            workers: 0,
            queue: 256,
            wait_seconds: 2.0,
        }
    }
}

impl Default for IdentifyConfig {
    fn default() -> Self {
        Self { cut: IdentifyCut::FalsePositiveRate, false_positive_rate: 0.01 }
    }
}
