//! Who manages: an operator, somebody with a role, or whoever has a key of the account itself.

use super::AccountState;
use likeness_rules::{Assignment, Identity, Role, roles_of};
use likeness_store::{AccountId, Actor};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a call of the management API needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The operator's key, or Owner or Contributor of the whole installation.
    Operator,
    /// To manage the account: an operator, or its Contributor or Owner.
    Manage,
    /// To give roles in the account, or in all: an operator, or the Owner there. A Contributor of the whole installation
    /// does not make themselves its Owner.
    AssignRoles,
    /// To see the account's keys: whoever manages it, and its Users.
    ListKeys,
    /// What a vendor does with its own tokens: whoever manages the account, and whoever has a key of it.
    Vendor,
    /// To look at the account: whoever has a key of it, manages it, or is its User.
    Look,
    /// To read people's data in it: a key, or a role with that data action. Whoever only manages goes through the keys.
    ReadPersons,
    /// To erase people's data in it, likewise.
    ErasePersons,
    /// To know somebody at all.
    Anybody,
}

impl Need {
    /// What is missing, for messages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Operator => "the operator's key, or the role Owner or Contributor for the whole installation",
            Self::Manage => "the operator's key, or the role Contributor or Owner in the account",
            Self::AssignRoles => "the operator's key, or the role Owner there",
            Self::ListKeys => "the operator's key, or a role in the account that may list keys",
            Self::Vendor => "a key of the account, the operator's key, or the role Contributor or Owner in it",
            Self::Look => "a key of the account, the operator's key, or the role User, Contributor or Owner in it",
            Self::ReadPersons => "a key of the account, the operator's key, or the role User or Data Reader in it",
            Self::ErasePersons => "a key of the account, the operator's key, or the role User in it",
            Self::Anybody => "a key or a token",
        }
    }
}

/// Somebody who was let in.
#[derive(Clone)]
pub enum Standing {
    /// With the operator's key.
    Operator,
    /// With a key of an account.
    KeyOf(Arc<AccountState>, Actor),
    /// Vouched for by an identity provider.
    Identity(Arc<Identity>, Actor),
}

impl Standing {
    /// Their name in audit trails.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Operator => Actor::Operator,
            Self::KeyOf(_, actor) | Self::Identity(_, actor) => actor.clone(),
        }
    }

    /// Whose trail tells of what they may not do: their own account's, or that of one in which they have a role.
    pub fn trail(&self, named: Option<&AccountState>, everywhere: &[Assignment]) -> Option<(AccountId, Actor)> {
        match self {
            Self::Operator => None,
            Self::KeyOf(own, actor) => Some((own.id(), actor.clone())),
            Self::Identity(person, actor) => {
                let has_role = |in_it: &[Assignment]| !roles_of(person, in_it).is_empty();
                let own = named.filter(|account| has_role(&account.settings.assignments)).map(AccountState::id);
                let of_all = has_role(everywhere).then_some(AccountId::INSTALLATION);
                own.or(of_all).map(|account| (account, actor.clone()))
            }
        }
    }

    /// Whether they may do that; `account`: the one it is about.
    pub fn may(&self, need: Need, account: Option<&AccountState>, everywhere: &[Assignment]) -> bool {
        match self {
            Self::Operator => true,
            Self::KeyOf(own, _) => match need {
                Need::Anybody => true,
                Need::Vendor | Need::Look | Need::ReadPersons | Need::ErasePersons => {
                    account.is_some_and(|account| account.id() == own.id())
                }
                Need::Operator | Need::Manage | Need::AssignRoles | Need::ListKeys => false,
            },
            Self::Identity(person, _) => {
                let mut roles = roles_of(person, everywhere);
                if need == Need::Operator {
                    return roles.iter().any(|role| role.may_manage());
                }
                if let Some(account) = account {
                    roles.extend(roles_of(person, &account.settings.assignments));
                }
                has(&roles, need)
            }
        }
    }
}

fn has(roles: &BTreeSet<Role>, need: Need) -> bool {
    let any = |may: fn(Role) -> bool| roles.iter().any(|role| may(*role));
    match need {
        Need::Operator => false,
        Need::Manage | Need::Vendor => any(Role::may_manage),
        Need::AssignRoles => any(Role::may_assign_roles),
        Need::ListKeys => any(Role::may_list_keys),
        Need::Look => any(Role::may_look),
        Need::ReadPersons => any(|role| role.may("persons/read")),
        Need::ErasePersons => any(|role| role.may("persons/delete")),
        Need::Anybody => true,
    }
}
