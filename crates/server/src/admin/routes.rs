//! Every call of the management API, one row each. The page at `GET /admin/v1/` and a test of what each row needs come
//! from this table.

use super::door::{AdminCall, Handling};
use super::standing::Need;
use super::{accounts, records, vendors};
use axum::http::Method;

/// One call.
pub(crate) struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path below `/admin/v1/`, with `{}` for a parameter; the first one of `accounts/{}` is an account.
    pub path: &'static str,
    /// Who may.
    pub need: Need,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What answers.
    pub handler: fn(AdminCall) -> Handling,
}

macro_rules! routes {
    ($($method:ident $path:literal $need:ident $summary:literal => $handler:path;)*) => {
        /// The table.
        pub(crate) static ROUTES: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            need: Need::$need,
            summary: $summary,
            handler: |call| Box::pin($handler(call)),
        }),*];
    };
}

routes! {
    GET "" Anybody "This list." => accounts::index;
    GET "me" Anybody "Who the caller is and which accounts they see." => accounts::me;
    GET "accounts" Operator "All accounts, oldest first." => accounts::list;
    POST "accounts" Operator "Makes an account; answers with it and its two keys." => accounts::create;
    GET "accounts/{}" Look "One account with everything that is set for it." => accounts::show;
    PATCH "accounts/{}" Manage "Changes tier, subdomain, location, localAuth, network, retention." => accounts::change;
    PUT "accounts/{}/approvals" Operator "What the account is approved for." => accounts::approve;
    POST "accounts/{}/close" Operator "Suspends it at once and destroys it after graceDays (0 to 30)." => accounts::close;
    POST "accounts/{}/reopen" Operator "Takes it up again within its grace." => accounts::reopen;
    POST "accounts/{}/listKeys" ListKeys "Both keys." => accounts::list_keys;
    POST "accounts/{}/regenerateKey" Manage "Replaces keyName (Key1 or Key2); the old value is dead when this answers." => accounts::regenerate;
    POST "accounts/{}/roles" AssignRoles "Gives a role to a subject, a group or an app role of an issuer." => accounts::assign;
    DELETE "accounts/{}/roles/{}" AssignRoles "Takes a role away." => accounts::unassign;
    PUT "accounts/{}/notices/{}" Manage "The notice in one language; a changed text gets the next version." => accounts::put_notice;
    GET "accounts/{}/usage" Look "Calls by day and operation, from and to as dates." => records::usage;
    GET "accounts/{}/audit" Manage "The audit trail: after, from, to, action, top." => records::trail;
    GET "accounts/{}/audit/verify" Manage "Whether the chain of the trail holds." => records::verify;
    GET "accounts/{}/audit/export" Manage "The whole trail as lines of JSON." => records::export;
    POST "accounts/{}/persons/report" Manage "What is held about a person, across all containers." => records::report;
    POST "accounts/{}/persons/erase" Manage "Deletes a person across all containers." => records::erase;
    POST "accounts/{}/vendor" Operator "mayIssue: gives or takes the right to issue limited access tokens." => vendors::let_issue;
    POST "accounts/{}/tokens/revoke" Vendor "Makes one token dead (token), or all issued before an instant (before)." => vendors::revoke;
    GET "accounts/{}/tokens/report" Vendor "Tokens issued and used by client, flag and day; from, to, events." => vendors::report;
    PUT "accounts/{}/blocked" Vendor "Blocks a client (resourceId) of this vendor." => vendors::block;
    DELETE "accounts/{}/blocked" Vendor "Lifts that block (resourceId in the query)." => vendors::unblock;
    GET "blocked" Operator "Resources that are blocked for all vendors." => vendors::blocked_everywhere;
    PUT "blocked" Operator "Blocks a resource (resourceId) for all vendors." => vendors::block_everywhere;
    DELETE "blocked" Operator "Lifts that block (resourceId in the query)." => vendors::unblock_everywhere;
    POST "roles" AssignRoles "Gives a role in all accounts." => accounts::assign_everywhere;
    GET "roles" Operator "Roles that hold in all accounts." => accounts::assignments_everywhere;
    DELETE "roles/{}" AssignRoles "Takes such a role away." => accounts::unassign_everywhere;
    POST "signingKeys/rotate" Operator "Makes a new key that signs tokens from now on." => vendors::rotate;
    GET "retention" Anybody "The retention table." => accounts::retention;
    GET "audit" Operator "The trail of the installation itself." => records::installation_trail;
}
