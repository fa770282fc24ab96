//! Signatures under reports: with the key that signs tokens, and noted in the audit log of the installation, where a report can
//! be found when that key has long been replaced.

use super::audit::AuditFilter;
use super::{AccountError, AccountService, Attribution};
use likeness_base::Timestamp;
use likeness_rules::{ReportClaims, TokenProblem, check_report_signature, write_report_signature};
use likeness_store::{AccountId, AuditEvent, StoreError};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The action under which the audit log of the installation records a report.
pub const REPORTED: &str = "privacy_report";

/// What a signature under a report is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureCheck {
    /// This installation signed this text then, with a key that it publishes.
    Signed(Timestamp),
    /// The key is published no more; the audit log says that this text was signed then.
    Noted(String),
    /// It does not stand for this text here.
    Worthless(TokenProblem),
    /// It is right, and was made for another text.
    OtherText,
}

/// SHA-256 of a text, in hexadecimal.
fn digest_of(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

impl AccountService {
    /// Signs a report, once the audit log tells of it.
    ///
    /// # Errors
    /// [`AccountError::State`] before the first key was made; what the store and whoever holds the key say.
    pub async fn sign_report(&self, attribution: &Attribution, text: &str) -> Result<String, AccountError> {
        let table = self.cache.last_known();
        let key = table
            .signing()
            .next()
            .ok_or(AccountError::State("the installation has no key to sign with yet; start the server once"))?;
        let claims = ReportClaims {
            issuer: table.own.issuer.clone(),
            made_at: self.clock.now().as_seconds(),
            digest: digest_of(text),
        };
        let detail = json!({ "sha256": claims.digest, "key": key.key_id() });
        self.note(AccountId::INSTALLATION, attribution, AuditEvent::done(REPORTED, Some(detail))).await?;
        let signed = self.holders.sign(key, write_report_signature(key, &claims)).await;
        Ok(signed.map_err(StoreError::from)?.expose().to_owned())
    }

    /// Checks the signature under a report.
    ///
    /// # Errors
    /// What the store says.
    pub async fn check_report(&self, text: &str, signature: &str) -> Result<SignatureCheck, AccountError> {
        let digest = digest_of(text);
        match check_report_signature(signature, &self.cache.last_known().own) {
            Ok(claims) if claims.digest == digest => {
                Ok(SignatureCheck::Signed(Timestamp::from_millis(claims.made_at.saturating_mul(1_000))))
            }
            Ok(_) => Ok(SignatureCheck::OtherText),
            // Keys are replaced every three months, and reports are kept for years.
            Err(TokenProblem::UnknownKey) => {
                let filter =
                    AuditFilter { action: Some(REPORTED.to_owned()), top: usize::MAX, ..AuditFilter::default() };
                let rows = self.audit_rows(AccountId::INSTALLATION, &filter).await?;
                let is_it = |detail: &serde_json::Value| detail["sha256"] == digest.as_str();
                let row = rows.into_iter().find(|row| row.detail.as_ref().is_some_and(is_it));
                Ok(row.map_or(SignatureCheck::Worthless(TokenProblem::UnknownKey), |row| SignatureCheck::Noted(row.at)))
            }
            Err(problem) => Ok(SignatureCheck::Worthless(problem)),
        }
    }
}
