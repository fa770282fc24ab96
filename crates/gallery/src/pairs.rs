//! All pairs of labelled templates: the nearest kept one by one, the rest counted.
//!
//! 13,000 photos are 87 million pairs of different people. What matters of them lies at the near end, so the nearest two
//! million stay as pairs, with their people, and all of them in a histogram so fine that its bars are thinner than what
//! any figure shows. Every pair is compared; nothing is drawn at random.

use crate::{Distribution, GalleryError, Labelled, distance};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most pairs of different people that are kept one by one: 32 MB, and a resampling of some hundredths of a second.
const MOST_KEPT: u64 = 2_000_000;

/// Most pairs of one person: 320 MB. A larger folder has thousands of photos of one person, where a hundred suffice.
const MOST_GENUINE: u64 = 20_000_000;

/// Bars of the histogram of all pairs of different people.
const BARS: usize = 1 << 16;

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

/// Pairs that are not to be compared: of people who are relatives, or the same person under two names.
#[derive(Clone, Debug, Default)]
pub struct ExcludedPairs {
    people: BTreeMap<u32, BTreeSet<u32>>,
    templates: BTreeMap<usize, BTreeSet<usize>>,
}

impl ExcludedPairs {
    /// No photo of the one person is compared with any of the other; by [`Labelled::person`].
    pub fn people(&mut self, one: u32, other: u32) {
        self.people.entry(one).or_default().insert(other);
        self.people.entry(other).or_default().insert(one);
    }

    /// These two templates are not compared; by their places.
    pub fn templates(&mut self, one: usize, other: usize) {
        self.templates.entry(one).or_default().insert(other);
        self.templates.entry(other).or_default().insert(one);
    }

    /// Who is not to be compared with this person.
    pub(crate) fn of(&self, person: u32) -> impl Iterator<Item = u32> + '_ {
        self.people.get(&person).into_iter().flatten().copied()
    }
}

/// All pairs of different people, counted by distance.
pub(crate) struct DistanceHistogram {
    width: f64,
    counts: Vec<u64>,
    largest: f32,
}

impl DistanceHistogram {
    fn new(width: f64) -> Self {
        Self { width, counts: vec![0; BARS], largest: 0.0 }
    }

    fn bar(&self, distance: f32) -> usize {
        ((f64::from(distance) / self.width) as usize).min(BARS - 1)
    }

    fn add(&mut self, distance: f32) {
        let bar = self.bar(distance);
        self.counts[bar] += 1;
        self.largest = self.largest.max(distance);
    }

    fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.largest = self.largest.max(other.largest);
    }

    /// Middles of the bars and how many pairs are in each.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.counts.iter().enumerate().map(|(bar, count)| ((bar as f64 + 0.5) * self.width, *count))
    }
}

/// All comparisons, nearest first. People are numbered from 0, in the order of the caller's numbers.
pub(crate) struct Pairs {
    pub(crate) people: usize,
    /// The caller's number of each.
    pub(crate) labels: Vec<u32>,
    /// How many templates of each there are.
    pub(crate) photos: Vec<u64>,
    pub(crate) genuine: Vec<Genuine>,
    /// The nearest pairs of different people: all that are nearer than [`Pairs::reach`].
    pub(crate) impostor: Vec<Impostor>,
    /// How many pairs of different people were compared.
    pub(crate) impostor_total: u64,
    /// Beyond, pairs are counted in [`Pairs::histogram`] alone; infinite where all are kept.
    pub(crate) reach: f64,
    pub(crate) histogram: DistanceHistogram,
}

impl Pairs {
    /// `progress` gets how many of twice as many templates as there are have been compared with all before them.
    ///
    /// # Errors
    /// [`GalleryError::TooMuch`] with more than twenty million pairs of one person.
    pub(crate) fn compare(
        labelled: &[Labelled],
        excluded: &ExcludedPairs,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self, GalleryError> {
        let mut photos = BTreeMap::new();
        labelled.iter().for_each(|one| *photos.entry(one.person).or_insert(0_u64) += 1);
        let genuine = photos.values().map(|count| count * (count - 1) / 2).sum();
        if genuine > MOST_GENUINE {
            return Err(GalleryError::TooMuch {
                what: "pairs of photos of one person",
                most: MOST_GENUINE,
                found: genuine,
            });
        }
        Ok(Self::keeping(MOST_KEPT, labelled, excluded, progress))
    }

    fn keeping(most: u64, labelled: &[Labelled], excluded: &ExcludedPairs, progress: &(dyn Fn(usize) + Sync)) -> Self {
        let mut numbers: BTreeMap<u32, u32> = labelled.iter().map(|one| (one.person, 0)).collect();
        for (next, number) in (0..).zip(numbers.values_mut()) {
            *number = next;
        }
        let people: Vec<u32> = labelled.iter().map(|one| numbers[&one.person]).collect();
        let mut photos = vec![0_u64; numbers.len()];
        for person in &people {
            photos[*person as usize] += 1;
        }
        let all = All { labelled, people: &people, excluded, done: &AtomicUsize::new(0), progress };

        // No two templates are farther apart than the sum of their lengths.
        let length = |one: &Labelled| one.template.expose().iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let longest =
            labelled.iter().map(length).fold(0.0, f64::max).clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
        let width = 2.0 * longest * (1.0 + 1e-6) / BARS as f64;
        let counted = all.in_parallel(
            || (DistanceHistogram::new(width), Vec::new()),
            |(histogram, genuine), pair, distance| match pair {
                Pair::Genuine(person) => genuine.push(Genuine { distance: f64::from(distance), person }),
                Pair::Impostor(_) => histogram.add(distance),
            },
        );
        let (mut histogram, mut genuine) = (DistanceHistogram::new(width), Vec::new());
        for (part, mates) in counted {
            histogram.merge(&part);
            genuine.extend(mates);
        }
        let impostor_total: u64 = histogram.counts.iter().sum();

        // Whole bars from the near end, as many as fit.
        let mut sum = 0;
        let kept = histogram
            .counts
            .iter()
            .take_while(|count| {
                sum += **count;
                sum <= most
            })
            .count();
        let is_kept = |histogram: &DistanceHistogram, distance: f32| histogram.bar(distance) < kept;
        let parts = all.in_parallel(Vec::new, |nearest, pair, distance| {
            if let Pair::Impostor(people) = pair
                && is_kept(&histogram, distance)
            {
                nearest.push(Impostor { distance: f64::from(distance), people });
            }
        });
        let mut impostor: Vec<Impostor> = parts.into_iter().flatten().collect();
        genuine.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.person.cmp(&b.person)));
        impostor.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.people.cmp(&b.people)));
        let reach = if kept == BARS { f64::INFINITY } else { kept as f64 * width };
        let labels = numbers.into_keys().collect();
        Self { people: photos.len(), labels, photos, genuine, impostor, impostor_total, reach, histogram }
    }

    /// How many impostor pairs are at most this far apart. Beyond [`Pairs::reach`] to within a bar.
    pub(crate) fn false_matches(&self, distance: f64) -> u64 {
        if distance < self.reach {
            return self.impostor.partition_point(|pair| pair.distance <= distance) as u64;
        }
        self.histogram.counts[..((distance / self.histogram.width) as usize + 1).min(BARS)].iter().sum()
    }

    /// The same among those that are kept one by one, for looking at their people.
    pub(crate) fn false_matches_kept(&self, distance: f64) -> &[Impostor] {
        &self.impostor[..self.impostor.partition_point(|pair| pair.distance <= distance)]
    }

    /// How the distances of different people spread; where not all are kept, to within half a bar.
    pub(crate) fn impostor_spread(&self) -> Distribution {
        if self.reach.is_infinite() {
            return Distribution::of(&self.impostor.iter().map(|pair| pair.distance).collect::<Vec<_>>());
        }
        let pairs = self.impostor_total as f64;
        let mean = self.histogram.counted().map(|(middle, count)| middle * count as f64).sum::<f64>() / pairs;
        let squares: f64 = self.histogram.counted().map(|(middle, count)| (middle - mean).powi(2) * count as f64).sum();
        Distribution {
            pairs: self.impostor_total as usize,
            mean,
            standard_deviation: (squares / (pairs - 1.0)).sqrt(),
            smallest: self.impostor.first().map_or(f64::NAN, |pair| pair.distance),
            largest: f64::from(self.histogram.largest),
        }
    }

    /// The largest distance within which at most so many impostor pairs lie, just below the first that is one too many;
    /// `None` where that lies beyond [`Pairs::reach`].
    pub(crate) fn cut_for(&self, allowed: u64) -> Option<f64> {
        match self.impostor.get(usize::try_from(allowed).ok()?) {
            Some(first_beyond) => Some(first_beyond.distance.next_down()),
            None if self.reach.is_infinite() => Some(f64::INFINITY),
            None => None,
        }
    }

    /// The distance within which this share of pairs of different people lies, to within a bar.
    pub(crate) fn distance_by_bars(&self, rate: f64) -> Option<f64> {
        let allowed = rate * self.impostor_total as f64;
        let mut seen = 0;
        let full = self.histogram.counts.iter().take_while(|count| {
            seen += **count;
            seen as f64 <= allowed
        });
        Some(full.count() as f64 * self.histogram.width).filter(|distance| *distance > 0.0)
    }

    /// How many pairs of different people there are when each person counts as often as drawn. A person who was drawn
    /// twice makes no pair with the copy; excluded pairs are taken to be as frequent as among all.
    pub(crate) fn drawn_pairs(&self, weights: &Weights) -> f64 {
        let everybody = pairs_of_different(&self.photos, &Weights::equal(self.people));
        self.impostor_total as f64 * pairs_of_different(&self.photos, weights) / everybody
    }

    /// How many genuine pairs are at most this far apart.
    pub(crate) fn true_matches(&self, distance: f64) -> usize {
        self.genuine.partition_point(|pair| pair.distance <= distance)
    }

    /// For each person with a pair, the share of the pairs that are at most this far apart; the others have none.
    pub(crate) fn true_match_rates(&self, distance: f64) -> Vec<Option<f64>> {
        let mut counts = vec![(0_u64, 0_u64); self.people];
        for pair in &self.genuine {
            let (within, of) = &mut counts[pair.person as usize];
            *of += 1;
            *within += u64::from(pair.distance <= distance);
        }
        counts.into_iter().map(|(within, of)| (of > 0).then(|| within as f64 / of as f64)).collect()
    }

    /// Mean distance of genuine pairs, of which there is one.
    pub(crate) fn mean_genuine(&self) -> f64 {
        self.genuine.iter().map(|pair| pair.distance).sum::<f64>() / self.genuine.len() as f64
    }
}

/// Whose photos two are.
enum Pair {
    Genuine(u32),
    Impostor((u32, u32)),
}

/// Every template with every one before it.
struct All<'a> {
    labelled: &'a [Labelled],
    people: &'a [u32],
    excluded: &'a ExcludedPairs,
    done: &'a AtomicUsize,
    progress: &'a (dyn Fn(usize) + Sync),
}

impl All<'_> {
    /// On every processor, each with a state of its own; what comes out does not depend on how many there are but for
    /// the order.
    fn in_parallel<S: Send>(&self, state: impl Fn() -> S + Sync, each: impl Fn(&mut S, Pair, f32) + Sync) -> Vec<S> {
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut state = state();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= self.labelled.len() {
                    return state;
                }
                self.row(at, |pair, distance| each(&mut state, pair, distance));
                (self.progress)(self.done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        std::thread::scope(|scope| {
            let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            started.into_iter().map(|worker| worker.join().expect("comparing numbers does not panic")).collect()
        })
    }

    fn row(&self, at: usize, mut each: impl FnMut(Pair, f32)) {
        let (one, first) = (&self.labelled[at], self.people[at]);
        let people = self.excluded.people.get(&one.person);
        let templates = self.excluded.templates.get(&at);
        for (place, (other, &second)) in self.labelled[..at].iter().zip(self.people).enumerate() {
            let is_apart = people.is_some_and(|people| people.contains(&other.person))
                || templates.is_some_and(|templates| templates.contains(&place));
            if is_apart {
                continue;
            }
            let pair = if first == second { Pair::Genuine(first) } else { Pair::Impostor((first, second)) };
            each(pair, distance(one.template.expose(), other.template.expose()));
        }
    }
}

/// How many pairs of photos of different people there are, photos counted as often as their person was drawn. A person
/// who was drawn twice makes no pair with the copy.
pub(crate) fn pairs_of_different(photos: &[u64], weights: &Weights) -> f64 {
    let counts = || photos.iter().enumerate().map(|(person, count)| (weights.of(person) * count) as f64);
    let all: f64 = counts().sum();
    (all * all - counts().map(|count| count * count).sum::<f64>()) / 2.0
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

    /// The mean of what people have, each counted as often as drawn; `None` where nobody drawn has anything.
    pub(crate) fn mean(&self, of_people: &[Option<f64>]) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0_u64);
        for (value, weight) in of_people.iter().zip(&self.0) {
            if let Some(value) = value {
                sum += value * f64::from(*weight);
                count += u64::from(*weight);
            }
        }
        (count > 0).then(|| sum / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_base::Secret;

    fn people_on_a_line(count: u32, random: &mut fastrand::Rng) -> Vec<Labelled> {
        (0..count)
            .flat_map(|person| {
                let place = random.f32() * 2.0 - 1.0;
                [place, place + 0.01 * random.f32()]
                    .map(|place| Labelled { person: person * 3, template: Secret::new(vec![place, 0.25]) })
            })
            .collect()
    }

    /// What is counted in the histogram agrees with what is kept whole, and both with comparing everything by hand.
    #[test]
    fn keeping_the_nearest_changes_no_count() {
        let mut random = fastrand::Rng::with_seed(3);
        let labelled = people_on_a_line(60, &mut random);
        let mut excluded = ExcludedPairs::default();
        excluded.people(0, 3);
        excluded.templates(10, 90);
        let whole = Pairs::compare(&labelled, &excluded, &|_| ()).unwrap();
        let nearest = Pairs::keeping(500, &labelled, &excluded, &|_| ());
        // 120 photos: 7,140 pairs, 60 of one person; four of two people and one of two photos are excluded.
        assert_eq!((whole.genuine.len(), whole.impostor_total), (60, 7_080 - 5));
        assert_eq!((whole.impostor.len(), whole.reach), (7_075, f64::INFINITY));
        assert_eq!(nearest.impostor_total, whole.impostor_total);
        assert!(nearest.impostor.len() <= 500 && nearest.impostor.len() > 400, "{}", nearest.impostor.len());
        for (one, other) in nearest.impostor.iter().zip(&whole.impostor) {
            assert_eq!((one.distance, one.people), (other.distance, other.people));
        }
        let near = nearest.reach * 0.9;
        assert_eq!(nearest.false_matches(near), whole.false_matches(near));
        let far = nearest.reach * 3.0;
        let (counted, exact) = (nearest.false_matches(far), whole.false_matches(far));
        assert!(counted.abs_diff(exact) <= 3, "{counted} for {exact}");
        assert_eq!(nearest.cut_for(7_000), None, "beyond what is kept");
        assert_eq!(nearest.cut_for(10), whole.cut_for(10));
        let (a, b) = (nearest.impostor_spread(), whole.impostor_spread());
        assert!((a.mean - b.mean).abs() < 1e-4 && (a.standard_deviation - b.standard_deviation).abs() < 1e-4);
        assert_eq!((a.pairs, a.smallest, a.largest), (b.pairs, b.smallest, b.largest));
    }

    #[test]
    fn each_person_counts_once() {
        let rates = [Some(1.0), None, Some(0.25)];
        assert_eq!(Weights(vec![1, 1, 1]).mean(&rates), Some(0.625));
        assert_eq!(Weights(vec![0, 2, 1]).mean(&rates), Some(0.25));
        assert_eq!(Weights(vec![0, 3, 0]).mean(&rates), None);
    }
}
