//! Moving a whole installation from one store to another, row by row.
//!
//! Rows go as they are: what is sealed stays sealed, for nothing in the seals depends on the engine. The source is
//! read as it is at one moment; the target gets the row that makes it usable last, so that one left half-filled is
//! refused by everybody.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::Entry;
use crate::keys::DataKey;
use crate::schema::TABLES;
use likeness_base::Timestamp;
use uuid::Uuid;

/// Pages that wait between reader and writer.
pub const PAGES_AHEAD: usize = 4;

/// A value of a column.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Integer(Option<i64>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// Text.
    Text(Option<String>),
}

/// Some rows of a table, in the order of its key.
pub struct Page {
    /// Its place in [`TABLES`].
    pub table: usize,
    /// Values in the order of its columns.
    pub rows: Vec<Vec<Value>>,
}

/// Which rows are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All that move.
    Everything,
    /// What a backup holds.
    Backup,
    /// What a backup holds of one account, without its audit log and its counters, which stay, and its wrapped keys, which mean
    /// nothing elsewhere.
    Account(AccountId),
}

/// What a table holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableDigest {
    /// Its name.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over all of them in the order of their keys.
    pub digest: [u8; 32],
}

/// A store whose rows can be transferred.
#[async_trait]
pub trait Transferable: Send + Sync {
    /// The name of the provider that wraps the installation key, and the wrapped key. `None`: nobody wraps it.
    async fn wrapped_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError>;
    /// How many rows there are to send.
    async fn row_count(&self, scope: Scope) -> Result<u64, StoreError>;
    /// Sends rows, as they are at one moment.
    async fn export(&self, scope: Scope, pages: mpsc::Sender<Page>) -> Result<(), StoreError>;
    /// Takes all rows into a store that has none. Until [`complete`](Self::complete) nobody can open it any more.
    async fn import(&self, pages: mpsc::Receiver<Page>) -> Result<(), StoreError>;
    /// Makes of what was imported from a backup what may be served: does again what the journal tells, and counts anew.
    async fn mend(&self, restore: &Restore) -> Result<Vec<Mended>, StoreError>;
    /// The data keys of an account, on their way to another installation.
    async fn data_keys(&self, account: AccountId) -> Result<Vec<DataKey>, StoreError>;
    /// Takes the rows of an account of another installation in. Until [`admit`](Self::admit) nobody can use it, and after an
    /// hour everything of it goes.
    async fn import_account(&self, import: &Import, pages: mpsc::Receiver<Page>) -> Result<Arrived, StoreError>;
    /// Lets an account be used of which everything has arrived.
    async fn admit(&self, import: &Import, arrived: Arrived) -> Result<(), StoreError>;
    /// Lets everybody open the store.
    async fn complete(&self) -> Result<(), StoreError>;
}

/// Copies everything from one store to another, reads it all again from the target, and compares.
///
/// `progress` is called with the number of rows that have arrived, and after that with those that were read again.
///
/// # Errors
/// [`StoreError::NotEmpty`] when the target holds something; [`StoreError::Damaged`] when it does not hold afterwards
/// what was sent; else what either store says. A target that was not finished is refused by everybody who opens it.
pub async fn copy(
    from: &dyn Transferable,
    to: &dyn Transferable,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Vec<TableDigest>, StoreError> {
    let total = from.row_count(Scope::Everything).await?;
    progress(Step::Copying { done: 0, total });
    let (out, read) = mpsc::channel(PAGES_AHEAD);
    let (relay, written) = mpsc::channel(PAGES_AHEAD);
    let passing = async {
        let (mut digests, mut done) = (TableDigests::new(), 0);
        let count = |page: &Page| {
            digests.add(page);
            done += page.rows.len() as u64;
            progress(Step::Copying { done, total });
        };
        pass_on(read, relay, count).await;
        digests.finish()
    };
    let (exported, sent, imported) = tokio::join!(from.export(Scope::Everything, out), passing, to.import(written));
    imported?;
    exported?;
    to.complete().await?;

    let (out, mut read) = mpsc::channel(PAGES_AHEAD);
    let checking = async {
        let (mut digests, mut done) = (TableDigests::new(), 0);
        while let Some(page) = read.recv().await {
            let page: Page = page;
            digests.add(&page);
            done += page.rows.len() as u64;
            progress(Step::Checking { done, total });
        }
        digests.finish()
    };
    let (exported, arrived) = tokio::join!(to.export(Scope::Everything, out), checking);
    exported?;
    match sent.iter().zip(&arrived).find(|(sent, arrived)| sent != arrived) {
        Some((sent, _)) => Err(StoreError::Damaged { what: format!("table {} of the copy", sent.table) }),
        None => Ok(arrived),
    }
}

/// Passes pages on from whoever reads to whoever writes, and shows each to somebody who counts them.
pub async fn pass_on(mut from: mpsc::Receiver<Page>, to: mpsc::Sender<Page>, mut count: impl FnMut(&Page)) {
    while let Some(page) = from.recv().await {
        count(&page);
        // A writer that has given up says why itself.
        if to.send(page).await.is_err() {
            break;
        }
    }
}

/// What a restore does beside putting rows back.
#[derive(Clone, Debug)]
pub struct Restore {
    /// When it happens.
    pub at: Timestamp,
    /// What the audit logs say of it, as JSON.
    pub told: String,
    /// What was done since the backup, in its order.
    pub journal: Vec<Entry>,
}

/// An account on its way in.
#[derive(Debug)]
pub struct Import {
    /// Its id, which stays.
    pub account: AccountId,
    /// Its data keys.
    pub keys: Vec<DataKey>,
    /// When it comes.
    pub at: Timestamp,
    /// What its audit log begins with here, as JSON.
    pub told: String,
}

/// How an account was where it came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrived {
    pub(crate) closed_at: Option<i64>,
    pub(crate) ends_at: Option<i64>,
}

/// What became of an account in a restore.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mended {
    /// The account.
    pub account: Uuid,
    /// Faces, people, containers and records that were deleted again.
    pub deleted: u64,
    /// Tokens that are revoked again.
    pub revoked: u64,
    /// Keys that were replaced since, and open nothing any more.
    pub dead_keys: u64,
    /// Whether its settings were changed since: those of the backup hold.
    pub settings_are_older: bool,
    /// Whether its key is disabled: it was disabled since, or another provider holds it since.
    pub is_disabled: bool,
    /// Whether it was closed since.
    pub is_closed: bool,
}

/// Where a copy stands, in rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Rows have arrived.
    Copying {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// Rows were read again and compared.
    Checking {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
}

struct TableDigests(Vec<(u64, Sha256)>);

impl TableDigests {
    fn new() -> Self {
        Self(TABLES.iter().map(|_| (0, Sha256::new())).collect())
    }

    fn add(&mut self, page: &Page) {
        let (rows, hash) = &mut self.0[page.table];
        *rows += page.rows.len() as u64;
        for value in page.rows.iter().flatten() {
            let (tag, bytes): (u8, Option<&[u8]>) = match value {
                Value::Integer(number) => {
                    hash.update([1, u8::from(number.is_some())]);
                    hash.update(number.unwrap_or(0).to_be_bytes());
                    continue;
                }
                Value::Bytes(bytes) => (2, bytes.as_deref()),
                Value::Text(text) => (3, text.as_deref().map(str::as_bytes)),
            };
            hash.update([tag, u8::from(bytes.is_some())]);
            let bytes = bytes.unwrap_or_default();
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }

    fn finish(self) -> Vec<TableDigest> {
        let digests = TABLES.iter().zip(self.0).filter(|(table, _)| table.moves);
        digests
            .map(|(table, (rows, hash))| TableDigest { table: table.name, rows, digest: hash.finalize().into() })
            .collect()
    }
}
