//! The page to file.

use super::{CheckOutcome, Finding, Report};
use crate::cli::html::{card, escaped, page as frame, table};
use likeness_rules::rows;

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let count = |is: fn(&CheckOutcome) -> bool| report.findings.iter().filter(|finding| is(&finding.verdict)).count();
    let kept = count(|verdict| matches!(verdict, CheckOutcome::Kept(_)));
    let broken = count(|verdict| matches!(verdict, CheckOutcome::Broken(_)));
    let untried = count(|verdict| matches!(verdict, CheckOutcome::NotTried(_)));
    let of = format!("of {} promises", report.findings.len());
    let mut body = format!(
        "<h1>Privacy report</h1>\n<p class=\"meta\">{} \u{b7} Likeness {} \u{b7} {}</p>\n\
         <div class=\"opening\"><h2>What this is</h2>\n<p>Each promise of the installation was tried on the spot, on \
         accounts made for that and destroyed afterwards: over HTTP as a client would, and in the files as a thief \
         would. What could not be tried from outside says so, and names the test of the program that holds it.</p></div>\n\
         <div class=\"cards\">\n{}{}{}</div>\n",
        escaped(&report.made),
        report.likeness,
        escaped(&report.store),
        card("Kept", &kept.to_string(), &of),
        card("Broken", &broken.to_string(), if broken == 0 { "nothing to do" } else { "see below; do not sign" }),
        card("Not tried here", &untried.to_string(), "checked by tests of the program"),
    );
    body.push_str("<h2>Promises</h2>\n");
    let head = ["", "promise", "verdict", "what was seen", "checked by the test"];
    body.push_str(&table(
        "Promises and what came of trying them",
        &head,
        &report.findings.iter().map(row).collect::<Vec<_>>(),
    ));
    body.push_str("<h2>What is kept, and for how long</h2>\n");
    let kept: Vec<Vec<String>> =
        rows().iter().map(|row| [row.data, row.stored, row.life, row.ended_by].map(str::to_owned).to_vec()).collect();
    body.push_str(&table(
        "Retention at most; an account may have shorter lives",
        &["data", "stored", "life", "ended earlier by"],
        &kept,
    ));
    body.push_str(
        "<h2>What this does not show</h2>\n<p>The memory of a running server holds templates in the clear while it \
         compares them; backups of the database hold sealed records until they are overwritten; who has both the \
         database and the installation key can open all of it. <code>docs/threat-model.md</code> says what follows from \
         that. Signed: ______________________ Date: ____________</p>\n",
    );
    frame("Privacy report", &body)
}

fn row(finding: &Finding) -> Vec<String> {
    let (verdict, evidence) = match &finding.verdict {
        CheckOutcome::Kept(evidence) => ("kept", evidence),
        CheckOutcome::Broken(evidence) => ("BROKEN", evidence),
        CheckOutcome::NotTried(why) => ("not tried", why),
    };
    [finding.id, finding.promise, verdict, evidence, finding.test].map(str::to_owned).to_vec()
}
