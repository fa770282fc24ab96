//! Attested apps: a program of the operator's says whether what an app brought proves that the app is theirs and unchanged.
//!
//! What App Attest and Android's key attestation prove hangs on roots and statements of their vendors, and on which app it should be: whoever
//! ships the app knows both, and we know neither. So the check is a program beside the server. It gets what was to be attested as JSON on its
//! standard input, and its exit code is the answer. It needs no network, and nothing is asked of anybody by us.

use crate::shares::Owner;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use likeness_base::Secret;
use likeness_shares::{Limits, Shares};
use serde::Serialize;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use uuid::Uuid;

/// How long the program may take. A person waits for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// Programs at once; the last one is for an account that runs none.
const AT_ONCE: u64 = 4;

/// The program, and places for it.
pub(super) struct Attestations {
    program: PathBuf,
    places: Arc<Shares<Owner>>,
}

/// What the program is asked: whether `evidence` proves that the app with the key `keyId` made `statement`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppQuestion<'a> {
    pub(super) account: Uuid,
    pub(super) session_id: Uuid,
    pub(super) attempt: u8,
    /// As the app names it.
    pub(super) key_id: &'a str,
    /// What was to be attested, in base64url: bound to this session and to all frames of the attempt.
    #[serde(serialize_with = "base64url")]
    pub(super) statement: &'a [u8],
    /// What the app brought, in base64url.
    #[serde(serialize_with = "base64url")]
    pub(super) evidence: &'a [u8],
}

fn base64url<S: serde::Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

impl Attestations {
    pub(super) fn by(program: PathBuf) -> Self {
        let places = Shares::new(Limits {
            name: "attestations",
            capacity: AT_ONCE,
            most_each: AT_ONCE,
            reserve: 1,
            waiting: 64,
            longest_wait: PATIENCE,
            quantum: 1,
            cost_of_unit: 1,
        });
        Self { program, places }
    }

    /// Whether the program says yes. It says so by ending with 0, in time; whatever else happens is a no, and the log says what.
    pub(super) async fn holds(&self, owner: Owner, question: &AppQuestion<'_>) -> bool {
        let Ok(_place) = self.places.take(owner, 1).await else {
            tracing::warn!("An app was not attested: the program for it is busy");
            return false;
        };
        let asked = Secret::new(serde_json::to_vec(question).expect("texts and numbers are JSON"));
        match tokio::time::timeout(PATIENCE, self.ask(asked.expose())).await {
            Ok(Ok(said)) => said,
            Ok(Err(error)) => {
                tracing::error!(error = %error.kind(), "The program that attests apps could not be run");
                false
            }
            Err(_) => {
                tracing::error!("The program that attests apps did not answer in time");
                false
            }
        }
    }

    async fn ask(&self, question: &[u8]) -> std::io::Result<bool> {
        let mut program = Command::new(&self.program)
            // It has no business with our keys.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = program.stdin.take() {
            // One that has seen enough, and ended, is no failure.
            drop(input.write_all(question).await);
        }
        Ok(program.wait().await?.success())
    }
}
