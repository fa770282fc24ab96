//! Which texels near a person's outline show the photo's background: a guess by colour.
//!
//! Colours well inside the outline are the person's, colours just outside are the background's. Between, each texel is
//! of those that have its colour more often.

use crate::texture::{Level, Texel};

/// Steps of a channel in the counts of colours.
const STEPS: usize = 16;
/// Texels so far inside are the person's, whatever their colour.
const SURELY_INSIDE_MM: f32 = 26.0;
/// How far outside the background is looked at.
const OUTSIDE_MM: std::ops::Range<f32> = -45.0..-6.0;
/// Texels over which the guess is averaged, to each side.
const REACH: usize = 7;
/// With fewer texels of background than this there is nothing to tell apart.
const FEWEST: f32 = 2_000.0;

/// How much each texel looks like background, 0 to 1; `within` is how far inside the outline it is, in millimetres.
pub(crate) fn foreign(level: &Level, known: &[bool], within: &[f32]) -> Vec<f32> {
    let counts = |chosen: &dyn Fn(f32) -> bool| {
        let mut counts = vec![0.0f32; STEPS * STEPS * STEPS];
        for ((texel, known), within) in level.texels.iter().zip(known).zip(within) {
            if *known && chosen(*within) {
                counts[colour(*texel)] += 1.0;
            }
        }
        spread(&counts)
    };
    let own = counts(&|within| within > SURELY_INSIDE_MM);
    let around = counts(&|within| OUTSIDE_MM.contains(&within));
    let (own_sum, around_sum): (f32, f32) = (own.iter().sum(), around.iter().sum());
    if around_sum < FEWEST || own_sum < FEWEST {
        return vec![0.0; level.texels.len()];
    }
    // A colour that was never seen says nothing.
    let guess = |texel: Texel| {
        let (own, around) = (own[colour(texel)] / own_sum + 1e-5, around[colour(texel)] / around_sum + 1e-5);
        around / (own + around)
    };
    let near = |index: usize| known[index] && (-4.0..SURELY_INSIDE_MM).contains(&within[index]);
    let raw: Vec<f32> =
        (0..level.texels.len()).map(|index| if near(index) { guess(level.texels[index]) } else { 0.0 }).collect();
    let weights: Vec<f32> = (0..level.texels.len()).map(|index| f32::from(u8::from(near(index)))).collect();
    let (means, shares) = (averaged(&raw, level.width), averaged(&weights, level.width));
    (0..raw.len())
        .map(|index| {
            // Towards the surely inside the guess fades, so that no edge appears there.
            let trust = ((SURELY_INSIDE_MM - within[index]) / 8.0).clamp(0.0, 1.0);
            if near(index) { means[index] / shares[index].max(1e-3) * trust } else { 0.0 }
        })
        .collect()
}

/// Hides what no broad path of visible texels connects with a place: bits of hair or sky that seem to be the person's.
pub(crate) fn keep_connected(level: &mut Level, [column, row]: [usize; 2]) {
    const VISIBLE: u8 = 128;
    /// Share of visible texels around one through which a path may lead.
    const BROAD: f32 = 0.75;
    let width = level.width;
    let visible: Vec<f32> = level.texels.iter().map(|texel| f32::from(u8::from(texel[3] >= VISIBLE))).collect();
    let broad = averaged(&visible, width);
    let mut reached = vec![0.0f32; visible.len()];
    let mut waiting = vec![row * width + column];
    while let Some(index) = waiting.pop() {
        if reached[index] > 0.0 || broad[index] < BROAD {
            continue;
        }
        reached[index] = 1.0;
        let (x, y) = (index % width, index / width);
        waiting.extend((x > 0).then(|| index - 1));
        waiting.extend((x + 1 < width).then_some(index + 1));
        waiting.extend((y > 0).then(|| index - width));
        waiting.extend((y + 1 < level.height).then_some(index + width));
    }
    // The edge of what is reached stays.
    for (texel, near) in level.texels.iter_mut().zip(averaged(&reached, width)) {
        if near == 0.0 {
            texel[3] = 0;
        }
    }
}

fn colour(texel: Texel) -> usize {
    let [red, green, blue] = [texel[0], texel[1], texel[2]].map(|value| usize::from(value) * STEPS / 256);
    (red * STEPS + green) * STEPS + blue
}

/// Counts shared with the colours next to them.
fn spread(counts: &[f32]) -> Vec<f32> {
    let mut result = counts.to_vec();
    for stride in [1, STEPS, STEPS * STEPS] {
        let before = result.clone();
        for (index, value) in result.iter_mut().enumerate() {
            let step = index / stride % STEPS;
            let lower = if step > 0 { before[index - stride] } else { 0.0 };
            let upper = if step + 1 < STEPS { before[index + stride] } else { 0.0 };
            *value = 0.5 * before[index] + 0.25 * (lower + upper);
        }
    }
    result
}

/// Means over squares.
fn averaged(values: &[f32], width: usize) -> Vec<f32> {
    let transposed_means = |values: &[f32], width: usize| {
        let height = values.len() / width;
        let mut means = vec![0.0; values.len()];
        for (y, row) in values.chunks_exact(width).enumerate() {
            for x in 0..width {
                let window = &row[x.saturating_sub(REACH)..(x + REACH + 1).min(width)];
                means[x * height + y] = window.iter().sum::<f32>() / window.len() as f32;
            }
        }
        means
    };
    transposed_means(&transposed_means(values, width), values.len() / width)
}
