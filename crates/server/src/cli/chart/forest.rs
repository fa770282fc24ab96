//! Shares beside each other, with their intervals.

use super::{Chart, Frame, Mark, Side};

/// Height of a row.
const ROW: f64 = 30.0;

/// One share.
pub(in crate::cli) struct Row {
    /// What it is of.
    pub(in crate::cli) name: String,
    /// The share, 0 to 1; none where there is nothing to count.
    pub(in crate::cli) value: Option<f64>,
    /// Its bounds, where there are any.
    pub(in crate::cli) interval: Option<(f64, f64)>,
    /// What it rests on.
    pub(in crate::cli) counted: String,
    /// All of it in words.
    pub(in crate::cli) words: String,
}

/// What a chart is called: the share on its axis, the whole above it, what tells it from others on the page, and how to read it.
pub(in crate::cli) struct Names<'a> {
    pub(in crate::cli) axis: &'a str,
    pub(in crate::cli) title: &'a str,
    pub(in crate::cli) id: String,
    pub(in crate::cli) caption: &'a str,
}

/// A chart of shares. `percent` writes a share.
pub(in crate::cli) fn figure(names: Names<'_>, rows: &[Row], percent: impl Fn(f64) -> String) -> String {
    let frame = Frame { left: 190.0, right: 490.0, top: 20.0, bottom: 20.0 + ROW * rows.len() as f64 };
    let ends = rows.iter().filter_map(|row| row.interval.map(|(_, high)| high).or(row.value));
    let end = round_up(ends.fold(0.001, f64::max));
    let x = |share: f64| frame.x(share / end);

    let mut chart = Chart::new(names.id, 720.0, frame.bottom + 56.0);
    for step in 0_u8..=4 {
        let share = end * f64::from(step) / 4.0;
        chart.line("grid", (x(share), frame.top), (x(share), frame.bottom));
        chart.text("tick", (x(share), frame.bottom + 19.0), Side::Middle, &percent(share));
    }
    let mut text = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let y = frame.top + ROW * (place as f64 + 0.5);
        chart.text("label", (frame.left - 12.0, y + 4.0), Side::Left, &shortened(&row.name));
        if let Some(value) = row.value {
            if let Some((low, high)) = row.interval {
                chart.line("whisker genuine", (x(low), y), (x(high), y));
                chart.line("whisker genuine", (x(low), y - 5.0), (x(low), y + 5.0));
                chart.line("whisker genuine", (x(high), y - 5.0), (x(high), y + 5.0));
            }
            chart.mark("genuine", if row.interval.is_some() { Mark::Dot } else { Mark::Ring }, (x(value), y));
        }
        chart.text("note", (frame.right + 14.0, y + 4.0), Side::Right, &row.counted);
        text.push(format!("{}: {}", row.name, row.words));
    }
    chart.line("rule", (frame.left, frame.top), (frame.left, frame.bottom));
    chart.line("rule", (frame.left, frame.bottom), (frame.right, frame.bottom));
    chart.text("axis", (f64::midpoint(frame.left, frame.right), frame.bottom + 44.0), Side::Middle, names.axis);
    chart.figure(names.title, &text.join(". "), names.caption)
}

pub(in crate::cli) fn capital(text: &str) -> String {
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
