//! Templates like our own, in any number: drawn with the mean and the covariance of real ones.

use super::linear::{root, shrunk_covariance};
use anyhow::{Context, Result, bail};
use likeness_base::Secret;

/// Draws templates of a population.
pub(crate) struct Population {
    mean: Vec<f64>,
    root: Vec<Vec<f64>>,
    unit: bool,
    /// For people: of how many faces, and how much they were smoothed.
    pub text: String,
}

impl Population {
    /// Learns from real templates.
    ///
    /// # Errors
    /// With fewer than eight: their covariance says nothing.
    pub(crate) fn of(templates: &[Secret<Vec<f32>>], unit: bool) -> Result<Self> {
        if templates.len() < 8 {
            bail!("{} faces are too few to learn a covariance from; at least 8 are needed", templates.len());
        }
        let samples: Vec<Vec<f64>> =
            templates.iter().map(|template| template.expose().iter().map(|x| f64::from(*x)).collect()).collect();
        let (mean, covariance, share) = shrunk_covariance(&samples);
        let root = root(&covariance).context("the covariance of the templates has no root")?;
        let text = format!("mean and covariance of {} faces, {:.0} % shrunk", templates.len(), 100.0 * share);
        Ok(Self { mean, root, unit, text })
    }

    /// Another person.
    pub(crate) fn stranger(&self, random: &mut fastrand::Rng) -> Vec<f32> {
        let normals: Vec<f64> = (0..self.mean.len()).map(|_| normal(random)).collect();
        let drawn =
            self.mean.iter().zip(&self.root).enumerate().map(|(i, (mean, row))| {
                mean + row[..=i].iter().zip(&normals).map(|(weight, x)| weight * x).sum::<f64>()
            });
        self.finished(drawn.collect())
    }

    /// Another photo of a person: about this far away.
    #[expect(clippy::cast_precision_loss, reason = "some hundred numbers")]
    pub(crate) fn again(&self, template: &[f32], distance: f64, random: &mut fastrand::Rng) -> Vec<f32> {
        let each = distance / (template.len() as f64).sqrt();
        self.finished(template.iter().map(|x| f64::from(*x) + each * normal(random)).collect())
    }

    #[expect(clippy::cast_possible_truncation, reason = "templates are f32")]
    fn finished(&self, template: Vec<f64>) -> Vec<f32> {
        let length = if self.unit { template.iter().map(|x| x * x).sum::<f64>().sqrt() } else { 1.0 };
        template.into_iter().map(|x| (x / length) as f32).collect()
    }
}

/// A normally distributed number (Box and Muller).
fn normal(random: &mut fastrand::Rng) -> f64 {
    let (u, v) = (1.0 - random.f64(), random.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_has_the_mean_it_was_drawn_with() {
        let mut random = fastrand::Rng::with_seed(3);
        let real: Vec<Secret<Vec<f32>>> =
            (0..40).map(|_| Secret::new(vec![3.0 + random.f32(), random.f32(), -random.f32()])).collect();
        let population = Population::of(&real, false).unwrap();
        let drawn: Vec<Vec<f32>> = (0..4_000).map(|_| population.stranger(&mut random)).collect();
        for (i, expected) in [3.5, 0.5, -0.5].into_iter().enumerate() {
            let mean = drawn.iter().map(|template| template[i]).sum::<f32>() / 4_000.0;
            assert!((mean - expected).abs() < 0.15, "{i}: {mean}");
        }
        let unit = Population::of(&real, true).unwrap().stranger(&mut random);
        assert!((unit.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(Population::of(&real[..7], false).is_err());
    }
}
