//! What the recordings came to: in a terminal, as JSON, as a page.

use super::super::SIMULATED;
use super::Presented;
use crate::cli::chart::forest::{self, Names, Row};
use crate::cli::html::{self, card, escaped, list, table};
use crate::cli::output;
use likeness_base::Timestamp;
use likeness_gallery::evaluate::{Grouping, percent};
use likeness_liveness::Policy;
use likeness_pad::{Rate, Tally};
use serde::Serialize;
use std::collections::BTreeMap;

/// What stands under every chart.
const CAPTION: &str =
    "Point: what was counted. Line: 95 % interval (Wilson), as if no two recordings were of one person.";
/// Below so many recordings a share says next to nothing: none of 20 is 0 to 16 %.
const FEW: u32 = 20;
/// People who were put into no group, and recordings without a light.
const UNSTATED: &str = "not stated";

const OF_ATTACKS: [&str; 6] = ["", "shown", "APCER", "APNRR", "spoofface", "uncertain"];
const OF_PEOPLE: [&str; 5] = ["", "shown", "BPCER", "BPNRR", "realface"];

/// Some recordings, and what they came to.
#[derive(Serialize)]
struct Counted {
    name: String,
    tally: Tally,
}

/// People by a way to divide them.
#[derive(Serialize)]
pub(super) struct Grouped {
    name: String,
    groups: Vec<Counted>,
}

impl Grouped {
    /// `people` are those of the grouping, in its order.
    pub(super) fn of(grouping: &Grouping, people: &[String], presented: &[Presented]) -> Self {
        let group_of: BTreeMap<&String, &Option<String>> = people.iter().zip(&grouping.groups).collect();
        let live = presented.iter().filter(|one| one.label.is_live());
        let groups = counted(live, |one| group_of.get(&one.label.subject).and_then(|group| (*group).clone()));
        Self { name: grouping.name.clone(), groups }
    }
}

fn counted<'a>(
    presented: impl Iterator<Item = &'a Presented>,
    name: impl Fn(&Presented) -> Option<String>,
) -> Vec<Counted> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for one in presented {
        if let Some(response) = one.response {
            let name = name(one).unwrap_or_else(|| UNSTATED.to_owned());
            tallies.entry(name).or_default().count(&[response]);
        }
    }
    tallies.into_iter().map(|(name, tally)| Counted { name, tally }).collect()
}

/// What the recordings came to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'static str>,
    made: String,
    likeness: &'static str,
    engine: String,
    policy_version: String,
    /// Attacks by species, that which was taken for a person most often first.
    species: Vec<Counted>,
    attacks_by_light: Vec<Counted>,
    people: Tally,
    people_by_light: Vec<Counted>,
    groupings: Vec<Grouped>,
    /// Recordings of which nothing can be said: this version asks for something else than was asked.
    asked_otherwise: usize,
    unread: usize,
}

impl Report {
    pub(super) fn of(
        presented: &[Presented],
        groupings: Vec<Grouped>,
        unread: usize,
        policy: &Policy,
        engine: String,
        now: Timestamp,
    ) -> Self {
        let live = || presented.iter().filter(|one| one.label.is_live());
        let attacks = || presented.iter().filter(|one| !one.label.is_live());
        let mut species = counted(attacks(), |one| Some(one.label.presentation.clone()));
        species.sort_by(|one, two| two.tally.taken_as_real().share().total_cmp(&one.tally.taken_as_real().share()));
        let people_by_light = counted(live(), |one| one.label.light.clone());
        Self {
            about: presented.iter().any(|one| one.label.simulated).then_some(SIMULATED),
            made: now.to_string(),
            likeness: env!("CARGO_PKG_VERSION"),
            engine,
            policy_version: policy.version.clone(),
            species,
            attacks_by_light: counted(attacks(), |one| one.label.light.clone()),
            people: people_by_light.iter().fold(Tally::default(), |sum, row| sum.with(&row.tally)),
            people_by_light,
            groupings,
            asked_otherwise: presented.iter().filter(|one| one.response.is_none()).count(),
            unread,
        }
    }

    /// What to keep in mind.
    fn cautions(&self) -> Vec<String> {
        let mut cautions: Vec<String> = self.about.map(str::to_owned).into_iter().collect();
        if self.asked_otherwise > 0 {
            cautions.push(format!(
                "{} recordings are counted nowhere: this version, or this policy, asks for something else than was asked when they were made.",
                self.asked_otherwise
            ));
        }
        if self.unread > 0 {
            cautions.push(format!("{} recordings cannot be read.", self.unread));
        }
        let few = self.species.iter().filter(|row| row.tally.presentations < FEW).count();
        if few > 0 {
            cautions.push(format!(
                "{few} of {} species were shown fewer than {FEW} times: of none taken for a person, little follows.",
                self.species.len()
            ));
        }
        if self.people.presentations == 0 {
            cautions
                .push("No recording shows a person, so nothing is known of how often people are refused.".to_owned());
        } else if self.people.presentations < FEW {
            cautions.push(format!("Fewer than {FEW} recordings show a person."));
        }
        cautions
    }

    pub(super) fn text(&self) -> String {
        let mut text: String = self.cautions().iter().map(|caution| format!("Beware: {caution}\n")).collect();
        let mut part = |title: &str, head: &[&str], rows: Vec<Vec<String>>| {
            if !rows.is_empty() {
                text.push_str(&format!("\n{title}\n{}", output::table_text(head, &rows)));
            }
        };
        part("Attacks by species, the worst first", &OF_ATTACKS, attacks(&self.species));
        part("Attacks by light", &OF_ATTACKS, attacks(&self.attacks_by_light));
        part("People by light", &OF_PEOPLE, people(&self.people_by_light));
        for grouping in &self.groupings {
            part(&format!("People by {}", grouping.name), &OF_PEOPLE, people(&grouping.groups));
        }
        text.push_str(&format!("\n{MEANING}\nPolicy {}, {}.\n", self.policy_version, self.engine));
        text
    }

    pub(super) fn page(&self) -> String {
        let mut body = format!(
            "<h1>How often presentation attacks get through</h1>\n<p class=\"meta\">{} attacks, {} presentations of people \u{b7} {} \u{b7} Likeness {} \u{b7} policy {} \u{b7} {}</p>\n",
            self.species.iter().map(|row| row.tally.presentations).sum::<u32>(),
            self.people.presentations,
            escaped(&self.made),
            self.likeness,
            escaped(&self.policy_version),
            escaped(&self.engine),
        );
        body.push_str("<div class=\"cards\">\n");
        if let Some(worst) = self.species.first() {
            body.push_str(&rate_card(
                &format!("Attacks taken for a person, worst species: {} (APCER)", worst.name),
                worst.tally.taken_as_real(),
            ));
        }
        body.push_str(&rate_card("People taken for an attack (BPCER)", self.people.taken_as_attack()));
        body.push_str(&rate_card("People without a decision (BPNRR)", self.people.without_response()));
        body.push_str("</div>\n");
        body.push_str(&list("beware", self.cautions().iter().map(String::as_str)));
        let mut number = 0;
        let mut part = |title: &str, axis: &str, head: &[&str], rows: &[Counted], of_attacks: bool| {
            if rows.is_empty() {
                return;
            }
            number += 1;
            let (cells, share): (_, fn(&Tally) -> Rate) =
                if of_attacks { (attacks(rows), Tally::taken_as_real) } else { (people(rows), Tally::refused_once) };
            let points: Vec<Row> = rows.iter().map(|row| point(&row.name, share(&row.tally))).collect();
            let names = Names { axis, title, id: format!("pad-{number}"), caption: CAPTION };
            body.push_str(&forest::figure(names, &points, percent));
            body.push_str(&table(title, head, &cells));
        };
        let (taken, refused) = ("taken for a person (APCER)", "not taken for a person (BPCER and BPNRR)");
        part("Attacks by species, the worst first", taken, &OF_ATTACKS, &self.species, true);
        part("Attacks by light", taken, &OF_ATTACKS, &self.attacks_by_light, true);
        part("People by light", refused, &OF_PEOPLE, &self.people_by_light, false);
        for grouping in &self.groupings {
            part(&format!("People by {}", grouping.name), refused, &OF_PEOPLE, &grouping.groups, false);
        }
        body.push_str(&format!("<h2>What the words mean</h2>\n<p>{}</p>\n", escaped(MEANING)));
        html::page("How often presentation attacks get through", &body)
    }
}

/// What the words mean, which are those of ISO/IEC 30107-3, and what each is a share of.
const MEANING: &str = "APCER: attacks that ended realface. APNRR: attacks without a decision. BPCER: people whose decision was spoofface or uncertain. \
                       BPNRR: people without a decision, such as a turn that was not answered. Each is a share of all that were shown, one try each.";

fn attacks(rows: &[Counted]) -> Vec<Vec<String>> {
    let row = |Counted { name, tally }: &Counted| {
        vec![
            name.clone(),
            tally.presentations.to_string(),
            tally.taken_as_real().to_string(),
            tally.without_response().to_string(),
            tally.spoof.to_string(),
            tally.uncertain.to_string(),
        ]
    };
    rows.iter().map(row).collect()
}

fn people(rows: &[Counted]) -> Vec<Vec<String>> {
    let row = |Counted { name, tally }: &Counted| {
        vec![
            name.clone(),
            tally.presentations.to_string(),
            tally.taken_as_attack().to_string(),
            tally.without_response().to_string(),
            tally.real.to_string(),
        ]
    };
    rows.iter().map(row).collect()
}

fn point(name: &str, rate: Rate) -> Row {
    Row {
        name: name.to_owned(),
        value: Some(rate.share()),
        interval: Some((rate.low, rate.high)),
        counted: format!("{} of {}", rate.count, rate.of),
        words: rate.to_string(),
    }
}

fn rate_card(name: &str, rate: Rate) -> String {
    if rate.of == 0 {
        return card(name, "\u{2013}", "nothing to count");
    }
    let rest = format!("{} of {}; {} to {}", rate.count, rate.of, percent(rate.low), percent(rate.high));
    card(name, &percent(rate.share()), &rest)
}
