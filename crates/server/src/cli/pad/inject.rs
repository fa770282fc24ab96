//! `likeness pad inject`: what comes in place of a camera's frames.
//!
//! In the words of CEN/TS 18099 an attack has a *method*, the way in, and an *instrument*, what is sent on it. The method here is a client of
//! one's own, which a token alone makes. The same instruments go by the two methods that need a browser, a virtual camera and a script in the
//! page, in `tests/browser/inject.test.mjs`.

use super::SIMULATED;
use super::matrix::{Outcome, Rendered, of_presentation};
use crate::cli::output;
use crate::config::Config;
use anyhow::Result;
use clap::Args;
use likeness_pad::{Presentation, Tally};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What is sent. The last is what a program can do that draws a face as it is asked to: a puppet, or a face swap.
const INSTRUMENTS: [(Presentation, &str); 3] = [
    (Presentation::StillFile, "a photo"),
    (Presentation::RecordedFile, "a recording"),
    (Presentation::Live, "a puppet that answers"),
];

#[derive(Args)]
pub(in crate::cli) struct Inject {
    #[command(flatten)]
    rendered: Rendered,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Inject {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let wanted = INSTRUMENTS.map(|(presentation, _)| presentation);
        let Outcome { cells, policy, .. } = self.rendered.play(config, &wanted, None)?;
        let came = INSTRUMENTS.map(|(presentation, name)| (name, of_presentation(&cells, presentation)));
        if self.json {
            let instruments: Vec<Value> = came
                .iter()
                .map(|(name, tally)| json!({ "instrument": name, "tally": tally, "accepted": tally.taken_as_real() }))
                .collect();
            output::json(&json!({
                "about": SIMULATED,
                "method": "own client",
                "policyVersion": policy.version,
                "instruments": instruments,
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        output::line(SIMULATED);
        output::line("Injection by a client of one's own, with a token of a session. Accepted: ended realface.");
        output::line("");
        let row = |(name, tally): &(&str, Tally)| {
            let Tally { presentations, spoof, uncertain, no_response, .. } = tally;
            vec![
                (*name).to_owned(),
                presentations.to_string(),
                tally.taken_as_real().to_string(),
                (spoof + uncertain).to_string(),
                no_response.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = came.iter().map(row).collect();
        output::table(&["instrument", "sent", "accepted", "refused", "no decision"], &rows);
        output::line("");
        output::line(
            "Nothing that a browser or an app sends proves a camera. Whoever has to know asks for L2d: a device of your own.",
        );
        Ok(ExitCode::SUCCESS)
    }
}
