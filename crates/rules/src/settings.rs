//! Settings of an account and of the installation, as JSON documents.

use crate::{
    Approvals, Assignment, LivenessSettings, NetworkRule, NetworkRules, Notice, ResourceId, RetentionPolicy,
    parse_origin,
};
use likeness_base::{DocumentProblem, read_document, write_document};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// The form that is written, and the newest that is read. It counts up when an older program would misunderstand a
/// document; a field that may be missing is no reason.
const FORMAT: u32 = 1;
/// Larger documents are not read.
const MOST_BYTES: usize = 1024 * 1024;
const MOST_RULES: usize = 1000;
const MOST_ORIGINS: usize = 100;
const MOST_ASSIGNMENTS: usize = 1000;
const MOST_BLOCKED: usize = 5000;
const MOST_NOTICES: usize = 100;
/// Characters of a notice.
const LONGEST_NOTICE: usize = 10_000;
/// Characters of a name: of a controller, an issuer, a principal.
const LONGEST_NAME: usize = 500;
/// A DNS label; one letter is too easily taken for something else.
const SUBDOMAIN_LENGTH: std::ops::RangeInclusive<usize> = 2..=63;
const TIERS: [&str; 4] = ["F0", "S0", "E0", "unlimited"];

/// What is set for one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The account's name in Azure's form.
    pub resource: ResourceId,
    /// The region it says it is in.
    pub location: String,
    /// `F0`, `S0`, `E0` or `unlimited`; none: as the installation says.
    #[serde(default)]
    pub tier: Option<String>,
    /// The first label of its own host name.
    #[serde(default)]
    pub subdomain: Option<String>,
    /// Whether its keys open it.
    #[serde(default = "yes")]
    pub local_auth: bool,
    /// What it is approved for.
    #[serde(default)]
    pub approvals: Approvals,
    /// From where it may be called.
    #[serde(default)]
    pub network: NetworkRules,
    /// Origins of web pages that may call it from a browser, as [`parse_origin`] gives them.
    #[serde(default)]
    pub cors_origins: Vec<String>,
    /// Who may do what to it.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// Lives shorter than the contract's.
    #[serde(default)]
    pub retention: RetentionPolicy,
    /// Whether it lends its approvals to others.
    #[serde(default)]
    pub vendor: Vendor,
    /// The notices for its end users, all versions.
    #[serde(default)]
    pub notices: Vec<Notice>,
    /// How much answers say about how near two faces are.
    #[serde(default)]
    pub confidence: ConfidenceDetail,
    /// What holds for its liveness sessions.
    #[serde(default)]
    pub liveness: LivenessSettings,
}

/// How much answers say about how near two faces are. A hundred exact answers about one person are enough to rebuild the
/// template of that person, whose numbers nobody can change; ones that say nothing below the threshold are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfidenceDetail {
    /// Five decimals, as the public service answers. Accounts that were made before there was a choice have it.
    #[default]
    Exact,
    /// Two decimals from the threshold of the same person on, and 0 below it.
    Coarse,
}

impl ConfidenceDetail {
    /// Its name in settings.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Coarse => "coarse",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Exact, Self::Coarse].into_iter().find(|detail| detail.as_text().eq_ignore_ascii_case(text))
    }

    /// A confidence as an answer shows it. `threshold`: from there on two faces count as one person's.
    pub fn shown(self, confidence: f32, threshold: f32) -> f64 {
        let rounded = |decimals: f64| (f64::from(confidence) * decimals).round() / decimals;
        match self {
            Self::Exact => rounded(1e5),
            Self::Coarse if confidence < threshold => 0.0,
            Self::Coarse => rounded(1e2),
        }
    }
}

const fn yes() -> bool {
    true
}

/// An account as one that issues limited access tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vendor {
    /// Whether it may issue any.
    pub may_issue: bool,
    /// Tokens issued before this second are invalid.
    pub not_before: Option<i64>,
    /// Clients that get no tokens, and whose tokens are invalid.
    pub blocked: Vec<ResourceId>,
}

/// What the operator sets for all accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Installation {
    /// Resources that neither issue nor use limited access tokens.
    pub blocked: Vec<ResourceId>,
    /// Roles that hold for every account.
    pub assignments: Vec<Assignment>,
}

/// What is wrong with a document, and what to do about it. Nothing of its contents is shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsProblem {
    /// It is too large.
    #[error("the settings are longer than {MOST_BYTES} bytes; remove rules, assignments, blocked clients or notices")]
    TooLong,
    /// It is not such a document.
    #[error("the settings are not of the expected form at line {line}, column {column}; correct them there")]
    Unreadable {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// A newer program wrote it.
    #[error("the settings have format {found}, this program reads up to {FORMAT}; run the program that wrote them")]
    Newer {
        /// The format it has.
        found: u32,
    },
    /// A field holds what it must not.
    #[error("{field}: {remedy}")]
    Field {
        /// The field's name in the document.
        field: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
}

const fn field(field: &'static str, remedy: &'static str) -> SettingsProblem {
    SettingsProblem::Field { field, remedy }
}

impl Settings {
    /// A new account's settings: open to its keys from everywhere but not to web pages elsewhere, approved for nothing.
    pub fn new(resource: ResourceId, location: &str) -> Self {
        Self {
            resource,
            location: location.to_owned(),
            tier: None,
            subdomain: None,
            local_auth: true,
            approvals: Approvals::default(),
            network: NetworkRules::default(),
            cors_origins: Vec::new(),
            assignments: Vec::new(),
            retention: RetentionPolicy::default(),
            vendor: Vendor::default(),
            notices: Vec::new(),
            confidence: ConfidenceDetail::default(),
            liveness: LivenessSettings::default(),
        }
    }

    /// Reads a document. What is missing has its default.
    ///
    /// # Errors
    /// [`SettingsProblem`] when it cannot be read or does not pass [`Settings::check`].
    pub fn read(bytes: &[u8]) -> Result<Self, SettingsProblem> {
        let settings: Self = read(bytes)?;
        settings.check()?;
        Ok(settings)
    }

    /// Writes the document.
    pub fn write(&self) -> Vec<u8> {
        write_document(FORMAT, self)
    }

    /// Whether all fields make sense.
    ///
    /// # Errors
    /// [`SettingsProblem::Field`] names the first that does not.
    pub fn check(&self) -> Result<(), SettingsProblem> {
        let is_lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(1..=40).contains(&self.location.len()) || !self.location.bytes().all(is_lower) {
            return Err(field("location", "write a region's short name, such as westeurope, at most 40 characters"));
        }
        if self.tier.as_ref().is_some_and(|tier| !TIERS.contains(&tier.as_str())) {
            return Err(field("tier", "choose F0, S0, E0 or unlimited, or leave it out"));
        }
        if self.subdomain.as_ref().is_some_and(|label| !is_label(label)) {
            return Err(field(
                "subdomain",
                "use 2 to 63 lower-case letters, digits and hyphens, none of these at either end",
            ));
        }
        check_network(&self.network)?;
        check_origins(&self.cors_origins)?;
        check_assignments(&self.assignments)?;
        check_blocked("vendor.blocked", &self.vendor.blocked)?;
        check_notices(&self.notices)?;
        if let Some(devices) = &self.liveness.devices {
            check_network(devices)?;
        }
        self.liveness.check().map_err(|(name, remedy)| field(name, remedy))
    }

    /// The newest notice in this language, or in its primary language, or in English; none if there is none of these.
    pub fn notice(&self, language: &str) -> Option<&Notice> {
        let primary = language.split('-').next().unwrap_or_default();
        [language, primary, "en"].into_iter().find_map(|language| {
            let such = self.notices.iter().filter(|notice| notice.language.eq_ignore_ascii_case(language));
            such.max_by_key(|notice| notice.version)
        })
    }
}

impl Installation {
    /// Reads a document. What is missing has its default.
    ///
    /// # Errors
    /// [`SettingsProblem`] when it cannot be read or does not pass [`Installation::check`].
    pub fn read(bytes: &[u8]) -> Result<Self, SettingsProblem> {
        let installation: Self = read(bytes)?;
        installation.check()?;
        Ok(installation)
    }

    /// Writes the document.
    pub fn write(&self) -> Vec<u8> {
        write_document(FORMAT, self)
    }

    /// Whether all fields make sense.
    ///
    /// # Errors
    /// [`SettingsProblem::Field`] names the first that does not.
    pub fn check(&self) -> Result<(), SettingsProblem> {
        check_blocked("blocked", &self.blocked)?;
        check_assignments(&self.assignments)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SettingsProblem> {
    if bytes.len() > MOST_BYTES {
        return Err(SettingsProblem::TooLong);
    }
    read_document(FORMAT, bytes).map_err(|problem| match problem {
        DocumentProblem::Unreadable { line, column } => SettingsProblem::Unreadable { line, column },
        DocumentProblem::Newer(found) => SettingsProblem::Newer { found },
    })
}

/// A DNS label.
fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    SUBDOMAIN_LENGTH.contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

fn check_network(network: &NetworkRules) -> Result<(), SettingsProblem> {
    if network.rules.len() > MOST_RULES {
        return Err(field("network.rules", "keep at most 1000 rules; join addresses into ranges"));
    }
    let is_named = |rule: &NetworkRule| match rule {
        NetworkRule::Address(_) => true,
        NetworkRule::Subnet(name) => is_name(name),
    };
    if !network.rules.iter().all(is_named) {
        return Err(field("network.rules", "name a subnet of the installation's settings, at most 500 characters"));
    }
    Ok(())
}

fn check_origins(origins: &[String]) -> Result<(), SettingsProblem> {
    if origins.len() > MOST_ORIGINS {
        return Err(field("corsOrigins", "keep at most 100; `*` stands for all"));
    }
    if !origins.iter().all(|origin| parse_origin(origin).as_ref() == Some(origin)) {
        return Err(field(
            "corsOrigins",
            "write each as https://shop.example.org or http://localhost:5173, without a path; `*` for all, `null` for pages without an origin",
        ));
    }
    Ok(())
}

fn check_assignments(assignments: &[Assignment]) -> Result<(), SettingsProblem> {
    if assignments.len() > MOST_ASSIGNMENTS {
        return Err(field("assignments", "keep at most 1000; assign roles to groups"));
    }
    if !assignments.iter().all(|each| is_name(&each.issuer) && is_name(each.principal.value())) {
        return Err(field("assignments", "give each an issuer and a principal of 1 to 500 characters"));
    }
    let ids: BTreeSet<_> = assignments.iter().map(|each| each.id).collect();
    if ids.len() != assignments.len() {
        return Err(field("assignments", "give each an id of its own"));
    }
    Ok(())
}

fn check_blocked(name: &'static str, blocked: &[ResourceId]) -> Result<(), SettingsProblem> {
    if blocked.len() > MOST_BLOCKED {
        return Err(field(name, "keep at most 5000 blocked clients; withdraw the right to issue instead"));
    }
    Ok(())
}

fn check_notices(notices: &[Notice]) -> Result<(), SettingsProblem> {
    if notices.len() > MOST_NOTICES {
        return Err(field("notices", "keep at most 100; remove the oldest versions"));
    }
    let mut seen = BTreeSet::new();
    for notice in notices {
        if !is_language(&notice.language) {
            return Err(field("notices.language", "write a BCP 47 tag such as en or de-AT"));
        }
        if notice.version == 0 || !seen.insert((notice.language.to_ascii_lowercase(), notice.version)) {
            return Err(field("notices.version", "count up from 1 within each language"));
        }
        if notice.text.trim().is_empty() || notice.text.chars().count() > LONGEST_NOTICE {
            return Err(field("notices.text", "write 1 to 10000 characters"));
        }
        if !is_name(&notice.controller) {
            return Err(field("notices.controller", "name who is responsible, in 1 to 500 characters"));
        }
        if !is_name(&notice.processor) {
            return Err(field("notices.processor", "name who runs the service, in 1 to 500 characters"));
        }
    }
    Ok(())
}

/// Whether a text has the outer form of a BCP 47 tag: letters, then parts of letters and digits.
pub fn is_language(tag: &str) -> bool {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let primary = tag.split('-').next().unwrap_or_default();
    tag.len() <= 35
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && tag.split('-').all(is_part)
}
