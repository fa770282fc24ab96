//! The report on the terminal.

use super::{Evaluation, rows, thousands};
use crate::cli::output;
use likeness_gallery::evaluate::{Conclusion, percent};

pub(super) fn print(evaluation: &Evaluation) {
    opening(evaluation);
    verification(evaluation);
    searches(evaluation);
    groups(evaluation);
    output::line(
        "\nIntervals are 95 %, from drawing whole people anew. Pairs that share a person are not independent, so that",
    );
    output::line(
        "a bound by the rule of three is too small by an unknown amount. docs/accuracy.md says how to read this.",
    );
}

fn opening(evaluation: &Evaluation) {
    let report = &evaluation.report;
    let counts = &report.counts;
    output::line(&format!(
        "{} photos of {} people; {} were compared: {} pairs of one person, {} of different people",
        thousands(counts.photos),
        counts.people,
        thousands(counts.templates as u64),
        thousands(counts.genuine_pairs as u64),
        thousands(counts.impostor_pairs),
    ));
    output::line(&format!("No face found:  {}", report.detection_miss));
    output::line(&format!(
        "Left out:       {} with several faces, {} unreadable",
        counts.several_faces, counts.unreadable
    ));
    for warning in rows::warnings(evaluation) {
        output::line(&format!("Beware:         {warning}"));
    }
}

fn verification(evaluation: &Evaluation) {
    output::line("\nVerification: false matches (FMR) of different people, false non-matches (FNMR) of one person");
    output::table(&rows::THRESHOLDS, &rows::thresholds(evaluation));

    output::line("\nWhat a false match rate costs: true matches (TAR) by pair and with each person counted once");
    output::table(&rows::TARGETS, &rows::targets(evaluation));
}

fn searches(evaluation: &Evaluation) {
    let report = &evaluation.report;
    output::line(&format!(
        "\nIdentification: strangers who get a candidate (FPIR), people who are not found (FNIR); the rule by \
         false-positive rate aims at {}",
        percent(report.false_positive_rate)
    ));
    output::table(&rows::SEARCHES, &rows::searches(evaluation));
}

fn groups(evaluation: &Evaluation) {
    let fairness = &evaluation.report.fairness;
    for grouping in &fairness.groupings {
        output::line(&format!("\nGroups by {}, at the threshold of verify", grouping.name));
        output::table(&rows::GROUPS, &rows::groups(grouping));
        let (stated, silent): (Vec<_>, Vec<_>) =
            grouping.comparisons.iter().partition(|one| one.conclusion != Conclusion::NoInterval);
        for comparison in stated {
            output::line(&format!("- {}", comparison.sentence));
        }
        if !silent.is_empty() {
            output::line(&format!("- {}", rows::nothing_concluded(silent.len())));
        }
    }
    if let Some(caution) = &fairness.caution {
        output::line(&format!("\n{caution}"));
    }
}
