//! The report as one page: no script, nothing loaded from anywhere, no photo and no name of a person.

mod by_group;
mod det;
mod histogram;
mod sizes;
mod words;

use super::{Evaluation, rows, rule_name, thousands};
use crate::cli::chart::forest::capital;
use crate::cli::html::{card, escaped, list, table};
use likeness_gallery::evaluate::{Basis, Comparison, Conclusion, GroupingReport, Measure, Rate, Threshold, percent};

/// The whole page.
pub(super) fn page(evaluation: &Evaluation) -> String {
    let body: String = [
        opening(evaluation),
        verification(evaluation),
        detection(evaluation),
        identification(evaluation),
        groups(evaluation),
        words::terms().to_owned(),
        words::made(evaluation),
    ]
    .concat();
    crate::cli::html::page("How often Likeness errs", &body)
}

fn opening(evaluation: &Evaluation) -> String {
    let report = &evaluation.report;
    let counts = &report.counts;
    let mut text = format!(
        "<h1>How often Likeness errs</h1>\n<p class=\"meta\">{} photos of {} people \u{b7} {} \u{b7} Likeness {} \u{b7} {}</p>\n",
        thousands(counts.photos),
        thousands(counts.people as u64),
        escaped(&evaluation.made),
        evaluation.likeness,
        escaped(&evaluation.packs.join(", "))
    );
    text.push_str(words::for_data_protection());
    text.push_str("<div class=\"cards\">\n");
    if let Some(verify) = report.thresholds.iter().find(|at| at.threshold == Threshold::Verify) {
        text.push_str(&rate_card("Different people taken for one (FMR)", &verify.false_match, "pairs"));
        text.push_str(&rate_card("One person not recognised (FNMR)", &verify.false_non_match, "pairs"));
    }
    text.push_str(&rate_card("Photos in which no face was found", &report.detection_miss, "photos"));
    text.push_str("</div>\n<p class=\"meta\">At the threshold of verify, confidence 0.5. Intervals are 95 %.</p>\n");
    text.push_str(&list("beware", rows::warnings(evaluation).iter().map(String::as_str)));
    text
}

fn rate_card(name: &str, rate: &Rate, of: &str) -> String {
    let Some(value) = rate.value else { return card(name, "\u{2013}", "nothing to count") };
    let counted = format!("{} of {} {of}, {} people", thousands(rate.errors), thousands(rate.of), rate.people);
    match (rate.basis, rate.interval) {
        (Basis::RuleOfThree, Some(interval)) if rate.errors == 0 => {
            card(name, &format!("below {}", percent(interval.high)), &format!("{counted}; rule of three"))
        }
        (_, Some(interval)) => {
            card(name, &percent(value), &format!("{} to {}; {counted}", percent(interval.low), percent(interval.high)))
        }
        (Basis::TooFewPeople, None) => card(name, &percent(value), &format!("{counted}; too few for an interval")),
        (_, None) => card(name, &percent(value), &counted),
    }
}

fn verification(evaluation: &Evaluation) -> String {
    [
        "<h2>Same person or not</h2>\n",
        words::verification(),
        &table("Errors at the thresholds in use", &rows::THRESHOLDS, &rows::thresholds(evaluation)),
        &histogram::figure(evaluation),
        &det::figure(evaluation),
        &table(
            "What a false match rate costs: false non-matches at the distance that gives the rate on these photos",
            &rows::TARGETS,
            &rows::targets(evaluation),
        ),
    ]
    .concat()
}

fn detection(evaluation: &Evaluation) -> String {
    let counts = &evaluation.report.counts;
    format!(
        "<h2>Is the face found at all?</h2>\n<p>{}</p>\n<p>Left out and not compared: {} photos with several faces, because \
         nobody says which face is meant, and {} files from which no picture could be read.</p>\n",
        escaped(&format!("No face found: {}.", evaluation.report.detection_miss)),
        thousands(counts.several_faces),
        thousands(counts.unreadable)
    )
}

fn identification(evaluation: &Evaluation) -> String {
    let report = &evaluation.report;
    [
        "<h2>Who is this?</h2>\n",
        &words::identification(report.false_positive_rate, rule_name(evaluation.identify_rule)),
        &sizes::false_positives(evaluation),
        &sizes::false_negatives(evaluation),
        &table("Searches by size of the gallery", &rows::SEARCHES, &rows::searches(evaluation)),
    ]
    .concat()
}

fn groups(evaluation: &Evaluation) -> String {
    let fairness = &evaluation.report.fairness;
    if fairness.groupings.is_empty() {
        return words::no_groups().to_owned();
    }
    let mut text = format!("<h2>Groups of people</h2>\n{}", words::groups());
    if let Some(caution) = &fairness.caution {
        text.push_str(&format!("<p class=\"beware\">{}</p>\n", escaped(caution)));
    }
    for (place, grouping) in fairness.groupings.iter().enumerate() {
        text.push_str(&by_group(grouping, place));
    }
    text
}

fn by_group(grouping: &GroupingReport, number: usize) -> String {
    let mut text = format!("<h3>By {}</h3>\n", escaped(&grouping.name));
    let by_conclusion =
        |conclusion: Conclusion| grouping.comparisons.iter().filter(move |one| one.conclusion == conclusion);
    let sentence = |comparison: &Comparison| {
        let ratio = comparison.ratio.map_or_else(String::new, |ratio| {
            format!(" The first is {ratio:.2} times the second, without an interval.")
        });
        format!("{}{ratio}", capital(&comparison.sentence))
    };
    for (class, conclusion) in [("differs", Conclusion::Differs), ("overlap", Conclusion::Overlap)] {
        let sentences: Vec<String> = by_conclusion(conclusion).map(sentence).collect();
        text.push_str(&list(class, sentences.iter().map(String::as_str)));
    }
    let silent = by_conclusion(Conclusion::NoInterval).count();
    if silent > 0 {
        text.push_str(&format!("<p>{}</p>\n", escaped(&rows::nothing_concluded(silent))));
    }
    for (place, measure) in Measure::ALL.into_iter().enumerate() {
        let caption = if place == 0 { by_group::CAPTION } else { "" };
        text.push_str(&by_group::figure(grouping, measure, format!("groups-{number}-{place}"), caption));
    }
    text.push_str(&table(&format!("Groups by {}", grouping.name), &rows::GROUPS, &rows::groups(grouping)));
    text
}
