//! Callers of the management API: the operator, an identity with a role, or an account's own key.

use super::AccountState;
use likeness_rules::{Assignment, Identity, Role, roles_of};
use likeness_store::{AccountId, Actor};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a call of the management API needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredAccess {
    /// The operator's key, or Owner or Contributor of the whole installation.
    Operator,
    /// To manage the account: an operator, or its Contributor or Owner.
    Manage,
    /// To give roles in the account, or in all: an operator, or the Owner there. A Contributor of the whole installation
    /// does not make themselves its Owner.
    AssignRoles,
    /// To list the account's keys: its managers and its Users.
    ListKeys,
    /// What a vendor does with its own tokens: the account's managers and its own keys.
    Vendor,
    /// To remove keys of people's devices: the account's managers and its own keys.
    RemoveKeys,
    /// To read the account's settings: its own keys, its managers and its Users.
    Look,
    /// To read people's data in it: a key, or a role with that data action. A manager without such a role goes through the keys.
    ReadPersons,
    /// To erase people's data in it, likewise.
    ErasePersons,
    /// Any authenticated caller.
    Anybody,
}

impl RequiredAccess {
    /// What is missing, for messages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Operator => "the operator's key, or the role Owner or Contributor for the whole installation",
            Self::Manage => "the operator's key, or the role Contributor or Owner in the account",
            Self::AssignRoles => "the operator's key, or the role Owner there",
            Self::ListKeys => "the operator's key, or a role in the account that may list keys",
            Self::Vendor | Self::RemoveKeys => {
                "a key of the account, the operator's key, or the role Contributor or Owner in it"
            }
            Self::Look => "a key of the account, the operator's key, or the role User, Contributor or Owner in it",
            Self::ReadPersons => "a key of the account, the operator's key, or the role User or Data Reader in it",
            Self::ErasePersons => "a key of the account, the operator's key, or the role User in it",
            Self::Anybody => "a key or a token",
        }
    }
}

/// A caller of the management API.
#[derive(Clone)]
pub enum ManagementCaller {
    /// With the operator's key.
    Operator,
    /// With a key of an account.
    AccountKey(Arc<AccountState>, Actor),
    /// With a token of an identity provider.
    Identity(Arc<Identity>, Actor),
}

impl ManagementCaller {
    /// Their name in audit logs.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Operator => Actor::Operator,
            Self::AccountKey(_, actor) | Self::Identity(_, actor) => actor.clone(),
        }
    }

    /// The audit log that records their refusals: of their own account, or of one in which they have a role.
    pub fn refusal_log(&self, named: Option<&AccountState>, everywhere: &[Assignment]) -> Option<(AccountId, Actor)> {
        match self {
            Self::Operator => None,
            Self::AccountKey(own, actor) => Some((own.id(), actor.clone())),
            Self::Identity(identity, actor) => {
                let has_role = |in_it: &[Assignment]| !roles_of(identity, in_it).is_empty();
                let own = named.filter(|account| has_role(&account.settings.assignments)).map(AccountState::id);
                let of_all = has_role(everywhere).then_some(AccountId::INSTALLATION);
                own.or(of_all).map(|account| (account, actor.clone()))
            }
        }
    }

    /// Whether they may do that; `account`: the one it is about.
    pub fn may(&self, need: RequiredAccess, account: Option<&AccountState>, everywhere: &[Assignment]) -> bool {
        match self {
            Self::Operator => true,
            Self::AccountKey(own, _) => match need {
                RequiredAccess::Anybody => true,
                RequiredAccess::Vendor
                | RequiredAccess::RemoveKeys
                | RequiredAccess::Look
                | RequiredAccess::ReadPersons
                | RequiredAccess::ErasePersons => account.is_some_and(|account| account.id() == own.id()),
                RequiredAccess::Operator
                | RequiredAccess::Manage
                | RequiredAccess::AssignRoles
                | RequiredAccess::ListKeys => false,
            },
            Self::Identity(identity, _) => {
                let mut roles = roles_of(identity, everywhere);
                if need == RequiredAccess::Operator {
                    return roles.iter().any(|role| role.may_manage());
                }
                if let Some(account) = account {
                    roles.extend(roles_of(identity, &account.settings.assignments));
                }
                has(&roles, need)
            }
        }
    }
}

fn has(roles: &BTreeSet<Role>, need: RequiredAccess) -> bool {
    let any = |may: fn(Role) -> bool| roles.iter().any(|role| may(*role));
    match need {
        RequiredAccess::Operator => false,
        RequiredAccess::Manage | RequiredAccess::Vendor | RequiredAccess::RemoveKeys => any(Role::may_manage),
        RequiredAccess::AssignRoles => any(Role::may_assign_roles),
        RequiredAccess::ListKeys => any(Role::may_list_keys),
        RequiredAccess::Look => any(Role::may_look),
        RequiredAccess::ReadPersons => any(|role| role.may("persons/read")),
        RequiredAccess::ErasePersons => any(|role| role.may("persons/delete")),
        RequiredAccess::Anybody => true,
    }
}
