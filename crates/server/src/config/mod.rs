//! Settings: one documented file, overridden by the environment, checked as a whole before anything starts.
//!
//! Start at [`Config::load`]. Every setting has a default that is right for one machine; `likeness config check`
//! prints what is in force. Secrets are never part of what is printed.

pub(crate) use likeness_service::config::{
    AccessConfig, AppConfig, AuditConfig, EngineChoice, IdentifyConfig, IdentifyCut, ImagesConfig, InferenceConfig,
    KeysConfig, LivenessConfig, SharesConfig, StoreConfig,
};

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use likeness_base::Secret;
use likeness_http::listen::ConnectionLimits;
use likeness_models::Cache;
use likeness_rules::ConfidenceDetail;
use likeness_service::limits::Tier;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Address for HTTP. `LIKENESS_LISTEN`.
    pub listen: SocketAddr,
    /// Folder for the database and everything else that must survive. `LIKENESS_DATA`.
    pub data: PathBuf,
    /// The key file, which holds the key above the installation key; empty means `installation.key` in the data folder.
    /// `LIKENESS_KEY_FILE`.
    pub key_file: PathBuf,
    /// Folder with the journal of deletions, which a restore needs; empty means `journal` in the data folder. Keep it apart from
    /// the database and its backups; all nodes write to the same. `LIKENESS_JOURNAL`.
    pub journal: PathBuf,
    /// For how many days the journal is kept: no older backup is restored.
    pub journal_days: u32,
    /// Folder with installed model packs; empty means the user's cache folder. `LIKENESS_CACHE`.
    pub cache: PathBuf,
    /// Limits of every account: `unlimited`, `F0`, `S0` or `E0`, as the public service has them. `LIKENESS_TIER`.
    pub tier: Tier,
    /// How much the answers of new accounts say about how near two faces are: `exact` or `coarse`. `LIKENESS_CONFIDENCE`.
    pub confidence: ConfidenceDetail,
    /// Where records are kept.
    pub store: StoreConfig,
    /// Pictures and inference.
    pub inference: InferenceConfig,
    /// Pictures by address.
    pub images: ImagesConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// How identify decides without `confidenceThreshold`.
    pub identify: IdentifyConfig,
    /// Who may call, and whose word counts.
    pub access: AccessConfig,
    /// Who holds keys.
    pub keys: KeysConfig,
    /// Liveness sessions.
    pub liveness: LivenessConfig,
    /// What all calls share.
    pub shares: SharesConfig,
    /// How many connections, and how slow one may be.
    pub connections: ConnectionsConfig,
    /// HTTPS.
    pub tls: TlsConfig,
    /// What the program says about itself.
    pub log: LogConfig,
}

/// How many connections, and how slow one may be. A connection that is over one of the times is closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConnectionsConfig {
    /// Connections at once; 0 means as many as the limit of open files allows, 8,192 at most. `LIKENESS_CONNECTIONS`.
    pub most: usize,
    /// Connections at once of one address, of IPv6 one /64; 0 means an eighth of all. `LIKENESS_CONNECTIONS_PER_ADDRESS`.
    pub most_of_an_address: usize,
    /// Seconds for a request's headers, or for the TLS handshake.
    pub header_seconds: f64,
    /// Seconds after which a client must have read another byte of its answer.
    pub reading_seconds: f64,
    /// Bytes per second that a client must read of an answer, after those seconds.
    pub least_rate: u64,
    /// Seconds after which a connection without a request ends.
    pub idle_seconds: f64,
}

impl ConnectionsConfig {
    /// The limits in force. Raises the soft limit of open files.
    pub(crate) fn limits(&self, trusted_proxies: Option<Vec<IpNet>>) -> ConnectionLimits {
        let mut limits = ConnectionLimits::of_this_process(trusted_proxies);
        if self.most > 0 {
            limits = limits.with_most(self.most);
        }
        if self.most_of_an_address > 0 {
            limits.most_of_an_address = self.most_of_an_address;
        }
        limits.for_headers = Duration::from_secs_f64(self.header_seconds);
        limits.for_reading = Duration::from_secs_f64(self.reading_seconds);
        limits.least_rate = self.least_rate;
        limits.for_next_request = Duration::from_secs_f64(self.idle_seconds);
        limits
    }

    fn check(&self) -> Result<()> {
        let times = [
            ("header_seconds", self.header_seconds),
            ("reading_seconds", self.reading_seconds),
            ("idle_seconds", self.idle_seconds),
        ];
        if let Some((name, _)) = times.iter().find(|(_, seconds)| !(0.01..=3_600.0).contains(seconds)) {
            bail!("connections.{name} must lie between 0.01 and 3600");
        }
        Ok(())
    }
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        let usual = ConnectionLimits::usual();
        Self {
            most: 0,
            most_of_an_address: 0,
            header_seconds: usual.for_headers.as_secs_f64(),
            reading_seconds: usual.for_reading.as_secs_f64(),
            least_rate: usual.least_rate,
            idle_seconds: usual.for_next_request.as_secs_f64(),
        }
    }
}

/// HTTPS.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// File with the certificate and its chain, in PEM form; read again when it changes. `LIKENESS_TLS_CERTIFICATE`.
    pub certificate: PathBuf,
    /// File with the certificate's private key, in PEM form. `LIKENESS_TLS_KEY`.
    pub key: PathBuf,
    /// Make a development certificate authority in the data folder and serve HTTPS with it. `LIKENESS_DEV_TLS`.
    pub development: bool,
    /// Address for HTTPS. `LIKENESS_TLS_LISTEN`.
    pub listen: SocketAddr,
}

impl TlsConfig {
    /// Whether HTTPS is served.
    pub(crate) fn is_on(&self) -> bool {
        self.development || self.has_files()
    }

    /// Whether the certificate comes from files.
    pub(crate) fn has_files(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }
}

/// What the program says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// `text` for people, `json` for machines. `LIKENESS_LOG_FORMAT`.
    pub format: LogFormat,
    /// Filter such as `info` or `likeness=debug`. `LIKENESS_LOG`.
    pub filter: String,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("data"),
            key_file: PathBuf::new(),
            journal: PathBuf::new(),
            journal_days: 400,
            cache: PathBuf::new(),
            tier: Tier::Unlimited,
            confidence: ConfidenceDetail::Coarse,
            store: StoreConfig::default(),
            inference: InferenceConfig::default(),
            images: ImagesConfig::default(),
            audit: AuditConfig::default(),
            identify: IdentifyConfig::default(),
            access: AccessConfig::default(),
            keys: KeysConfig::default(),
            liveness: LivenessConfig::default(),
            shares: SharesConfig::default(),
            connections: ConnectionsConfig::default(),
            tls: TlsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            development: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Config {
    /// Reads the file, if one is named, then the environment, and checks everything.
    ///
    /// # Errors
    /// A message that names the setting and says what it may be.
    pub(crate) fn load(file: Option<&Path>, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut config = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
                toml::from_str(&text)
                    .with_context(|| format!("the configuration file {} is not right", path.display()))?
            }
            None => Self::default(),
        };
        config.apply(environment)?;
        config.check()?;
        Ok(config)
    }

    fn apply(&mut self, environment: &dyn Fn(&str) -> Option<String>) -> Result<()> {
        let text = |name: &str| environment(name).filter(|value| !value.is_empty());
        let set_path = |name: &str, place: &mut PathBuf| {
            if let Some(value) = text(name) {
                *place = PathBuf::from(value);
            }
        };
        set_path("LIKENESS_DATA", &mut self.data);
        set_path("LIKENESS_KEY_FILE", &mut self.key_file);
        set_path("LIKENESS_JOURNAL", &mut self.journal);
        set_path("LIKENESS_CACHE", &mut self.cache);
        set_path("LIKENESS_ONNXRUNTIME", &mut self.inference.library);
        set_path("LIKENESS_CALIBRATION", &mut self.inference.calibration);
        set_path("LIKENESS_EXPIRY_KEYS", &mut self.store.expiry_keys);
        set_path("LIKENESS_TLS_CERTIFICATE", &mut self.tls.certificate);
        set_path("LIKENESS_TLS_KEY", &mut self.tls.key);
        set_path("LIKENESS_STORE_FILE", &mut self.store.address_file);
        if let Some(value) = text("LIKENESS_STORE") {
            self.store.address = Some(Secret::new(value));
        }
        if let Some(value) = text("LIKENESS_STORE_CONNECTIONS") {
            self.store.connections = value.parse().context("LIKENESS_STORE_CONNECTIONS must be a whole number")?;
        }
        if let Some(value) = text("LIKENESS_LISTEN") {
            self.listen = address("LIKENESS_LISTEN", &value)?;
        }
        if let Some(value) = text("LIKENESS_TLS_LISTEN") {
            self.tls.listen = address("LIKENESS_TLS_LISTEN", &value)?;
        }
        if let Some(value) = text("LIKENESS_WORKERS") {
            self.inference.workers = value.parse().context("LIKENESS_WORKERS must be a whole number")?;
        }
        for (name, place) in [
            ("LIKENESS_CONNECTIONS", &mut self.connections.most),
            ("LIKENESS_CONNECTIONS_PER_ADDRESS", &mut self.connections.most_of_an_address),
        ] {
            if let Some(value) = text(name) {
                *place = value.parse().with_context(|| format!("{name} must be a whole number"))?;
            }
        }
        for (name, place) in [
            ("LIKENESS_BODY_MEGABYTES", &mut self.shares.body_megabytes),
            ("LIKENESS_ANSWER_MEGABYTES", &mut self.shares.answer_megabytes),
            ("LIKENESS_FETCHES", &mut self.shares.fetches),
            ("LIKENESS_STORED_GIB", &mut self.shares.stored_gib),
            ("LIKENESS_AUDIT_QUESTIONS_A_DAY", &mut self.audit.questions_a_day),
        ] {
            if let Some(value) = text(name) {
                *place = value.parse().with_context(|| format!("{name} must be a whole number"))?;
            }
        }
        if let Some(value) = text("LIKENESS_KEY_PROVIDER") {
            self.keys.installation = value;
        }
        if let Some(value) = text("LIKENESS_DETECTOR_PACK") {
            self.inference.detector_pack = value;
        }
        if let Some(value) = text("LIKENESS_RECOGNISER_PACK") {
            self.inference.recogniser_pack = value;
        }
        if text("LIKENESS_LIMITED_ATTRIBUTES").is_some() {
            bail!(
                "LIKENESS_LIMITED_ATTRIBUTES is gone: approvals belong to accounts now; see `likeness accounts approve --help`"
            );
        }
        self.access.apply(&text)?;
        self.liveness.apply(&text)?;
        if let Some(value) = text("LIKENESS_LOG") {
            self.log.filter = value;
        }
        if let Some(value) = text("LIKENESS_LOG_FORMAT") {
            self.log.format = match value.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => bail!("LIKENESS_LOG_FORMAT must be text or json"),
            };
        }
        if let Some(value) = text("LIKENESS_TIER") {
            self.tier = Tier::parse(&value).context("LIKENESS_TIER must be unlimited, F0, S0 or E0")?;
        }
        if let Some(value) = text("LIKENESS_CONFIDENCE") {
            self.confidence = ConfidenceDetail::parse(&value).context("LIKENESS_CONFIDENCE must be exact or coarse")?;
        }
        if let Some(value) = text("LIKENESS_ENGINE") {
            self.inference.engine = match value.as_str() {
                "auto" => EngineChoice::Auto,
                "onnxruntime" => EngineChoice::OnnxRuntime,
                "pure" => EngineChoice::Pure,
                _ => bail!("LIKENESS_ENGINE must be auto, onnxruntime or pure"),
            };
        }
        for (name, place) in [
            ("LIKENESS_ALLOW_PRIVATE_URLS", &mut self.images.allow_private_urls),
            ("LIKENESS_ALLOW_UNKNOWN_MODELS", &mut self.inference.allow_unknown_models),
            ("LIKENESS_DEV_TLS", &mut self.tls.development),
            ("LIKENESS_AUDIT_QUESTIONS", &mut self.audit.questions),
        ] {
            if let Some(value) = text(name) {
                *place = match value.as_str() {
                    "1" | "true" => true,
                    "0" | "false" => false,
                    _ => bail!("{name} must be 1 or 0"),
                };
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        tracing_subscriber::EnvFilter::try_new(&self.log.filter)
            .context("LIKENESS_LOG (log.filter) must be a filter such as info or likeness=debug")?;
        let rate = self.identify.false_positive_rate;
        if !(rate > 0.0 && rate < 1.0) {
            bail!("identify.false_positive_rate must lie between 0 and 1, both excluded");
        }
        if !(0.0..=60.0).contains(&self.inference.wait_seconds) {
            bail!("inference.wait_seconds must lie between 0 and 60");
        }
        self.store.target()?;
        if self.store.connections > 1000 {
            bail!("store.connections (LIKENESS_STORE_CONNECTIONS) must be at most 1000");
        }
        if self.inference.workers > 1024 {
            bail!("inference.workers must be at most 1024");
        }
        self.access.check()?;
        if !(1..=3_650).contains(&self.journal_days) {
            bail!("journal_days must lie between 1 and 3650");
        }
        self.keys.check()?;
        self.connections.check()?;
        self.shares.check()?;
        self.liveness.check()?;
        if self.tls.certificate.as_os_str().is_empty() != self.tls.key.as_os_str().is_empty() {
            bail!("tls.certificate (LIKENESS_TLS_CERTIFICATE) and tls.key (LIKENESS_TLS_KEY) go together");
        }
        if self.tls.is_on() && self.tls.listen == self.listen && self.listen.port() != 0 {
            bail!("tls.listen and listen are the same address");
        }
        Ok(())
    }

    /// The installation key's file.
    pub(crate) fn key_file(&self) -> PathBuf {
        if self.key_file.as_os_str().is_empty() { self.data.join("installation.key") } else { self.key_file.clone() }
    }

    /// For how long the journal of deletions is kept.
    pub(crate) fn journal_kept(&self) -> std::time::Duration {
        std::time::Duration::from_secs(u64::from(self.journal_days) * 86_400)
    }

    /// The folder with the journal of deletions.
    pub(crate) fn journal(&self) -> PathBuf {
        if self.journal.as_os_str().is_empty() { self.data.join("journal") } else { self.journal.clone() }
    }

    /// The folder with the keys of the hours of expiry.
    pub(crate) fn expiry_keys(&self) -> PathBuf {
        let folder = &self.store.expiry_keys;
        if folder.as_os_str().is_empty() { self.data.join("expiry-keys") } else { folder.clone() }
    }

    /// What requests are answered by.
    pub(crate) fn of_app(&self) -> AppConfig {
        AppConfig {
            access: self.access.clone(),
            audit: self.audit.clone(),
            identify: self.identify.clone(),
            patience: self.inference.patience(),
            proxies_are_undecided: self.proxies_are_undecided(),
        }
    }

    /// Whether callers come from beyond this machine and nobody has said whether a proxy stands in between: behind one, every
    /// caller has its address.
    pub(crate) fn proxies_are_undecided(&self) -> bool {
        let is_reached = |listen: &SocketAddr| !listen.ip().is_loopback();
        let is_open = is_reached(&self.listen) || (self.tls.is_on() && is_reached(&self.tls.listen));
        is_open && self.access.trusted_proxies.is_none()
    }

    /// The installed model packs.
    pub(crate) fn packs(&self) -> Cache {
        Cache::at(self.cache())
    }

    /// The folder with installed model packs.
    pub(crate) fn cache(&self) -> PathBuf {
        if !self.cache.as_os_str().is_empty() {
            return self.cache.clone();
        }
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        base.unwrap_or_else(|| PathBuf::from(".cache")).join("likeness")
    }
}

fn address(name: &str, value: &str) -> Result<SocketAddr> {
    value.parse().with_context(|| format!("{name} must be an address and a port such as 127.0.0.1:8080"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config> {
        Config::load(None, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_overrides() {
        let config =
            load(&[("LIKENESS_LISTEN", "[::1]:9"), ("LIKENESS_DEV_TLS", "1"), ("LIKENESS_DATA", "/d")]).unwrap();
        assert_eq!(config.listen, "[::1]:9".parse().unwrap());
        assert!(config.tls.development);
        assert_eq!(config.key_file(), Path::new("/d/installation.key"));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let cases = [
            "LIKENESS_LISTEN",
            "LIKENESS_WORKERS",
            "LIKENESS_CONNECTIONS",
            "LIKENESS_FETCHES",
            "LIKENESS_CAPTURES",
            "LIKENESS_STORED_GIB",
            "LIKENESS_CONNECTIONS_PER_ADDRESS",
            "LIKENESS_TIER",
            "LIKENESS_CONFIDENCE",
            "LIKENESS_ENGINE",
            "LIKENESS_DEV_TLS",
            "LIKENESS_AUDIT_QUESTIONS",
            "LIKENESS_LOG_FORMAT",
            "LIKENESS_LIMITED_ATTRIBUTES",
            "LIKENESS_TRUSTED_PROXIES",
            "LIKENESS_STORE",
            "LIKENESS_STORE_FILE",
            "LIKENESS_STORE_CONNECTIONS",
        ];
        // Nonsense is a domain like any other.
        let no_domain = ("LIKENESS_DOMAINS", "no domain");
        for (name, value) in cases.map(|name| (name, "nonsense")).into_iter().chain([no_domain]) {
            let error = load(&[(name, value)]).unwrap_err();
            assert!(format!("{error:#}").contains(name), "{error:#}");
        }
    }

    #[test]
    fn an_unknown_setting_in_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("likeness.toml");
        std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
        assert!(Config::load(Some(&file), &|_| None).is_err());
        std::fs::write(&file, "[identify]\ncut = \"classic\"\n").unwrap();
        assert_eq!(Config::load(Some(&file), &|_| None).unwrap().identify.cut, IdentifyCut::Classic);
    }
}
