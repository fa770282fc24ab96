//! The report on the terminal.

use super::{Evaluation, rows, thousands};
use crate::cli::say;
use likeness_gallery::evaluate::{Conclusion, percent};

pub(super) fn print(evaluation: &Evaluation) {
    opening(evaluation);
    verification(evaluation);
    searches(evaluation);
    groups(evaluation);
    say::line(
        "\nIntervals are 95 %, from drawing whole people anew. Pairs that share a person are not independent, so that",
    );
    say::line(
        "a bound by the rule of three is too small by an unknown amount. docs/accuracy.md says how to read this.",
    );
}

fn opening(evaluation: &Evaluation) {
    let report = &evaluation.report;
    let counts = &report.counts;
    say::line(&format!(
        "{} photos of {} people; {} were compared: {} pairs of one person, {} of different people",
        thousands(counts.photos),
        counts.people,
        thousands(counts.templates as u64),
        thousands(counts.genuine_pairs as u64),
        thousands(counts.impostor_pairs),
    ));
    say::line(&format!("No face found:  {}", report.detection_miss));
    say::line(&format!(
        "Left out:       {} with several faces, {} unreadable",
        counts.several_faces, counts.unreadable
    ));
    for warning in rows::warnings(evaluation) {
        say::line(&format!("Beware:         {warning}"));
    }
}

fn verification(evaluation: &Evaluation) {
    say::line("\nVerification: false matches (FMR) of different people, false non-matches (FNMR) of one person");
    say::table(&rows::THRESHOLDS, &rows::thresholds(evaluation));

    say::line("\nWhat a false match rate costs: true matches (TAR) by pair and with each person counted once");
    say::table(&rows::TARGETS, &rows::targets(evaluation));
}

fn searches(evaluation: &Evaluation) {
    let report = &evaluation.report;
    say::line(&format!(
        "\nIdentification: strangers who get a candidate (FPIR), people who are not found (FNIR); the rule by \
         false-positive rate aims at {}",
        percent(report.false_positive_rate)
    ));
    say::table(&rows::SEARCHES, &rows::searches(evaluation));
}

fn groups(evaluation: &Evaluation) {
    let fairness = &evaluation.report.fairness;
    for grouping in &fairness.groupings {
        say::line(&format!("\nGroups by {}, at the threshold of verify", grouping.name));
        say::table(&rows::GROUPS, &rows::groups(grouping));
        let (told, silent): (Vec<_>, Vec<_>) =
            grouping.comparisons.iter().partition(|one| one.conclusion != Conclusion::NoInterval);
        for comparison in told {
            say::line(&format!("- {}", comparison.sentence));
        }
        if !silent.is_empty() {
            say::line(&format!("- {}", rows::nothing_concluded(silent.len())));
        }
    }
    if let Some(caution) = &fairness.caution {
        say::line(&format!("\n{caution}"));
    }
}
