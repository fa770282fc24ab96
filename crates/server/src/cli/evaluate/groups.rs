//! The file that says who belongs to which group.

use anyhow::{Context, Result, bail};
use likeness_gallery::evaluate::Grouping;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the file must look like. `called` is what names of people are the names of.
fn shape(called: &str) -> String {
    format!(
        "write a first line such as `person,age,skin` and a line for each person, beginning with the name of the {called}"
    )
}

/// Reads the groups of people. Every column beside `person` is a grouping; an empty cell states nothing.
///
/// # Errors
/// When something in it is not right; the text names the line and what to do.
pub(in crate::cli) fn read(file: &Path, people: &[String], called: &str) -> Result<Vec<Grouping>> {
    let shown = file.display();
    parse(&shown, File::open(file).with_context(|| format!("{shown} cannot be read"))?, people, called)
}

/// The same of a file that is open. `shown` is its name in messages.
pub(in crate::cli) fn parse(
    shown: &impl Display,
    file: impl Read,
    people: &[String],
    called: &str,
) -> Result<Vec<Grouping>> {
    let shape = shape(called);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let head = reader.headers().with_context(|| format!("{shown}, line 1: not CSV; {shape}"))?.clone();
    if head.len() == 1 && head[0].contains([';', '\t']) {
        bail!("{shown}, line 1: the columns must be separated by commas; save the file as CSV with commas");
    }
    if head.get(0) != Some("person") || head.len() < 2 {
        bail!("{shown}, line 1: the first column must be called person and another must follow; {shape}");
    }
    let columns: Vec<&str> = head.iter().skip(1).collect();
    for (place, column) in columns.iter().enumerate() {
        if column.is_empty() {
            bail!("{shown}, line 1: column {} has no name; give it one", place + 2);
        }
        if columns[..place].contains(column) {
            bail!("{shown}, line 1: two columns are called {column}; rename or remove one");
        }
    }
    let nothing = |column: &&str| Grouping { name: (*column).to_owned(), groups: vec![None; people.len()] };
    let mut groupings: Vec<Grouping> = columns.iter().map(nothing).collect();
    let numbers: BTreeMap<&str, usize> = people.iter().enumerate().map(|(number, name)| (&**name, number)).collect();
    let mut stands_in = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or_else(String::new, |position| format!(", line {}", position.line()));
            anyhow::anyhow!("{shown}{line}: not right ({}); {shape}", because(&error))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let person = &record[0];
        let Some(&number) = numbers.get(person) else {
            bail!(
                "{shown}, line {line}: no {called} is called `{person}`; write the name of a {called}, or remove the line"
            );
        };
        if let Some(before) = stands_in.insert(number, line) {
            bail!("{shown}, line {line}: `{person}` stands in line {before} already; remove one of the two");
        }
        for (grouping, group) in groupings.iter_mut().zip(record.iter().skip(1)) {
            grouping.groups[number] = (!group.is_empty()).then(|| group.to_owned());
        }
    }
    Ok(groupings)
}

fn because(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} columns, the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> Result<Vec<Grouping>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("groups.csv");
        std::fs::write(&file, text).unwrap();
        read(&file, &["ann".to_owned(), "bob".to_owned(), "eve".to_owned()], "subfolder")
    }

    #[test]
    fn every_column_is_a_grouping() {
        let groupings = parsed("\u{feff}person,age,skin type\neve, old ,\"a, b\"\nann,,c\n".as_bytes()).unwrap();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            groupings,
            [
                Grouping { name: "age".to_owned(), groups: vec![None, None, some("old")] },
                Grouping { name: "skin type".to_owned(), groups: vec![some("c"), None, some("a, b")] }
            ]
        );
    }

    #[test]
    fn a_refusal_names_the_line_and_what_to_do() {
        let cases: [(&[u8], &str); 9] = [
            (b"", "line 1: the first column must be called person"),
            (b"name,age\nann,old\n", "line 1: the first column must be called person"),
            (b"person\nann\n", "another must follow"),
            (b"person;age\nann;old\n", "save the file as CSV with commas"),
            (b"person,age,age\n", "line 1: two columns are called age"),
            (b"person,,age\n", "line 1: column 2 has no name"),
            (b"person,age\nann,old\nzoe,young\n", "line 3: no subfolder is called `zoe`; write the name"),
            (b"person,age\nann,old\nbob,old\nann,old\n", "line 4: `ann` stands in line 2 already; remove"),
            (b"person,age\nann,old\nbob\n", "line 3: not right (it has 1 columns, the first line has 2)"),
        ];
        for (text, expected) in cases {
            let refusal = format!("{:#}", parsed(text).unwrap_err());
            assert!(refusal.contains(expected), "{refusal}");
        }
        assert!(format!("{:#}", parsed(b"person,age\nann,\xff\n").unwrap_err()).contains("it is not UTF-8 text"));
    }
}
