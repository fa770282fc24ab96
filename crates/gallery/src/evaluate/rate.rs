//! An error rate with its confidence interval, and what the interval rests on.

use crate::distribution::{Interval, RULE_OF_THREE, interval};
use crate::pairs::{Impostor, Pairs, Weights, pairs_of_different};
use serde::Serialize;
use std::fmt;

/// Fewest people for an interval. Drawing fewer anew says more about chance than about people.
pub const FEWEST_PEOPLE: usize = 5;

/// What an interval rests on, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Whole people were drawn anew.
    Bootstrap,
    /// No error was seen, or nothing but errors; drawing people anew could show nothing else, so the end comes from the
    /// rule of three: below three over the number of trials with 95 % confidence, if they were independent. They are
    /// not where trials share a person, so that the true bound is wider.
    RuleOfThree,
    /// Fewer people than [`FEWEST_PEOPLE`]: no interval is meaningful.
    TooFewPeople,
    /// Too few rounds were requested.
    TooFewRounds,
    /// So many pairs of different people lie within the distance that only their number was kept.
    NotKept,
    /// Nothing to count.
    NoTrials,
}

/// How many of how many went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// What went wrong.
    pub errors: u64,
    /// All trials.
    pub of: u64,
    /// People whose photos these are.
    pub people: usize,
    /// One over the other; nothing without trials.
    pub value: Option<f64>,
    /// 95 %.
    pub interval: Option<Interval>,
    /// Where the interval comes from, or why there is none.
    pub basis: Basis,
}

/// Trials of one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) errors: u64,
    pub(super) of: u64,
}

impl Rate {
    /// Puts together what was counted. `independent` is how many trials there were for the rule of three, and
    /// `resampled` draws people anew.
    pub(super) fn judged(
        errors: u64,
        of: u64,
        people: usize,
        independent: u64,
        resampled: impl FnOnce() -> Vec<f64>,
    ) -> Self {
        let nothing = Self { errors, of, people, value: None, interval: None, basis: Basis::NoTrials };
        if of == 0 {
            return nothing;
        }
        let known = Self { value: Some(errors as f64 / of as f64), basis: Basis::TooFewPeople, ..nothing };
        if people < FEWEST_PEOPLE {
            return known;
        }
        let bound = (RULE_OF_THREE / independent.max(1) as f64).min(1.0);
        let by_rule = |low, high| Self { interval: Some(Interval { low, high }), basis: Basis::RuleOfThree, ..known };
        if errors == 0 {
            return by_rule(0.0, bound);
        }
        if errors == of {
            return by_rule(1.0 - bound, 1.0);
        }
        let interval = interval(resampled());
        let basis = if interval.is_some() { Basis::Bootstrap } else { Basis::TooFewRounds };
        Self { interval, basis, ..known }
    }

    /// Of trials that belong to one person each. `independent` is their number where trials are repeated.
    pub(super) fn by_person(
        tallies: &[Tally],
        independent: Option<u64>,
        rounds: usize,
        random: &mut fastrand::Rng,
    ) -> Self {
        let tallies: Vec<Tally> = tallies.iter().copied().filter(|tally| tally.of > 0).collect();
        let sum = |weights: &Weights| {
            let weighted = tallies.iter().enumerate().map(|(person, tally)| (weights.of(person), tally));
            weighted
                .fold((0, 0), |(errors, of), (copies, tally)| (errors + copies * tally.errors, of + copies * tally.of))
        };
        let people = tallies.len();
        let (errors, of) = sum(&Weights::equal(people));
        Self::judged(errors, of, people, independent.unwrap_or(of), || {
            let rounds = (0..rounds).map(|_| sum(&Weights::resampled(people, random)));
            rounds.map(|(errors, of)| errors as f64 / of as f64).collect()
        })
    }

    /// False matches among pairs of `members` (places in [`Pairs`]), of which `of` were compared.
    ///
    /// Where no person is confused more easily than another, drawing people anew gives intervals that are wider than
    /// they need be: both people of a pair vary, and each draw repeats some pairs. That errs on the safe side.
    pub(super) fn of_strangers(
        pairs: &Pairs,
        cut: f64,
        members: &[usize],
        of: u64,
        rounds: usize,
        random: &mut fastrand::Rng,
    ) -> Self {
        let mut places = vec![None; pairs.people];
        for (place, member) in members.iter().enumerate() {
            places[*member] = Some(place);
        }
        if cut >= pairs.reach {
            // Pairs so far apart were counted and not kept: whose they are is not known, and nobody can be drawn anew.
            let errors = pairs.false_matches(cut);
            let all = members.len() == pairs.people;
            let (value, basis) =
                if all { (Some(errors as f64 / of as f64), Basis::NotKept) } else { (None, Basis::NotKept) };
            return Self { errors, of, people: members.len(), value, interval: None, basis };
        }
        let matches: Vec<(usize, usize)> = pairs
            .false_matches_kept(cut)
            .iter()
            .filter_map(|pair| Some((places[pair.people.0 as usize]?, places[pair.people.1 as usize]?)))
            .collect();
        Self::judged(matches.len() as u64, of, members.len(), of, || {
            let photos: Vec<u64> = members.iter().map(|member| pairs.photos[*member]).collect();
            let compared = of as f64 / pairs_of_different(&photos, &Weights::equal(members.len()));
            let drawn = (0..rounds).filter_map(|_| {
                let weights = Weights::resampled(members.len(), random);
                let errors: u64 = matches.iter().map(|(a, b)| weights.of(*a) * weights.of(*b)).sum();
                let of = compared * pairs_of_different(&photos, &weights);
                // One person drawn every time has no pair.
                (of > 0.0).then(|| (errors as f64 / of).min(1.0))
            });
            drawn.collect()
        })
    }

    /// False matches among pairs of people of different groups, of which `of` were compared; `group` says where somebody
    /// belongs, if anywhere.
    pub(super) fn between(
        pairs: &Pairs,
        cut: f64,
        of: u64,
        rounds: usize,
        random: &mut fastrand::Rng,
        group: &dyn Fn(usize) -> Option<usize>,
    ) -> Self {
        let members: Vec<usize> = (0..pairs.people).filter(|person| group(*person).is_some()).collect();
        if cut >= pairs.reach {
            let (value, basis) = (None, Basis::NotKept);
            return Self { errors: 0, of, people: members.len(), value, interval: None, basis };
        }
        let is_between = |pair: &&Impostor| {
            let groups = [pair.people.0, pair.people.1].map(|person| group(person as usize));
            matches!(groups, [Some(one), Some(other)] if one != other)
        };
        let matches: Vec<Impostor> = pairs.false_matches_kept(cut).iter().filter(is_between).copied().collect();
        Self::judged(matches.len() as u64, of, members.len(), of, || {
            let everybody = pairs.drawn_pairs(&Weights::equal(pairs.people));
            let drawn = (0..rounds).map(|_| {
                let weights = Weights::resampled(pairs.people, random);
                let errors: u64 = matches.iter().map(|pair| weights.impostor(pair)).sum();
                let of = of as f64 * pairs.drawn_pairs(&weights) / everybody;
                (errors as f64 / of).min(1.0)
            });
            drawn.filter(|rate| rate.is_finite()).collect()
        })
    }

    /// Whether two intervals are there and have nothing in common.
    pub(super) fn lies_apart(&self, other: &Self) -> Option<bool> {
        let (one, two) = (self.interval?, other.interval?);
        Some(one.high < two.low || two.high < one.low)
    }
}

/// A share in percent with two digits that matter, for people.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 {
        return "0 %".to_owned();
    }
    if percent < 0.99e-4 {
        return format!("{percent:.1e} %");
    }
    // 99.98 must not become 100.0, however near it comes.
    let digits = match 100.0 - percent {
        rest if rest <= 0.0 => 1,
        rest if rest <= 0.1 => -rest.log10().floor() as i64,
        _ => 1 - percent.log10().floor() as i64,
    };
    let digits = usize::try_from(digits).unwrap_or(0);
    let text = format!("{percent:.*}", digits.max(1));
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { errors, of, .. } = self;
        let Some(value) = self.value else { return f.write_str("nothing to count") };
        match (self.basis, self.interval) {
            (Basis::RuleOfThree, Some(Interval { high, .. })) if *errors == 0 => {
                write!(f, "none of {of}: below {} (rule of three)", percent(high))
            }
            (Basis::RuleOfThree, Some(Interval { low, .. })) => {
                write!(f, "all of {of}: above {} (rule of three)", percent(low))
            }
            (_, Some(Interval { low, high })) => {
                write!(f, "{} ({} to {}), {errors} of {of}", percent(value), percent(low), percent(high))
            }
            (Basis::TooFewPeople, None) => {
                write!(f, "{}, {errors} of {of}; too few people for an interval", percent(value))
            }
            (_, None) => write!(f, "{}, {errors} of {of}", percent(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labelled;
    use crate::distribution::standard_normal_quantile;
    use likeness_base::Secret;

    fn tallies(pairs: &[(u64, u64)]) -> Vec<Tally> {
        pairs.iter().map(|(errors, of)| Tally { errors: *errors, of: *of }).collect()
    }

    #[test]
    fn rates_of_known_counts() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut rate = |counts: &[(u64, u64)]| Rate::by_person(&tallies(counts), None, 400, &mut random);

        let plain = rate(&[(1, 4), (0, 4), (0, 4), (2, 4), (0, 4), (0, 0)]);
        assert_eq!((plain.errors, plain.of, plain.people, plain.value), (3, 20, 5, Some(0.15)));
        assert_eq!(plain.basis, Basis::Bootstrap);
        let Interval { low, high } = plain.interval.unwrap();
        assert!(low < 0.15 && 0.15 < high && high <= 0.5, "{plain:?}");

        let none = rate(&[(0, 20); 15]);
        assert_eq!((none.basis, none.interval), (Basis::RuleOfThree, Some(Interval { low: 0.0, high: 0.01 })));
        assert_eq!(none.to_string(), "none of 300: below 1 % (rule of three)");
        let all = rate(&[(20, 20); 15]);
        assert_eq!((all.basis, all.interval), (Basis::RuleOfThree, Some(Interval { low: 0.99, high: 1.0 })));
        let few = rate(&[(1, 20); 4]);
        assert_eq!((few.basis, few.interval), (Basis::TooFewPeople, None));
        assert_eq!(rate(&[]).basis, Basis::NoTrials);
        assert_eq!(rate(&[]).to_string(), "nothing to count");
    }

    #[test]
    fn percentages_keep_two_digits() {
        for (share, text) in [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.9998, "99.98 %"),
            (0.999_991_3, "99.9991 %"),
            (0.5, "50 %"),
            (0.123, "12.3 %"),
            (0.0214, "2.1 %"),
            (0.000_34, "0.034 %"),
            (1e-5, "0.001 %"),
            (3.2e-7, "3.2e-5 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    /// The share of draws of a population whose interval holds the truth: people with a rate of their own around 0.2.
    #[test]
    fn intervals_cover_the_truth_about_as_often_as_they_say() {
        let mut random = fastrand::Rng::with_seed(7);
        let (samples, mut held) = (300, 0);
        for _ in 0..samples {
            let counts: Vec<(u64, u64)> = (0..60)
                .map(|_| {
                    // Uniform on 0 to 0.4: trials of one person hang together.
                    let own = random.f64() * 0.4;
                    ((0..10).filter(|_| random.f64() < own).count() as u64, 10)
                })
                .collect();
            let rate = Rate::by_person(&tallies(&counts), None, 300, &mut random);
            let Interval { low, high } = rate.interval.unwrap();
            held += usize::from(low <= 0.2 && 0.2 <= high);
        }
        let share = f64::from(held as u32) / f64::from(samples);
        assert!((0.90..=0.98).contains(&share), "{share} of the intervals hold the truth");
    }

    /// The same for pairs of people, who stand on a line with two photos each, most of them near its middle: the
    /// distance of two is normal with variance 2.
    #[test]
    fn intervals_of_pairs_cover_the_truth_too() {
        let mut random = fastrand::Rng::with_seed(9);
        let (samples, cut) = (200, 0.5);
        let truth = libm::erf(cut / 2.0);
        let mut held = 0;
        for _ in 0..samples {
            let people = (0..50).map(|person| (person, standard_normal_quantile(random.f64()) as f32));
            let labelled: Vec<Labelled> = people
                .flat_map(|(person, place)| {
                    [place; 2].map(|place| Labelled { person, template: Secret::new(vec![place]) })
                })
                .collect();
            let pairs = Pairs::compare(&labelled, &crate::ExcludedPairs::default(), &|_| ()).unwrap();
            let everybody: Vec<usize> = (0..50).collect();
            let compared = pairs.impostor_total;
            let rate = Rate::of_strangers(&pairs, cut, &everybody, compared, 300, &mut random);
            let Interval { low, high } = rate.interval.unwrap();
            held += usize::from(low <= truth && truth <= high);
        }
        let share = f64::from(held as u32) / f64::from(samples);
        assert!((0.90..=0.99).contains(&share), "{share} of the intervals hold the truth");
    }

    #[test]
    fn pairs_of_people_drawn_twice_are_counted_by_hand() {
        // 2, 3 and 1 photos: 2*3 + 2*1 + 3*1.
        assert_eq!(pairs_of_different(&[2, 3, 1], &Weights::equal(3)), 11.0);
        assert_eq!(pairs_of_different(&[2], &Weights::equal(1)), 0.0);
    }
}
