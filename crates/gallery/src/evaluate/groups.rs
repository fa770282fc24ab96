//! Error rates of groups of people compared with each other, with a sentence for each comparison.

use super::Setup;
use super::rate::{FEWEST_PEOPLE, Rate, Tally, percent};
use super::verification::missed;
use crate::SAME_PERSON;
use crate::distribution::Interval;
use crate::pairs::{Pairs, Weights, pairs_of_different};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What people without a group are called.
const NOT_STATED: &str = "not stated";

/// One way to divide people, such as by age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// What it is called.
    pub name: String,
    /// The group of each person, where it is stated.
    pub groups: Vec<Option<String>>,
}

/// Groups of people beside each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fairness {
    /// By each way to divide people.
    pub groupings: Vec<GroupingReport>,
    /// Comparisons of two groups, over all groupings and measures.
    pub comparisons: usize,
    /// Of these, how many had two intervals to compare.
    pub comparisons_with_intervals: usize,
    /// Of these, how many say that the groups differ.
    pub differing: usize,
    /// What to keep in mind about the number of comparisons.
    pub caution: Option<String>,
}

/// The groups of one grouping.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupingReport {
    /// What the grouping is called.
    pub name: String,
    /// Its groups, by name; last, people whose group is not stated.
    pub groups: Vec<Group>,
    /// False matches among pairs of people of two different stated groups.
    pub false_match_between: Rate,
    /// Every two stated groups, by every measure.
    pub comparisons: Vec<Comparison>,
}

/// A group of people, at the threshold of verify.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Whether the people were put into it, or have no group. The latter are compared with nobody.
    pub is_stated: bool,
    /// People with a photo that could be read.
    pub people: usize,
    /// Photos that could be read.
    pub photos: u64,
    /// False matches among pairs of different people of this group.
    pub false_match: Rate,
    /// False non-matches among pairs of one person of this group.
    pub false_non_match: Rate,
    /// Photos of this group in which no face was found.
    pub detection_miss: Rate,
    /// Whether there are too few people for any interval.
    pub is_too_small: bool,
}

/// By what groups are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// False match rate within the group.
    FalseMatch,
    /// False non-match rate.
    FalseNonMatch,
    /// Failure to detect.
    DetectionMiss,
}

impl Measure {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 3] = [Self::FalseMatch, Self::FalseNonMatch, Self::DetectionMiss];

    /// Its name in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FalseMatch => "false match rate",
            Self::FalseNonMatch => "false non-match rate",
            Self::DetectionMiss => "failure to detect",
        }
    }

    /// What a group has of it.
    pub const fn of(self, group: &Group) -> &Rate {
        match self {
            Self::FalseMatch => &group.false_match,
            Self::FalseNonMatch => &group.false_non_match,
            Self::DetectionMiss => &group.detection_miss,
        }
    }
}

/// What a comparison of two groups allows to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// The intervals have nothing in common.
    Differs,
    /// They overlap.
    Overlap,
    /// A group has no interval.
    NoInterval,
}

/// Two groups beside each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// By what.
    pub measure: Measure,
    /// One group.
    pub first: String,
    /// The other.
    pub second: String,
    /// What follows from the two intervals.
    #[serde(rename = "verdict")]
    pub conclusion: Conclusion,
    /// The first rate over the second, where both have errors. It has no interval, so that it proves nothing.
    pub ratio: Option<f64>,
    /// The conclusion in words.
    pub sentence: String,
}

impl Fairness {
    pub(super) fn of(
        pairs: &Pairs,
        detections: &[Tally],
        groupings: &[Grouping],
        setup: &Setup<'_>,
        random: &mut fastrand::Rng,
    ) -> Self {
        let reports = groupings.iter().map(|grouping| report(pairs, detections, grouping, setup, random));
        let groupings: Vec<GroupingReport> = reports.collect();
        let count = |is_counted: fn(&Comparison) -> bool| {
            groupings.iter().flat_map(|grouping| &grouping.comparisons).filter(|one| is_counted(one)).count()
        };
        let comparisons = count(|_| true);
        let with_intervals = count(|one| one.conclusion != Conclusion::NoInterval);
        let differing = count(|one| one.conclusion == Conclusion::Differs);
        let caution = (comparisons > 0).then(|| {
            format!(
                "{comparisons} comparisons were made, {with_intervals} of them with two intervals, and {differing} of \
                 these say that two groups differ. The more comparisons, the likelier that one differs by chance: take a \
                 difference as a reason to look again, with more and other people, before you call it a fact. Groups \
                 also differ in cameras, light and years between photos, and no comparison here separates that from \
                 the people."
            )
        });
        Self { groupings, comparisons, comparisons_with_intervals: with_intervals, differing, caution }
    }
}

fn report(
    pairs: &Pairs,
    detections: &[Tally],
    grouping: &Grouping,
    setup: &Setup<'_>,
    random: &mut fastrand::Rng,
) -> GroupingReport {
    let names: BTreeSet<&str> = grouping.groups.iter().flatten().map(String::as_str).collect();
    let numbers: BTreeMap<&str, usize> = names.iter().enumerate().map(|(number, name)| (*name, number)).collect();
    let not_stated = names.len();
    let number_of = |label: usize| grouping.groups[label].as_deref().map_or(not_stated, |name| numbers[name]);
    let of_place: Vec<usize> = pairs.labels.iter().map(|label| number_of(*label as usize)).collect();
    let photos_of = |is_member: &dyn Fn(usize) -> bool| -> Vec<u64> {
        of_place.iter().zip(&pairs.photos).filter(|(of, _)| is_member(**of)).map(|(_, photos)| *photos).collect()
    };
    // Excluded pairs are few enough to be left in these denominators.
    let pairs_among = |photos: &[u64]| pairs_of_different(photos, &Weights::equal(photos.len())) as u64;
    let compared: Vec<u64> = (0..=names.len()).map(|group| pairs_among(&photos_of(&|of| of == group))).collect();
    let cut = f64::from(setup.calibration.verify_distance(SAME_PERSON));
    let misses = missed(pairs, cut);
    let groups = names.iter().copied().chain([NOT_STATED]).enumerate().map(|(number, name)| {
        let mut random = random.fork();
        let places: Vec<usize> = (0..pairs.people).filter(|place| of_place[*place] == number).collect();
        let own_misses: Vec<Tally> = places.iter().map(|place| misses[*place]).collect();
        let own_detections: Vec<Tally> = detections
            .iter()
            .enumerate()
            .filter(|(label, tally)| number_of(*label) == number && tally.of > 0)
            .map(|(_, tally)| *tally)
            .collect();
        let rounds = setup.rounds;
        Group {
            name: name.to_owned(),
            is_stated: number != not_stated,
            people: own_detections.len(),
            photos: own_detections.iter().map(|tally| tally.of).sum(),
            false_match: Rate::of_strangers(pairs, cut, &places, compared[number], rounds, &mut random),
            false_non_match: Rate::by_person(&own_misses, None, rounds, &mut random),
            detection_miss: Rate::by_person(&own_detections, None, rounds, &mut random),
            is_too_small: own_detections.len() < FEWEST_PEOPLE,
        }
    });
    let groups: Vec<Group> = groups.filter(|group| group.is_stated || group.people > 0).collect();
    let stated: Vec<&Group> = groups.iter().filter(|group| group.is_stated).collect();
    let mut comparisons = Vec::new();
    for measure in Measure::ALL {
        for (place, first) in stated.iter().enumerate() {
            comparisons.extend(stated[place + 1..].iter().map(|second| compare(measure, first, second)));
        }
    }
    let within: u64 = compared[..not_stated].iter().sum();
    let between = pairs_among(&photos_of(&|of| of != not_stated)) - within;
    let false_match_between = Rate::between(pairs, cut, between, setup.rounds, &mut random.fork(), &|person| {
        Some(of_place[person]).filter(|group| *group != not_stated)
    });
    GroupingReport { name: grouping.name.clone(), groups, false_match_between, comparisons }
}

fn compare(measure: Measure, first: &Group, second: &Group) -> Comparison {
    let (one, two) = (measure.of(first), measure.of(second));
    let conclusion = match one.lies_apart(two) {
        Some(true) => Conclusion::Differs,
        Some(false) => Conclusion::Overlap,
        None => Conclusion::NoInterval,
    };
    let told = |name: &str, rate: &Rate| match (rate.value, rate.interval) {
        (Some(value), Some(Interval { low, high })) => {
            format!("\u{201c}{name}\u{201d} {} ({} to {})", percent(value), percent(low), percent(high))
        }
        (Some(value), None) => format!("\u{201c}{name}\u{201d} {} (no interval)", percent(value)),
        (None, _) => format!("\u{201c}{name}\u{201d} nothing to count"),
    };
    let figures = format!("{}, {}", told(&first.name, one), told(&second.name, two));
    let name = measure.name();
    let sentence = match conclusion {
        Conclusion::Differs => format!("{name}: differs: {figures}; the intervals do not overlap."),
        Conclusion::Overlap => format!("{name}: nothing can be concluded: the intervals overlap. {figures}."),
        Conclusion::NoInterval => format!(
            "{name}: nothing can be concluded: with fewer than {FEWEST_PEOPLE} people, or nothing to count, no \
             interval is meaningful. {figures}."
        ),
    };
    let ratio = match (one.value, two.value) {
        (Some(one), Some(two)) if one > 0.0 && two > 0.0 => Some(one / two),
        _ => None,
    };
    Comparison { measure, first: first.name.clone(), second: second.name.clone(), conclusion, ratio, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, false_match: Rate) -> Group {
        Group {
            name: name.to_owned(),
            is_stated: true,
            people: 9,
            photos: 90,
            false_match,
            false_non_match: false_match,
            detection_miss: false_match,
            is_too_small: false,
        }
    }

    fn rate(errors: u64, people: usize) -> Rate {
        let tallies: Vec<Tally> =
            (0..people as u64).map(|place| Tally { errors: errors + place % 2, of: 20 }).collect();
        Rate::by_person(&tallies, None, 200, &mut fastrand::Rng::with_seed(1))
    }

    #[test]
    fn the_sentence_says_what_the_intervals_allow() {
        let sentence = |one: Rate, two: Rate| compare(Measure::FalseMatch, &group("A", one), &group("B", two)).sentence;
        let overlap = sentence(rate(3, 9), rate(3, 9));
        assert!(overlap.contains("nothing can be concluded: the intervals overlap"), "{overlap}");
        let apart = sentence(rate(1, 9), rate(15, 9));
        assert!(apart.starts_with("false match rate: differs: \u{201c}A\u{201d} 7.2 % ("), "{apart}");
        assert!(apart.ends_with("the intervals do not overlap."), "{apart}");
        let few = sentence(rate(1, 4), rate(15, 9));
        assert!(few.contains("nothing can be concluded: with fewer than 5 people"), "{few}");
    }

    #[test]
    fn a_ratio_needs_errors_on_both_sides() {
        let none = Rate::by_person(&[Tally { errors: 0, of: 20 }; 9], None, 200, &mut fastrand::Rng::with_seed(1));
        let ratio = |one: Rate, two: Rate| compare(Measure::FalseMatch, &group("A", one), &group("B", two)).ratio;
        assert_eq!(ratio(rate(3, 9), none), None);
        assert_eq!(ratio(rate(3, 9), rate(3, 9)), Some(1.0));
    }
}
