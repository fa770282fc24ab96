//! Settings of liveness sessions.

use anyhow::{Context, Result, ensure};
use likeness_liveness::Policy;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Captures at once for each processor, where the settings do not say: of a capture's 40 seconds a processor works 6, and
/// frames have half of the processors, so that three or four of them keep that half busy. Who comes later waits, and does
/// not spoil the others' captures.
const CAPTURES_EACH: u64 = 4;

/// Liveness sessions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LivenessConfig {
    /// Captures at once on this node; 0 means four for each processor. `LIKENESS_CAPTURES`.
    pub captures: u64,
    /// Address at which devices reach this node and no other, where several share a database: a capture that reached another
    /// node is told to come here. `LIKENESS_NODE_URL`.
    pub node_url: String,
    /// Folder for recordings of captures, to measure how often the checks err. Empty: none are kept. With one, an app server may ask for a
    /// recording, and the person is asked before it. `LIKENESS_PAD_RECORDINGS`.
    pub recordings: PathBuf,
    /// Program that says whether an app is the one it should be, for the level L2a. Empty: no app is attested. `LIKENESS_ATTESTATION_PROGRAM`.
    pub attestation_program: PathBuf,
    /// The thresholds of captures and verdicts, and the name of this set of them.
    pub policy: Policy,
}

impl LivenessConfig {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a value is not what it should be.
    pub fn apply(&mut self, text: &dyn Fn(&str) -> Option<String>) -> Result<()> {
        if let Some(value) = text("LIKENESS_CAPTURES") {
            self.captures = value.parse().context("LIKENESS_CAPTURES must be a whole number")?;
        }
        if let Some(value) = text("LIKENESS_NODE_URL") {
            self.node_url = value;
        }
        if let Some(value) = text("LIKENESS_PAD_RECORDINGS") {
            self.recordings = value.into();
        }
        if let Some(value) = text("LIKENESS_ATTESTATION_PROGRAM") {
            self.attestation_program = value.into();
        }
        Ok(())
    }

    /// Where recordings are kept, if any are.
    pub fn recordings(&self) -> Option<PathBuf> {
        (!self.recordings.as_os_str().is_empty()).then(|| self.recordings.clone())
    }

    /// What attests apps, if anything does.
    pub fn attestation_program(&self) -> Option<PathBuf> {
        (!self.attestation_program.as_os_str().is_empty()).then(|| self.attestation_program.clone())
    }

    /// Whether all fields make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<()> {
        self.policy.check().map_err(|problem| anyhow::anyhow!("liveness.policy: {problem}"))?;
        ensure!(
            self.attestation_program().is_none_or(|program| program.is_file()),
            "liveness.attestation_program (LIKENESS_ATTESTATION_PROGRAM) is no file"
        );
        let is_address = |text: &str| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        ensure!(
            self.node_url.is_empty() || is_address(&self.node_url),
            "liveness.node_url (LIKENESS_NODE_URL) must be an address that begins with https:// or http://"
        );
        Ok(())
    }

    /// Captures at once.
    pub fn places(&self) -> u64 {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        if self.captures == 0 { processors * CAPTURES_EACH } else { self.captures }
    }

    /// The address of this node alone.
    pub fn address(&self) -> Option<String> {
        (!self.node_url.is_empty()).then(|| self.node_url.clone())
    }
}
