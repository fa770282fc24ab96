//! How far photos of one person and of different people lie apart.

use super::super::{Evaluation, threshold_name};
use crate::cli::chart::{Chart, Frame, Mark, Side};

const FRAME: Frame = Frame { left: 64.0, right: 700.0, top: 56.0, bottom: 300.0 };

pub(super) fn figure(evaluation: &Evaluation) -> String {
    let report = &evaluation.report;
    let histogram = &report.histogram;
    let shares = |bars: &[u64]| {
        let all = bars.iter().sum::<u64>().max(1) as f64;
        bars.iter().map(|bar| *bar as f64 / all).collect::<Vec<f64>>()
    };
    let (genuine, impostor) = (shares(&histogram.genuine), shares(&histogram.impostor));
    let highest = genuine.iter().chain(&impostor).copied().fold(0.01, f64::max);
    let bins = genuine.len() as f64;
    let end = histogram.width * bins;

    let mut chart = Chart::new("distances", 720.0, 350.0);
    for step in 0_u8..=4 {
        let share = f64::from(step) / 4.0;
        let y = FRAME.y(share);
        chart.line("grid", (FRAME.left, y), (FRAME.right, y));
        chart.text("tick", (FRAME.left - 8.0, y + 4.0), Side::Left, &format!("{:.0} %", share * highest * 100.0));
    }
    let mut tick = 0.0;
    while tick <= end {
        let x = FRAME.x(tick / end);
        chart.line("rule", (x, FRAME.bottom), (x, FRAME.bottom + 5.0));
        chart.text("tick", (x, FRAME.bottom + 19.0), Side::Middle, &format!("{tick:.1}"));
        tick += if end > 1.0 { 0.2 } else { 0.1 };
    }
    for (class, bars) in [("impostor", &impostor), ("genuine", &genuine)] {
        let mut outline = vec![(FRAME.left, FRAME.bottom)];
        for (place, bar) in bars.iter().enumerate() {
            let y = FRAME.y(bar / highest);
            outline.push((FRAME.x(place as f64 / bins), y));
            outline.push((FRAME.x((place + 1) as f64 / bins), y));
        }
        outline.push((FRAME.right, FRAME.bottom));
        chart.polygon(&format!("area {class}"), &outline);
    }
    chart.line("rule", (FRAME.left, FRAME.bottom), (FRAME.right, FRAME.bottom));
    for at in &report.thresholds {
        let x = FRAME.x(at.distance / end);
        let y = 22.0;
        chart.line("threshold", (x, y - 4.0), (x, FRAME.bottom));
        // The stricter one is named on its left, so that no name crosses the other's line.
        let is_strictest = report.thresholds.iter().all(|other| at.distance <= other.distance);
        let (x, side) = if is_strictest { (x - 6.0, Side::Left) } else { (x + 6.0, Side::Right) };
        chart.text("note", (x, y), side, threshold_name(at.threshold));
    }
    for (place, (class, name)) in [("genuine", "one person"), ("impostor", "different people")].iter().enumerate() {
        let y = FRAME.top + 14.0 + 18.0 * place as f64;
        chart.mark(class, if place == 0 { Mark::Dot } else { Mark::Ring }, (FRAME.right - 128.0, y - 4.0));
        chart.text("note", (FRAME.right - 118.0, y), Side::Right, name);
    }
    chart.text("axis", (f64::midpoint(FRAME.left, FRAME.right), 342.0), Side::Middle, "distance of two photos");
    chart.upwards((16.0, f64::midpoint(FRAME.top, FRAME.bottom)), "share of pairs");
    let description =
        format!("Pairs of one person: {}. Pairs of different people: {}.", report.genuine, report.impostor);
    let caption = format!(
        "Each curve is a share of its own pairs. Filled: pairs of one person; outlined with dashes: pairs of different \
         people. Pairs left of a threshold count as the same person there. {description}"
    );
    chart.figure("Distances of pairs", &description, &caption)
}
