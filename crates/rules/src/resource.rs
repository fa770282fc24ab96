//! The name of a resource, as Azure writes it.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use uuid::Uuid;

/// Most characters of a resource group's name.
const LONGEST_GROUP: usize = 90;
/// Characters of a resource's name.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 2..=64;
/// Characters of a GUID with its hyphens; `Uuid` alone reads other forms as well.
const GUID_LENGTH: usize = 36;

/// The full name of a Face resource:
/// `/subscriptions/{guid}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}`.
///
/// It is written as it was given and compared without regard to letter case, because Azure does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId {
    subscription: Uuid,
    group: String,
    name: String,
}

impl ResourceId {
    /// Reads a name. The fixed words may be in any letter case, and one slash may trail.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let parts: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
        let [subscriptions, guid, groups, group, providers, provider, accounts, name] = parts.as_slice() else {
            return None;
        };
        let fixed = [
            (subscriptions, "subscriptions"),
            (groups, "resourceGroups"),
            (providers, "providers"),
            (provider, "Microsoft.CognitiveServices"),
            (accounts, "accounts"),
        ];
        let is_ours = fixed.iter().all(|(found, expected)| found.eq_ignore_ascii_case(expected));
        if !is_ours || guid.len() != GUID_LENGTH {
            return None;
        }
        Self::new(Uuid::parse_str(guid).ok()?, group, name)
    }

    /// Puts a name together; none if the group's or the resource's name is not one.
    pub fn new(subscription: Uuid, group: &str, name: &str) -> Option<Self> {
        let is_group = (1..=LONGEST_GROUP).contains(&group.len())
            && group.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._()-".contains(&byte))
            && !group.ends_with('.');
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let is_name = NAME_LENGTH.contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && is_edge(name.as_bytes().first())
            && is_edge(name.as_bytes().last());
        (is_group && is_name).then(|| Self { subscription, group: group.to_owned(), name: name.to_owned() })
    }

    /// The subscription's GUID.
    pub const fn subscription(&self) -> Uuid {
        self.subscription
    }

    /// The resource group's name.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The resource's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text in lower case, for look-ups.
    pub fn folded(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.CognitiveServices/accounts/{}",
            self.subscription, self.group, self.name
        )
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ResourceId {}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl TryFrom<String> for ResourceId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the name of a Microsoft.CognitiveServices resource")
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}
