//! Settings about who holds keys.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The name of the provider that is always there: the key file.
pub const KEY_FILE: &str = "file";
/// Longest time for which an unwrapped key may be trusted.
const LONGEST_TRUST_SECONDS: f64 = 30.0;

/// Who holds the keys above the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysConfig {
    /// The provider that holds the key of a new installation: `file` (the key file), or one of those below.
    /// `LIKENESS_KEY_PROVIDER`.
    pub installation: String,
    /// For how many seconds a key that was unwrapped is trusted before its provider is asked again: 30 at most.
    pub trusted_seconds: f64,
    /// Providers beside the key file.
    pub providers: Vec<ProviderConfig>,
}

/// A provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Given")]
pub struct ProviderConfig {
    /// By what accounts and commands name it: small letters, digits and hyphens.
    pub name: String,
    /// What it is, and where.
    #[serde(flatten)]
    pub place: ProviderPlace,
    /// The names of the accounts that may have it; none: any.
    pub accounts: BTreeSet<String>,
}

/// A provider as settings name it. Which members there are depends on its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: String,
    kind: String,
    #[serde(default)]
    accounts: BTreeSet<String>,
    path: Option<PathBuf>,
    variable: Option<String>,
    module: Option<PathBuf>,
    token: Option<String>,
    key: Option<String>,
    pin_file: Option<PathBuf>,
    address: Option<String>,
    mount: Option<String>,
    token_file: Option<PathBuf>,
}

impl TryFrom<Given> for ProviderConfig {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        let Given { name, kind, accounts, path, variable, module, token, key, pin_file, address, mount, token_file } =
            given;
        let place = match (kind.as_str(), path, variable, module, token, key, pin_file, address, mount, token_file) {
            ("file", Some(path), None, None, None, None, None, None, None, None) => ProviderPlace::File { path },
            ("environment", None, Some(variable), None, None, None, None, None, None, None) => {
                ProviderPlace::Environment { variable }
            }
            ("pkcs11", None, None, Some(module), Some(token), Some(key), Some(pin_file), None, None, None) => {
                ProviderPlace::Pkcs11 { module, token, key, pin_file }
            }
            ("transit", None, None, None, None, Some(key), None, Some(address), mount, Some(token_file)) => {
                ProviderPlace::Transit {
                    address,
                    mount: mount.unwrap_or_else(|| "transit".to_owned()),
                    key,
                    token_file,
                }
            }
            ("file", ..) => return Err(format!("the provider {name} of kind file takes path and nothing else")),
            ("environment", ..) => {
                return Err(format!("the provider {name} of kind environment takes variable and nothing else"));
            }
            ("pkcs11", ..) => {
                return Err(format!("the provider {name} of kind pkcs11 takes module, token, key and pin_file"));
            }
            ("transit", ..) => {
                return Err(format!(
                    "the provider {name} of kind transit takes address, key, token_file and perhaps mount"
                ));
            }
            _ => return Err(format!("the provider {name} must be of kind file, environment, pkcs11 or transit")),
        };
        Ok(Self { name, place, accounts })
    }
}

/// What a provider is, and where.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ProviderPlace {
    /// A file that only its owner may read. `likeness keys create-file` makes one.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A variable of the environment: 64 hexadecimal digits for each version, the oldest first, with commas between.
    Environment {
        /// The variable.
        variable: String,
    },
    /// A token behind PKCS#11.
    Pkcs11 {
        /// The library of the token's maker.
        module: PathBuf,
        /// The label of the token.
        token: String,
        /// The label of the AES keys on it; the one with the highest id wraps.
        key: String,
        /// A file with the PIN.
        pin_file: PathBuf,
    },
    /// The transit engine of Vault or OpenBao.
    Transit {
        /// The server, such as `https://vault.example:8200`.
        address: String,
        /// Where the engine is mounted.
        mount: String,
        /// The name of the key, which must be a derived one.
        key: String,
        /// A file with the token.
        token_file: PathBuf,
    },
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self { installation: KEY_FILE.to_owned(), trusted_seconds: LONGEST_TRUST_SECONDS, providers: Vec::new() }
    }
}

impl KeysConfig {
    /// Checks everything.
    ///
    /// # Errors
    /// A message that names the setting and says what it may be.
    pub fn check(&self) -> Result<()> {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let mut names = BTreeSet::from([KEY_FILE]);
        for provider in &self.providers {
            let name = provider.name.as_str();
            if name.is_empty() || name.len() > 64 || !name.bytes().all(is_letter) {
                bail!("keys.providers: the name {name} must be 1 to 64 small letters, digits or hyphens");
            }
            if !names.insert(name) {
                bail!("keys.providers: the name {name} is given twice; {KEY_FILE} is that of the key file");
            }
            if let ProviderPlace::Transit { address, .. } = &provider.place {
                super::access::check_address("keys.providers.address", address)?;
            }
        }
        if !names.contains(self.installation.as_str()) {
            bail!(
                "keys.installation (LIKENESS_KEY_PROVIDER) names {}, which is not among keys.providers",
                self.installation
            );
        }
        if !(0.1..=LONGEST_TRUST_SECONDS).contains(&self.trusted_seconds) {
            bail!("keys.trusted_seconds must lie between 0.1 and {LONGEST_TRUST_SECONDS}");
        }
        Ok(())
    }
}
