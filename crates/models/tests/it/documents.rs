//! The table for people says what the data for programs says.

use std::fs;

use likeness_models::{catalogue, runtime_libraries};

use crate::cache::repository;

#[test]
fn the_provenance_table_names_every_file() {
    let document = fs::read_to_string(repository().join("docs/models.md")).unwrap();
    let mut wanted = Vec::new();
    for pack in catalogue() {
        wanted.push(&pack.id);
        for file in &pack.files {
            wanted.extend([&file.path, &file.sha256, &file.licence, &file.origin]);
            for source in &file.sources {
                wanted.extend([&source.version, &source.path, &source.sha256]);
            }
        }
    }
    for library in runtime_libraries() {
        wanted.extend([&library.source.path, &library.source.sha256, &library.licence]);
    }
    let missing: Vec<_> = wanted.into_iter().filter(|text| !document.contains(text.as_str())).collect();
    assert!(missing.is_empty(), "docs/models.md does not say {missing:#?}");
}
