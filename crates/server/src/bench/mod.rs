//! How fast Likeness is on this machine, beside a physical floor or a peer in the same run: `likeness bench`.
//!
//! Start at [`Report`]; each part of it is measured by a module of its own ([`inference`], [`search`], [`store`],
//! [`http`], [`access`], [`fairness`], [`captures`], [`backup`], [`nodes`]). A part measures in rounds in which ours and the other's take turns, so that both meet the same machine,
//! and reports medians and quartiles. A missed target is reported and does not change the exit code.

pub(crate) mod access;
pub(crate) mod backup;
mod calls;
pub(crate) mod captures;
pub(crate) mod checks;
pub(crate) mod client;
pub(crate) mod draw;
pub(crate) mod fairness;
mod fill;
pub(crate) mod http;
pub(crate) mod inference;
mod linear;
mod machine;
pub(crate) mod measure;
pub(crate) mod nodes;
pub(crate) mod peers;
pub(crate) mod portrait;
pub(crate) mod search;
mod server;
pub(crate) mod stages;
pub(crate) mod store;
mod training;

use likeness_base::Clock;
use likeness_service::clock::SystemClock;
use likeness_service::randomness::{SystemRandomness, random_id};
use likeness_store::{AccountId, Actor, Command, Write};
pub(crate) use machine::Machine;
use measure::Series;
use serde::Serialize;

/// Everything that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Version of Likeness.
    pub version: &'static str,
    /// What ran, and on what.
    pub machine: Machine,
    /// Engine and packs in use.
    pub engine: String,
    /// Versions of the peers, where they ran.
    pub peers: serde_json::Value,
    /// In the order in which they ran.
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Serialize)]
pub(crate) struct Row {
    /// `inference`, `search`, `store`, `http`, `custody`, `fairness`, `captures`, `backup` or `nodes`.
    pub part: &'static str,
    /// What was done.
    pub what: String,
    /// How long it took, or how much there was.
    pub ours: Series,
    /// What stands beside it.
    pub beside: Option<Beside>,
    /// What is aimed at.
    pub bar: Option<Bar>,
}

/// A peer or a floor, measured in turns with ours.
#[derive(Serialize)]
pub(crate) struct Beside {
    /// Whose it is.
    pub whose: String,
    /// Its figure.
    pub theirs: Series,
    /// Ours over theirs, of medians; below 1 ours is smaller.
    pub ratio: f64,
}

/// An aim.
#[derive(Serialize)]
pub(crate) struct Bar {
    /// In words.
    pub says: String,
    /// Whether this run met it.
    pub is_met: bool,
}

impl Row {
    /// A figure that stands alone.
    pub(crate) fn alone(part: &'static str, what: impl Into<String>, ours: Series) -> Self {
        Self { part, what: what.into(), ours, beside: None, bar: None }
    }

    /// Puts another's figure beside it.
    pub(crate) fn beside(self, whose: impl Into<String>, theirs: Series) -> Self {
        let ratio = self.ours.median / theirs.median;
        Self { beside: Some(Beside { whose: whose.into(), theirs, ratio }), ..self }
    }

    /// Aims at a figure of at most this, in the figure's own unit.
    pub(crate) fn at_most(self, most: f64) -> Self {
        let is_met = self.ours.median <= most;
        let says = format!("at most {most} {}", self.ours.unit);
        Self { bar: Some(Bar { says, is_met }), ..self }
    }

    /// Aims at a ratio of at most this.
    pub(crate) fn ratio_at_most(self, most: f64) -> Self {
        let is_met = self.beside.as_ref().is_some_and(|beside| beside.ratio <= most);
        Self { bar: Some(Bar { says: format!("at most {most} x"), is_met }), ..self }
    }

    /// Aims at a ratio of at least this.
    pub(crate) fn ratio_at_least(self, least: f64) -> Self {
        let is_met = self.beside.as_ref().is_some_and(|beside| beside.ratio >= least);
        Self { bar: Some(Bar { says: format!("at least {least} x"), is_met }), ..self }
    }

    /// Aims at being this many times faster than what stands beside.
    pub(crate) fn faster_by(self, times: f64) -> Self {
        let is_met = self.beside.as_ref().is_some_and(|beside| beside.ratio * times <= 1.0);
        Self { bar: Some(Bar { says: format!("{times} x faster"), is_met }), ..self }
    }
}

impl Report {
    /// The rows as cells for a table: part, what, median, quartiles, beside, ratio, aim.
    pub(crate) fn cells(&self) -> Vec<Vec<String>> {
        self.rows
            .iter()
            .map(|row| {
                let beside = row.beside.as_ref();
                let bar = row.bar.as_ref();
                vec![
                    row.part.to_owned(),
                    row.what.clone(),
                    row.ours.text(),
                    row.ours.spread(),
                    beside.map_or_else(String::new, |other| format!("{}: {}", other.whose, other.theirs.text())),
                    beside.map_or_else(String::new, |other| measure::digits(other.ratio)),
                    bar.map_or_else(String::new, |bar| {
                        format!("{}{}", bar.says, if bar.is_met { "" } else { ": MISSED" })
                    }),
                ]
            })
            .collect()
    }
}

/// A command of the bench: done now, by nobody in particular.
fn command(account: AccountId, write: impl Into<Write>) -> Command {
    Command {
        account,
        actor: Actor::System,
        at: SystemClock.now(),
        request_id: random_id(&SystemRandomness),
        idempotency_key: random_id(&SystemRandomness),
        most_stored_bytes: None,
        write: write.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::measure::{Clock, Series};
    use super::*;

    #[test]
    fn bars_are_judged_by_medians() {
        let series = |median: f64| Series::of("ms", Clock::Cpu, vec![median; 3]);
        let is_met = |row: Row| row.bar.expect("a bar").is_met;
        let row = || Row::alone("inference", "x", series(10.0)).beside("peer", series(50.0));
        assert!(is_met(row().at_most(10.0)) && !is_met(row().at_most(9.9)));
        assert!(is_met(row().ratio_at_most(0.2)) && !is_met(row().ratio_at_most(0.19)));
        assert!(is_met(row().ratio_at_least(0.2)) && !is_met(row().ratio_at_least(0.21)));
        assert!(is_met(row().faster_by(5.0)) && !is_met(row().faster_by(5.1)));
        assert!(!is_met(Row::alone("inference", "nothing beside", series(1.0)).faster_by(2.0)));
    }
}
