//! The report on the terminal.

use super::{Evaluation, rule_name, thousands, threshold_name};
use crate::cli::say;
use likeness_gallery::Interval;
use likeness_gallery::evaluate::{FEWEST_PEOPLE, FalsePositive, Measure, Verdict, percent};

/// A bound above this says nothing.
const SAYS_NOTHING: f64 = 0.99;

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
        "{} photos of {} people; {} with exactly one face were compared: {} pairs of one person, {} of different people",
        thousands(counts.photos),
        counts.people,
        thousands(counts.templates as u64),
        thousands(counts.genuine_pairs as u64),
        thousands(counts.impostor_pairs as u64),
    ));
    if counts.impostor_pairs_existing > counts.impostor_pairs as u64 {
        say::line(&format!("(a random part of {})", thousands(counts.impostor_pairs_existing)));
    }
    say::line(&format!("No face found:  {}", report.detection_miss));
    say::line(&format!(
        "Left out:       {} with several faces, {} unreadable",
        counts.several_faces, counts.unreadable
    ));
    for warning in warnings(evaluation) {
        say::line(&format!("Beware:         {warning}"));
    }
}

/// What makes the figures look better or worse than they are.
pub(super) fn warnings(evaluation: &Evaluation) -> Vec<String> {
    let counts = &evaluation.report.counts;
    let mut warnings = Vec::new();
    if counts.same_genuine_pairs > 0 {
        warnings.push(format!(
            "{} pairs of one person are the same photo twice, which flatters; remove the copies",
            counts.same_genuine_pairs
        ));
    }
    if counts.same_impostor_pairs > 0 {
        warnings.push(format!(
            "{} pairs of different people are the same photo; a label is wrong",
            counts.same_impostor_pairs
        ));
    }
    if evaluation.calibration.is_own {
        warnings.push(
            "the calibration in use is your own; if it was made from these photos, the figures flatter".to_owned(),
        );
    }
    warnings
}

fn verification(evaluation: &Evaluation) {
    let report = &evaluation.report;
    say::line("\nVerification: false matches (FMR) of different people, false non-matches (FNMR) of one person");
    let rows: Vec<Vec<String>> = report
        .thresholds
        .iter()
        .map(|at| {
            vec![
                threshold_name(at.threshold).to_owned(),
                format!("{:.3}", at.distance),
                at.false_match.to_string(),
                at.false_non_match.to_string(),
            ]
        })
        .collect();
    say::table(&["threshold", "distance", "FMR", "FNMR"], &rows);

    say::line("\nWhat a false match rate costs");
    let rows: Vec<Vec<String>> = report
        .targets
        .iter()
        .map(|target| {
            let rate = percent(target.false_match_rate);
            match &target.shown {
                Some(shown) => vec![
                    rate,
                    format!("{:.3}", shown.distance),
                    format!("{:.2}", shown.confidence),
                    shown.false_non_match.to_string(),
                ],
                None => vec![
                    rate,
                    "-".to_owned(),
                    "-".to_owned(),
                    format!("cannot be shown: needs at least {} pairs", thousands(target.pairs_needed)),
                ],
            }
        })
        .collect();
    say::table(&["FMR", "distance", "confidence", "FNMR"], &rows);
}

fn searches(evaluation: &Evaluation) {
    let report = &evaluation.report;
    say::line(&format!(
        "\nIdentification: strangers who get a candidate (FPIR), people who are not found (FNIR); the rule by \
         false-positive rate aims at {}",
        percent(report.false_positive_rate)
    ));
    let rows: Vec<Vec<String>> = report
        .identification
        .iter()
        .map(|one| {
            let size = thousands(one.size as u64);
            vec![
                if one.is_everybody { format!("{size} (everybody)") } else { size },
                rule_name(one.rule).to_owned(),
                format!("{:.3}", one.distance),
                false_positive(&one.false_positive),
                one.false_negative.to_string(),
            ]
        })
        .collect();
    say::table(&["templates", "rule", "distance", "FPIR", "FNIR"], &rows);
}

/// The share with what it rests on.
pub(super) fn false_positive(known: &FalsePositive) -> String {
    match known {
        FalsePositive::Measured { rate } => format!("measured: {rate}"),
        FalsePositive::Extrapolated { value, interval: Some(Interval { low, high }) } => {
            format!("extrapolated: {} ({} to {})", percent(*value), percent(*low), percent(*high))
        }
        FalsePositive::Extrapolated { value, interval: None } => format!("extrapolated: {}", percent(*value)),
        FalsePositive::AtMost { bound } if *bound > SAYS_NOTHING => {
            "nothing is known: too few pairs for a bound".to_owned()
        }
        FalsePositive::AtMost { bound } => format!("at most {} (rule of three)", percent(*bound)),
    }
}

fn groups(evaluation: &Evaluation) {
    let fairness = &evaluation.report.fairness;
    for grouping in &fairness.groupings {
        say::line(&format!("\nGroups by {}, at the threshold of verify", grouping.name));
        let rows: Vec<Vec<String>> = grouping
            .groups
            .iter()
            .map(|group| {
                let mut row = vec![group.name.clone(), group.people.to_string(), group.photos.to_string()];
                row.extend(Measure::ALL.iter().map(|measure| measure.of(group).to_string()));
                row
            })
            .collect();
        say::table(&["group", "people", "photos", "FMR within", "FNMR", "no face found"], &rows);
        let (told, silent): (Vec<_>, Vec<_>) =
            grouping.comparisons.iter().partition(|one| one.verdict != Verdict::NoInterval);
        for comparison in told {
            say::line(&format!("- {}", comparison.sentence));
        }
        if !silent.is_empty() {
            say::line(&format!("- {}", nothing_concluded(silent.len())));
        }
    }
    if let Some(caution) = &fairness.caution {
        say::line(&format!("\n{caution}"));
    }
}

/// What comparisons without two intervals allow to say.
pub(super) fn nothing_concluded(comparisons: usize) -> String {
    format!(
        "In {comparisons} comparisons nothing can be concluded: a group has fewer than {FEWEST_PEOPLE} people with \
         something to count, and no interval is meaningful."
    )
}
