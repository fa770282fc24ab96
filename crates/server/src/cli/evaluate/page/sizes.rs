//! Errors of searches over the size of the gallery, on logarithmic axes.

use super::super::{Evaluation, rule_name};
use crate::cli::chart::{Chart, Frame, Mark, Side};
use likeness_gallery::Interval;
use likeness_gallery::evaluate::{Basis, FalsePositive, Identification, Rate, Rule, percent};

const FRAME: Frame = Frame { left: 78.0, right: 600.0, top: 40.0, bottom: 280.0 };

/// A mark, the share where it stands, and its interval.
type RequestAddress = (Mark, f64, Option<Interval>);

/// How often strangers get a candidate.
pub(super) fn false_positives(evaluation: &Evaluation) -> String {
    let place = |one: &Identification| match one.false_positive {
        FalsePositive::Measured { rate } => of_rate(&rate),
        FalsePositive::Extrapolated { value, interval } => Some((Mark::Ring, value, interval)),
        FalsePositive::AtMost { bound } => Some((Mark::Below, bound, None)),
    };
    figure(
        evaluation,
        "fpir",
        "Strangers who get a candidate, by size of the gallery (FPIR)",
        "Filled: measured by searches. Ring: extrapolated from pairs as if comparisons were independent. Triangle: only a \
         bound is known, the true share may lie anywhere below. Dotted: what the rule by false-positive rate aims at.",
        Some(evaluation.report.false_positive_rate),
        &place,
    )
}

/// How often people who are enrolled are not found.
pub(super) fn false_negatives(evaluation: &Evaluation) -> String {
    figure(
        evaluation,
        "fnir",
        "Enrolled people who are not found, by size of the gallery (FNIR)",
        "Filled: measured, each photo against all other photos of the same person at the distance that belongs to the \
         size. Triangle: none was missed, and only a bound is known.",
        None,
        &|one| of_rate(&one.false_negative),
    )
}

fn of_rate(rate: &Rate) -> Option<RequestAddress> {
    let value = rate.value?;
    match (rate.basis, rate.interval) {
        (Basis::RuleOfThree, Some(Interval { high, .. })) if value == 0.0 => Some((Mark::Below, high, None)),
        (_, Some(interval)) => Some((Mark::Dot, value, Some(interval))),
        (_, None) => Some((Mark::Ring, value, None)),
    }
}

fn figure(
    evaluation: &Evaluation,
    id: &'static str,
    title: &str,
    caption: &str,
    aim: Option<f64>,
    place: &dyn Fn(&Identification) -> Option<RequestAddress>,
) -> String {
    let searches = &evaluation.report.identification;
    let log = |share: f64| share.max(1e-12).log10();
    let smallest = searches.iter().filter_map(place).map(|(_, share, interval)| {
        interval.map(|interval| interval.low).filter(|low| *low > 0.0).unwrap_or(share).min(share)
    });
    let bottom = smallest
        .filter(|share| *share > 0.0)
        .chain(aim.map(|aim| aim / 2.0))
        .fold(1e-2, f64::min)
        .log10()
        .floor()
        .max(-7.0);
    let first = searches.iter().map(|one| one.size).min().unwrap_or(100).max(1) as f64;
    let start = first.log10().floor();
    let x = |size: usize| FRAME.x((log(size as f64) - start) / (6.0 - start));
    let y = |share: f64| FRAME.y((log(share) - bottom) / -bottom);

    let mut chart = Chart::new(id, 720.0, 340.0);
    let mut decade = bottom;
    while decade <= 0.0 {
        let at = y(10.0_f64.powf(decade));
        chart.line("grid", (FRAME.left, at), (FRAME.right, at));
        chart.text("tick", (FRAME.left - 8.0, at + 4.0), Side::Left, &percent(10.0_f64.powf(decade)));
        decade += 1.0;
    }
    for (size, name) in
        [(10, "10"), (100, "100"), (1_000, "1,000"), (10_000, "10,000"), (100_000, "100,000"), (1_000_000, "1 million")]
    {
        if log(f64::from(size)) >= start {
            let at = x(size as usize);
            chart.line("rule", (at, FRAME.bottom), (at, FRAME.bottom + 5.0));
            chart.text("tick", (at, FRAME.bottom + 19.0), Side::Middle, name);
        }
    }
    chart.line("rule", (FRAME.left, FRAME.bottom), (FRAME.right, FRAME.bottom));
    if let Some(aim) = aim {
        chart.line("limit", (FRAME.left, y(aim)), (FRAME.right, y(aim)));
        chart.text("note", (FRAME.right + 8.0, y(aim) + 4.0), Side::Right, &format!("aim: {}", percent(aim)));
    }
    let mut text = String::new();
    for (number, (rule, class)) in
        [(Rule::FalsePositiveRate, "genuine"), (Rule::Classic, "impostor")].iter().enumerate()
    {
        // A little apart, so that equal figures do not hide each other.
        let aside = if number == 0 { -4.0 } else { 4.0 };
        let places: Vec<(f64, RequestAddress, &Identification)> = searches
            .iter()
            .filter(|one| one.rule == *rule)
            .filter_map(|one| Some((x(one.size) + aside, place(one)?, one)))
            .collect();
        let line: Vec<(f64, f64)> = places.iter().map(|(x, (_, share, _), _)| (*x, y(*share))).collect();
        chart.polyline(&format!("series {class}"), &line);
        for (x, (mark, share, interval), _) in &places {
            if let Some(Interval { low, high }) = interval {
                chart.line(&format!("whisker {class}"), (*x, y(*low)), (*x, y(*high)));
            }
            chart.mark(class, *mark, (*x, y(*share)));
        }
        let key = 14.0;
        let left = FRAME.left + 190.0 * number as f64;
        chart.polyline(&format!("series {class}"), &[(left, key), (left + 30.0, key)]);
        chart.text("note", (left + 38.0, key + 4.0), Side::Right, rule_name(*rule));
        let shares: Vec<String> =
            places.iter().map(|(_, (_, share, _), one)| format!("{} at {}", percent(*share), one.size)).collect();
        text.push_str(&format!("Rule {}: {}. ", rule_name(*rule), shares.join(", ")));
    }
    chart.text("axis", (f64::midpoint(FRAME.left, FRAME.right), 328.0), Side::Middle, "templates in the gallery");
    chart.figure(title, &text, caption)
}
