//! Which template a person has by several frames. Nothing is kept: pixels end with the worker's call.

use crate::recognisers::Recogniser;
use crate::worker_networks::WorkerNetworks;
use likeness_base::Secret;
use likeness_sight::{Unseen, decoded};
use likeness_vision::{DescribeOptions, RecogniserSet, Search};

/// The template of a person out of several frames: the mean of theirs. `None`: none of them shows one face.
pub(super) fn fused(
    vision: &mut WorkerNetworks,
    frames: &[Secret<Vec<u8>>],
    recogniser: &Recogniser,
) -> Result<Option<Secret<Vec<f32>>>, Unseen> {
    let templates = RecogniserSet::NONE.with(recogniser.number);
    let options = DescribeOptions { templates, ..DescribeOptions::default() };
    let mut sum: Option<Secret<Vec<f32>>> = None;
    for jpeg in frames {
        let picture = decoded(jpeg.expose())?;
        let found = vision.detect(&picture, Search::default())?;
        let [face] = found.as_slice() else { continue };
        let face = vision.describe(&picture, face, options)?;
        let Some(template) = face.template(recogniser.number) else { continue };
        match &mut sum {
            None => sum = Some(normalised(template.clone())),
            Some(sum) => {
                let own = normalised(template.clone());
                sum.expose_mut().iter_mut().zip(own.expose()).for_each(|(sum, own)| *sum += own);
            }
        }
    }
    Ok(sum.map(normalised))
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
}
