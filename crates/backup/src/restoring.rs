//! Puts a backup back.

use crate::format::{BackupError, BackupKey, Reader, Totals};
use likeness_base::Timestamp;
use likeness_keys::InstallationKey;
use likeness_store::journal::Entry;
use likeness_store::{AccountId, Import, Mended, PAGES_AHEAD, Page, Restore, StoreError, Transferable, pass_on};
use serde_json::json;
use std::path::Path;
use tokio::sync::mpsc;

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
    let made_at = reader.header().made_at.clone();
    let ((), rows) = pass(reader, |pages| store.import(pages), progress).await?;
    let told = match &journal {
        Some(entries) => json!({ "backup": made_at, "journalEntries": entries.len() }),
        None => json!({ "backup": made_at, "journal": "none" }),
    };
    let plan = Restore { at, told: told.to_string(), journal: journal.unwrap_or_default() };
    let accounts = store.mend(&plan).await?;
    store.complete().await?;
    Ok(Restored { rows, accounts })
}

/// Takes an account of another installation in, from an export that was sealed with this key file. Gives its id.
///
/// # Errors
/// [`BackupError`], see its variants. Of what was cut off nothing can be used, and it is destroyed after an hour.
pub async fn import(
    store: &dyn Transferable,
    key_file: &Path,
    mut reader: Reader,
    at: Timestamp,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(AccountId, Totals), BackupError> {
    let account = AccountId(reader.header().account.ok_or(BackupError::OfAll)?);
    reader.unlock_with(&BackupKey::File(key_file))?;
    let keys = reader.keys(account.0)?;
    let told = json!({ "exported": reader.header().made_at }).to_string();
    let import = Import { account, keys, at, told };
    let (arrived, rows) = pass(reader, |pages| store.import_account(&import, pages), progress).await?;
    store.admit(&import, arrived).await?;
    Ok((account, rows))
}

/// Passes the rows of a reader to whoever takes them, and gives what that says. Whoever takes them cannot tell a reader that
/// fails from one that has come to its end: what makes the rows usable is done after this.
async fn pass<T, F: Future<Output = Result<T, StoreError>>>(
    mut reader: Reader,
    take: impl FnOnce(mpsc::Receiver<Page>) -> F,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(T, Totals), BackupError> {
    let all = reader.header().rows;
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
    let mut done = 0;
    let watching = pass_on(pages, relay, |page| {
        done += page.rows.len() as u64;
        progress(done, all.max(done));
    });
    let (read, taken, ()) = tokio::join!(reading, take(written), watching);
    let read = read.map_err(|error| BackupError::Io(std::io::Error::other(error)))?;
    // Whoever reads knows more of why than whoever got too little.
    let rows = read?;
    Ok((taken?, rows))
}
