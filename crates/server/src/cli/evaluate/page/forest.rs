//! Groups beside each other, with their intervals.

use super::super::thousands;
use super::svg::{Chart, Frame, Mark, Side};
use likeness_gallery::Interval;
use likeness_gallery::evaluate::{GroupingReport, Measure, percent};

/// Height of a group.
const ROW: f64 = 30.0;

/// How to read such a chart.
pub(super) const CAPTION: &str = "Point: what was counted. Line: 95 % interval; where no error was seen, up to the bound of \
                                  the rule of three. Ring without a line: too few people for an interval.";

/// A chart of one measure; `id` distinguishes it from the others on the page.
pub(super) fn figure(grouping: &GroupingReport, measure: Measure, id: String, caption: &str) -> String {
    let groups = &grouping.groups;
    let rows = groups.len() as f64;
    let frame = Frame { left: 190.0, right: 490.0, top: 20.0, bottom: 20.0 + ROW * rows };
    let ends = groups.iter().filter_map(|group| {
        let rate = measure.of(group);
        rate.interval.map(|interval| interval.high).or(rate.value)
    });
    let end = round_up(ends.fold(0.001, f64::max));
    let x = |share: f64| frame.x(share / end);

    let mut chart = Chart::new(id, 720.0, frame.bottom + 56.0);
    for step in 0_u8..=4 {
        let share = end * f64::from(step) / 4.0;
        chart.line("grid", (x(share), frame.top), (x(share), frame.bottom));
        chart.text("tick", (x(share), frame.bottom + 19.0), Side::Middle, &percent(share));
    }
    let mut text = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let y = frame.top + ROW * (place as f64 + 0.5);
        let rate = measure.of(group);
        chart.text("label", (frame.left - 12.0, y + 4.0), Side::Left, &shortened(&group.name));
        if let Some(value) = rate.value {
            if let Some(Interval { low, high }) = rate.interval {
                chart.line("whisker genuine", (x(low), y), (x(high), y));
                chart.line("whisker genuine", (x(low), y - 5.0), (x(low), y + 5.0));
                chart.line("whisker genuine", (x(high), y - 5.0), (x(high), y + 5.0));
            }
            chart.mark("genuine", if rate.interval.is_some() { Mark::Dot } else { Mark::Ring }, (x(value), y));
        }
        let counted = match (rate.value, rate.interval) {
            (None, _) => "nothing to count".to_owned(),
            (_, None) => format!("{} of {}; too few people", thousands(rate.errors), thousands(rate.of)),
            (_, Some(_)) => format!("{} of {}", thousands(rate.errors), thousands(rate.of)),
        };
        chart.text("note", (frame.right + 14.0, y + 4.0), Side::Right, &counted);
        text.push(format!("{}: {rate}", group.name));
    }
    chart.line("rule", (frame.left, frame.top), (frame.left, frame.bottom));
    chart.line("rule", (frame.left, frame.bottom), (frame.right, frame.bottom));
    chart.text("axis", (f64::midpoint(frame.left, frame.right), frame.bottom + 44.0), Side::Middle, measure.name());
    let title = format!("{} by {}", capital(measure.name()), grouping.name);
    chart.figure(&title, &text.join(". "), caption)
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= 24 {
        return name.to_owned();
    }
    name.chars().take(23).chain(['\u{2026}']).collect()
}

/// To one, two or five of a decade, at most everything.
fn round_up(share: f64) -> f64 {
    let decade = 10.0_f64.powf(share.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| share <= step * decade * (1.0 + 1e-9));
    (step.unwrap_or(10.0) * decade).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (share, end) in [(0.001, 0.001), (0.013, 0.02), (0.21, 0.5), (0.6, 1.0), (1.0, 1.0)] {
            assert!((round_up(share) - end).abs() < 1e-9, "{share}: {}", round_up(share));
        }
        assert_eq!(shortened(&"x".repeat(30)).chars().count(), 24);
        assert_eq!(capital("false match"), "False match");
    }
}
