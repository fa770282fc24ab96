//! The error table of the management API: status, code and a message that says what to do.

use axum::http::StatusCode;
use likeness_http::{Misrouted, Refuse, TooOften};
use likeness_service::access::AccessError;
use likeness_service::accounts::AccountError;
use likeness_store::StoreError;
use likeness_store::keys::KeyProblem;

/// A refusal.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not admitted.
    Access(AccessError),
    /// Let in, but not for this.
    Forbidden(&'static str),
    /// No such route.
    NoRoute,
    /// The route takes these methods, as the header `Allow` names them.
    Method(String),
    /// What is named is not there.
    NotFound(String),
    /// The body or a parameter cannot be used.
    Invalid(String),
    /// It is there already, or in the way.
    Conflict(String),
    /// Called too often; come back after so many seconds.
    TooManyCalls(u32),
    /// Too large.
    TooLarge,
    /// It did not arrive in time.
    Slow,
    /// Come back later.
    Unavailable,
    /// Not for this account; the text says why.
    Refused(String),
    /// Whoever holds a key does not give it.
    KeyUnavailable(KeyProblem),
    /// Our fault; the text is for the log.
    Internal(String),
}

impl From<AccessError> for Refusal {
    fn from(denied: AccessError) -> Self {
        Self::Access(denied)
    }
}

impl From<AccountError> for Refusal {
    fn from(problem: AccountError) -> Self {
        match problem {
            AccountError::NoAccount(_)
            | AccountError::NoProvider(_)
            | AccountError::Store(StoreError::AccountNotFound) => Self::NotFound(problem.to_string()),
            AccountError::NameInUse
            | AccountError::SeveralAccounts(_)
            | AccountError::State(_)
            | AccountError::Conflict => Self::Conflict(problem.to_string()),
            AccountError::Invalid(text) => Self::Invalid(text),
            AccountError::Refused(text) => Self::Refused(text),
            AccountError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Unreachable | StoreError::DiskFull => Self::Unavailable,
            StoreError::AccountNotFound
            | StoreError::ContainerNotFound
            | StoreError::PersonNotFound
            | StoreError::FaceNotFound => Self::NotFound(error.to_string()),
            StoreError::KeyUnavailable(problem) => Self::KeyUnavailable(problem),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl Refusal {
    /// The table.
    pub(crate) fn wire(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        let say = |status, code, text: &str| (status, code, text.to_owned());
        match self {
            Self::Access(AccessError::WrongKey) => say(
                S::UNAUTHORIZED,
                "Unauthorized",
                "Send the operator's key in the header Ocp-Apim-Subscription-Key, or a bearer token of an identity with a role. `likeness keys show` prints the key.",
            ),
            Self::Access(AccessError::InvalidBearer(_)) => {
                say(S::UNAUTHORIZED, "Unauthorized", "The bearer token is invalid, expired or of an unknown issuer.")
            }
            Self::Access(AccessError::KeysDisabled) => {
                say(S::FORBIDDEN, "KeysDisabled", "The account takes no keys. Use a bearer token.")
            }
            Self::Access(AccessError::Network) => {
                say(S::FORBIDDEN, "NetworkDenied", "The account's network rules do not admit this address.")
            }
            Self::Access(AccessError::Throttled(seconds)) => (
                S::TOO_MANY_REQUESTS,
                "TooManyWrongKeys",
                format!("Too many wrong keys came from this address. Try again after {seconds} seconds."),
            ),
            Self::Access(AccessError::IssuerUnreachable(issuer)) => (
                S::SERVICE_UNAVAILABLE,
                "Unavailable",
                format!("The keys of the identity provider {issuer} cannot be fetched at the moment. Try again later."),
            ),
            Self::Access(AccessError::Unavailable) | Self::Unavailable => {
                say(S::SERVICE_UNAVAILABLE, "Unavailable", "The store does not answer at the moment. Try again later.")
            }
            Self::Forbidden(needed) => (S::FORBIDDEN, "Forbidden", format!("This needs {needed}.")),
            Self::Refused(text) => say(S::FORBIDDEN, "Refused", text),
            Self::Access(AccessError::KeyUnavailable(problem)) | Self::KeyUnavailable(problem) => {
                let status = if problem.may_pass() { S::SERVICE_UNAVAILABLE } else { S::FORBIDDEN };
                (status, "EncryptionKeyUnavailable", format!("The data cannot be used without its key: {problem}."))
            }
            Self::NoRoute => {
                say(S::NOT_FOUND, "NoRoute", "There is no such call. GET /admin/v1/ lists those there are.")
            }
            Self::Method(allowed) => (S::METHOD_NOT_ALLOWED, "MethodNotAllowed", format!("This call takes {allowed}.")),
            Self::NotFound(text) => say(S::NOT_FOUND, "NotFound", text),
            Self::Invalid(text) => say(S::BAD_REQUEST, "Invalid", text),
            Self::Conflict(text) => say(S::CONFLICT, "Conflict", text),
            Self::TooManyCalls(seconds) => (
                S::TOO_MANY_REQUESTS,
                "TooManyCalls",
                format!("The account calls more often than its tier allows. Try again after {seconds} seconds."),
            ),
            Self::TooLarge => say(S::PAYLOAD_TOO_LARGE, "TooLarge", "The body may have at most 1 MB."),
            Self::Slow => say(S::REQUEST_TIMEOUT, "Slow", "The request did not arrive in time. Try again."),
            Self::Access(AccessError::Internal(_)) | Self::Internal(_) => say(
                S::INTERNAL_SERVER_ERROR,
                "Internal",
                "The server failed. Its log has the cause under this answer's apim-request-id.",
            ),
        }
    }
}

impl Refuse for Refusal {
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Access(AccessError::InvalidBearer(words)) => Some(words),
            _ => None,
        }
    }

    fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) | Self::Access(AccessError::Internal(cause)) => Some(cause),
            _ => None,
        }
    }

    fn audit_code(&self) -> Option<String> {
        matches!(self, Self::Forbidden(_) | Self::Refused(_)).then(|| "Forbidden".to_owned())
    }
}

impl From<Misrouted> for Refusal {
    fn from(problem: Misrouted) -> Self {
        match problem {
            Misrouted::Nowhere => Self::NoRoute,
            Misrouted::OtherMethods(methods) => Self::Method(methods),
        }
    }
}

impl From<TooOften> for Refusal {
    fn from(TooOften(seconds): TooOften) -> Self {
        Self::TooManyCalls(seconds)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}
