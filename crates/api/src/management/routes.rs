//! Every call of the management API, one row each. The page at `GET /admin/v1/` and a test of what each row needs come
//! from this table.

use super::api::{AdminCall, Management};
use super::{accounts, device_keys, keys, liveness, records, vendors};
use axum::http::Method;
use likeness_http::{BodyKind, Route};
use likeness_service::access::RequiredAccess;

/// What a row of the table says of its call.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Who may.
    pub need: RequiredAccess,
    /// The shape of its body in the description, or `Nothing`.
    pub takes: &'static str,
    /// The status when all is well.
    pub status: u16,
    /// The shape of its answer in the description, or `Nothing`.
    pub gives: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
}

macro_rules! routes {
    ($($method:ident $path:literal $need:ident $operation:ident($takes:ident) -> $status:literal $gives:ident
        $summary:literal => $handler:path;)*) => {
        /// The table.
        pub(super) static ROUTES: &[Route<Management>] = &[$(Route {
            method: Method::$method,
            path: $path,
            operation: stringify!($operation),
            body: BodyKind::Bytes,
            rule: Rule {
                need: RequiredAccess::$need,
                takes: stringify!($takes),
                status: $status,
                gives: stringify!($gives),
                summary: $summary,
            },
            handler: |call| Box::pin($handler(AdminCall::of(call))),
        }),*];
    };
}

routes! {
    GET "" Anybody ListCalls(Nothing) -> 200 Calls
        "This list." => accounts::index;
    GET "me" Anybody WhoAmI(Nothing) -> 200 Me
        "Who the caller is and which accounts they see." => accounts::me;
    GET "accounts" Operator ListAccounts(Nothing) -> 200 Accounts
        "All accounts, oldest first." => accounts::list;
    POST "accounts" Operator CreateAccount(NewAccount) -> 201 CreatedAccount
        "Makes an account; answers with it and its two keys." => accounts::create;
    GET "accounts/{}" Look GetAccount(Nothing) -> 200 Account
        "One account with everything that is set for it." => accounts::show;
    PATCH "accounts/{}" Manage ChangeAccount(Change) -> 200 Account
        "Changes tier (an operator), subdomain, location, localAuth, network, corsOrigins, confidence, retention, liveness." => accounts::change;
    PUT "accounts/{}/approvals" Operator ApproveAccount(NewApprovals) -> 200 Account
        "What the account is approved for." => accounts::approve;
    POST "accounts/{}/close" Operator CloseAccount(Closing) -> 204 Nothing
        "Suspends it at once and destroys it after graceDays (0 to 30)." => accounts::close;
    POST "accounts/{}/reopen" Operator ReopenAccount(Nothing) -> 200 Account
        "Reopens it within its grace period." => accounts::reopen;
    POST "accounts/{}/listKeys" ListKeys ListKeys(Nothing) -> 200 Keys
        "Both keys." => accounts::list_keys;
    POST "accounts/{}/regenerateKey" Manage RegenerateKey(KeyChoice) -> 200 Keys
        "Replaces keyName (Key1 or Key2); the old value is invalid when this answers." => accounts::regenerate;
    GET "accounts/{}/encryption" Look GetEncryption(Nothing) -> 200 Encryption
        "Who holds the key that seals the account's data, and how it stands with it." => keys::show;
    PUT "accounts/{}/encryption" Manage SetEncryption(NewEncryption) -> 200 Encryption
        "Gives that key to a provider of the account's own, or back to the installation; needs the tier E0 or unlimited." => keys::set;
    POST "accounts/{}/encryption/disable" Manage DisableEncryptionKey(Nothing) -> 200 Encryption
        "Disables that key: the account's data cannot be used until it is enabled again. Nothing is deleted." => keys::disable;
    POST "accounts/{}/encryption/enable" Manage EnableEncryptionKey(Nothing) -> 200 Encryption
        "Enables it again." => keys::enable;
    POST "accounts/{}/roles" AssignRoles AssignRole(NewRole) -> 201 Role
        "Gives a role to a subject, a group or an app role of an issuer." => accounts::assign;
    DELETE "accounts/{}/roles/{}" AssignRoles UnassignRole(Nothing) -> 204 Nothing
        "Takes a role away." => accounts::unassign;
    PUT "accounts/{}/notices/{}" Manage PutNotice(NewNotice) -> 200 Notice
        "The notice in one language; a changed text gets the next version." => accounts::put_notice;
    GET "accounts/{}/usage" Look GetUsage(Nothing) -> 200 Usage
        "Calls by day and operation, from and to as dates." => records::usage;
    GET "accounts/{}/audit" Manage GetAudit(Nothing) -> 200 AuditRows
        "The audit log: after, from, to, action, top." => records::trail;
    GET "accounts/{}/audit/verify" Manage VerifyAudit(Nothing) -> 200 Verified
        "Checks the chain of the audit log." => records::verify;
    GET "accounts/{}/audit/export" Manage ExportAudit(Nothing) -> 200 Lines
        "The whole audit log as lines of JSON." => records::export;
    POST "accounts/{}/persons/report" ReadPersons ReportPerson(Person) -> 200 Held
        "What is stored about a person, across all containers." => records::report;
    POST "accounts/{}/persons/erase" ErasePersons ErasePerson(Person) -> 200 Held
        "Deletes a person across all containers." => records::erase;
    GET "accounts/{}/liveness/sessions" Look ListLivenessSessions(Nothing) -> 200 LivenessSessions
        "Liveness sessions that are kept, with their attempts; verify, start, top. No score and no name." => liveness::sessions;
    DELETE "accounts/{}/liveness/sessions/{}" Manage DeleteLivenessSession(Nothing) -> 204 Nothing
        "Deletes a liveness session with all that belongs to it." => liveness::delete;
    GET "accounts/{}/liveness/correlations" Look ListClosedCorrelations(Nothing) -> 200 Correlations
        "Correlation ids that are closed; start, top. The ids themselves are kept nowhere." => liveness::closed;
    POST "accounts/{}/liveness/correlations/find" Look FindCorrelation(CorrelationId) -> 200 Correlation
        "What is counted of a correlation id." => liveness::find;
    POST "accounts/{}/liveness/correlations/close" Manage CloseCorrelation(CorrelationClosing) -> 204 Nothing
        "Closes a correlation id by hand, for 48 hours." => liveness::close;
    POST "accounts/{}/liveness/correlations/reopen" Manage ReopenCorrelation(CorrelationReopening) -> 204 Nothing
        "Opens a closed correlation id again and forgets what was counted of it." => liveness::reopen;
    GET "accounts/{}/liveness/keys" Look ListEnrolledKeys(Nothing) -> 200 EnrolledKeys
        "Keys of people's devices, in order of their records; start, top. Of whom they are is kept nowhere." => device_keys::list;
    POST "accounts/{}/liveness/keys/find" Look FindEnrolledKeys(KeyHolder) -> 200 EnrolledKeys
        "The keys of one person, by userCorrelationId." => device_keys::find;
    POST "accounts/{}/liveness/keys/remove" RemoveKeys RemoveEnrolledKeys(KeyRemoval) -> 200 RemovedKeys
        "Removes one key (record), or all of a person (userCorrelationId)." => device_keys::remove;
    POST "accounts/{}/vendor" Operator LetIssue(Issuing) -> 204 Nothing
        "mayIssue: gives or takes the right to issue limited access tokens." => vendors::set_vendor_right;
    POST "accounts/{}/tokens/revoke" Vendor RevokeTokens(Revocation) -> 204 Nothing
        "Revokes one token (token), or all issued before an instant (before)." => vendors::revoke;
    GET "accounts/{}/tokens/report" Vendor ReportTokens(Nothing) -> 200 TokenReport
        "Tokens issued and used by client, flag and day; from, to, events." => vendors::report;
    PUT "accounts/{}/blocked" Vendor BlockClient(Client) -> 204 Nothing
        "Blocks a client (resourceId) of this vendor." => vendors::block;
    DELETE "accounts/{}/blocked" Vendor UnblockClient(Nothing) -> 204 Nothing
        "Lifts that block (resourceId in the query)." => vendors::unblock;
    GET "blocked" Operator ListBlocked(Nothing) -> 200 ResourceIds
        "Resources that are blocked for all vendors." => vendors::blocked_everywhere;
    PUT "blocked" Operator BlockEverywhere(Client) -> 204 Nothing
        "Blocks a resource (resourceId) for all vendors." => vendors::block_everywhere;
    DELETE "blocked" Operator UnblockEverywhere(Nothing) -> 204 Nothing
        "Lifts that block (resourceId in the query)." => vendors::unblock_everywhere;
    POST "roles" AssignRoles AssignRoleEverywhere(NewRole) -> 201 Role
        "Gives a role in all accounts." => accounts::assign_everywhere;
    GET "roles" Operator ListRolesEverywhere(Nothing) -> 200 Roles
        "Role assignments for all accounts." => accounts::assignments_everywhere;
    DELETE "roles/{}" AssignRoles UnassignRoleEverywhere(Nothing) -> 204 Nothing
        "Takes such a role away." => accounts::unassign_everywhere;
    POST "signingKeys/rotate" Operator RotateSigningKey(Rotation) -> 200 SigningKey
        "Makes a new key that signs tokens from now on; endFormer revokes the former ones, and all tokens they signed, at once." => vendors::rotate;
    GET "encryption" Operator GetEncryptionEverywhere(Nothing) -> 200 Encryptions
        "Who holds the keys of the installation and of all accounts, and the providers there are." => keys::show_everywhere;
    PUT "encryption" Operator SetInstallationEncryption(NewEncryption) -> 200 Encryption
        "Gives the installation's key to another provider." => keys::set_everywhere;
    POST "encryption/rotate" Operator RotateEncryptionKey(EncryptionRotation) -> 200 EncryptionRotated
        "Makes a new version of a provider's key and wraps everything with it; onlyBehind makes none and goes on." => keys::rotate;
    GET "retention" Anybody GetRetention(Nothing) -> 200 RetentionTable
        "The retention table." => accounts::retention;
    GET "recognisers" Operator GetRecognisers(Nothing) -> 200 Recognisers
        "The stored templates by account and recogniser, and which model packs are missing." => records::recognisers;
    GET "audit" Operator GetInstallationAudit(Nothing) -> 200 AuditRows
        "The audit log of the installation." => records::installation_trail;
}
