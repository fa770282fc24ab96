//! Whether the skin answers the colours of the screen: fresh light, or a recording that knows nothing of it.
//!
//! Start at [`pair`] for whether there is anything to measure by, at [`light`] for the answer. Light adds up, and cameras give a
//! power of it, so the logarithm of the skin's mean value moves with the share of the screen's light; slow changes are taken off as
//! a curve of second degree. The time from a colour on the screen to its light in a frame is not known: the one that fits best.

use crate::message::{Prompt, PromptKind};
use crate::{Observation, StepRecord};

/// From a colour on the screen to its light in a frame, at most: paint, exposure, readout, encoding.
const MOST_LAG_MS: u32 = 350;
const LAG_STEP_MS: usize = 10;
/// Fewest frames that anything is said by.
const FEWEST: usize = 6;
/// A channel beyond this is clipped: more light changes nothing.
const CLIPPED: f32 = 250.0;
/// A channel below this is noise.
const DARK: f32 = 4.0;

/// How the skin answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Echo {
    /// -1 to 1: how well what the screen showed explains the skin.
    pub(super) correlation: f32,
    /// The change of the logarithm from no light to all of it.
    pub(super) gain: f32,
    /// What the gain would be by noise alone, as a standard deviation.
    pub(super) noise: f32,
    /// From the screen to the frame, in milliseconds.
    pub(super) lag_ms: f32,
}

/// A colour that the screen showed, as shares of white's light, and since when by the device's clock.
type Shown = (f64, [f32; 3]);

/// What the pair of white and black in `settle` did to the skin.
pub(super) fn pair(steps: &[StepRecord], seen: &[Observation]) -> Option<Echo> {
    let settle = steps.iter().find(|step| step.prompt.kind() == PromptKind::Settle)?;
    let shown = shown(std::iter::once(settle));
    let from = shown.first()?.0;
    let until = ends(settle)?;
    measured(&shown, from, until, seen)
}

/// What the colours of all light steps did to the skin.
pub(super) fn light(steps: &[StepRecord], seen: &[Observation]) -> Option<Echo> {
    let lights = || steps.iter().filter(|step| step.prompt.kind() == PromptKind::Light);
    let shown = shown(lights());
    let from = shown.first()?.0;
    let until = lights().next_back().and_then(ends)?;
    measured(&shown, from, until, seen)
}

/// Colours in the order of their times.
fn shown<'a>(steps: impl Iterator<Item = &'a StepRecord>) -> Vec<Shown> {
    let mut shown = Vec::new();
    for step in steps {
        let Some(mut at) = step.shown_t else { continue };
        match &step.prompt {
            Prompt::Light { colour, .. } => shown.extend(shares(colour).map(|share| (at, share))),
            Prompt::Settle { colours: Some(colours), .. } => {
                for colour in colours {
                    shown.extend(shares(&colour.colour).map(|share| (at, share)));
                    at += f64::from(colour.milliseconds);
                }
            }
            _ => {}
        }
    }
    shown
}

/// Until when a step's last colour was certainly on the screen, by the device's clock.
fn ends(step: &StepRecord) -> Option<f64> {
    let lasts = match &step.prompt {
        Prompt::Light { milliseconds, .. } => *milliseconds,
        Prompt::Settle { colours, .. } => colours.iter().flatten().map(|colour| colour.milliseconds).sum(),
        _ => return None,
    };
    Some(step.shown_t? + f64::from(lasts))
}

/// `#rrggbb` as shares of white's light: screens give a power of their values.
fn shares(colour: &str) -> Option<[f32; 3]> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?].map(|value| (f32::from(value) / 255.0).powf(2.2)))
}

/// The answer of the frames from one time to another, by the lag that fits best.
fn measured(shown: &[Shown], from: f64, until: f64, seen: &[Observation]) -> Option<Echo> {
    let frames: Vec<(f64, [f32; 3])> = seen
        .iter()
        .filter(|seen| seen.faces == 1 && (from..=until).contains(&seen.capture_ms))
        .filter_map(|seen| Some((seen.capture_ms, seen.face?.tones?[0])))
        .collect();
    let has_light = |skin: &[f32; 3]| skin.iter().any(|value| (DARK..CLIPPED).contains(value));
    if frames.len() < FEWEST || !frames.iter().all(|(_, skin)| has_light(skin)) {
        return None;
    }
    let at: Vec<f64> = frames.iter().map(|(at, _)| (at - from) / 1_000.0).collect();
    let trend = Trend::over(&at);
    let values: [Vec<f64>; 3] = std::array::from_fn(|channel| {
        trend.free(frames.iter().map(|(_, skin)| f64::from(skin[channel].clamp(DARK, 255.0)).ln() * 2.2))
    });
    let lags = (0..=MOST_LAG_MS).step_by(LAG_STEP_MS);
    let echoes = lags.filter_map(|lag| {
        // What the page showed before the first colour is not known, nor asked: something between.
        let share = |at: f64, channel: usize| on_screen(shown, at - f64::from(lag)).map_or(0.5, |share| share[channel]);
        let wanted: [Vec<f64>; 3] =
            std::array::from_fn(|channel| trend.free(frames.iter().map(|(at, _)| f64::from(share(*at, channel)))));
        explained(&values, &wanted, lag)
    });
    echoes.max_by(|one, two| one.correlation.total_cmp(&two.correlation))
}

/// What was on the screen at a time; `None` before the first colour.
fn on_screen(shown: &[Shown], at: f64) -> Option<[f32; 3]> {
    shown.iter().rev().find(|(since, _)| *since <= at).map(|(_, share)| *share)
}

fn explained(values: &[Vec<f64>; 3], wanted: &[Vec<f64>; 3], lag: u32) -> Option<Echo> {
    let sum = |one: &[Vec<f64>; 3], two: &[Vec<f64>; 3]| -> f64 {
        one.iter().zip(two).flat_map(|(one, two)| one.iter().zip(two)).map(|(a, b)| a * b).sum()
    };
    let (own, shown, both) = (sum(values, values), sum(wanted, wanted), sum(values, wanted));
    if !(own > 1e-9 && shown > 1e-9) {
        return None;
    }
    let gain = both / shown;
    // Three channels, and a curve of three numbers in each.
    let free = (values[0].len() as f64 - 3.0).max(1.0) * 3.0 - 1.0;
    let left = (own - gain * both).max(0.0) / free;
    Some(Echo {
        correlation: (both / (own * shown).sqrt()) as f32,
        gain: gain as f32,
        noise: (left / shown).sqrt() as f32,
        lag_ms: lag as f32,
    })
}

/// The curves of second degree over some times, as three functions of length one at right angles to each other (Gram and Schmidt).
struct Trend(Vec<Vec<f64>>);

impl Trend {
    fn over(at: &[f64]) -> Self {
        let mut basis: Vec<Vec<f64>> = Vec::with_capacity(3);
        for power in 0..3 {
            let mut function: Vec<f64> = at.iter().map(|at| at.powi(power)).collect();
            for earlier in &basis {
                remove(&mut function, earlier);
            }
            let length = function.iter().map(|value| value * value).sum::<f64>().sqrt();
            if length > 1e-9 {
                function.iter_mut().for_each(|value| *value /= length);
                basis.push(function);
            }
        }
        Self(basis)
    }

    /// Values without the curve that lies nearest to them.
    fn free(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut values: Vec<f64> = values.collect();
        self.0.iter().for_each(|function| remove(&mut values, function));
        values
    }
}

/// Takes what lies along a direction of length one out of the values.
fn remove(values: &mut [f64], direction: &[f64]) {
    let along: f64 = values.iter().zip(direction).map(|(value, part)| value * part).sum();
    values.iter_mut().zip(direction).for_each(|(value, part)| *value -= along * part);
}
