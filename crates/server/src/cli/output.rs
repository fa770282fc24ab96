//! Output of the command line; the only module that prints.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::Write;

/// A line on standard output.
pub(super) fn line(text: &str) {
    to_stdout(text);
}

/// Lines that end themselves, on standard output.
pub(super) fn text(lines: &str) {
    to_stdout(lines.trim_end_matches('\n'));
}

/// A hint or progress line, on standard error.
pub(super) fn hint(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// An error, on standard error.
pub(super) fn error(text: &str) {
    drop(writeln!(std::io::stderr(), "likeness: {text}"));
}

/// A value as JSON, on standard output.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    to_stdout(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A table with a head line, columns as wide as needed.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) {
    text(&table_text(head, rows));
}

/// The same as text.
pub(super) fn table_text(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut add = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    };
    add(&mut head.iter().copied());
    add(&mut widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().iter().map(String::as_str));
    for row in rows {
        add(&mut row.iter().map(String::as_str));
    }
    text
}

/// Who closes the pipe has read enough; that is no fault of the command.
fn to_stdout(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// A number with its word, in the singular or the plural.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A bar on standard error for long work, gone when the work ends.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A word for what goes on, and what is counted.
    pub(super) fn new(word: &str, units: &str) -> Self {
        let bar = ProgressBar::new(1);
        let style =
            ProgressStyle::with_template(&format!("{{msg:10}} {{wide_bar}} {{pos}}/{{len}} {units}  {{elapsed}}"));
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(word.to_owned());
        Self(bar)
    }

    /// Something else goes on.
    pub(super) fn goes_on(&self, word: &'static str) {
        self.0.set_message(word);
    }

    /// A line on standard output while the bar stands.
    pub(super) fn line(&self, text: &str) {
        self.0.suspend(|| line(text));
    }

    /// So many of so many are done.
    pub(super) fn show(&self, done: u64, all: u64) {
        self.0.set_length(all);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
