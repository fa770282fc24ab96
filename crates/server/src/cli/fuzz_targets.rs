//! The readers of `evaluate`'s tables by themselves, for fuzzing. Nothing here is part of the program's interface.

use super::evaluate::groups;
use super::exclusions;
use super::labelled::Folder;
use std::path::PathBuf;

const PEOPLE: [&str; 3] = ["ann", "bob", "eve"];

fn people() -> Vec<String> {
    PEOPLE.map(str::to_owned).to_vec()
}

/// The file that says who belongs to which group.
pub fn groups(bytes: &[u8]) -> bool {
    let Ok(groupings) = groups::parse(&"groups.csv", bytes, &people(), "subfolder") else { return false };
    assert!(groupings.iter().all(|grouping| grouping.groups.len() == PEOPLE.len()), "a place for each person");
    true
}

/// The file that says what is not to be compared.
pub fn exclusions(bytes: &[u8]) -> bool {
    let photo = |person: u32, name: &str| (person, PathBuf::from(PEOPLE[person as usize]).join(name));
    let photos = vec![photo(0, "1.jpg"), photo(0, "2.jpg"), photo(1, "1.jpg"), photo(2, "1.jpg")];
    exclusions::parse(&"exclusions.csv", bytes, &Folder { people: people(), photos, unread: Vec::new() }).is_ok()
}
