//! Which template a person has by several frames. Nothing is kept: pixels end with the worker's call.

use crate::recognisers::Recogniser;
use crate::worker_networks::WorkerNetworks;
use likeness_base::Secret;
use likeness_gallery::{SAME_PERSON, distance};
use likeness_sight::{Unseen, decoded, observe};
use likeness_vision::{AttributeSet, DescribeOptions, RecogniserSet, Search, Vision};
use std::cmp::Ordering;

/// Analyses a frame as captures do and keeps nothing: for whoever measures how long that takes. Says whether a face was seen.
///
/// # Errors
/// When it is no picture or a network fails; the text says which.
pub fn rehearse(vision: &mut WorkerNetworks, jpeg: &[u8]) -> Result<bool, String> {
    observe(vision.vision(), jpeg, 1, 1).map(|seen| seen.observation.face.is_some()).map_err(|error| error.to_string())
}

/// The template of a person by all of several frames, and by the best of them alone: for whoever measures what is gained. None where no
/// frame shows one face.
///
/// # Errors
/// When one is no picture or a network fails; the text says which.
pub fn fused_and_best(vision: &mut Vision, frames: &[Vec<u8>]) -> Result<Option<[Secret<Vec<f32>>; 2]>, String> {
    let attributes = AttributeSet::QUALITY | AttributeSet::BLUR;
    let options = DescribeOptions { templates: RecogniserSet::FIRST, attributes, ..DescribeOptions::default() };
    let mut all = Vec::with_capacity(frames.len());
    for jpeg in frames {
        let picture = decoded(jpeg).map_err(|error| error.to_string())?;
        let found = vision.detect(&picture, Search::capture()).map_err(|error| error.to_string())?;
        let [face] = found.as_slice() else { continue };
        let face = vision.describe(&picture, face, options).map_err(|error| error.to_string())?;
        let Some(template) = face.template(0).cloned().map(normalised) else { continue };
        // A sharper frame of the same quality is better.
        all.push(((face.quality, -face.blur.unwrap_or(1.0)), template));
    }
    let best = all.iter().max_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    let Some((_, best)) = best.cloned() else { return Ok(None) };
    let templates = all.into_iter().map(|(_, template)| template).collect();
    Ok(match mean(templates, |_, _| true) {
        Fused::One(fused) => Some([fused, best]),
        Fused::Nobody | Fused::Several => None,
    })
}

/// Whom several frames show.
pub(super) enum Fused {
    /// One person: the mean of their templates.
    One(Secret<Vec<f32>>),
    /// Nobody: none of the frames shows one face.
    Nobody,
    /// Not the same person in all of them: another took the first one's place.
    Several,
}

/// The template of a person out of several frames.
pub(super) fn fused(
    vision: &mut WorkerNetworks,
    frames: &[Secret<Vec<u8>>],
    recogniser: &Recogniser,
) -> Result<Fused, Unseen> {
    let templates = RecogniserSet::NONE.with(recogniser.number);
    let options = DescribeOptions { templates, ..DescribeOptions::default() };
    let mut all: Vec<Secret<Vec<f32>>> = Vec::with_capacity(frames.len());
    for jpeg in frames {
        let picture = decoded(jpeg.expose())?;
        let found = vision.detect(&picture, Search::capture())?;
        let [face] = found.as_slice() else { continue };
        let face = vision.describe(&picture, face, options)?;
        all.extend(face.template(recogniser.number).cloned().map(normalised));
    }
    let confidence = |distance| recogniser.calibration.verify_confidence(distance);
    Ok(mean(all, |one, other| confidence(distance(one, other)) >= SAME_PERSON))
}

/// The mean of templates of length one, if all of them are of the same person as the first.
fn mean(mut all: Vec<Secret<Vec<f32>>>, is_same: impl Fn(&[f32], &[f32]) -> bool) -> Fused {
    let others = all.split_off(all.len().min(1));
    let Some(mut sum) = all.pop() else { return Fused::Nobody };
    if !others.iter().all(|other| is_same(sum.expose(), other.expose())) {
        return Fused::Several;
    }
    for other in others {
        sum.expose_mut().iter_mut().zip(other.expose()).for_each(|(sum, own)| *sum += own);
    }
    Fused::One(normalised(sum))
}

fn normalised(mut template: Secret<Vec<f32>>) -> Secret<Vec<f32>> {
    let length = template.expose().iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        template.expose_mut().iter_mut().for_each(|value| *value /= length);
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_length_one() {
        let template = normalised(Secret::new(vec![3.0, 4.0]));
        assert_eq!(template.expose(), &[0.6, 0.8]);
    }

    #[test]
    fn frames_of_two_people_have_no_template() {
        let is_same = |one: &[f32], other: &[f32]| distance(one, other) < 1.0;
        let fused = |all: &[[f32; 2]]| mean(all.iter().map(|one| Secret::new(one.to_vec())).collect(), is_same);
        assert!(matches!(fused(&[]), Fused::Nobody));
        assert!(matches!(fused(&[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), Fused::Several));
        let Fused::One(one) = fused(&[[0.96, 0.28], [0.96, -0.28]]) else { panic!("they are the same") };
        assert_eq!(one.expose(), &[1.0, 0.0]);
    }
}
