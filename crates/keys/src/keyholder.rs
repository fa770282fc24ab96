//! Where the key above all keys of an installation comes from: found again, or drawn and wrapped when the data is new.
//!
//! Start at [`Keyholder`]. For how long the key is trusted once it was given: `trusted.rs`.

use std::sync::Arc;
use std::time::Duration;

use likeness_base::Randomness;

use crate::installation::InstallationKey;
use crate::provider::{ProviderError, Providers};

/// How long an unwrapped key is trusted, at most.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// Who holds the key above all keys of an installation.
#[derive(Clone, Debug)]
pub struct Keyholder {
    pub(crate) providers: Providers,
    founder: Founder,
    pub(crate) trusted_for: Duration,
}

/// Where an installation key comes from when the data knows of none that is wrapped.
#[derive(Clone, Debug)]
enum Founder {
    /// It is given, by whoever opens the store, and nobody wraps it.
    Given(Arc<InstallationKey>),
    /// A provider wraps it.
    Provider {
        name: String,
        /// The key of data from a time when there were no providers.
        former: Option<Arc<InstallationKey>>,
        /// The key of data that is to be copied to here; without it, a new one is drawn.
        copied: Option<Arc<InstallationKey>>,
    },
}

impl Keyholder {
    /// Providers by their names, of which one holds the key of an installation that is new.
    pub fn new(providers: Providers, name: &str) -> Self {
        let founder = Founder::Provider { name: name.to_owned(), former: None, copied: None };
        Self { providers, founder, trusted_for: TRUSTED_FOR }
    }

    /// The same with the installation key of data from before there were providers.
    #[must_use]
    pub fn with_former(mut self, key: Option<InstallationKey>) -> Self {
        if let Founder::Provider { former, .. } = &mut self.founder {
            *former = key.map(Arc::new);
        }
        self
    }

    /// The same for a new store that takes the data of another.
    #[must_use]
    pub fn with_copied(mut self, key: Arc<InstallationKey>) -> Self {
        if let Founder::Provider { copied, .. } = &mut self.founder {
            *copied = Some(key);
        }
        self
    }

    /// The same with another time of trust: at most 30 seconds.
    #[must_use]
    pub fn trusting_for(mut self, time: Duration) -> Self {
        self.trusted_for = time.min(TRUSTED_FOR);
        self
    }

    /// The installation key of data that is there.
    ///
    /// # Errors
    /// What the provider says. `Ok(None)`: the key does not belong to the data.
    pub async fn find(&self, row: &SecretRow) -> Result<Option<InstallationKeyOf>, ProviderError> {
        let key = match (&self.founder, &row.wrapped) {
            (Founder::Given(key), _) => key.clone(),
            (Founder::Provider { .. }, Some((name, wrapped))) => {
                Arc::new(InstallationKey::unwrap(&**self.providers.get(name)?, wrapped).await?)
            }
            (Founder::Provider { former: Some(former), .. }, None) => former.clone(),
            (Founder::Provider { former: None, .. }, None) => return Err(ProviderError::Disabled),
        };
        Ok(key.made(&row.check_value).then_some(InstallationKeyOf { key, wrapped: row.wrapped.clone() }))
    }

    /// The installation key of data that is new.
    pub fn found(&self, randomness: &dyn Randomness) -> InstallationKeyOf {
        let key = match &self.founder {
            Founder::Given(key) | Founder::Provider { copied: Some(key), .. } => key.clone(),
            Founder::Provider { copied: None, .. } => Arc::new(InstallationKey::generate(randomness)),
        };
        InstallationKeyOf { key, wrapped: None }
    }

    /// How it is to be kept, where it is not yet: the provider's name, its version, and the wrapped key.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn wrap(&self, found: &mut InstallationKeyOf) -> Result<Option<(String, u32, Vec<u8>)>, ProviderError> {
        let Founder::Provider { name, .. } = &self.founder else { return Ok(None) };
        if found.wrapped.is_some() {
            return Ok(None);
        }
        let provider = self.providers.get(name)?;
        let wrapped = found.key.wrap(&**provider).await?;
        let version = provider.version(&wrapped).ok_or(ProviderError::Malformed)?;
        found.wrapped = Some((name.clone(), wrapped.clone()));
        Ok(Some((name.clone(), version, wrapped)))
    }

    /// Whether a provider must be asked for a key again; else it is trusted for ever.
    pub(crate) fn is_asked_for(&self, found: &InstallationKeyOf) -> bool {
        found.wrapped.is_some() && matches!(self.founder, Founder::Provider { .. })
    }
}

impl From<Arc<InstallationKey>> for Keyholder {
    fn from(key: Arc<InstallationKey>) -> Self {
        Self { providers: Providers::default(), founder: Founder::Given(key), trusted_for: TRUSTED_FOR }
    }
}

/// What an installation keeps of its key.
#[derive(Debug)]
pub struct SecretRow {
    /// A value that only the key opens.
    pub check_value: Vec<u8>,
    /// The name of the provider that wraps it, and the wrapped key.
    pub wrapped: Option<(String, Vec<u8>)>,
}

/// An installation key and what wraps it.
#[derive(Debug)]
pub struct InstallationKeyOf {
    /// The key.
    pub key: Arc<InstallationKey>,
    wrapped: Option<(String, Vec<u8>)>,
}
