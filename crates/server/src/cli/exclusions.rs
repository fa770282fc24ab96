//! The file of exclusions, which says what is not to be compared: relatives, one person under two names, wrong labels.

use super::labelled::{Folder, name};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the file must look like.
const SHAPE: &str = "write a first line `first,second`; then on each line two people or two photos (person/file.jpg), or a \
                     photo alone that is to be left out";

/// What is left out, by numbers of people and places of photos in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exclusions {
    /// People who are not compared with each other.
    pub people: Vec<(u32, u32)>,
    /// Photos that are not compared with each other.
    pub pairs: Vec<(usize, usize)>,
    /// Photos that are left out.
    pub photos: BTreeSet<usize>,
}

enum Meant {
    Person(u32),
    Photo(usize),
}

/// Reads the list.
///
/// # Errors
/// When something in it is not right; the text names the line and what to do.
pub(super) fn read(file: &Path, folder: &Folder) -> Result<Exclusions> {
    let shown = file.display();
    parse(&shown, File::open(file).with_context(|| format!("{shown} cannot be read"))?, folder)
}

/// The same of a file that is open. `shown` is its name in messages.
pub(super) fn parse(shown: &impl Display, file: impl Read, folder: &Folder) -> Result<Exclusions> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let head = reader.headers().with_context(|| format!("{shown}, line 1: not CSV; {SHAPE}"))?.clone();
    if head.iter().ne(["first", "second"]) {
        bail!("{shown}, line 1: {SHAPE}");
    }
    let people: BTreeMap<&str, u32> = folder.people.iter().map(String::as_str).zip(0..).collect();
    let photos: BTreeMap<String, usize> = folder
        .photos
        .iter()
        .enumerate()
        .map(|(place, (person, path))| (format!("{}/{}", folder.people[*person as usize], name(path)), place))
        .collect();
    let mut found = Exclusions::default();
    for record in reader.records() {
        let record = record.with_context(|| format!("{shown}: not right; {SHAPE}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let meant = |cell: &str| match (people.get(cell), photos.get(cell)) {
            (Some(person), _) => Ok(Meant::Person(*person)),
            (None, Some(photo)) => Ok(Meant::Photo(*photo)),
            (None, None) => bail!("{shown}, line {line}: `{cell}` is no subfolder and no photo in one; {SHAPE}"),
        };
        match (record.get(0).unwrap_or_default(), record.get(1).unwrap_or_default(), record.len()) {
            (first, "", ..=2) => match meant(first)? {
                Meant::Photo(photo) => drop(found.photos.insert(photo)),
                Meant::Person(_) => {
                    bail!("{shown}, line {line}: `{first}` is a person and nobody else is named; {SHAPE}")
                }
            },
            (first, second, 2) => match (meant(first)?, meant(second)?) {
                (Meant::Person(one), Meant::Person(other)) if one != other => found.people.push((one, other)),
                (Meant::Photo(one), Meant::Photo(other)) if one != other => found.pairs.push((one, other)),
                _ => bail!("{shown}, line {line}: name two different people, or two different photos; {SHAPE}"),
            },
            _ => bail!("{shown}, line {line}: more than two columns; {SHAPE}"),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn parsed(text: &str) -> Result<Exclusions> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("apart.csv");
        std::fs::write(&file, text).unwrap();
        let photo = |person, file: &str| (person, PathBuf::from("people").join(file));
        let people = ["ann", "bob", "eve"].map(str::to_owned).to_vec();
        let photos = vec![photo(0, "ann/1.jpg"), photo(0, "ann/2.jpg"), photo(1, "bob/1.jpg"), photo(2, "eve/1.jpg")];
        read(&file, &Folder { people, photos, unread: Vec::new() })
    }

    #[test]
    fn people_photos_and_wrong_labels() {
        let found = parsed("\u{feff}first,second\nann, bob\nann/2.jpg,eve/1.jpg\nbob/1.jpg,\nann/1.jpg\n").unwrap();
        let expected = Exclusions { people: vec![(0, 1)], pairs: vec![(1, 3)], photos: BTreeSet::from([2, 0]) };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_refusal_names_the_line_and_what_to_do() {
        for (text, expected) in [
            ("", "line 1: write a first line"),
            ("one,two\nann,bob\n", "line 1: write a first line"),
            ("first,second\nann,bob\nann,zoe\n", "line 3: `zoe` is no subfolder"),
            ("first,second\nann/9.jpg\n", "line 2: `ann/9.jpg` is no subfolder and no photo"),
            ("first,second\nann\n", "line 2: `ann` is a person and nobody else is named"),
            ("first,second\nann,ann\n", "line 2: name two different people"),
            ("first,second\nann,bob/1.jpg\n", "line 2: name two different people"),
            ("first,second\nann,bob,eve\n", "line 2: more than two columns"),
        ] {
            let refusal = format!("{:#}", parsed(text).unwrap_err());
            assert!(refusal.contains(expected), "{refusal}");
        }
    }
}
