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

/// A provider as settings name it. Which of the other members there are depends on its kind.
#[derive(Deserialize)]
struct Given {
    name: String,
    #[serde(default)]
    accounts: BTreeSet<String>,
    #[serde(flatten)]
    place: serde_json::Map<String, serde_json::Value>,
}

impl TryFrom<Given> for ProviderConfig {
    type Error = String;

    fn try_from(Given { name, accounts, place }: Given) -> Result<Self, String> {
        // In a second step, because serde refuses no unknown members beside flattened ones.
        match ProviderPlace::deserialize(serde_json::Value::Object(place)) {
            Ok(place) => Ok(Self { name, place, accounts }),
            Err(error) => Err(format!("the provider {name}: {error}")),
        }
    }
}

/// What a provider is, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
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
        #[serde(default = "usual_mount")]
        mount: String,
        /// The name of the key, which must be a derived one.
        key: String,
        /// A file with the token.
        token_file: PathBuf,
    },
}

fn usual_mount() -> String {
    "transit".to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The provider that some settings name, as its place is written out, or what is wrong with them.
    fn read(more: serde_json::Value) -> Result<serde_json::Value, String> {
        let mut given = serde_json::json!({ "name": "acme" });
        given.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let read: ProviderConfig = serde_json::from_value(given).map_err(|error| error.to_string())?;
        serde_json::to_value(read.place).map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_has_the_members_of_its_kind_and_no_others() {
        let file = serde_json::json!({ "kind": "file", "path": "/keys/acme" });
        assert_eq!(read(file.clone()), Ok(file));
        let token = serde_json::json!({
            "kind": "pkcs11", "module": "/lib/token.so", "token": "acme", "key": "likeness", "pin_file": "/keys/pin",
        });
        assert_eq!(read(token.clone()), Ok(token));
        let mut transit = serde_json::json!({
            "kind": "transit", "address": "https://vault.example:8200", "key": "likeness", "token_file": "/keys/token",
        });
        let read_transit = read(transit.clone());
        transit["mount"] = "transit".into();
        assert_eq!(read_transit, Ok(transit));

        for (wrong, word) in [
            (serde_json::json!({ "path": "/keys/acme" }), "kind"),
            (serde_json::json!({ "kind": "safe", "path": "/keys/acme" }), "`pkcs11`"),
            (serde_json::json!({ "kind": "file" }), "`path`"),
            (serde_json::json!({ "kind": "file", "path": "/keys/acme", "pin_file": "/keys/pin" }), "`pin_file`"),
            (serde_json::json!({ "kind": "environment", "variable": "KEY", "path": "/keys/acme" }), "`path`"),
            (serde_json::json!({ "kind": "pkcs11", "module": "/lib/token.so", "token": "acme" }), "`key`"),
        ] {
            let refused = read(wrong).expect_err("it is refused");
            assert!(refused.contains("acme") && refused.contains(word), "{refused}");
        }
    }
}
