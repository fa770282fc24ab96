//! Stored templates by recogniser, and which recognisers are not installed.
//!
//! Start at [`stored_templates()`]. Reported at the start, by `likeness doctor`, `likeness store recognisers` and the management API.

use crate::recognisers::{Recognisers, pack_of};
use likeness_store::{Store, StoreError};
use serde::Serialize;
use uuid::Uuid;

/// Templates of enrolled faces of one account by one recogniser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredTemplates {
    /// Whose.
    pub account_id: Uuid,
    /// The model pack of the recogniser.
    pub pack: String,
    /// How they were made, exactly: only templates of one space can be compared.
    pub space: String,
    /// How many.
    pub templates: u64,
    /// Whether the pack is installed here, so that they can be compared.
    pub is_installed: bool,
    /// Whether new containers take this recogniser.
    pub is_default: bool,
}

/// By account, in order of their ids, and by space. Reads an index from end to end.
///
/// # Errors
/// What the store says.
pub async fn stored_templates(
    store: &dyn Store,
    recognisers: &Recognisers,
) -> Result<Vec<StoredTemplates>, StoreError> {
    let mut all = Vec::new();
    for account in store.accounts().await? {
        for (space, templates) in store.spaces(account.id, true).await? {
            all.push(StoredTemplates {
                account_id: account.id.0,
                pack: pack_of(&space).to_owned(),
                templates,
                is_installed: recognisers.by_space(&space).is_some(),
                is_default: *recognisers.default_recogniser().space_id == *space,
                space,
            });
        }
    }
    Ok(all)
}

/// Packs that are not installed, each with how many templates wait for it.
pub fn missing(stored: &[StoredTemplates]) -> Vec<(&str, u64)> {
    let mut missing: Vec<(&str, u64)> = Vec::new();
    for one in stored.iter().filter(|one| !one.is_installed) {
        match missing.iter_mut().find(|(pack, _)| *pack == one.pack) {
            Some((_, templates)) => *templates += one.templates,
            None => missing.push((&one.pack, one.templates)),
        }
    }
    missing
}

/// The advice for an operator about a missing pack.
pub fn advice(pack: &str, templates: u64) -> String {
    format!(
        "{templates} template(s) need the model pack {pack}, which is not installed: the people in their containers cannot be \
         recognised. Run `likeness models install {pack}`, or enrol these people again (docs/enrol-again.md)"
    )
}
