//! The page's colours light a face, and hardly anything else.

use crate::portrait::{clean, performer};
use likeness_renderer::{
    BendAxis, Colour, Conditions, Frame, Oval, Performer, Prompt, ScreenKind, Subject, recorded_prompts,
};

const OVAL: Oval = Oval { x: 0.5, y: 0.5, width: 0.34, height: 0.62 };
const COLOURS: [[u8; 3]; 7] =
    [[255, 90, 90], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255], [0, 255, 0]];

/// Logarithms of the mean of each channel in a square around a place.
fn mean(frame: &Frame, [x, y]: [f32; 2]) -> [f32; 3] {
    let reach = 10;
    let mut sums = [0.0f32; 3];
    for row in y as i32 - reach..=y as i32 + reach {
        for column in x as i32 - reach..=x as i32 + reach {
            let at = (row as usize * frame.picture.width + column as usize) * 3;
            (0..3).for_each(|i| sums[i] += f32::from(frame.picture.pixels[at + i]));
        }
    }
    sums.map(|sum| sum.max(1.0).ln())
}

/// Between both eyes and above: skin, and no dot on it.
fn forehead(frame: &Frame) -> [f32; 2] {
    let [left, right, nose, ..] = frame.truth.faces[0].landmarks;
    let middle = [(left[0] + right[0]) / 2.0, (left[1] + right[1]) / 2.0];
    [middle[0] - 0.6 * (nose[0] - middle[0]), middle[1] - 0.6 * (nose[1] - middle[1])]
}

/// Gain and correlation of logarithms with the colours that were on the page, as light, at a place of the frame.
fn echo(mut performer: Performer, place: impl Fn(&Frame) -> [f32; 2]) -> (f32, f32) {
    performer.show(Prompt::Settle { oval: OVAL, colours: Vec::new() }, 0.0);
    let (mut asked, mut seen) = (Vec::new(), Vec::new());
    for (number, [red, green, blue]) in COLOURS.into_iter().enumerate() {
        let shown_ms = 2_000.0 + 500.0 * number as f64;
        performer.show(Prompt::Light { colour: Colour::new(red, green, blue) }, shown_ms);
        for after_ms in [150.0, 250.0, 350.0, 450.0] {
            let frame = performer.frame(shown_ms + after_ms);
            let values = mean(&frame, place(&frame));
            asked.push([red, green, blue].map(|value| f32::from(value) / 255.0));
            seen.push(values);
        }
    }
    let count = asked.len() as f32;
    let (mut both, mut of_asked, mut of_seen) = (0.0, 0.0, 0.0);
    for channel in 0..3 {
        let middle = |values: &[[f32; 3]]| values.iter().map(|value| value[channel]).sum::<f32>() / count;
        let (mean_asked, mean_seen) = (middle(&asked), middle(&seen));
        for (asked, seen) in asked.iter().zip(&seen) {
            let (u, v) = (asked[channel] - mean_asked, seen[channel] - mean_seen);
            both += u * v;
            of_asked += u * u;
            of_seen += v * v;
        }
    }
    (both / of_asked, both / (of_asked * of_seen).sqrt().max(1e-9))
}

#[test]
fn skin_follows_the_colours_and_recordings_do_not() {
    let skin = |subject| echo(performer(subject, Conditions { seed: 3, ..Conditions::default() }), forehead);
    for subject in
        [Subject::Live, Subject::FlatPrint, Subject::BowedPrint { sagitta_mm: 25.0, axis: BendAxis::Upright }]
    {
        let (gain, correlation) = skin(subject.clone());
        assert!(correlation > 0.95 && (0.08..0.35).contains(&gain), "{subject:?}: {gain} {correlation}");
    }
    let (live, _) = skin(Subject::Live);
    let (screen, _) = skin(Subject::Screen);
    assert!((0.005..0.3 * live).contains(&screen), "a display answers weakly: {screen}");
    let (gain, correlation) = skin(Subject::StillFile);
    assert!(gain.abs() < 1e-4 && correlation.abs() < 0.05, "{gain} {correlation}");
    let (_, correlation) = skin(Subject::RecordedFile { recorded: recorded_prompts(11) });
    assert!(correlation < 0.6, "{correlation}");
}

#[test]
fn the_background_answers_less_than_the_face() {
    let conditions = || Conditions { seed: 3, ..Conditions::default() };
    let (face, _) = echo(performer(Subject::Live, conditions()), forehead);
    let (background, _) = echo(performer(Subject::Live, conditions()), |_| [40.0, 60.0]);
    let ratio = background / face;
    assert!((0.02..0.25).contains(&ratio), "{ratio}");
}

#[test]
fn daylight_hides_the_screen() {
    let gain = |ambient_lux| {
        let conditions = Conditions { ambient_lux, screen: ScreenKind::Phone, ..clean(3) };
        echo(performer(Subject::Live, conditions), forehead).0
    };
    let gains = [50.0, 300.0, 1_000.0, 10_000.0].map(gain);
    assert!(gains.is_sorted_by(|first, second| first > second), "{gains:?}");
    assert!(gains[3] < 0.01 && gains[0] > 0.15, "{gains:?}");
}

#[test]
fn light_comes_after_its_lag() {
    let conditions = Conditions { light_lag_ms: 120.0, ..clean(3) };
    let mut performer = performer(Subject::Live, conditions);
    performer.show(Prompt::Light { colour: Colour::BLACK }, 1_000.0);
    let mut at = |at_ms: f64| {
        let frame = performer.frame(at_ms);
        (mean(&frame, forehead(&frame))[1], frame.truth.light)
    };
    let (before, page) = at(1_110.0);
    let (after, black) = at(1_130.0);
    assert!(before - after > 0.1, "{before} {after}");
    assert_eq!((page, black), (Colour::PAGE, Colour::BLACK));
}

#[test]
fn automatic_exposure_takes_light_back() {
    let brightness = |exposure_drift: f32, after_ms: f64| {
        let mut performer = performer(Subject::Live, Conditions { exposure_drift, ..clean(3) });
        performer.show(Prompt::Light { colour: Colour::BLACK }, 1_000.0);
        let frame = performer.frame(1_000.0 + after_ms);
        mean(&frame, forehead(&frame))[1]
    };
    let fixed = brightness(0.0, 2_500.0) - brightness(0.0, 150.0);
    let adapted = brightness(0.9, 2_500.0) - brightness(0.9, 150.0);
    assert!(fixed.abs() < 0.03 && adapted > 0.08, "{fixed} {adapted}");
}

#[test]
fn the_dark_is_dark() {
    let mut dark = performer(Subject::Dark, clean(3));
    let frame = dark.frame(0.0);
    let usual = performer(Subject::Live, clean(3)).frame(0.0);
    assert!(mean(&usual, forehead(&usual))[0] - mean(&frame, forehead(&frame))[0] > 0.9);
}
