//! Who makes verdicts of captures. A development build lets tests say what comes of them, as it lets them set the clock.

use likeness_liveness::{Judge, Rules};
use std::sync::Arc;

/// The judge of a build for use.
#[cfg(not(debug_assertions))]
pub(crate) fn judge() -> Arc<dyn Judge> {
    Arc::new(Rules)
}

/// The same where tests may name a file with a decision: what follows from it is tried without a person. A build for use
/// has no such thing.
#[cfg(debug_assertions)]
pub(crate) fn judge() -> Arc<dyn Judge> {
    match std::env::var_os("LIKENESS_TEST_JUDGE") {
        Some(file) => Arc::new(told::Told(file.into(), Rules)),
        None => Arc::new(Rules),
    }
}

#[cfg(debug_assertions)]
mod told {
    use likeness_liveness::{Assurance, Decision, Evidence, Judge, Judged, Policy, Verdict};
    use std::path::PathBuf;

    /// Decides what a file says of frames that are in a chain, and leaves everything else to another judge.
    pub(super) struct Told<J>(pub(super) PathBuf, pub(super) J);

    impl<J: Judge> Judge for Told<J> {
        fn judge(&self, evidence: &Evidence, policy: &Policy) -> Judged {
            let Judged { verdict, checks } = self.1.judge(evidence, policy);
            let told = std::fs::read_to_string(&self.0).unwrap_or_default();
            let decisions = [Decision::Realface, Decision::Spoofface, Decision::Uncertain];
            let verdict = match decisions.into_iter().find(|decision| decision.as_text() == told.trim()) {
                Some(decision) if evidence.is_chained => {
                    let is_real = decision == Decision::Realface;
                    let assurance = if is_real { Assurance::L0 } else { Assurance::None };
                    Verdict { decision, assurance, reason: None, ..verdict }
                }
                _ => verdict,
            };
            Judged { verdict, checks }
        }
    }
}
