//! Settings about who may call, and whose word counts.

use crate::fetch::is_confidential;
use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use likeness_rules::{FeatureFlag, LimitedAttribute, parse_network};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Who may call, and whose word counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// Domains below which accounts have host names of their own: `{subdomain}.{domain}`. `LIKENESS_DOMAINS`, parted by
    /// commas.
    pub domains: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or ranges. An empty list says that there is no proxy; without
    /// any nobody has decided. `LIKENESS_TRUSTED_PROXIES`, parted by commas, or `none`.
    #[serde(deserialize_with = "networks", skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// The name of this installation in tokens that it signs; empty: one made of its key. `LIKENESS_ISSUER`.
    pub issuer: String,
    /// Networks by the names that accounts' rules may use.
    #[serde(deserialize_with = "named_networks")]
    pub subnets: BTreeMap<String, Vec<IpNet>>,
    /// Identity providers whose word about people counts.
    pub oidc: Vec<OidcConfig>,
    /// Other installations whose limited access tokens count here; none by default.
    pub trusted_issuers: Vec<TrustedIssuerConfig>,
}

/// Addresses and ranges; an address alone is a range of one.
fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    Vec::<String>::deserialize(from)?.iter().map(|text| network(text)).collect::<Result<_, _>>().map(Some)
}

fn named_networks<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Vec<IpNet>>, D::Error> {
    let named = BTreeMap::<String, Vec<String>>::deserialize(from)?;
    named
        .into_iter()
        .map(|(name, texts)| Ok((name, texts.iter().map(|text| network(text)).collect::<Result<_, _>>()?)))
        .collect()
}

fn network<E: serde::de::Error>(text: &str) -> Result<IpNet, E> {
    parse_network(text).ok_or_else(|| E::custom(format!("{text} is no address and no range such as 10.0.0.0/8")))
}

/// An identity provider (OpenID Connect).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Its name, exactly as in its tokens; its discovery document is found below it.
    pub issuer: String,
    /// What tokens must be meant for: one of these.
    pub audiences: Vec<String>,
    /// Where its keys are, if not where its discovery document says.
    #[serde(default)]
    pub jwks: Option<String>,
    /// By how many seconds its clock may differ from ours.
    #[serde(default = "a_minute")]
    pub leeway_seconds: u64,
}

/// Another installation whose vendors may lend features to accounts of this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuerConfig {
    /// Its name, exactly as in its tokens.
    pub issuer: String,
    /// Where its keys are: `{its address}/.well-known/jwks.json`.
    pub jwks: String,
    /// What it may lend: some of `Face.Identification`, `Face.Verification`, `LimitedAccess.HighRisk`.
    pub flags: BTreeSet<FeatureFlag>,
    /// Limited attributes that `LimitedAccess.HighRisk` of it opens.
    #[serde(default)]
    pub attributes: BTreeSet<LimitedAttribute>,
    /// By how many seconds its clock may differ from ours.
    #[serde(default = "a_minute")]
    pub leeway_seconds: u64,
}

const fn a_minute() -> u64 {
    60
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            domains: vec!["localhost".to_owned()],
            trusted_proxies: None,
            issuer: String::new(),
            subnets: BTreeMap::new(),
            oidc: Vec::new(),
            trusted_issuers: Vec::new(),
        }
    }
}

impl AccessConfig {
    /// The proxies whose `X-Forwarded-For` is believed.
    pub fn proxies(&self) -> &[IpNet] {
        self.trusted_proxies.as_deref().unwrap_or_default()
    }

    /// Takes over what the environment says; `text` gives the value of a variable that is set.
    ///
    /// # Errors
    /// A message that names the variable and says what it may be.
    pub fn apply(&mut self, text: &impl Fn(&str) -> Option<String>) -> Result<()> {
        let list = |value: String| -> Vec<String> {
            value.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        };
        if let Some(value) = text("LIKENESS_DOMAINS") {
            self.domains = list(value);
        }
        if let Some(value) = text("LIKENESS_TRUSTED_PROXIES") {
            let named = if value.trim().eq_ignore_ascii_case("none") { Vec::new() } else { list(value) };
            let proxies = named.iter().map(|part| parse_network(part)).collect::<Option<_>>();
            let proxies =
                proxies.context("LIKENESS_TRUSTED_PROXIES must be addresses or ranges such as 10.0.0.0/8, or none")?;
            self.trusted_proxies = Some(proxies);
        }
        if let Some(value) = text("LIKENESS_ISSUER") {
            self.issuer = value;
        }
        for domain in &mut self.domains {
            domain.make_ascii_lowercase();
        }
        Ok(())
    }

    /// Checks everything.
    ///
    /// # Errors
    /// A message that names the setting and says what it may be.
    pub fn check(&self) -> Result<()> {
        for domain in &self.domains {
            let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
            if domain.is_empty() || !domain.bytes().all(is_letter) || domain.starts_with('.') || domain.ends_with('.') {
                bail!("access.domains (LIKENESS_DOMAINS) must be names such as face.example.org");
            }
        }
        let mut seen = BTreeSet::from([self.issuer.as_str()]);
        for provider in &self.oidc {
            check_address("access.oidc.issuer", &provider.issuer)?;
            if let Some(jwks) = &provider.jwks {
                check_address("access.oidc.jwks", jwks)?;
            }
            if provider.audiences.is_empty() {
                bail!("access.oidc.audiences of {} must name what its tokens are meant for", provider.issuer);
            }
            if !seen.insert(&provider.issuer) {
                bail!("access.oidc names the issuer {} twice", provider.issuer);
            }
        }
        for foreign in &self.trusted_issuers {
            check_address("access.trusted_issuers.jwks", &foreign.jwks)?;
            if foreign.issuer.is_empty() || !seen.insert(&foreign.issuer) {
                bail!("access.trusted_issuers must name each issuer once, and not ourselves");
            }
        }
        if self.oidc.iter().map(|each| each.leeway_seconds).any(|leeway| leeway > 300) {
            bail!("access.oidc.leeway_seconds must be at most 300");
        }
        Ok(())
    }
}

/// Keys fetched in the clear could be anybody's.
pub(super) fn check_address(name: &str, value: &str) -> Result<()> {
    let address = url::Url::parse(value).with_context(|| format!("{name} must be an https address: {value}"))?;
    if is_confidential(&address) {
        return Ok(());
    }
    bail!("{name} must be an https address: {value}")
}
