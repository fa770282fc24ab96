//! Identification measured: how often strangers get a candidate and enrolled people are missed, by gallery size.

use super::Setup;
use super::rate::{Rate, Tally};
use crate::distribution::{Interval, RULE_OF_THREE};
use crate::pairs::Pairs;
use crate::{
    Cut, FaceNumber, Gallery, GalleryError, GalleryView, Labelled, PersonNumber, Row, SAME_PERSON, Visible, distance,
    identify,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Sizes of galleries that the report covers.
const SIZES: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// Galleries drawn at random for each size.
const GALLERIES: usize = 20;

/// Most strangers searched for in each of them.
const MOST_PROBES: usize = 500;

/// How identify decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// By the false-positive rate at the size of the gallery, the default.
    FalsePositiveRate,
    /// By confidence 0.5 whatever the size.
    Classic,
}

/// How often a stranger gets a candidate, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "basis", rename_all = "kebab-case")]
pub enum FalsePositive {
    /// Searches were run: strangers against galleries of this size.
    Measured {
        /// Strangers who got a candidate.
        rate: Rate,
    },
    /// `1 - (1 - f)^n` from the false match rate `f` of pairs at the cut, as if comparisons were independent.
    Extrapolated {
        /// The share.
        value: f64,
        /// From the interval of `f`; missing when that is.
        interval: Option<Interval>,
    },
    /// No pair of different people lay within the cut, so that only a bound is known: the same formula with three over
    /// the number of pairs.
    AtMost {
        /// The bound.
        bound: f64,
    },
}

/// Searches of a gallery of one size under one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Identification {
    /// Templates in the gallery.
    pub size: usize,
    /// Everybody else in the folder was enrolled, rather than a part drawn at random. The size is then the smallest of
    /// these galleries.
    pub is_everybody: bool,
    /// The rule.
    pub rule: Rule,
    /// Nobody farther away is named.
    pub distance: f64,
    /// Strangers who get a candidate (FPIR).
    pub false_positive: FalsePositive,
    /// Photos whose nearest other photo of the same person lies beyond the distance (FNIR); that somebody else may come
    /// first is not counted. All other photos of the person are enrolled.
    pub false_negative: Rate,
}

/// What belongs to a rule at a size.
fn cut(rule: Rule, setup: &Setup<'_>) -> Cut {
    match rule {
        Rule::FalsePositiveRate => Cut::FalsePositiveRate(setup.false_positive_rate),
        Rule::Classic => Cut::Confidence(SAME_PERSON),
    }
}

pub(super) fn identification(
    labelled: &[Labelled],
    pairs: &Pairs,
    setup: &Setup<'_>,
    random: &mut fastrand::Rng,
) -> Result<Vec<Identification>, GalleryError> {
    let nearest = nearest_mates(labelled);
    let largest = pairs.photos.iter().max().copied().unwrap_or(0) as usize;
    let everybody_else = labelled.len() - largest;
    let mut sizes: Vec<(usize, bool)> = SIZES.iter().map(|size| (*size, false)).collect();
    sizes.push((everybody_else, true));
    sizes.sort_unstable();

    let mut answers = Vec::new();
    for (size, is_everybody) in sizes {
        for rule in [Rule::FalsePositiveRate, Rule::Classic] {
            let distance = f64::from(match rule {
                Rule::FalsePositiveRate => setup.calibration.identification_cut(size, setup.false_positive_rate),
                Rule::Classic => setup.calibration.verify_distance(SAME_PERSON),
            });
            let mut random = random.fork();
            let false_positive = if is_everybody {
                measured(&everybody(labelled, rule, setup)?, labelled.len(), setup, &mut random)
            } else if size <= everybody_else {
                let (tallies, strangers) = drawn(labelled, size, rule, setup, &mut random)?;
                measured(&tallies, strangers, setup, &mut random)
            } else {
                extrapolated(pairs, distance, size, setup, &mut random)
            };
            let misses = mates_missed(&nearest, distance);
            let false_negative = Rate::by_person(&misses, None, setup.rounds, &mut random);
            answers.push(Identification { size, is_everybody, rule, distance, false_positive, false_negative });
        }
    }
    Ok(answers)
}

/// For each photo its person and how far the nearest other photo of that person is.
fn nearest_mates(labelled: &[Labelled]) -> Vec<(u32, f64)> {
    let mut by_person: Vec<&Labelled> = labelled.iter().collect();
    by_person.sort_by_key(|one| one.person);
    let of_one = by_person.chunk_by(|a, b| a.person == b.person);
    let nearest = of_one.flat_map(|photos| {
        photos.iter().enumerate().filter_map(|(place, probe)| {
            let others = photos.iter().enumerate().filter(|(other, _)| *other != place);
            let distances = others.map(|(_, other)| distance(probe.template.expose(), other.template.expose()));
            distances.min_by(f32::total_cmp).map(|nearest| (probe.person, f64::from(nearest)))
        })
    });
    nearest.collect()
}

fn mates_missed(nearest: &[(u32, f64)], cut: f64) -> Vec<Tally> {
    // Sorted by person already.
    let of_one = nearest.chunk_by(|a, b| a.0 == b.0);
    let missed = |photos: &[(u32, f64)]| photos.iter().filter(|(_, distance)| *distance > cut).count() as u64;
    of_one.map(|photos| Tally { errors: missed(photos), of: photos.len() as u64 }).collect()
}

/// `1 - (1 - f)^n`, exact for small `f` too.
fn at_size(false_match_rate: f64, size: usize) -> f64 {
    -(size as f64 * (-false_match_rate).ln_1p()).exp_m1()
}

fn extrapolated(
    pairs: &Pairs,
    distance: f64,
    size: usize,
    setup: &Setup<'_>,
    random: &mut fastrand::Rng,
) -> FalsePositive {
    let compared = pairs.impostor_total;
    let members: Vec<usize> = (0..pairs.people).collect();
    let rate = Rate::of_strangers(pairs, distance, &members, compared, setup.rounds, random);
    match rate.value {
        Some(value) if rate.errors > 0 => FalsePositive::Extrapolated {
            value: at_size(value, size),
            interval: rate
                .interval
                .map(|Interval { low, high }| Interval { low: at_size(low, size), high: at_size(high, size) }),
        },
        _ => FalsePositive::AtMost { bound: at_size((RULE_OF_THREE / compared as f64).min(1.0), size) },
    }
}

fn measured(tallies: &[Tally], strangers: usize, setup: &Setup<'_>, random: &mut fastrand::Rng) -> FalsePositive {
    // The same photo is searched for in many galleries; for the rule of three it is one trial.
    FalsePositive::Measured { rate: Rate::by_person(tallies, Some(strangers as u64), setup.rounds, random) }
}

fn row(place: usize, one: &Labelled) -> Row<'_> {
    // Zero stands for nobody.
    Row {
        face: place as FaceNumber + 1,
        person: PersonNumber::from(one.person) + 1,
        added_version: 1,
        template: one.template.expose(),
    }
}

fn is_named(view: &GalleryView, probe: &Labelled, rule: Rule, setup: &Setup<'_>) -> bool {
    let probe = setup.space.probe(probe.template.expose());
    !identify(view, &probe, cut(rule, setup), 1, Visible::All, setup.calibration).is_empty()
}

fn people(labelled: &[Labelled]) -> usize {
    labelled.iter().map(|one| one.person as usize + 1).max().unwrap_or(0)
}

/// Each photo once as a stranger's: everybody but its person is enrolled.
fn everybody(labelled: &[Labelled], rule: Rule, setup: &Setup<'_>) -> Result<Vec<Tally>, GalleryError> {
    let gallery = Gallery::new(setup.space.clone());
    for (place, one) in labelled.iter().enumerate() {
        gallery.add(row(place, one))?;
    }
    let mut by_person: Vec<usize> = (0..labelled.len()).collect();
    by_person.sort_by_key(|place| labelled[*place].person);
    let mut tallies = Vec::new();
    for own in by_person.chunk_by(|a, b| labelled[*a].person == labelled[*b].person) {
        // People who are excluded from comparison with this person are no strangers, and leave too.
        let excluded: BTreeSet<u32> = setup.excluded.of(labelled[own[0]].person).collect();
        let away: Vec<usize> = if excluded.is_empty() {
            own.to_vec()
        } else {
            let related = (0..labelled.len()).filter(|place| excluded.contains(&labelled[*place].person));
            own.iter().copied().chain(related).collect()
        };
        for place in &away {
            gallery.remove(*place as FaceNumber + 1);
        }
        let view = gallery.view();
        let named = own.iter().filter(|place| is_named(&view, &labelled[**place], rule, setup)).count();
        tallies.push(Tally { errors: named as u64, of: own.len() as u64 });
        drop(view);
        for place in &away {
            gallery.add(row(*place, &labelled[*place]))?;
        }
        gallery.compact_if_worthwhile();
    }
    Ok(tallies)
}

/// Strangers in galleries of `size` templates of people drawn at random, and how many different photos were searched for.
fn drawn(
    labelled: &[Labelled],
    size: usize,
    rule: Rule,
    setup: &Setup<'_>,
    random: &mut fastrand::Rng,
) -> Result<(Vec<Tally>, usize), GalleryError> {
    let mut tallies = vec![Tally::default(); people(labelled)];
    let mut looked_for = vec![false; labelled.len()];
    let mut order: Vec<u32> = (0..people(labelled) as u32).collect();
    for _ in 0..GALLERIES {
        random.shuffle(&mut order);
        let mut rank = vec![0; order.len()];
        for (place, person) in order.iter().enumerate() {
            rank[*person as usize] = place;
        }
        let mut places: Vec<usize> = (0..labelled.len()).collect();
        places.sort_by_key(|place| rank[labelled[*place].person as usize]);
        let (enrolled, rest) = places.split_at(size);
        let gallery = Gallery::new(setup.space.clone());
        for place in enrolled {
            gallery.add(row(*place, &labelled[*place]))?;
        }
        // Who is enrolled with a part of the photos is no stranger.
        let last = enrolled.last().map(|place| labelled[*place].person);
        let known: BTreeSet<u32> =
            enrolled.iter().flat_map(|place| setup.excluded.of(labelled[*place].person)).chain(last).collect();
        let mut strangers: Vec<usize> =
            rest.iter().copied().filter(|place| !known.contains(&labelled[*place].person)).collect();
        random.shuffle(&mut strangers);
        strangers.truncate(MOST_PROBES);
        let view = gallery.view();
        for place in strangers {
            let tally = &mut tallies[labelled[place].person as usize];
            tally.of += 1;
            tally.errors += u64::from(is_named(&view, &labelled[place], rule, setup));
            looked_for[place] = true;
        }
    }
    Ok((tallies, looked_for.into_iter().filter(|was| *was).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_comparisons_add_up() {
        assert!((at_size(0.1, 2) - 0.19).abs() < 1e-12);
        assert!((at_size(1e-9, 1_000_000) - 9.995e-4).abs() < 1e-7);
        assert_eq!((at_size(0.0, 1_000_000), at_size(1.0, 5)), (0.0, 1.0));
    }

    #[test]
    fn the_nearest_other_photo_decides() {
        let nearest = [(0, 0.2), (0, 0.2), (0, 0.7), (4, 0.5), (4, 0.5)];
        assert_eq!(mates_missed(&nearest, 0.4), [Tally { errors: 1, of: 3 }, Tally { errors: 2, of: 2 }]);
    }
}
