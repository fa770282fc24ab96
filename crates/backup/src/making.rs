//! Makes backups and checks them.

use crate::format::{BackupError, BackupKey, Header, Reader, Totals, Writer};
use crate::journal::positions;
use likeness_base::{Randomness, Timestamp, random_bytes};
use likeness_keys::InstallationKey;
use likeness_store::{AccountId, PAGES_AHEAD, Scope, Transferable};
use std::io::{self, Write};
use std::path::Path;
use tokio::sync::mpsc;

/// A backup that was made, or checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Rows by table.
    pub rows: Totals,
    /// Its length; 0 of one that was checked.
    pub bytes: u64,
    /// When it was begun.
    pub made_at: String,
}

/// Writes a backup of everything that lasts, as it is at one moment. Servers go on meanwhile. `progress` is told how many of how
/// many rows are written.
///
/// # Errors
/// [`BackupError`], see its variants. What was written until then is no backup.
pub async fn create<W: Write + Send + 'static>(
    store: &dyn Transferable,
    key: &InstallationKey,
    journal: &Path,
    (now, randomness): (Timestamp, &dyn Randomness),
    out: W,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(W, Made), BackupError> {
    let wrapped = store.wrapped_key().await?.ok_or(BackupError::NoProvider)?;
    let mut header = Header::current(now.to_string(), (wrapped.0, &wrapped.1), &random_bytes(randomness));
    // Before the rows: what is done between is done again by a restore, which changes nothing.
    header.journal = positions(journal, key)?;
    header.rows = store.row_count(Scope::Backup).await?;
    let writer = Writer::begin(out, &header, &BackupKey::Installation(key))?;
    write(store, Scope::Backup, writer, &header, progress).await
}

/// Writes an export of one account, sealed with a key file that the other installation has, too.
///
/// # Errors
/// [`BackupError`], see its variants. What was written until then is no export.
pub async fn export<W: Write + Send + 'static>(
    store: &dyn Transferable,
    account: AccountId,
    key_file: &Path,
    (now, randomness): (Timestamp, &dyn Randomness),
    out: W,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(W, Made), BackupError> {
    let mut header = Header::current(now.to_string(), (String::new(), &[]), &random_bytes(randomness));
    header.account = Some(account.0);
    header.rows = store.row_count(Scope::Account(account)).await?;
    let mut writer = Writer::begin(out, &header, &BackupKey::File(key_file))?;
    writer.keys(&store.data_keys(account).await?)?;
    write(store, Scope::Account(account), writer, &header, progress).await
}

async fn write<W: Write + Send + 'static>(
    store: &dyn Transferable,
    scope: Scope,
    writer: Writer<W>,
    header: &Header,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(W, Made), BackupError> {
    let (sender, mut pages) = mpsc::channel(PAGES_AHEAD);
    let (told, mut written) = mpsc::unbounded_channel();
    let writing = tokio::task::spawn_blocking(move || {
        let mut writer = writer;
        while let Some(page) = pages.blocking_recv() {
            writer.page(&page)?;
            // Whoever watches may have gone.
            let _ = told.send(page.rows.len() as u64);
        }
        Ok::<_, BackupError>(writer)
    });
    let watching = async {
        let mut done = 0;
        while let Some(rows) = written.recv().await {
            done += rows;
            progress(done, header.rows.max(done));
        }
    };
    let (exported, written, ()) = tokio::join!(store.export(scope, sender), writing, watching);
    let written = written.map_err(io::Error::other)?;
    // A writer that has given up says why itself.
    exported?;
    let writer = written?;
    // Only now: what a failed reader leaves must not look like a whole backup, wherever it was written to.
    let finished = tokio::task::spawn_blocking(move || writer.finish()).await.map_err(io::Error::other)?;
    let (out, bytes, rows) = finished?;
    Ok((out, Made { rows, bytes, made_at: header.made_at.clone() }))
}

/// Reads a backup to its end, with the key that its header's provider gave.
///
/// # Errors
/// [`BackupError`], see its variants.
pub fn verify(
    mut reader: Reader,
    key: &InstallationKey,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Made, BackupError> {
    reader.unlock(key)?;
    let (mut done, all) = (0, reader.header().rows);
    while let Some(page) = reader.next_page()? {
        done += page.rows.len() as u64;
        progress(done, all.max(done));
    }
    Ok(Made { rows: reader.totals().clone(), bytes: 0, made_at: reader.header().made_at.clone() })
}
