//! Evaluation on labelled photos: how often comparisons of *your* people err, and what so many photos can show.
//!
//! Start at [`evaluate()`]. The terms are those of ISO/IEC 19795-1: *false match* (two people are taken for one), *false
//! non-match* (two photos of one person are taken for two people), *failure to detect* (a photo of a person in which no
//! face is found), *false positive* and *false negative identification* (a search names a person for a stranger, or does
//! not find the person who is enrolled). Every figure carries its counts, and an [`Interval`](crate::Interval) that comes
//! from drawing whole people anew, because photos of one person are not independent of each other.
//!
//! It knows no photos and no names of people: the caller makes the templates and numbers the people.

mod det;
mod groups;
mod identification;
mod rate;
mod verification;

pub use det::{Det, DetBand, DetPoint, Histogram, probit};
pub use groups::{Comparison, Conclusion, Fairness, Group, Grouping, GroupingReport, Measure};
pub use identification::{FalsePositive, Identification, Rule};
pub use rate::{Basis, FEWEST_PEOPLE, Rate, percent};
pub use verification::{AtTarget, AtThreshold, PerPerson, RateAtTarget, Threshold};

use crate::distribution::RULE_OF_THREE;
use crate::labelled::{check, enough};
use crate::pairs::{ExcludedPairs, Pairs};
use crate::{Calibration, Distribution, GalleryError, Labelled, Space};
use rate::Tally;
use serde::Serialize;

/// Photos of one person that gave no template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// No face was found: a failure to detect.
    pub no_face: u64,
    /// More than one face was found, so that nobody knows which is the person.
    pub several_faces: u64,
    /// No picture could be read from the file; it counts nowhere else.
    pub unreadable: u64,
}

/// What is evaluated, and how.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The space of the templates.
    pub space: &'a Space,
    /// What distances mean, and so which thresholds are in use.
    pub calibration: &'a Calibration,
    /// The share of strangers whom identify may give a candidate.
    pub false_positive_rate: f64,
    /// How often whole people are drawn anew for the intervals; 1000 settle the second digit.
    pub rounds: usize,
    /// Makes a report repeatable.
    pub seed: u64,
    /// Who is not compared with whom, as relatives or as the same person under two names.
    pub excluded: &'a ExcludedPairs,
}

/// How far an evaluation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many templates of so many have been compared with those before them.
    Compared(usize, usize),
    /// So many of [`Setup::rounds`] are drawn.
    Drawn(usize),
}

/// What the folder contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// People with at least one photo that could be read.
    pub people: usize,
    /// Of these, people with a template.
    pub people_with_template: usize,
    /// Photos that could be read.
    pub photos: u64,
    /// Photos with exactly one face: those that were compared.
    pub templates: usize,
    /// Photos in which no face was found.
    pub no_face: u64,
    /// Photos with more than one face, left out.
    pub several_faces: u64,
    /// Files from which no picture could be read, left out.
    pub unreadable: u64,
    /// Pairs of photos of one person.
    pub genuine_pairs: usize,
    /// Pairs of photos of different people: all that there are, except those that are excluded.
    pub impostor_pairs: u64,
    /// Pairs of one person at distance 0: most likely the same photo twice.
    pub same_genuine_pairs: usize,
    /// Pairs of different people at distance 0: most likely a wrong label.
    pub same_impostor_pairs: u64,
}

/// The whole evaluation. It holds no name, no template and no single comparison of any person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What there was.
    pub counts: Counts,
    /// Distances of pairs of one person.
    pub genuine: Distribution,
    /// Distances of pairs of different people.
    pub impostor: Distribution,
    /// Share of readable photos in which no face was found.
    pub detection_miss: Rate,
    /// Error rates at the thresholds in use.
    pub thresholds: Vec<AtThreshold>,
    /// What a given false match rate costs.
    pub targets: Vec<AtTarget>,
    /// Three over the pairs of different people: smaller false match rates cannot be shown by them.
    pub smallest_rate_shown: f64,
    /// Searches, by size of the gallery and by rule.
    pub identification: Vec<Identification>,
    /// The share of strangers whom identify may give a candidate.
    pub false_positive_rate: f64,
    /// How distances spread.
    pub histogram: Histogram,
    /// The trade-off of both errors.
    pub det: Det,
    /// Groups of people beside each other; empty without groups.
    pub fairness: Fairness,
    /// Resamplings of people behind the intervals.
    pub rounds: usize,
    /// Seed of everything random.
    pub seed: u64,
}

/// Evaluates templates of known people.
///
/// `left_out` has an entry for each person, and [`Labelled::person`] is a place in it. Every pair is compared; of those of
/// different people the nearest two million are kept one by one and the rest is counted, so that memory stays bounded.
///
/// # Errors
/// [`GalleryError::TooLittle`] with fewer than two people or no pair of one person;
/// [`GalleryError::TooMuch`] with more than twenty million of the latter;
/// [`GalleryError::WrongDimension`] and [`GalleryError::NotFinite`] for templates that cannot be compared.
///
/// # Panics
/// When a template belongs to a person who has no entry, or a grouping does not have one for every person.
pub fn evaluate(
    labelled: &[Labelled],
    left_out: &[LeftOut],
    groupings: &[Grouping],
    setup: &Setup<'_>,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Report, GalleryError> {
    check(labelled)?;
    let expected = setup.space.dimension;
    if let Some(found) = labelled.first().map(|one| one.template.expose().len()).filter(|found| *found != expected) {
        return Err(GalleryError::WrongDimension { expected, found });
    }
    assert!(labelled.iter().all(|one| (one.person as usize) < left_out.len()), "every person has an entry");
    assert!(groupings.iter().all(|grouping| grouping.groups.len() == left_out.len()), "so has every grouping");
    let mut random = fastrand::Rng::with_seed(setup.seed);
    let pairs = Pairs::compare(labelled, setup.excluded, &|done| progress(Step::Compared(done, 2 * labelled.len())))?;
    enough("people with a photo that shows exactly one face", 2, pairs.people)?;
    enough("pairs of such photos of one person", 1, pairs.genuine.len())?;

    let detections = detections(&pairs, left_out);
    let rounds = setup.rounds;
    let distances = |of: &mut dyn Iterator<Item = f64>| Distribution::of(&of.collect::<Vec<_>>());
    Ok(Report {
        counts: counts(labelled, &pairs, left_out, &detections),
        genuine: distances(&mut pairs.genuine.iter().map(|pair| pair.distance)),
        impostor: pairs.impostor_spread(),
        detection_miss: Rate::by_person(&detections, None, rounds, &mut random.fork()),
        thresholds: verification::at_thresholds(&pairs, setup, &mut random.fork()),
        targets: verification::at_targets(&pairs, setup, &mut random.fork(), &mut |round| progress(Step::Drawn(round))),
        smallest_rate_shown: RULE_OF_THREE / pairs.impostor_total as f64,
        identification: identification::identification(labelled, &pairs, setup, &mut random.fork())?,
        false_positive_rate: setup.false_positive_rate,
        histogram: Histogram::of(&pairs),
        det: Det::of(&pairs, rounds, &mut random.fork()),
        fairness: Fairness::of(&pairs, &detections, groupings, setup, &mut random.fork()),
        rounds,
        seed: setup.seed,
    })
}

/// For each person, how many of the readable photos showed no face to the detector.
fn detections(pairs: &Pairs, left_out: &[LeftOut]) -> Vec<Tally> {
    let mut tallies: Vec<Tally> =
        left_out.iter().map(|out| Tally { errors: out.no_face, of: out.no_face + out.several_faces }).collect();
    for (label, photos) in pairs.labels.iter().zip(&pairs.photos) {
        tallies[*label as usize].of += photos;
    }
    tallies
}

fn counts(labelled: &[Labelled], pairs: &Pairs, left_out: &[LeftOut], detections: &[Tally]) -> Counts {
    let sum = |count: fn(&LeftOut) -> u64| left_out.iter().map(count).sum();
    Counts {
        people: detections.iter().filter(|tally| tally.of > 0).count(),
        people_with_template: pairs.people,
        photos: detections.iter().map(|tally| tally.of).sum(),
        templates: labelled.len(),
        no_face: sum(|out| out.no_face),
        several_faces: sum(|out| out.several_faces),
        unreadable: sum(|out| out.unreadable),
        genuine_pairs: pairs.genuine.len(),
        impostor_pairs: pairs.impostor_total,
        same_genuine_pairs: pairs.true_matches(0.0),
        same_impostor_pairs: pairs.false_matches(0.0),
    }
}
