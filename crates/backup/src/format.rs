//! The bytes of a backup.
//!
//! Start at [`Writer`] and [`Reader`]. A reader believes nothing before the frame that says it was opened, and asks for no more
//! memory than one frame.

use likeness_base::Secret;
use likeness_keys::{DataKey, InstallationKey, KeyFileError, StreamKey};
use likeness_store::schema::{Kind, TABLES, Table};
use likeness_store::{Page, StoreError, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use uuid::Uuid;

use crate::journal::{JournalError, Positions};

const MAGIC: &[u8; 16] = b"likeness-backup\n";
/// The version of the layout.
const FORMAT: u32 = 1;
/// The schema of the rows. A backup is put back by a program of the same schema, which then upgrades it.
pub(crate) const SCHEMA: i64 = 8;
/// Longest header.
const LONGEST_HEADER: usize = 1024 * 1024;
/// Longest frame: a thousand rows of a few kilobytes are far below it.
const LONGEST_FRAME: usize = 64 * 1024 * 1024;

/// Why a backup cannot be made, read or put back. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It does not begin as one.
    #[error("this is no backup of Likeness")]
    NotABackup,
    /// A newer program made it.
    #[error("a newer version made this backup (schema {found}, this program knows {known}); use that version")]
    Newer {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// An older program made it.
    #[error(
        "an older version made this backup (schema {found}, this program has {known}): restore it with that version, then upgrade"
    )]
    Older {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It was not sealed with the installation key, or was changed.
    #[error("the backup does not open with this installation's key, or was changed")]
    DoesNotOpen,
    /// It is an export.
    #[error("this is an export of one account: `likeness backup import` takes it in")]
    OfOneAccount,
    /// It is a backup.
    #[error("this is a backup of a whole installation: `likeness backup restore` puts it back")]
    OfAll,
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// It ends too early.
    #[error("the backup is cut off; nothing of it was put back")]
    CutOff,
    /// What it holds is not what it says.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// Nobody wraps the installation key, so nobody could open the backup.
    #[error("the installation key has no provider; start the server once, which gives it one")]
    NoProvider,
    /// Reading or writing.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What stands in the clear in front of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the layout.
    pub format: u32,
    /// The schema of its rows.
    pub schema: i64,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// Which program made it.
    pub program: String,
    /// The name of the provider that wraps the installation key.
    pub provider: String,
    /// The wrapped installation key, in hexadecimal digits.
    pub wrapped: String,
    /// Drawn for this backup, in hexadecimal digits.
    pub salt: String,
    /// How many rows there were when it was begun; for progress.
    pub rows: u64,
    /// Up to where the journal is already done.
    pub journal: Positions,
    /// The account, where it is an export of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
}

impl Header {
    /// The wrapped installation key.
    ///
    /// # Errors
    /// [`BackupError::Damaged`].
    pub fn wrapped_key(&self) -> Result<Vec<u8>, BackupError> {
        hex::decode(&self.wrapped).map_err(|_| BackupError::Damaged("its header"))
    }

    fn salt(&self) -> Result<[u8; 32], BackupError> {
        let bytes = hex::decode(&self.salt).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or(BackupError::Damaged("its header"))
    }

    pub(crate) fn current(made_at: String, (provider, wrapped): (String, &[u8]), salt: &[u8; 32]) -> Self {
        Self {
            format: FORMAT,
            schema: SCHEMA,
            made_at,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            provider,
            wrapped: hex::encode(wrapped),
            salt: hex::encode(salt),
            rows: 0,
            journal: Positions::default(),
            account: None,
        }
    }
}

/// What a backup or an export is sealed with.
pub(crate) enum BackupKey<'a> {
    /// The installation's own key.
    Installation(&'a InstallationKey),
    /// A key file that both installations have.
    File(&'a Path),
}

impl BackupKey<'_> {
    fn stream(&self, salt: &[u8; 32], header: &[u8]) -> Result<StreamKey, BackupError> {
        Ok(match self {
            Self::Installation(key) => key.backup_key(salt, header),
            Self::File(path) => StreamKey::from_file(path, salt, header)?,
        })
    }
}

/// How many rows of each table there are; stands at the end.
pub(crate) type Totals = BTreeMap<String, u64>;

/// Writes a backup.
pub(crate) struct Writer<W: Write> {
    out: W,
    key: StreamKey,
    totals: Totals,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn begin(mut out: W, header: &Header, key: &BackupKey<'_>) -> Result<Self, BackupError> {
        let text = serde_json::to_vec(header).map_err(|_| BackupError::Damaged("its header"))?;
        let length = u32::try_from(text.len()).map_err(|_| BackupError::Damaged("its header"))?;
        out.write_all(MAGIC)?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&text)?;
        let bytes = (MAGIC.len() + 4 + text.len()) as u64;
        Ok(Self { out, key: key.stream(&header.salt()?, &text)?, totals: Totals::new(), bytes })
    }

    pub(crate) fn page(&mut self, page: &Page) -> Result<(), BackupError> {
        let table = &TABLES[page.table];
        let mut frame = Vec::with_capacity(256 * 1024);
        frame.push(u8::try_from(table.name.len()).unwrap_or(u8::MAX));
        frame.extend_from_slice(table.name.as_bytes());
        frame.extend_from_slice(&u32::try_from(page.rows.len()).unwrap_or(u32::MAX).to_be_bytes());
        for row in &page.rows {
            // What expires is of no use but for what its id says.
            let drops = expires(table, row);
            for (value, (name, _)) in row.iter().zip(table.columns) {
                match value {
                    Value::Bytes(Some(_)) if drops && *name == "sealed" => {
                        put(&mut frame, &Value::Bytes(Some(Vec::new())))
                    }
                    value => put(&mut frame, value),
                }
            }
        }
        *self.totals.entry(table.name.to_owned()).or_default() += page.rows.len() as u64;
        self.frame(frame, false)
    }

    /// The data keys of an account, on their way to another installation: before its rows.
    pub(crate) fn keys(&mut self, keys: &[DataKey]) -> Result<(), BackupError> {
        let mut frame = vec![0];
        for key in keys {
            frame.extend_from_slice(&key.key_id().to_be_bytes());
            frame.extend_from_slice(key.bytes().expose());
        }
        self.frame(frame, false)
    }

    /// Gives how many bytes were written.
    pub(crate) fn finish(mut self) -> Result<(W, u64, Totals), BackupError> {
        let totals = serde_json::to_vec(&self.totals).map_err(|_| BackupError::Damaged("its totals"))?;
        self.frame(totals, true)?;
        self.out.flush()?;
        Ok((self.out, self.bytes, self.totals))
    }

    fn frame(&mut self, mut frame: Vec<u8>, is_last: bool) -> Result<(), BackupError> {
        self.key.seal(&mut frame, is_last);
        let length = u32::try_from(frame.len()).map_err(|_| BackupError::Damaged("a frame is too long"))?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&frame)?;
        self.bytes += 4 + frame.len() as u64;
        Ok(())
    }
}

fn expires(table: &Table, row: &[Value]) -> bool {
    let column = table.columns.iter().position(|(name, _)| *name == "expires_at");
    column.is_some_and(|column| matches!(row.get(column), Some(Value::Integer(Some(_)))))
}

fn put(frame: &mut Vec<u8>, value: &Value) {
    let mut variable = |tag: u8, bytes: &[u8]| {
        frame.push(tag);
        frame.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        frame.extend_from_slice(bytes);
    };
    match value {
        Value::Bytes(Some(bytes)) => variable(2, bytes),
        Value::Text(Some(text)) => variable(3, text.as_bytes()),
        Value::Integer(Some(number)) => {
            frame.push(1);
            frame.extend_from_slice(&number.to_be_bytes());
        }
        Value::Integer(None) | Value::Bytes(None) | Value::Text(None) => frame.push(0),
    }
}

/// Reads a backup, frame by frame.
pub struct Reader {
    input: Box<dyn Read + Send>,
    header: Header,
    header_bytes: Vec<u8>,
    key: Option<StreamKey>,
    totals: Totals,
}

impl Reader {
    /// Reads the header. It is not believed before the first frame has opened.
    ///
    /// # Errors
    /// [`BackupError`], see its variants.
    pub fn open(mut input: Box<dyn Read + Send>) -> Result<Self, BackupError> {
        let mut magic = [0; MAGIC.len()];
        whole(&mut input, &mut magic).map_err(|_| BackupError::NotABackup)?;
        if magic != *MAGIC {
            return Err(BackupError::NotABackup);
        }
        let length = length(&mut input)?.ok_or(BackupError::CutOff)?;
        if length > LONGEST_HEADER {
            return Err(BackupError::Damaged("its header"));
        }
        let mut header_bytes = vec![0; length];
        whole(&mut input, &mut header_bytes)?;
        let header: Header = serde_json::from_slice(&header_bytes).map_err(|_| BackupError::Damaged("its header"))?;
        if header.format > FORMAT || header.schema > SCHEMA {
            return Err(BackupError::Newer { found: header.schema, known: SCHEMA });
        }
        if header.schema < SCHEMA {
            return Err(BackupError::Older { found: header.schema, known: SCHEMA });
        }
        Ok(Self { input, header, header_bytes, key: None, totals: Totals::new() })
    }

    /// What stands in front.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads with the installation key that the header's provider gave.
    ///
    /// # Errors
    /// [`BackupError::Damaged`].
    pub fn unlock(&mut self, key: &InstallationKey) -> Result<(), BackupError> {
        if self.header.account.is_some() {
            return Err(BackupError::OfOneAccount);
        }
        self.unlock_with(&BackupKey::Installation(key))
    }

    pub(crate) fn unlock_with(&mut self, key: &BackupKey<'_>) -> Result<(), BackupError> {
        self.key = Some(key.stream(&self.header.salt()?, &self.header_bytes)?);
        Ok(())
    }

    /// The data keys in front of the rows of an export.
    pub(crate) fn keys(&mut self, account: Uuid) -> Result<Vec<DataKey>, BackupError> {
        let (frame, _) = self.frame()?;
        let parts = frame.expose().strip_prefix(&[0]).ok_or(BackupError::Damaged("its keys"))?;
        let mut keys = Vec::new();
        for part in parts.chunks(4 + 32) {
            let (number, bytes) = part.split_first_chunk().ok_or(BackupError::Damaged("its keys"))?;
            let mut key = Secret::new([0; 32]);
            if bytes.len() != key.expose().len() {
                return Err(BackupError::Damaged("its keys"));
            }
            key.expose_mut().copy_from_slice(bytes);
            keys.push(DataKey::new(account, u32::from_be_bytes(*number), key));
        }
        Ok(keys)
    }

    fn frame(&mut self) -> Result<(Secret<Vec<u8>>, bool), BackupError> {
        let key = self.key.as_mut().ok_or(BackupError::DoesNotOpen)?;
        let Some(length) = length(&mut self.input)? else { return Err(BackupError::CutOff) };
        if length > LONGEST_FRAME {
            return Err(BackupError::Damaged("a frame is too long"));
        }
        let mut frame = Secret::new(vec![0; length]);
        whole(&mut self.input, frame.expose_mut())?;
        let is_last = key.open(frame.expose_mut()).ok_or(BackupError::DoesNotOpen)?;
        Ok((frame, is_last))
    }

    /// The next rows; `None` after the last, when everything is there that was written.
    ///
    /// # Errors
    /// [`BackupError`], see its variants.
    pub(crate) fn next_page(&mut self) -> Result<Option<Page>, BackupError> {
        let (frame, is_last) = self.frame()?;
        if !is_last {
            let page = parse(frame.expose()).ok_or(BackupError::Damaged("rows that are none"))?;
            *self.totals.entry(TABLES[page.table].name.to_owned()).or_default() += page.rows.len() as u64;
            return Ok(Some(page));
        }
        let totals: Totals = serde_json::from_slice(frame.expose()).map_err(|_| BackupError::Damaged("its totals"))?;
        if totals != self.totals {
            return Err(BackupError::Damaged("rows are missing"));
        }
        if self.input.read(&mut [0; 1])? != 0 {
            return Err(BackupError::Damaged("something stands behind its end"));
        }
        Ok(None)
    }

    /// Rows by table, as far as it was read.
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }
}

fn length(input: &mut impl Read) -> Result<Option<usize>, BackupError> {
    let mut bytes = [0; 4];
    match whole(input, &mut bytes) {
        Ok(()) => Ok(usize::try_from(u32::from_be_bytes(bytes)).ok()),
        Err(BackupError::CutOff) => Ok(None),
        Err(other) => Err(other),
    }
}

fn whole(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), BackupError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::CutOff,
        _ => BackupError::Io(error),
    })
}

/// Rows of a frame.
fn parse(frame: &[u8]) -> Option<Page> {
    let mut rest = frame;
    let mut take = |length: usize| -> Option<&[u8]> {
        let (taken, left) = rest.split_at_checked(length)?;
        rest = left;
        Some(taken)
    };
    let name_length = usize::from(*take(1)?.first()?);
    let name = std::str::from_utf8(take(name_length)?).ok()?;
    let table = TABLES.iter().position(|table| table.name == name)?;
    let count = u32::from_be_bytes(*take(4)?.first_chunk()?);
    let mut rows = Vec::new();
    for _ in 0..count {
        let mut row = Vec::with_capacity(TABLES[table].columns.len());
        for (_, kind) in TABLES[table].columns {
            let tag = *take(1)?.first()?;
            let value = match (tag, kind) {
                (0, Kind::Integer) => Value::Integer(None),
                (0, Kind::Bytes) => Value::Bytes(None),
                (0, Kind::Text) => Value::Text(None),
                (1, Kind::Integer) => Value::Integer(Some(i64::from_be_bytes(*take(8)?.first_chunk()?))),
                (2, Kind::Bytes) | (3, Kind::Text) => {
                    let length = usize::try_from(u32::from_be_bytes(*take(4)?.first_chunk()?)).ok()?;
                    let bytes = take(length)?.to_vec();
                    match kind {
                        Kind::Bytes => Value::Bytes(Some(bytes)),
                        _ => Value::Text(Some(String::from_utf8(bytes).ok()?)),
                    }
                }
                _ => return None,
            };
            row.push(value);
        }
        rows.push(row);
    }
    rest.is_empty().then_some(Page { table, rows })
}

/// A backup of strange bytes, and rows of strange frames.
pub(crate) fn fuzz(bytes: &[u8]) -> bool {
    let rows = parse(bytes).is_some();
    let Ok(mut reader) = Reader::open(Box::new(io::Cursor::new(bytes.to_vec()))) else { return rows };
    let key = InstallationKey::from_bytes(Secret::new([1; 32]));
    reader.unlock(&key).is_ok() && reader.next_page().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> InstallationKey {
        InstallationKey::from_bytes(Secret::new([byte; 32]))
    }

    fn a_page(rows: usize) -> Page {
        let table = TABLES.iter().position(|table| table.name == "label").expect("there are labels");
        let row = |number: usize| {
            let word = Some(format!("word {number}"));
            vec![Value::Bytes(Some(vec![7; 16])), Value::Integer(i64::try_from(number).ok()), Value::Text(word)]
        };
        Page { table, rows: (0..rows).map(row).collect() }
    }

    fn header() -> Header {
        Header::current("2026-01-01T00:00:00Z".into(), ("file".into(), &[1, 2, 3]), &[5; 32])
    }

    fn backup() -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &header(), &BackupKey::Installation(&key(1))).expect("it begins");
        for rows in [3, 1, 2] {
            writer.page(&a_page(rows)).expect("a page");
        }
        writer.finish().expect("it ends").0
    }

    fn read(bytes: &[u8], key: &InstallationKey) -> Result<u64, BackupError> {
        let mut reader = Reader::open(Box::new(io::Cursor::new(bytes.to_vec())))?;
        reader.unlock(key)?;
        while reader.next_page()?.is_some() {}
        Ok(reader.totals().values().sum())
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&backup(), &key(1)).expect("it opens"), 6);
        assert!(matches!(read(&backup(), &key(2)), Err(BackupError::DoesNotOpen)));
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_refused() {
        let good = backup();
        for length in 0..good.len() {
            assert!(read(&good[..length], &key(1)).is_err(), "cut to {length}");
        }
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert!(read(&bad, &key(1)).is_err(), "byte {place}");
        }
        let mut longer = good;
        longer.push(0);
        assert!(read(&longer, &key(1)).is_err());
    }

    #[test]
    fn a_newer_one_is_told_from_an_older_one() {
        for (schema, is_newer) in [(SCHEMA + 1, true), (SCHEMA - 1, false)] {
            let text = serde_json::to_vec(&Header { schema, ..header() }).expect("text");
            let length = u32::try_from(text.len()).expect("short").to_be_bytes();
            let error = read(&[MAGIC.as_slice(), &length, &text].concat(), &key(1)).expect_err("another schema");
            assert_eq!(matches!(error, BackupError::Newer { .. }), is_newer, "{error}");
        }
    }

    proptest! {
        #[test]
        fn strange_bytes_are_refused_without_panic(bytes: Vec<u8>) {
            prop_assert!(!fuzz(&bytes));
        }
    }
}
