//! Groups beside each other, with their intervals.

use super::super::thousands;
use crate::cli::chart::forest::{self, Names, Row, capital};
use likeness_gallery::evaluate::{Group, GroupingReport, Measure, percent};

/// How to read such a chart.
pub(super) const CAPTION: &str = "Point: what was counted. Line: 95 % interval; where no error was seen, up to the bound of \
                                  the rule of three. Ring without a line: too few people for an interval.";

/// A chart of one measure; `id` distinguishes it from the others on the page.
pub(super) fn figure(grouping: &GroupingReport, measure: Measure, id: String, caption: &str) -> String {
    let rows: Vec<Row> = grouping.groups.iter().map(|group| row(group, measure)).collect();
    let title = format!("{} by {}", capital(measure.name()), grouping.name);
    forest::figure(Names { axis: measure.name(), title: &title, id, caption }, &rows, percent)
}

fn row(group: &Group, measure: Measure) -> Row {
    let rate = measure.of(group);
    let counted = match (rate.value, rate.interval) {
        (None, _) => "nothing to count".to_owned(),
        (_, None) => format!("{} of {}; too few people", thousands(rate.errors), thousands(rate.of)),
        (_, Some(_)) => format!("{} of {}", thousands(rate.errors), thousands(rate.of)),
    };
    Row {
        name: group.name.clone(),
        value: rate.value,
        interval: rate.interval.map(|interval| (interval.low, interval.high)),
        counted,
        words: rate.to_string(),
    }
}
