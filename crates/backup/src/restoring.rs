//! Puts a backup back.

use crate::format::{BackupError, Reader, Totals};
use likeness_base::Timestamp;
use likeness_keys::InstallationKey;
use likeness_store::journal::Entry;
use likeness_store::{Mended, Restore, Transferable};
use tokio::sync::mpsc;

/// Pages that wait between whoever reads and whoever writes.
const PAGES_AHEAD: usize = 4;

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Rows by table.
    pub rows: Totals,
    /// What became of each account.
    pub accounts: Vec<Mended>,
}

/// Puts a backup into an empty store: its rows, then what the journal tells was done since (`None`: it is done without one, and
/// the audit logs say so). The store can be opened by others only when everything is done.
///
/// # Errors
/// [`BackupError`], see its variants. Then the store is of no use and is emptied by whoever made it.
pub async fn restore(
    store: &dyn Transferable,
    key: &InstallationKey,
    mut reader: Reader,
    journal: Option<Vec<Entry>>,
    at: Timestamp,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Restored, BackupError> {
    reader.unlock(key)?;
    let (made_at, all) = (reader.header().made_at.clone(), reader.header().rows);
    let (sender, pages) = mpsc::channel(PAGES_AHEAD);
    let (relay, written) = mpsc::channel(PAGES_AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        while let Some(page) = reader.next_page()? {
            // A store that has given up says why itself.
            if sender.blocking_send(page).is_err() {
                break;
            }
        }
        Ok::<_, BackupError>(reader.totals().clone())
    });
    let watching = async move {
        let (mut pages, mut done) = (pages, 0);
        while let Some(page) = pages.recv().await {
            let page: likeness_store::Page = page;
            done += page.rows.len() as u64;
            if relay.send(page).await.is_err() {
                break;
            }
            progress(done, all.max(done));
        }
    };
    let (read, imported, ()) = tokio::join!(reading, store.import(written), watching);
    let read = read.map_err(|error| BackupError::Io(std::io::Error::other(error)))?;
    imported?;
    let rows = read?;
    let told = match &journal {
        Some(entries) => serde_json::json!({ "backup": made_at, "journalEntries": entries.len() }),
        None => serde_json::json!({ "backup": made_at, "journal": "none" }),
    };
    let plan = Restore { at, told: told.to_string(), journal: journal.unwrap_or_default() };
    let accounts = store.mend(&plan).await?;
    store.complete().await?;
    Ok(Restored { rows, accounts })
}
