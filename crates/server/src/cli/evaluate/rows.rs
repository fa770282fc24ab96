//! The report in rows, for the terminal and for the page.

use super::{Evaluation, rule_name, thousands, threshold_name};
use likeness_gallery::Interval;
use likeness_gallery::evaluate::{FEWEST_PEOPLE, FalsePositive, GroupingReport, Measure, PerPerson, percent};

/// A bound above this says nothing.
const SAYS_NOTHING: f64 = 0.99;

pub(super) const THRESHOLDS: [&str; 5] = ["threshold", "distance", "FMR", "FNMR", "FMR claimed"];

/// Errors at the thresholds in use.
pub(super) fn thresholds(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let rows = evaluation.report.thresholds.iter().map(|at| {
        vec![
            threshold_name(at.threshold).to_owned(),
            format!("{:.3}", at.distance),
            at.false_match.to_string(),
            at.false_non_match.to_string(),
            at.claimed_rate.map_or_else(|| "none".to_owned(), percent),
        ]
    });
    rows.collect()
}

pub(super) const TARGETS: [&str; 7] =
    ["FMR", "distance", "confidence", "TAR by pair", "TAR by person", "FNMR", "false matches"];

/// What a false match rate costs.
pub(super) fn targets(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let rows = evaluation.report.targets.iter().map(|target| {
        let rate = percent(target.false_match_rate);
        match &target.shown {
            Some(shown) => vec![
                rate,
                format!("{:.3}", shown.distance),
                format!("{:.2}", shown.confidence),
                true_match(shown.false_non_match.value, shown.false_non_match.interval),
                per_person(&shown.true_match_per_person),
                shown.false_non_match.to_string(),
                thousands(shown.false_matches),
            ],
            None => {
                let needed = thousands(target.pairs_needed);
                let nothing = || "\u{2013}".to_owned();
                let reason = format!("cannot be shown: needs at least {needed} pairs");
                vec![rate, nothing(), nothing(), reason, nothing(), nothing(), nothing()]
            }
        }
    });
    rows.collect()
}

/// What is left of 1, as tables of recognisers are written.
fn true_match(false_non_match: Option<f64>, interval: Option<Interval>) -> String {
    let Some(missed) = false_non_match else { return "nothing to count".to_owned() };
    let interval = interval.map(|Interval { low, high }| Interval { low: 1.0 - high, high: 1.0 - low });
    share(1.0 - missed, interval)
}

fn per_person(known: &PerPerson) -> String {
    share(known.value, known.interval)
}

fn share(value: f64, interval: Option<Interval>) -> String {
    interval
        .map_or_else(|| format!("{value:.3}"), |Interval { low, high }| format!("{value:.3} ({low:.3} to {high:.3})"))
}

pub(super) const SEARCHES: [&str; 5] = ["templates", "rule", "distance", "strangers named (FPIR)", "not found (FNIR)"];

/// Searches by size of the gallery and by rule.
pub(super) fn searches(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let rows = evaluation.report.identification.iter().map(|one| {
        let size = thousands(one.size as u64);
        vec![
            if one.is_everybody { format!("{size}, everybody else") } else { size },
            rule_name(one.rule).to_owned(),
            format!("{:.3}", one.distance),
            false_positive(&one.false_positive),
            one.false_negative.to_string(),
        ]
    });
    rows.collect()
}

/// The share with what it rests on.
fn false_positive(known: &FalsePositive) -> String {
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

pub(super) const GROUPS: [&str; 6] = ["group", "people", "photos", "FMR within", "FNMR", "no face found"];

/// Groups beside each other.
pub(super) fn groups(grouping: &GroupingReport) -> Vec<Vec<String>> {
    let rows = grouping.groups.iter().map(|group| {
        let mut row = vec![group.name.clone(), group.people.to_string(), thousands(group.photos)];
        row.extend(Measure::ALL.iter().map(|measure| measure.of(group).to_string()));
        row
    });
    let nothing = || "\u{2013}".to_owned();
    let between = grouping.false_match_between;
    let between = vec![
        "between groups".to_owned(),
        between.people.to_string(),
        nothing(),
        between.to_string(),
        nothing(),
        nothing(),
    ];
    rows.chain([between]).collect()
}

/// What comparisons without two intervals allow to say.
pub(super) fn nothing_concluded(comparisons: usize) -> String {
    format!(
        "In {comparisons} comparisons nothing can be concluded: a group has fewer than {FEWEST_PEOPLE} people with \
         something to count, and no interval is meaningful."
    )
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
