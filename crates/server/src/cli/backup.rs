//! `likeness backup`: made, checked, put back.

use super::output::{self, Bar};
use crate::config::Config;
use crate::start::{self, IfMissing};
use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use likeness_backup::{BackupError, Made, Reader, Restored, entries_after};
use likeness_base::Clock;
use likeness_service::accounts::audit::with_changed_access;
use likeness_service::clock::SystemClock;
use likeness_service::files::private_folder;
use likeness_service::randomness::SystemRandomness;
use likeness_store::keys::InstallationKey;
use likeness_store::keys::provider::ProviderError;
use likeness_store::{AccountId, PostgresStore, StoreError};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Subcommand)]
pub(super) enum Backup {
    /// Make a backup of the whole installation, while servers serve.
    ///
    /// The file is encrypted: whoever puts it back needs the key of the provider that holds the installation's key, such as
    /// the key file, which is not in it. What expires (faceIds, snapshots, operations) is in no backup.
    Create {
        /// The file, which must not be there yet; - writes to standard output.
        file: PathBuf,
    },
    /// Read a backup to its end and say what is in it. Needs the key, and changes nothing.
    Verify {
        /// The file; - reads standard input.
        file: PathBuf,
    },
    /// Write one account to a file, for another installation. Its audit log stays here: `likeness audit export` writes it.
    Export {
        /// The account: its name, subdomain, id or resource id.
        account: String,
        /// The file, which must not be there yet; - writes to standard output.
        file: PathBuf,
        /// A key file that both installations have; `likeness keys create-file` makes one.
        #[arg(long)]
        key: PathBuf,
    },
    /// Take in an account that was exported elsewhere. It keeps its id, its keys, its names and its approvals.
    Import {
        /// The file; - reads standard input.
        file: PathBuf,
        /// The key file with which it was exported.
        #[arg(long)]
        key: PathBuf,
    },
    /// Put a backup back into an empty data folder or database, and do again what was deleted, revoked, replaced and closed
    /// since it was made.
    Restore {
        /// The file; - reads standard input.
        file: PathBuf,
        /// The folder with the journal of deletions; without it, that of the settings (LIKENESS_JOURNAL).
        #[arg(long)]
        journal: Option<PathBuf>,
        /// Put it back without the journal. What was deleted since the backup was made comes back: nothing else knows of it.
        #[arg(long, conflicts_with = "journal")]
        without_journal: bool,
    },
}

impl Backup {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        start::block_on(async {
            match self {
                Self::Create { file } => create(config, file).await,
                Self::Verify { file } => verify(config, file).await,
                Self::Export { account, file, key } => export(config, account, file, key).await,
                Self::Import { file, key } => import(config, file, key).await,
                Self::Restore { file, journal, without_journal } => {
                    let journal = journal.clone().unwrap_or_else(|| config.journal());
                    restore(config, file, (!without_journal).then_some(journal.as_path())).await
                }
            }
        })??;
        Ok(ExitCode::SUCCESS)
    }
}

fn is_stream(file: &Path) -> bool {
    file == Path::new("-")
}

/// Removes what is half done, unless it is kept.
struct Draft(Option<PathBuf>);

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Whoever cannot be removed is told of by the error that ended it.
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn create(config: &Config, file: &Path) -> Result<()> {
    let opened = start::open_store(config, IfMissing::Refuse).await?;
    let made = create_from(config, &opened, file).await;
    if made.is_ok() {
        start::note_backup(&*opened.store, AccountId::INSTALLATION).await?;
    }
    opened.store.close().await;
    let made = made.with_context(|| format!("no backup was made in {}", file.display()))?;
    tell(&made, "Backed up");
    Ok(())
}

async fn create_from(config: &Config, opened: &start::OpenStore, file: &Path) -> Result<Made> {
    let changed = with_changed_access(&*opened.store).await?;
    if !changed.is_empty() {
        bail!("who may call is not what the audit log says; run `likeness audit verify` before a backup of it is made");
    }
    let bar = Bar::new("Backing up", "rows");
    let progress = |done, all| bar.show(done, all);
    let (rows, journal) = (&*opened.rows, config.journal());
    let now = (SystemClock.now(), &SystemRandomness as &dyn likeness_base::Randomness);
    let out = Out::open(file)?;
    let (out, made) = likeness_backup::create(rows, &opened.key, &journal, now, out, &progress).await?;
    drop(bar);
    out.keep()?;
    Ok(made)
}

async fn export(config: &Config, account: &str, file: &Path, key: &Path) -> Result<()> {
    let opened = start::open_store(config, IfMissing::Refuse).await?;
    let exported = export_from(config, &opened, account, (file, key)).await;
    if let Ok((id, _)) = &exported {
        start::note_backup(&*opened.store, *id).await?;
    }
    opened.store.close().await;
    let (_, made) = exported.with_context(|| format!("nothing was exported to {}", file.display()))?;
    tell(&made, "Exported");
    Ok(())
}

async fn export_from(
    config: &Config,
    opened: &start::OpenStore,
    account: &str,
    (file, key): (&Path, &Path),
) -> Result<(AccountId, Made)> {
    let id = start::local_service_of(config, opened).await?.find(account)?.id();
    let bar = Bar::new("Exporting", "rows");
    let progress = |done, all| bar.show(done, all);
    let now = (SystemClock.now(), &SystemRandomness as &dyn likeness_base::Randomness);
    let (out, made) = likeness_backup::export(&*opened.rows, id, key, now, Out::open(file)?, &progress).await?;
    drop(bar);
    out.keep()?;
    Ok((id, made))
}

async fn import(config: &Config, file: &Path, key: &Path) -> Result<()> {
    let reader = open(file)?;
    let opened = start::open_store(config, IfMissing::Refuse).await?;
    let bar = Bar::new("Importing", "rows");
    let progress = |done, all| bar.show(done, all);
    let imported = likeness_backup::import(&*opened.rows, key, reader, SystemClock.now(), &progress).await;
    drop(bar);
    opened.store.close().await;
    let (account, rows) = match imported {
        Err(BackupError::Store(StoreError::NameInUse)) => bail!(
            "the account was not taken in: another has its subdomain or its resource id. Give one of them another, such as with `likeness accounts set NAME --subdomain OTHER`"
        ),
        other => other.context("the account was not taken in")?,
    };
    let rows = output::counted(rows.values().sum(), "row", "rows");
    output::line(&format!("Took in account {account} with {rows}."));
    Ok(())
}

/// Where a backup is written to: standard output, or a file that is there only when it is whole.
struct Out {
    to: BufWriter<Box<dyn Write + Send>>,
    files: Option<(File, Draft, PathBuf)>,
}

impl Out {
    fn open(file: &Path) -> Result<Self> {
        if is_stream(file) {
            return Ok(Self { to: BufWriter::new(Box::new(std::io::stdout())), files: None });
        }
        if file.exists() {
            bail!("{} is there already; a backup never replaces a file", file.display());
        }
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = file.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let out = options.open(&part).with_context(|| {
            format!("{} cannot be written; if it is left from a backup that was cut off, remove it", part.display())
        })?;
        let to = BufWriter::with_capacity(1024 * 1024, Box::new(out.try_clone()?) as Box<dyn Write + Send>);
        Ok(Self { to, files: Some((out, Draft(Some(part)), file.to_owned())) })
    }

    fn keep(mut self) -> Result<()> {
        self.to.flush()?;
        let Some((out, mut draft, file)) = self.files.take() else { return Ok(()) };
        out.sync_all()?;
        if let Some(part) = draft.0.take() {
            // A link, unlike a rename, never replaces a file that came meanwhile.
            let linked = std::fs::hard_link(&part, &file);
            std::fs::remove_file(&part)?;
            linked?;
        }
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

fn open(file: &Path) -> Result<Reader> {
    let input: Box<dyn Read + Send> = if is_stream(file) {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(file).with_context(|| format!("{} cannot be read", file.display()))?)
    };
    Ok(Reader::open(Box::new(BufReader::with_capacity(1024 * 1024, input)))?)
}

/// The installation key as the provider of a backup's header gives it.
async fn key_of(config: &Config, reader: &Reader) -> Result<InstallationKey> {
    let header = reader.header();
    let name = header.provider.as_str();
    let holders = start::key_holders(config)?;
    let holder = holders.get(name).ok_or_else(|| {
        anyhow!(
            "the key of this backup is held by the provider {name}, which keys.providers of the settings does not name"
        )
    })?;
    match InstallationKey::unwrap(&*holder.provider, &header.wrapped_key()?).await {
        Ok(key) => Ok(key),
        Err(ProviderError::Disabled) if name == likeness_service::config::KEY_FILE => bail!(
            "the key file {} is missing: put your copy of it there, or name its place with LIKENESS_KEY_FILE",
            config.key_file().display()
        ),
        Err(error) => Err(anyhow!("the provider {name} does not give the key of this backup: {error}")),
    }
}

async fn verify(config: &Config, file: &Path) -> Result<()> {
    let reader = open(file)?;
    let key = key_of(config, &reader).await?;
    let bar = Bar::new("Reading", "rows");
    let progress = |done, all| bar.show(done, all);
    let made = tokio::task::block_in_place(|| likeness_backup::verify(reader, &key, &progress));
    drop(bar);
    tell(&made?, "Holds");
    output::line("Every frame opened, and everything is there that was written.");
    Ok(())
}

async fn restore(config: &Config, file: &Path, journal: Option<&Path>) -> Result<()> {
    let reader = open(file)?;
    let key = Arc::new(key_of(config, &reader).await?);
    // Before anything is made: without the journal what was deleted would come back.
    let done_since = match journal {
        Some(folder) if !folder.exists() && !reader.header().journal.is_empty() => bail!(
            "there is no journal of deletions in {}. Name its folder with --journal; --without-journal brings back what was deleted since {}",
            folder.display(),
            reader.header().made_at
        ),
        Some(_) if is_too_old(config, &reader) => bail!(
            "the backup of {} is older than the journal goes back ({} days): --without-journal brings back what was deleted since",
            reader.header().made_at,
            config.journal_days
        ),
        Some(folder) => Some(entries_after(folder, &key, &reader.header().journal).map_err(BackupError::from)?),
        None => None,
    };
    let target = config.store.target()?;
    let database = config.data.join("likeness.db");
    match &target {
        Some(target) if !PostgresStore::is_new(target).await? => {
            bail!("the database {} holds data already; a backup goes into an empty one", target.name());
        }
        None if database.exists() => {
            bail!("{} holds data already; a backup goes into an empty data folder", config.data.display());
        }
        _ => {}
    }
    private_folder(&config.data)?;
    let holder = start::key_holders(config)?.keyholder(None).with_copied(key.clone());
    let (store, rows) = start::open_at(config, target.as_ref(), &database, holder).await?;
    let is_file = target.is_none();
    let bar = Bar::new("Restoring", "rows");
    let progress = |done, all| bar.show(done, all);
    let restored = likeness_backup::restore(&*rows, &key, reader, done_since, SystemClock.now(), &progress).await;
    drop(bar);
    store.close().await;
    if restored.is_err() && is_file {
        for end in ["", "-wal", "-shm"] {
            let path = config.data.join(format!("likeness.db{end}"));
            if path.exists() {
                std::fs::remove_file(path)?;
            }
        }
    }
    let restored = restored.with_context(|| match is_file {
        true => "nothing was put back".to_owned(),
        false => "the backup was not put back; empty the database before you try again".to_owned(),
    })?;
    tell_of_restore(&restored);
    Ok(())
}

/// Whether the journal was not kept for as long.
fn is_too_old(config: &Config, reader: &Reader) -> bool {
    let made = likeness_base::Timestamp::parse(&reader.header().made_at);
    made.is_none_or(|made| made.plus(config.journal_kept()) < SystemClock.now())
}

/// Accounts, containers, people and faces of a backup, in words.
fn held(rows: &BTreeMap<String, u64>) -> String {
    let count = |table: &str| rows.get(table).copied().unwrap_or(0);
    // The installation has a row of its own.
    let accounts = output::counted(count("account").saturating_sub(1), "account", "accounts");
    let containers = output::counted(count("container"), "container", "containers");
    let people = output::counted(count("person"), "person", "people");
    format!("{accounts}, {containers}, {people}, {}", output::counted(count("face"), "face", "faces"))
}

fn tell(made: &Made, word: &str) {
    let rows = output::counted(made.rows.values().sum(), "row", "rows");
    let size = if made.bytes > 0 { format!(" in {} KB", made.bytes.div_ceil(1000)) } else { String::new() };
    output::hint(&format!("{word} {rows}{size} as of {}: {}.", made.made_at, held(&made.rows)));
}

fn tell_of_restore(restored: &Restored) {
    output::line(&format!("Restored {}.", held(&restored.rows)));
    for one in &restored.accounts {
        let mut told = Vec::new();
        if one.deleted > 0 {
            told.push(format!("{} deleted again", output::counted(one.deleted, "row", "rows")));
        }
        if one.revoked > 0 {
            told.push(format!("{} revoked again", output::counted(one.revoked, "token", "tokens")));
        }
        if one.dead_keys > 0 {
            told.push(format!(
                "{} that were replaced since do not open it: make new ones with `likeness keys regenerate`",
                output::counted(one.dead_keys, "key", "keys")
            ));
        }
        if one.settings_are_older {
            told.push(
                "its settings are those of the backup: look through roles, approvals and network rules".to_owned(),
            );
        }
        if one.is_disabled {
            told.push("its key is disabled: it was disabled since, or moved to another provider".to_owned());
        }
        if one.is_closed {
            told.push("it was closed since".to_owned());
        }
        if !told.is_empty() {
            let name = if one.account.is_nil() { "the installation".to_owned() } else { one.account.to_string() };
            output::line(&format!("{name}: {}.", told.join("; ")));
        }
    }
}
