//! The error table of the Face API, its token service and the notices: every refusal there is, with its status, its code and its message.
//!
//! Two readers, two texts. The client gets `code` and `message`, which are part of the contract
//! (`face-api.md` section 7) and say what to do. The log gets the request id and, for faults that are ours,
//! the cause. A client never sees a cause, because causes name paths, keys and other people's records.

use super::liveness_error::LivenessRefusal;
use axum::http::StatusCode;
use likeness_http::{BadValue, BodyKind, Misrouted, Refuse, TooOften, Unread};
use likeness_service::access::AccessError;
use likeness_service::accounts::vendors::NotIssued;
use likeness_service::galleries::SearchError;
use likeness_service::kinds::kind_code;
use likeness_service::limited_access::NotApproved;
use likeness_store::keys::KeyProblem;
use likeness_store::{ContainerKind, StoreError};

/// A refusal. Constructed by name, turned into bytes in one place ([`Refusal::wire`]).
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A value in the body, the query or a header is not acceptable; the text says which and why.
    BadArgument(String),
    /// The address of a picture cannot be used or its download failed.
    InvalidUrl(String),
    /// The bytes are no picture we read, or do not contain exactly the face that was requested.
    InvalidImage(String),
    /// The picture is smaller than 1 KB or larger than 6 MB.
    InvalidImageSize(String),
    /// The body was refused unread because it exceeds the hard cap.
    BodyTooLarge,
    /// No key, or a wrong one.
    Unauthorized,
    /// A bearer token that does not count here; why is for the log only.
    BearerRefused(String),
    /// A person or service lacks the data action, which is named.
    PermissionDenied(String),
    /// The account takes no keys.
    KeysDisabled,
    /// The account is not open to the caller's address.
    NetworkDenied,
    /// Too many wrong keys; come back after so many seconds.
    TooManyWrongKeys(u32),
    /// A limited access token that does not count; why is for the log only.
    InvalidLimitedAccessToken(String),
    /// A limited access token for another resource.
    LimitedAccessTokenResourceMismatch,
    /// The right to issue limited access tokens was withdrawn, or the client is blocked.
    LimitedAccessRevoked(&'static str),
    /// The feature is retired, or needs an approval that this account lacks.
    UnsupportedFeature(String),
    /// A stored-object quota is reached.
    QuotaExceeded(String),
    /// No such route or version.
    NoRoute,
    /// The route exists, the method does not.
    MethodNotAllowed(String),
    /// The container is not there; reported as 404 by management, as 400 by identify and find similar.
    ContainerNotFound(ContainerKind, MissingAs),
    /// A container of that name is there already.
    ContainerExists(ContainerKind),
    /// The person is not there.
    PersonNotFound(MissingAs),
    /// The stored face is not there.
    PersistedFaceNotFound,
    /// The detected face is not there, or has expired; the two look the same on purpose.
    FaceNotFound(MissingAs),
    /// Never trained.
    NotTrained(ContainerKind, MissingAs),
    /// A face list without faces was searched.
    FaceListNotReady,
    /// A training is under way and none has ever succeeded, or a second one was requested.
    TrainingNotFinished(ContainerKind),
    /// `personGroupId` and `largePersonGroupId` were both given.
    BothGroups,
    /// Neither `personGroupId` nor another scope was given.
    NoScope,
    /// Scopes that exclude each other were given.
    ConflictingScopes(String),
    /// The operation is not there, or has expired.
    OperationNotFound,
    /// The snapshot is not there, has expired, or is not for this account.
    SnapshotNotFound,
    /// The stored picture of a session is not there.
    SessionImageNotFound,
    /// Of a liveness session.
    Liveness(LivenessRefusal),
    /// Neither JSON nor a picture.
    UnsupportedMediaType(&'static str),
    /// Another write to the same resource is in progress.
    Conflict,
    /// The account has called too often; come back after so many seconds.
    TooManyCalls(u32),
    /// Every worker is busy; come back.
    Busy,
    /// The picture, or its download, did not arrive in time.
    TimedOut,
    /// The service cannot answer now; come back.
    Unavailable,
    /// Whoever holds the account's key does not give it.
    KeyUnavailable(KeyProblem),
    /// The keys of this identity provider could never be fetched.
    IssuerUnreachable(String),
    /// Our fault. The text is for the log only.
    Internal(String),
}

/// Whether a missing thing is the resource named by the path (404) or an argument of a comparison (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingAs {
    /// Named by the path, or by the body of verify: 404.
    Resource,
    /// Named by the body of identify, find similar or group: 400.
    Argument,
}

impl MissingAs {
    const fn status(self) -> StatusCode {
        match self {
            Self::Resource => StatusCode::NOT_FOUND,
            Self::Argument => StatusCode::BAD_REQUEST,
        }
    }
}

/// What goes over the wire.
#[derive(Debug)]
pub(crate) struct Wire {
    /// 4xx or 5xx.
    pub status: StatusCode,
    /// Stable code, part of the contract.
    pub code: String,
    /// For the person who reads it.
    pub message: String,
    /// Seconds to wait before trying again, where that helps.
    pub retry_after: Option<u32>,
}

impl Wire {
    /// An answer without a time to come back.
    pub(crate) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), retry_after: None }
    }
}

/// The name of a container kind in words, for messages.
const fn kind_words(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::FaceList => "face list",
        ContainerKind::LargeFaceList => "large face list",
        ContainerKind::PersonGroup => "person group",
        ContainerKind::LargePersonGroup => "large person group",
        ContainerKind::PersonDirectory => "person directory",
        ContainerKind::DynamicPersonGroup => "dynamic person group",
        ContainerKind::Snapshot => "snapshot",
    }
}

impl Refusal {
    /// A bad argument with a plain sentence.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::BadArgument(message.into())
    }

    /// Templates were made with a recogniser that is not installed; the operator can mend it, and the caller learns what
    /// to tell them.
    pub(crate) fn missing_pack(pack: &str) -> Self {
        Self::bad(format!(
            "'recognitionModel' is incompatible: the faces were enrolled with the model pack {pack}, which this server does \
             not have. Its operator can install it with `likeness models install {pack}`; else enroll the faces again."
        ))
    }

    /// A stored-object quota that is reached.
    pub(crate) fn quota(limit: u64) -> Self {
        Self::QuotaExceeded(format!("The limit of {limit} is reached. Delete something first."))
    }

    /// The table.
    pub(crate) fn wire(&self) -> Wire {
        use StatusCode as S;
        let wire = Wire::new;
        match self {
            Self::BadArgument(text) => wire(S::BAD_REQUEST, "BadArgument", text),
            Self::InvalidUrl(text) => wire(S::BAD_REQUEST, "InvalidURL", text),
            Self::InvalidImage(text) => wire(S::BAD_REQUEST, "InvalidImage", text),
            Self::InvalidImageSize(text) => wire(S::BAD_REQUEST, "InvalidImageSize", text),
            Self::BodyTooLarge => wire(
                S::PAYLOAD_TOO_LARGE,
                "InvalidImageSize",
                "The request body is larger than this service reads. Pictures may have at most 6 MB.",
            ),
            Self::Unauthorized => wire(
                S::UNAUTHORIZED,
                "401",
                "Access denied due to missing or invalid subscription key. Send one of the account's keys in the header Ocp-Apim-Subscription-Key.",
            ),
            Self::BearerRefused(_) => wire(
                S::UNAUTHORIZED,
                "Unauthorized",
                "Access denied due to a missing, invalid or expired access token, a wrong audience or issuer, or a wrong API endpoint. Use the account's own endpoint with its subdomain.",
            ),
            Self::PermissionDenied(action) => wire(
                S::UNAUTHORIZED,
                "PermissionDenied",
                &format!(
                    "The principal lacks the required data action Microsoft.CognitiveServices/accounts/Face/{action} to perform this operation."
                ),
            ),
            Self::KeysDisabled => wire(
                S::FORBIDDEN,
                "AuthenticationTypeDisabled",
                "Key based authentication is disabled for this resource. Use a bearer token.",
            ),
            Self::NetworkDenied => wire(S::FORBIDDEN, "403", "Access denied due to Virtual Network/Firewall rules."),
            Self::TooManyWrongKeys(seconds) => Wire {
                retry_after: Some(*seconds),
                ..wire(
                    S::TOO_MANY_REQUESTS,
                    "429",
                    &format!(
                        "Too many wrong keys or tokens came from this address. Try again after {seconds} seconds."
                    ),
                )
            },
            Self::InvalidLimitedAccessToken(_) => wire(
                S::UNAUTHORIZED,
                "InvalidLimitedAccessToken",
                "The LimitedAccessToken is malformed, expired, revoked or not signed by a trusted issuer. Send it as LimitedAccessToken: Bearer <token>, and request a new one.",
            ),
            Self::LimitedAccessTokenResourceMismatch => wire(
                S::FORBIDDEN,
                "LimitedAccessTokenResourceMismatch",
                "The LimitedAccessToken was issued for another resource. Ask its issuer for one with this account's resource id.",
            ),
            Self::LimitedAccessRevoked(text) => wire(S::FORBIDDEN, "LimitedAccessRevoked", text),
            Self::UnsupportedFeature(text) => wire(S::FORBIDDEN, "UnsupportedFeature", text),
            Self::QuotaExceeded(text) => wire(S::FORBIDDEN, "QuotaExceeded", text),
            Self::NoRoute => {
                wire(S::NOT_FOUND, "404", "Resource not found. Check the version and the route in the address.")
            }
            Self::MethodNotAllowed(allowed) => {
                wire(S::NOT_FOUND, "404", &format!("Resource not found. This address answers to {allowed} only."))
            }
            Self::ContainerNotFound(kind, role) => wire(
                role.status(),
                &format!("{}NotFound", kind_code(*kind)),
                &format!("The {} is not found.", kind_words(*kind)),
            ),
            Self::ContainerExists(kind) => wire(
                S::CONFLICT,
                &format!("{}Exists", kind_code(*kind)),
                &format!("A {} with this id exists already. Use PATCH to change it.", kind_words(*kind)),
            ),
            Self::PersonNotFound(role) => wire(role.status(), "PersonNotFound", "The person is not found."),
            Self::PersistedFaceNotFound => {
                wire(S::NOT_FOUND, "PersistedFaceNotFound", "The persisted face is not found.")
            }
            Self::FaceNotFound(role) => wire(
                role.status(),
                "FaceNotFound",
                "The face is not found. A faceId expires faceIdTimeToLive seconds after detection, after 24 hours at most.",
            ),
            Self::NotTrained(kind, role) => wire(
                role.status(),
                &format!("{}NotTrained", kind_code(*kind)),
                &format!(
                    "The {} is not trained. Call train on it and wait until the training has succeeded.",
                    kind_words(*kind)
                ),
            ),
            Self::FaceListNotReady => {
                wire(S::BAD_REQUEST, "FaceListNotReady", "The face list is empty. Add a face first.")
            }
            Self::TrainingNotFinished(kind) => wire(
                S::CONFLICT,
                &format!("{}TrainingNotFinished", kind_code(*kind)),
                &format!(
                    "The {} is being trained. Get its training status and try again when it has finished.",
                    kind_words(*kind)
                ),
            ),
            Self::BothGroups => wire(
                S::BAD_REQUEST,
                "PersonGroupIdAndLargePersonGroupIdBothNotNull",
                "Give either personGroupId or largePersonGroupId, not both.",
            ),
            Self::NoScope => wire(
                S::BAD_REQUEST,
                "MissingIdentificationScopeParameters",
                "Say where to look: personGroupId, largePersonGroupId, dynamicPersonGroupId or personIds.",
            ),
            Self::ConflictingScopes(text) => {
                wire(S::BAD_REQUEST, "IncompatibleIdentificationScopeParametersCombination", text)
            }
            Self::OperationNotFound => wire(
                S::NOT_FOUND,
                "OperationNotFound",
                "The operation is not found. The status of an operation is kept for 48 hours.",
            ),
            Self::SnapshotNotFound => {
                wire(S::NOT_FOUND, "SnapshotNotFound", "The snapshot is not found. Snapshots are kept for 48 hours.")
            }
            Self::SessionImageNotFound => wire(S::NOT_FOUND, "SessionImageNotFound", "The session image is not found."),
            Self::Liveness(problem) => problem.wire(),
            Self::UnsupportedMediaType(accepted) => wire(
                S::UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaType",
                &format!("The content type is not supported here. Send {accepted}."),
            ),
            Self::Conflict => wire(
                S::CONFLICT,
                "ConcurrentOperationConflict",
                "Another operation on the same resource is in progress. Try again.",
            ),
            Self::TooManyCalls(seconds) => Wire {
                retry_after: Some(*seconds),
                ..wire(
                    S::TOO_MANY_REQUESTS,
                    "429",
                    &format!(
                        "Requests have exceeded the call rate limit of the account's tier. Try again after {seconds} seconds."
                    ),
                )
            },
            Self::Busy => Wire {
                retry_after: Some(1),
                ..wire(S::TOO_MANY_REQUESTS, "429", "Every worker is busy. Try again after the time in Retry-After.")
            },
            Self::TimedOut => wire(
                S::REQUEST_TIMEOUT,
                "OperationTimeOut",
                "The picture or request did not arrive in time. Try again.",
            ),
            Self::IssuerUnreachable(issuer) => wire(
                S::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                &format!(
                    "The keys of the identity provider {issuer} cannot be fetched at the moment. Try again later."
                ),
            ),
            Self::KeyUnavailable(problem) if problem.may_pass() => Wire {
                retry_after: Some(5),
                ..wire(
                    S::SERVICE_UNAVAILABLE,
                    "ServiceUnavailable",
                    "The provider of this resource's encryption key does not answer, and without the key its data cannot be used. Try again later.",
                )
            },
            Self::KeyUnavailable(_) => wire(
                S::FORBIDDEN,
                "EncryptionKeyUnavailable",
                "The encryption key of this resource is disabled or not there, so its data cannot be used. Enable the key, or ask the operator who holds it.",
            ),
            Self::Unavailable => Wire {
                retry_after: Some(5),
                ..wire(
                    S::SERVICE_UNAVAILABLE,
                    "ServiceUnavailable",
                    "The service cannot answer at the moment. Try again later.",
                )
            },
            Self::Internal(_) => wire(
                S::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                "The server failed. Its log has the cause under this answer's apim-request-id.",
            ),
        }
    }

    /// The refusal of a body; `too_large`: of one that is larger than a route of this kind reads.
    pub(crate) fn unread(problem: Unread, too_large: impl FnOnce(BodyKind) -> Self) -> Self {
        match problem {
            Unread::TooLarge(reads) => too_large(reads),
            Unread::FarTooLarge => Self::BodyTooLarge,
            Unread::Slow => Self::TimedOut,
            Unread::BrokeOff => Self::bad("Request body is invalid. It broke off."),
            Unread::MediaType(accepted) => Self::UnsupportedMediaType(accepted),
            Unread::Malformed(problem) => problem.into(),
            Unread::Busy => Self::Busy,
        }
    }
}

impl Refuse for Refusal {
    fn reason(&self) -> Option<&str> {
        match self {
            Self::BearerRefused(reason) | Self::InvalidLimitedAccessToken(reason) => Some(reason),
            _ => None,
        }
    }

    fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    fn audit_code(&self) -> Option<String> {
        let wire = self.wire();
        matches!(wire.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN).then_some(wire.code)
    }
}

impl From<LivenessRefusal> for Refusal {
    fn from(problem: LivenessRefusal) -> Self {
        Self::Liveness(problem)
    }
}

impl From<Misrouted> for Refusal {
    fn from(problem: Misrouted) -> Self {
        match problem {
            Misrouted::Nowhere => Self::NoRoute,
            Misrouted::OtherMethods(methods) => Self::MethodNotAllowed(methods),
        }
    }
}

impl From<TooOften> for Refusal {
    fn from(TooOften(seconds): TooOften) -> Self {
        Self::TooManyCalls(seconds)
    }
}

impl From<BadValue> for Refusal {
    fn from(problem: BadValue) -> Self {
        Self::BadArgument(problem.0)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<NotApproved> for Refusal {
    fn from(problem: NotApproved) -> Self {
        match problem {
            NotApproved::Missing(gate) => Self::UnsupportedFeature(format!(
                "Feature is not supported, missing approval for one or more of the following features: {}. Ask the operator for it, or send a LimitedAccessToken that lends it.",
                gate.words()
            )),
            NotApproved::NotLent(gate) => Self::UnsupportedFeature(format!(
                "Feature is not supported: the LimitedAccessToken does not lend {}. Ask its issuer for one that does.",
                gate.words()
            )),
            NotApproved::Withdrawn => Self::UnsupportedFeature(
                "Feature is not supported: an approval for a limited attribute was withdrawn meanwhile.".to_owned(),
            ),
            NotApproved::InvalidToken(reason) => Self::InvalidLimitedAccessToken(reason),
            NotApproved::OtherResource => Self::LimitedAccessTokenResourceMismatch,
            NotApproved::Access(denied) => denied.into(),
            NotApproved::Store(error) => error.into(),
        }
    }
}

impl From<AccessError> for Refusal {
    fn from(denied: AccessError) -> Self {
        match denied {
            AccessError::WrongKey => Self::Unauthorized,
            AccessError::InvalidBearer(reason) => Self::BearerRefused(reason),
            AccessError::KeysDisabled => Self::KeysDisabled,
            AccessError::Network => Self::NetworkDenied,
            AccessError::KeyUnavailable(problem) => Self::KeyUnavailable(problem),
            AccessError::Throttled(seconds) => Self::TooManyWrongKeys(seconds),
            AccessError::Unavailable => Self::Unavailable,
            AccessError::IssuerUnreachable(issuer) => Self::IssuerUnreachable(issuer),
            AccessError::Internal(cause) => Self::Internal(cause),
        }
    }
}

impl From<NotIssued> for Refusal {
    fn from(problem: NotIssued) -> Self {
        match problem {
            NotIssued::Gone => Self::Unauthorized,
            NotIssued::VendorBlocked => Self::LimitedAccessRevoked(
                "The right of this resource to issue limited access tokens was withdrawn by the operator.",
            ),
            NotIssued::TargetBlocked => {
                Self::LimitedAccessRevoked("The target resource is blocked: no tokens are issued for it.")
            }
            NotIssued::Withdrawn => {
                Self::LimitedAccessRevoked("The right of this resource to issue limited access tokens was withdrawn.")
            }
            NotIssued::NoVendor => Self::UnsupportedFeature(
                "This resource may not issue limited access tokens. Ask the operator to make it a vendor.".to_owned(),
            ),
            NotIssued::NotHeld(flag) => Self::UnsupportedFeature(format!(
                "This resource cannot lend {} because it was not granted to itself.",
                flag.as_text()
            )),
            NotIssued::Later => Self::Unavailable,
            NotIssued::Access(denied) => denied.into(),
            NotIssued::Store(error) => error.into(),
            NotIssued::Internal(cause) => Self::Internal(cause.to_owned()),
        }
    }
}

/// For calls about no container of their own.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        from_store(error, ContainerKind::PersonDirectory)
    }
}

/// The same of a search.
pub(crate) fn from_search(error: SearchError, kind: ContainerKind) -> Refusal {
    match error {
        SearchError::Store(error) => from_store(error, kind),
        SearchError::MissingPack { pack } => Refusal::missing_pack(&pack),
    }
}

/// A store error as the refusal for the kind of container that the call is about.
pub(crate) fn from_store(error: StoreError, kind: ContainerKind) -> Refusal {
    match error {
        // An account in whose directory nobody ever was has none.
        StoreError::ContainerNotFound if kind == ContainerKind::PersonDirectory => {
            Refusal::PersonNotFound(MissingAs::Resource)
        }
        StoreError::ContainerNotFound => Refusal::ContainerNotFound(kind, MissingAs::Resource),
        StoreError::ContainerExists => Refusal::ContainerExists(kind),
        StoreError::PersonNotFound => Refusal::PersonNotFound(MissingAs::Resource),
        StoreError::FaceNotFound => Refusal::PersistedFaceNotFound,
        StoreError::SnapshotNotFound => Refusal::SnapshotNotFound,
        StoreError::RecipientNotFound => {
            Refusal::bad("'applyScope' is invalid. It names an account that this installation does not have.")
        }
        StoreError::TrainingRunning => Refusal::TrainingNotFinished(kind),
        StoreError::LimitReached { limit, .. } => Refusal::quota(limit),
        StoreError::Busy => Refusal::Conflict,
        StoreError::DiskFull | StoreError::Unreachable => Refusal::Unavailable,
        StoreError::KeyUnavailable(problem) => Refusal::KeyUnavailable(problem),
        other => Refusal::Internal(other.to_string()),
    }
}
