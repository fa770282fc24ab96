//! Which of these faces belong together?

use crate::{Calibration, SAME_PERSON, distance};
use std::cmp::Ordering;

/// Faces put together by likeness: positions in the list that was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Groups of at least two, the largest first, of equal size the one with the earliest face first. Positions rise
    /// within a group.
    pub groups: Vec<Vec<usize>>,
    /// Faces without a counterpart, rising.
    pub messy: Vec<usize>,
}

/// Puts faces of one person together.
///
/// Starting with every face alone, the two groups with the smallest *mean* distance between their faces are joined, as
/// long as that mean is within verify's threshold (average linkage). Two strangers who are both near to a third face
/// are therefore not joined through it, as single linkage would do, and one unlucky photo does not split a person, as
/// complete linkage would do. It may still split a person whose photos differ much, which the contract allows.
///
/// The result does not depend on the order of the faces: where distances tie, the templates' own numbers decide. A
/// template that is not finite stays alone. Time grows with the square of the number of faces: a thousand take some
/// hundredths of a second.
///
/// # Panics
/// When the templates are not all of one length.
pub fn group(templates: &[&[f32]], calibration: &Calibration) -> Groups {
    let mut canonical: Vec<usize> = (0..templates.len()).collect();
    canonical.sort_by(|a, b| by_numbers(templates[*a], templates[*b]));
    let ordered: Vec<&[f32]> = canonical.iter().map(|position| templates[*position]).collect();

    let mut groups = Groups::default();
    for members in linked(&ordered, f64::from(calibration.verify_distance(SAME_PERSON))) {
        let mut members: Vec<usize> = members.into_iter().map(|place| canonical[place]).collect();
        members.sort_unstable();
        if members.len() == 1 {
            groups.messy.extend(members);
        } else {
            groups.groups.push(members);
        }
    }
    groups.groups.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].cmp(&b[0])));
    groups.messy.sort_unstable();
    groups
}

fn by_numbers(a: &[f32], b: &[f32]) -> Ordering {
    let differing = a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne());
    differing.unwrap_or(Ordering::Equal)
}

/// Average linkage up to a mean distance.
fn linked(templates: &[&[f32]], cut: f64) -> Vec<Vec<usize>> {
    let mut clusters = Clusters::each_alone(templates);
    while let Some((a, b)) = clusters.nearest_pair(cut) {
        clusters.join(a, b);
    }
    clusters.members.into_iter().filter(|members| !members.is_empty()).collect()
}

struct Clusters {
    /// Faces of each cluster; empty once it was joined to another.
    members: Vec<Vec<usize>>,
    /// Mean distance between the faces of two clusters, row by row.
    means: Vec<f64>,
    /// For each cluster the nearest of those after it, which spares looking at all pairs for every join.
    nearest_after: Vec<Option<(f64, usize)>>,
}

impl Clusters {
    fn each_alone(templates: &[&[f32]]) -> Self {
        let count = templates.len();
        let mut means = vec![f64::INFINITY; count * count];
        for a in 0..count {
            for b in a + 1..count {
                let between = f64::from(distance(templates[a], templates[b]));
                let between = if between.is_nan() { f64::INFINITY } else { between };
                means[a * count + b] = between;
                means[b * count + a] = between;
            }
        }
        let members = (0..count).map(|face| vec![face]).collect();
        let mut clusters = Self { members, means, nearest_after: vec![None; count] };
        for cluster in 0..count {
            clusters.nearest_after[cluster] = clusters.find_nearest_after(cluster);
        }
        clusters
    }

    fn mean(&self, a: usize, b: usize) -> f64 {
        self.means[a * self.members.len() + b]
    }

    fn find_nearest_after(&self, cluster: usize) -> Option<(f64, usize)> {
        let later = (cluster + 1..self.members.len()).filter(|other| !self.members[*other].is_empty());
        later.map(|other| (self.mean(cluster, other), other)).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
    }

    /// The two clusters with the smallest mean distance, if it is within the cut.
    fn nearest_pair(&self, cut: f64) -> Option<(usize, usize)> {
        let pairs = self.nearest_after.iter().enumerate();
        let pairs = pairs.filter_map(|(cluster, nearest)| nearest.map(|(mean, other)| (mean, cluster, other)));
        let (mean, a, b) = pairs.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        (mean <= cut).then_some((a, b))
    }

    /// Moves the faces of `b` to `a`, which comes before it.
    fn join(&mut self, a: usize, b: usize) {
        let count = self.members.len();
        let (weight_a, weight_b) = (self.members[a].len() as f64, self.members[b].len() as f64);
        let moved = std::mem::take(&mut self.members[b]);
        self.members[a].extend(moved);
        self.nearest_after[b] = None;
        for other in (0..count).filter(|other| *other != a) {
            // The mean over all pairs follows from the two means, weighted by how many pairs each stands for.
            let mean = (weight_a * self.mean(a, other) + weight_b * self.mean(b, other)) / (weight_a + weight_b);
            self.means[a * count + other] = mean;
            self.means[other * count + a] = mean;
        }
        for cluster in 0..count {
            if self.members[cluster].is_empty() || cluster > b {
                continue;
            }
            let is_stale = self.nearest_after[cluster].is_some_and(|(_, nearest)| nearest == a || nearest == b);
            if cluster == a || is_stale {
                self.nearest_after[cluster] = self.find_nearest_after(cluster);
            } else if cluster < a {
                let mean = self.mean(cluster, a);
                let is_nearer = self.nearest_after[cluster]
                    .is_none_or(|(known, nearest)| mean.total_cmp(&known).then(a.cmp(&nearest)).is_lt());
                if is_nearer {
                    self.nearest_after[cluster] = Some((mean, a));
                }
            }
        }
    }
}
