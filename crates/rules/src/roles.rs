//! Roles: what an identity with a bearer token may do to a resource.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use uuid::{Uuid, uuid};

/// What stands before each data action of this service.
const PREFIX: &str = "Microsoft.CognitiveServices/accounts/Face/";

/// The twelve of the Face Recognizer, as Azure lists them. They include creating and deleting liveness sessions and
/// leave out session images, lists and groups.
const FACE_RECOGNIZER: &[&str] = &[
    "detect/action",
    "verify/action",
    "identify/action",
    "group/action",
    "findsimilars/action",
    "detectliveness/multimodal/action",
    "detectliveness/singlemodal/action",
    "detectlivenesswithverify/singlemodal/action",
    "*/sessions/action",
    "*/sessions/delete",
    "*/sessions/read",
    "*/sessions/audit/read",
];

/// A role that can be assigned.
///
/// The first four are Azure's built-in roles with Azure's ids. [`Role::Owner`] is Azure's general owner, who manages a
/// resource and says who else may. As in Azure, owners and contributors reach data through the resource's keys, which
/// they may list, not with their own token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Detects, verifies, identifies and groups; enrols and deletes nobody.
    #[serde(rename = "Cognitive Services Face Recognizer")]
    FaceRecognizer,
    /// All data, and the keys.
    #[serde(rename = "Cognitive Services User")]
    User,
    /// Manages the resource.
    #[serde(rename = "Cognitive Services Contributor")]
    Contributor,
    /// Reads all data.
    #[serde(rename = "Cognitive Services Data Reader")]
    DataReader,
    /// Manages the resource and its roles.
    #[serde(rename = "Owner")]
    Owner,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::FaceRecognizer, Self::User, Self::Contributor, Self::DataReader, Self::Owner];

    /// The role's id, the same in every Azure directory.
    pub const fn id(self) -> Uuid {
        match self {
            Self::FaceRecognizer => uuid!("9894cab4-e18a-44aa-828b-cb588cd6f2d7"),
            Self::User => uuid!("a97b65f3-24c7-4388-baec-2e87135dc908"),
            Self::Contributor => uuid!("25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68"),
            Self::DataReader => uuid!("b59867f0-fa02-499b-be73-45a86b5b3e1c"),
            Self::Owner => uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
        }
    }

    /// The full name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FaceRecognizer => "Cognitive Services Face Recognizer",
            Self::User => "Cognitive Services User",
            Self::Contributor => "Cognitive Services Contributor",
            Self::DataReader => "Cognitive Services Data Reader",
            Self::Owner => "Owner",
        }
    }

    /// The short word for the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FaceRecognizer => "face-recognizer",
            Self::User => "user",
            Self::Contributor => "contributor",
            Self::DataReader => "data-reader",
            Self::Owner => "owner",
        }
    }

    /// Reads an id, a full name or a short word, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| {
            [role.name(), role.word()].iter().any(|name| name.eq_ignore_ascii_case(text))
                || role.id().hyphenated().to_string().eq_ignore_ascii_case(text)
        })
    }

    /// The data actions the role holds, below `Microsoft.CognitiveServices/accounts/Face/`. A `*` stands for one or
    /// more segments.
    pub const fn data_patterns(self) -> &'static [&'static str] {
        match self {
            Self::FaceRecognizer => FACE_RECOGNIZER,
            Self::User => &["*"],
            Self::DataReader => &["*/read"],
            Self::Contributor | Self::Owner => &[],
        }
    }

    /// Whether the role holds a data action: `detect/action`, or the same with the full prefix. Letter case does not
    /// matter. What is no single action (a pattern, another provider's) nobody holds.
    pub fn may(self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let prefix = PREFIX.to_ascii_lowercase();
        let action = action.strip_prefix(&prefix).unwrap_or(&action);
        let segments: Vec<&str> = action.split('/').collect();
        let is_one_action = !action.starts_with("microsoft.")
            && segments.iter().all(|segment| !segment.is_empty() && !segment.contains('*'));
        is_one_action
            && self.data_patterns().iter().any(|pattern| {
                let pattern: Vec<&str> = pattern.split('/').collect();
                matches(&pattern, &segments)
            })
    }

    /// Whether the role sees the resource's keys, and with them may do all that keys may.
    pub const fn may_list_keys(self) -> bool {
        matches!(self, Self::User | Self::Contributor | Self::Owner)
    }

    /// Whether the role sees the resource's settings and counters. The Face Recognizer and the Data Reader hold data
    /// actions and nothing else.
    pub const fn may_look(self) -> bool {
        matches!(self, Self::User | Self::Contributor | Self::Owner)
    }

    /// Whether the role changes the resource's settings and keys.
    pub const fn may_manage(self) -> bool {
        matches!(self, Self::Contributor | Self::Owner)
    }

    /// Whether the role says who else has one.
    pub const fn may_assign_roles(self) -> bool {
        matches!(self, Self::Owner)
    }
}

/// Segment by segment; our patterns have one `*`, so trying each length is cheap.
fn matches(pattern: &[&str], segments: &[&str]) -> bool {
    match pattern {
        [] => segments.is_empty(),
        ["*", rest @ ..] => (1..=segments.len()).any(|taken| matches(rest, &segments[taken..])),
        [first, rest @ ..] => segments.split_first().is_some_and(|(head, tail)| head == first && matches(rest, tail)),
    }
}

/// A role that a principal has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The assignment's own id.
    pub id: Uuid,
    /// The identity provider that vouches for the principal, as in `iss`.
    pub issuer: String,
    /// To whom.
    pub principal: Principal,
    /// What.
    pub role: Role,
}

/// Who a role is assigned to, as one identity provider names them. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Principal {
    /// The claim `oid` or `sub`.
    Subject(String),
    /// A value of the claim `groups`.
    Group(String),
    /// A value of the claim `roles`.
    AppRole(String),
}

impl Principal {
    /// The value of the claim.
    pub fn value(&self) -> &str {
        match self {
            Self::Subject(value) | Self::Group(value) | Self::AppRole(value) => value,
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject(_) => "Subject(..)",
            Self::Group(_) => "Group(..)",
            Self::AppRole(_) => "AppRole(..)",
        })
    }
}

/// A person or service of the account's staff, as a checked token describes them. `Debug` shows the issuer alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The identity provider.
    pub issuer: String,
    /// The claim `sub`.
    pub subject: String,
    /// The claim `oid`, Entra's name for the same user in every application.
    pub object_id: Option<String>,
    /// The claim `groups`.
    pub groups: Vec<String>,
    /// The claim `roles`.
    pub app_roles: Vec<String>,
}

impl Identity {
    fn is(&self, principal: &Principal) -> bool {
        match principal {
            Principal::Subject(subject) => self.subject == *subject || self.object_id.as_ref() == Some(subject),
            Principal::Group(group) => self.groups.contains(group),
            Principal::AppRole(role) => self.app_roles.contains(role),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The roles that an identity has by these assignments. An assignment counts for the issuer it names and no other, else
/// one issuer could vouch for another's people.
pub fn roles_of(identity: &Identity, assignments: &[Assignment]) -> BTreeSet<Role> {
    assignments
        .iter()
        .filter(|assignment| assignment.issuer == identity.issuer && identity.is(&assignment.principal))
        .map(|assignment| assignment.role)
        .collect()
}
