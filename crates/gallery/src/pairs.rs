use crate::{Labelled, distance};
use std::collections::BTreeMap;

/// Most pairs of different people that are kept: 32 MB, and a resampling of some hundredths of a second.
const MOST_IMPOSTOR_PAIRS: usize = 2_000_000;

/// The distance of two photos of different people.
#[derive(Clone, Copy)]
pub(crate) struct Impostor {
    pub(crate) distance: f64,
    pub(crate) people: (u32, u32),
}

/// The distance of two photos of one person.
#[derive(Clone, Copy)]
pub(crate) struct Genuine {
    pub(crate) distance: f64,
    pub(crate) person: u32,
}

/// All comparisons, nearest first. People are numbered from 0, in the order of the caller's numbers.
pub(crate) struct Pairs {
    pub(crate) people: usize,
    /// The caller's number of each.
    pub(crate) labels: Vec<u32>,
    /// How many templates of each there are.
    pub(crate) photos: Vec<u64>,
    pub(crate) genuine: Vec<Genuine>,
    /// Those that are used.
    pub(crate) impostor: Vec<Impostor>,
    /// All there are.
    pub(crate) impostor_total: u64,
}

impl Pairs {
    pub(crate) fn compare(labelled: &[Labelled], random: &mut fastrand::Rng) -> Self {
        let mut numbers: BTreeMap<u32, u32> = labelled.iter().map(|one| (one.person, 0)).collect();
        for (next, number) in (0..).zip(numbers.values_mut()) {
            *number = next;
        }
        let people: Vec<u32> = labelled.iter().map(|one| numbers[&one.person]).collect();
        let mut photos = vec![0_u64; numbers.len()];
        for person in &people {
            photos[*person as usize] += 1;
        }
        let among = |count: u64| count * count.saturating_sub(1) / 2;
        let impostor_total = among(people.len() as u64) - photos.iter().map(|count| among(*count)).sum::<u64>();
        let share = MOST_IMPOSTOR_PAIRS as f64 / impostor_total as f64;

        let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
        for (at, one) in labelled.iter().enumerate() {
            for (other, &second) in labelled[..at].iter().zip(&people) {
                let first = people[at];
                if first != second && share < 1.0 && random.f64() >= share {
                    continue;
                }
                let distance = f64::from(distance(one.template.expose(), other.template.expose()));
                if first == second {
                    genuine.push(Genuine { distance, person: first });
                } else {
                    impostor.push(Impostor { distance, people: (first, second) });
                }
            }
        }
        genuine.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
        impostor.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
        Self { people: photos.len(), labels: numbers.into_keys().collect(), photos, genuine, impostor, impostor_total }
    }

    /// How many impostor pairs are at most this far apart.
    pub(crate) fn false_matches(&self, distance: f64) -> usize {
        self.impostor.partition_point(|pair| pair.distance <= distance)
    }

    /// How many genuine pairs are at most this far apart.
    pub(crate) fn true_matches(&self, distance: f64) -> usize {
        self.genuine.partition_point(|pair| pair.distance <= distance)
    }

    /// Mean distance of genuine pairs, of which there is one.
    pub(crate) fn mean_genuine(&self) -> f64 {
        self.genuine.iter().map(|pair| pair.distance).sum::<f64>() / self.genuine.len() as f64
    }

    /// The distance with the smallest mean of both error rates; the smallest such, in the middle of the gap between
    /// the comparisons on its two sides.
    pub(crate) fn best_cut(&self) -> f64 {
        let mut distances: Vec<f64> = self.genuine.iter().map(|pair| pair.distance).collect();
        distances.extend(self.impostor.iter().map(|pair| pair.distance));
        distances.sort_unstable_by(f64::total_cmp);
        distances.dedup();
        let error = |cut: f64| {
            let missed = 1.0 - self.true_matches(cut) as f64 / self.genuine.len() as f64;
            missed + self.false_matches(cut) as f64 / self.impostor.len() as f64
        };
        let cuts = distances.array_windows().map(|[below, above]| f64::midpoint(*below, *above));
        let best = cuts.map(|cut| (error(cut), cut)).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        best.map_or(0.0, |(_, cut)| cut)
    }
}

/// How often each person counts: once, or as often as a resampling drew them.
pub(crate) struct Weights(Vec<u32>);

impl Weights {
    pub(crate) fn equal(people: usize) -> Self {
        Self(vec![1; people])
    }

    /// As many people as there are, drawn with replacement: the bootstrap, with people rather than pairs as its
    /// units, because pairs that share a person are not independent.
    pub(crate) fn resampled(people: usize, random: &mut fastrand::Rng) -> Self {
        let mut weights = vec![0; people];
        for _ in 0..people {
            weights[random.usize(..people)] += 1;
        }
        Self(weights)
    }

    /// How many copies of a person there are.
    pub(crate) fn of(&self, person: usize) -> u64 {
        u64::from(self.0[person])
    }

    /// How many copies of a pair of two people there are.
    pub(crate) fn impostor(&self, pair: &Impostor) -> u64 {
        u64::from(self.0[pair.people.0 as usize]) * u64::from(self.0[pair.people.1 as usize])
    }

    /// How many copies of a pair of one person there are.
    pub(crate) fn genuine(&self, pair: &Genuine) -> u64 {
        u64::from(self.0[pair.person as usize])
    }
}
