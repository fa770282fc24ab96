//! The detection error trade-off, on normal-deviate axes.

use super::super::{Evaluation, thousands};
use crate::cli::chart::{Chart, Frame, Mark, Side};
use likeness_gallery::evaluate::{percent, probit};

const FRAME: Frame = Frame { left: 78.0, right: 640.0, top: 20.0, bottom: 470.0 };

/// Where an axis may carry a number.
const TICKS: [f64; 13] = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95];

/// An axis from one share to another.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Holds what can be shown with room below, and what was found.
    fn around(smallest_shown: f64, largest: f64) -> Self {
        let low = (smallest_shown / 10.0).clamp(1e-7, 0.05);
        let high = if largest > 0.45 { 0.97 } else { 0.5 };
        Self { low: probit(low), high: probit(high) }
    }

    fn share(&self, rate: f64) -> f64 {
        if rate <= 0.0 {
            return 0.0;
        }
        ((probit(rate.min(1.0 - 1e-12)) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        TICKS.into_iter().filter(|tick| (self.low..=self.high).contains(&probit(*tick)))
    }
}

pub(super) fn figure(evaluation: &Evaluation) -> String {
    let report = &evaluation.report;
    let det = &report.det;
    let largest = |of: fn(&likeness_gallery::evaluate::DetPoint) -> f64| det.points.iter().map(of).fold(0.0, f64::max);
    let across = Axis::around(det.smallest_false_match, largest(|point| point.false_match));
    let up = Axis::around(det.smallest_false_non_match, largest(|point| point.false_non_match));
    let place = |falsely: f64, missed: f64| (FRAME.x(across.share(falsely)), FRAME.y(up.share(missed)));

    let mut chart = Chart::new("det", 660.0, 530.0);
    let shown = place(det.smallest_false_match, det.smallest_false_non_match);
    chart.unknown((FRAME.left, FRAME.top), (shown.0, FRAME.bottom));
    chart.unknown((shown.0, shown.1), (FRAME.right, FRAME.bottom));
    for tick in across.ticks() {
        let x = FRAME.x(across.share(tick));
        chart.line("grid", (x, FRAME.top), (x, FRAME.bottom));
        chart.text("tick", (x, FRAME.bottom + 19.0), Side::Middle, &percent(tick));
    }
    for tick in up.ticks() {
        let y = FRAME.y(up.share(tick));
        chart.line("grid", (FRAME.left, y), (FRAME.right, y));
        chart.text("tick", (FRAME.left - 8.0, y + 4.0), Side::Left, &percent(tick));
    }
    chart.line("rule", (FRAME.left, FRAME.bottom), (FRAME.right, FRAME.bottom));
    chart.line("rule", (FRAME.left, FRAME.top), (FRAME.left, FRAME.bottom));
    chart.line("limit", (shown.0, FRAME.top), (shown.0, FRAME.bottom));
    chart.line("limit", (FRAME.left, shown.1), (FRAME.right, shown.1));
    if !det.band.is_empty() {
        let upper = det.band.iter().map(|at| place(at.false_match, at.false_non_match.high));
        let lower = det.band.iter().rev().map(|at| place(at.false_match, at.false_non_match.low));
        chart.polygon("band", &upper.chain(lower).collect::<Vec<_>>());
    }
    let curve: Vec<(f64, f64)> =
        det.points.iter().map(|point| place(point.false_match, point.false_non_match)).collect();
    if curve.is_empty() {
        let middle = (f64::midpoint(FRAME.left, FRAME.right), f64::midpoint(FRAME.top, FRAME.bottom) - 8.0);
        chart.text("note strong", middle, Side::Middle, "No curve: at every threshold one of the errors is zero");
        chart.text(
            "note strong",
            (middle.0, middle.1 + 20.0),
            Side::Middle,
            "on these photos. More people would show one.",
        );
    } else {
        chart.polyline("curve", &curve);
    }
    for at in &report.thresholds {
        if let (Some(falsely), Some(missed)) = (at.false_match.value, at.false_non_match.value)
            && falsely > 0.0
            && missed > 0.0
        {
            let (x, y) = place(falsely, missed);
            chart.mark("genuine", Mark::Dot, (x, y));
            let name = match at.threshold {
                likeness_gallery::evaluate::Threshold::Verify => "verify",
                likeness_gallery::evaluate::Threshold::OneInHundredThousand => "1 in 100,000",
            };
            chart.text("note strong", (x + 9.0, y - 7.0), Side::Right, name);
        }
    }
    let middle = f64::midpoint(FRAME.left, FRAME.right);
    chart.text("axis", (middle, 514.0), Side::Middle, "false match rate: different people taken for one");
    chart.upwards((16.0, f64::midpoint(FRAME.top, FRAME.bottom)), "false non-match rate: one person not recognised");
    let equal = det.equal_error.map_or_else(
        || "Both errors are never equal above zero.".to_owned(),
        |rate| format!("Both errors are equal at about {}.", percent(rate)),
    );
    let description = format!(
        "A curve of false non-matches over false matches, {} points. {equal} False match rates below {} and false \
         non-match rates below {} cannot be shown by these photos.",
        det.points.len(),
        percent(det.smallest_false_match),
        percent(det.smallest_false_non_match)
    );
    let caption = format!(
        "DET curve: the lower and the farther left, the better. The band holds 95 % of the curves that other draws of these \
         people give. Hatched: what {} pairs of different people and {} pairs of one person cannot show (below three over \
         their number). {equal}",
        thousands(report.counts.impostor_pairs),
        thousands(report.counts.genuine_pairs as u64)
    );
    chart.figure("Detection error trade-off", &description, &caption)
}
