//! What each command writes. Every function here runs inside the writer's transaction.

mod accounts;
mod audit;
mod containers;
mod copy;
mod face_ids;
mod faces;
mod idempotency;
mod keys;
mod members;
mod operations;
mod outbox;
mod persons;
mod records;
mod reseal;
mod snapshots;
mod training;
mod usage;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::engine::Connection;
use uuid::Uuid;

use super::delete;
use super::key_ring::{KeyRing, Unlocked};
use crate::audit::AuditTarget;
use crate::command::{
    AccountWrite, Applied, AuditWrite, Command, ContainerKind, ContainerName, Domain, KeyWrite, NewDelivery,
    NewOperation, RecordWrite, SnapshotWrite, Write,
};
use crate::error::{LimitKind, StoreError};
use crate::id::AccountId;
use crate::journal::{Act, Entry};
use crate::keys::{AccountKeys, HourKey, Purpose, RowContext};
use crate::work::{Progress, Step, Work};
pub(crate) use accounts::touch_access;
pub(crate) use audit::{seal_log, tell_of_arrival};
use containers::refuse_above;
pub(crate) use faces::{ADDED, find_face};
pub(crate) use records::{RecordContext, StoredTag};
pub(crate) use snapshots::find as find_snapshot;
pub(crate) use training::{FAILED, NOT_STARTED, RUNNING, SUCCEEDED};

/// One command inside the transaction that writes it: what every step of the command needs.
pub(crate) struct WriteTransaction<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) command: &'a Command,
    key_ring: &'a KeyRing,
    keys: Option<Arc<AccountKeys>>,
    /// Those of the other account that the command reads from.
    source_keys: Option<Arc<AccountKeys>>,
    /// Of the hour of expiry, while something that expires is written.
    hour: Option<HourKey>,
    /// The copy that the command shows.
    copied: Option<snapshots::Prepared>,
    /// The number of the container that the command has hidden, while there is something in it.
    pub(crate) hidden: Option<i64>,
    /// Whether what decides who may call has changed since the last audit row of the account.
    pub(crate) access_changed: bool,
    /// What the command itself has to say in its audit row.
    told: Option<String>,
    /// How many sealed bytes the account has more, or fewer.
    stored: AtomicI64,
    /// What a restore must not undo.
    journal: &'a mut Vec<Entry>,
    /// The number of the account's last audit row of the command.
    audit_row: i64,
}

/// Rows that are copied or removed in one transaction, at most.
pub(crate) const PART: i64 = 500;

/// The keys that a command needs, unwrapped before its transaction begins.
pub(crate) struct CommandKeys {
    /// Of the account that is written to.
    pub(crate) own: Unlocked,
    /// Of the account that is read from, where there is one.
    pub(crate) source: Unlocked,
}

impl<'a> WriteTransaction<'a> {
    /// The account's id as the leading key column holds it.
    pub(crate) fn account(&self) -> &'a [u8] {
        self.command.account.0.as_bytes()
    }

    /// Says that this must stay done, whatever is restored.
    pub(crate) fn stays(&mut self, act: Act) {
        self.journal.push(Entry { account: self.command.account.0, at: self.at(), audit: 0, act });
    }

    /// The time of the command in milliseconds.
    pub(crate) fn at(&self) -> i64 {
        self.command.at.as_millis()
    }

    /// From here on the command writes what expires then, and nothing else that is sealed.
    fn writes_until(&mut self, expires_at_millis: i64) -> Result<(), StoreError> {
        self.hour = Some(self.key_ring.hour_key(expires_at_millis)?);
        Ok(())
    }

    fn own_keys(&self) -> Arc<AccountKeys> {
        Arc::clone(self.keys.as_ref().expect("commands without keys are refused before they write"))
    }

    /// Seals a value for its row. What lies in a container has the container's number as epoch.
    fn seal(&self, purpose: Purpose, container: i64, context: &RowContext, plain: &[u8]) -> Vec<u8> {
        self.seal_in_epoch(purpose, container, container, context, plain)
    }

    fn seal_in_epoch(
        &self,
        purpose: Purpose,
        container: i64,
        epoch: i64,
        context: &RowContext,
        plain: &[u8],
    ) -> Vec<u8> {
        let keys = self.own_keys();
        let sealer = keys.sealer_until(purpose, container, epoch, self.hour.clone());
        let sealed = sealer.seal(self.key_ring.randomness(), context, plain);
        if purpose != Purpose::AccountKey {
            self.stores(sealed.len());
        }
        sealed
    }

    /// So many sealed bytes come in.
    fn stores(&self, bytes: usize) {
        self.frees(-i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// How many sealed bytes have come in and not been counted yet.
    fn stored_bytes(&self) -> i64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// So many sealed bytes go.
    pub(crate) fn frees(&self, bytes: i64) {
        self.stored.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Of sealed values that were there, those go for which there is a new one.
    fn replaces(&self, values: &[(Option<&Vec<u8>>, i64)]) {
        self.frees(values.iter().filter(|(new, _)| new.is_some()).map(|(_, bytes)| bytes).sum());
    }

    /// Counts in the account's row what came in and what went, and refuses more than it may have.
    async fn count_bytes(&mut self) -> Result<(), StoreError> {
        let more = std::mem::take(self.stored.get_mut());
        let stored = change_stored_bytes(self.connection, self.command.account, more).await?;
        match (more > 0, stored) {
            (true, Some(stored)) => refuse_above(LimitKind::StoredBytes, stored, self.command.most_stored_bytes),
            _ => Ok(()),
        }
    }
}

/// Counts in an account's row how many sealed bytes it has more or fewer, and gives how many it has. `None`: nothing
/// changed, or the account is gone.
async fn change_stored_bytes(
    connection: &mut Connection,
    account: AccountId,
    more: i64,
) -> Result<Option<i64>, StoreError> {
    if more == 0 {
        return Ok(None);
    }
    Ok(sqlx::query_scalar(
        "UPDATE account SET stored_bytes = stored_bytes + $2 WHERE account_id = $1 RETURNING stored_bytes",
    )
    .bind(account.0.as_bytes().as_slice())
    .bind(more)
    .fetch_optional(connection)
    .await?)
}

/// What a command did, for its caller and for the audit row.
pub(crate) struct WriteEffect {
    pub(crate) applied: Applied,
    pub(crate) target: Option<AuditTarget>,
    /// How many records it made, changed or removed; 0 leaves no audit row.
    pub(crate) records: u64,
}

impl WriteEffect {
    /// Something done to a container.
    pub(crate) fn on(next: &NewVersion, records: u64, applied: Applied) -> Self {
        let target = AuditTarget { kind: next.kind, number: next.number };
        let applied = Applied { container: Some(next.number), version: next.version, ..applied };
        Self { applied, target: Some(target), records }
    }
}

/// What became of a command that was not refused.
pub(crate) enum CommandOutcome {
    /// It was done now, or a part of it.
    Wrote(Step),
    /// It had been done before. What this run wrote must be undone; [`known_answer`] has the answer.
    Repeated,
    /// What its former parts made is not hidden any more: it had been done before, or the sweep took it for abandoned.
    Lost,
}

/// A command without what is wrapped around it.
struct Unwrapped<'c> {
    write: &'c Write,
    operation: Option<&'c NewOperation>,
    detail: Option<&'c str>,
    records: &'c [RecordWrite],
    deliveries: &'c [NewDelivery],
}

const WRAPPED_TWICE: StoreError = StoreError::Inconsistent("a command is wrapped once in each way");

fn unwrap(mut write: &Write) -> Result<Unwrapped<'_>, StoreError> {
    let (mut operation, mut detail, mut beside) = (None, None, None);
    loop {
        let is_second = match write {
            Write::WithOperation { operation: more, write: inner } => {
                write = inner;
                operation.replace(more).is_some()
            }
            Write::WithDetail { detail: more, write: inner } => {
                write = inner;
                detail.replace(more.as_str()).is_some()
            }
            Write::Accompanied { records, deliveries, write: inner } => {
                write = inner;
                beside.replace((records.as_slice(), deliveries.as_slice())).is_some()
            }
            write => {
                let (records, deliveries) = beside.unwrap_or_default();
                return Ok(Unwrapped { write, operation, detail, records, deliveries });
            }
        };
        if is_second {
            return Err(WRAPPED_TWICE);
        }
    }
}

/// Applies one command, or the next part of one; with the last, or the only one, it writes its audit row and its
/// idempotency row.
pub(crate) async fn apply(
    connection: &mut Connection,
    key_ring: &KeyRing,
    keys: CommandKeys,
    work: &Work,
    journal: &mut Vec<Entry>,
) -> Result<CommandOutcome, StoreError> {
    let command = &work.command;
    if let Progress::Removing { number, .. } = work.progress {
        let part = delete::part_of_hidden(connection, command.account, number, PART).await?;
        change_stored_bytes(connection, command.account, -part.bytes).await?;
        return Ok(CommandOutcome::Wrote(if part.is_last { Step::Removed } else { Step::More }));
    }
    let needs_keys = needs_keys(&command.write);
    let at_hand = |keys| match keys {
        Unlocked::Keys(keys) => Ok(Some(keys)),
        Unlocked::NoAccount => Ok(None),
        Unlocked::Locked(problem) if needs_keys => Err(StoreError::KeyUnavailable(problem)),
        Unlocked::Locked(_) => Ok(None),
    };
    let transaction = &mut WriteTransaction {
        connection,
        command,
        key_ring,
        keys: at_hand(keys.own)?,
        source_keys: at_hand(keys.source)?,
        hour: None,
        copied: None,
        hidden: None,
        access_changed: false,
        told: None,
        stored: AtomicI64::new(0),
        journal,
        audit_row: 0,
    };
    let told = transaction.journal.len();
    let outcome = apply_with(transaction, &work.progress).await?;
    let audit_row = transaction.audit_row;
    transaction.journal[told..].iter_mut().for_each(|entry| entry.audit = audit_row);
    if matches!(outcome, CommandOutcome::Wrote(_)) {
        transaction.count_bytes().await?;
    }
    Ok(outcome)
}

/// Whether a command seals or opens anything. What does not is done for an account whose keys cannot be used, too: above all
/// what ends it.
pub(crate) fn needs_keys(write: &Write) -> bool {
    match write {
        Write::Account(AccountWrite::Close { .. } | AccountWrite::Reopen | AccountWrite::Destroy { .. })
        | Write::Audit(_)
        | Write::Key(
            KeyWrite::Rewrap { .. } | KeyWrite::Disable | KeyWrite::Enable | KeyWrite::Used | KeyWrite::BackedUp,
        )
        | Write::Usage(_)
        | Write::ExpireDue(_) => false,
        Write::WithDetail { write, .. } => needs_keys(write),
        _ => true,
    }
}

/// Whether there is an account with keys, which are not at hand.
async fn is_there(transaction: &mut WriteTransaction<'_>) -> Result<bool, StoreError> {
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM data_key WHERE account_id = $1")
        .bind(transaction.account())
        .fetch_one(&mut *transaction.connection)
        .await?;
    Ok(keys > 0)
}

async fn apply_with(transaction: &mut WriteTransaction<'_>, progress: &Progress) -> Result<CommandOutcome, StoreError> {
    let command = transaction.command;
    let Unwrapped { write, operation, detail, records, deliveries } = unwrap(&command.write)?;
    let needs_no_account = match write {
        Write::Account(AccountWrite::Create(_) | AccountWrite::Destroy { .. }) => true,
        // Audit logs outlive their accounts.
        Write::Audit(AuditWrite::Pseudonymise { .. }) => true,
        _ => false,
    };
    if transaction.keys.is_none() && !needs_no_account && !is_there(transaction).await? {
        return Err(StoreError::AccountNotFound);
    }
    if needs_no_account && !(records.is_empty() && deliveries.is_empty()) {
        return Err(StoreError::Inconsistent("an account begins and ends by itself"));
    }
    if let Write::Snapshot(write) = write
        && let Some(outcome) = snapshots::prepare(transaction, write, progress).await?
    {
        return Ok(outcome);
    }
    let mut written = 0;
    for record in records {
        let effect = records::perform(transaction, record).await?;
        written += effect.records;
        if effect.records > 0 {
            audit::append(transaction, audit::applied(record.action(), None), &effect).await?;
        }
    }
    let effect = perform(transaction, write).await?;
    written += effect.records;
    for delivery in deliveries {
        outbox::append(transaction, delivery).await?;
        written += 1;
    }
    if let Some(operation) = operation {
        operations::add(transaction, operation).await?;
    }
    if effect.records > 0 {
        let event = match write {
            Write::Audit(AuditWrite::Event(event)) => event.clone(),
            write => audit::applied(write.action(), transaction.told.as_deref().or(detail)),
        };
        audit::append(transaction, event, &effect).await?;
    }
    // An account that is being destroyed, or is gone, keeps no idempotency rows; doing it twice is the same as doing it once.
    let is_remembered = match write {
        Write::Account(AccountWrite::Destroy { .. }) | Write::Audit(AuditWrite::Pseudonymise { .. }) => false,
        Write::Audit(_) | Write::Usage(_) | Write::Outbox(_) | Write::Key(_) => true,
        _ => written > 0,
    };
    if is_remembered && !idempotency::add(transaction, &effect.applied).await? {
        return Ok(CommandOutcome::Repeated);
    }
    let answer = Ok(effect.applied);
    Ok(CommandOutcome::Wrote(match transaction.hidden {
        Some(number) => Step::Next(Progress::Removing { number, answer }),
        None => Step::Answer(answer),
    }))
}

/// The answer that a command got when it was done before, if it was. Asked after a refusal: the second run of a
/// command that makes something finds it made.
pub(crate) async fn known_answer(
    connection: &mut Connection,
    command: &Command,
) -> Result<Option<Applied>, StoreError> {
    idempotency::find(connection, command).await
}

/// The other account whose records the command reads.
pub(crate) fn reads_from(write: &Write) -> Option<AccountId> {
    match write {
        Write::Snapshot(SnapshotWrite::Apply { taken_by, .. } | SnapshotWrite::Decline { taken_by, .. }) => {
            Some(*taken_by)
        }
        Write::WithOperation { write, .. } | Write::WithDetail { write, .. } | Write::Accompanied { write, .. } => {
            reads_from(write)
        }
        _ => None,
    }
}

/// The answer to a command that was undone because it was refused or had been done before.
pub(crate) fn answer_of(
    refused: Result<CommandOutcome, StoreError>,
    known: Option<Applied>,
) -> Result<Applied, StoreError> {
    match (known, refused) {
        (Some(applied), _) => Ok(applied),
        (None, Err(refusal)) => Err(refusal),
        (None, Ok(CommandOutcome::Lost)) => Err(StoreError::Busy),
        (None, Ok(_)) => Err(StoreError::Damaged { what: "a note of a command".into() }),
    }
}

async fn perform(transaction: &mut WriteTransaction<'_>, write: &Write) -> Result<WriteEffect, StoreError> {
    match write {
        Write::Account(write) => accounts::perform(transaction, write).await,
        Write::Record(write) => records::perform(transaction, write).await,
        Write::Container(write) => containers::perform(transaction, write).await,
        Write::Person(write) => persons::perform(transaction, write).await,
        Write::Face(write) => faces::perform(transaction, write).await,
        Write::Directory(write) => members::perform(transaction, write).await,
        Write::Snapshot(write) => snapshots::perform(transaction, write).await,
        Write::Training(write) => training::perform(transaction, write).await,
        Write::FaceId(write) => face_ids::perform(transaction, write).await,
        Write::Audit(write) => audit::perform(transaction, write).await,
        Write::Key(write) => keys::perform(transaction, write).await,
        Write::Usage(write) => usage::perform(transaction, write).await,
        Write::Outbox(write) => outbox::perform(transaction, write).await,
        Write::ExpireDue(sweep) => delete::expired(transaction, i64::from(sweep.limit), sweep.lives).await,
        Write::WithOperation { .. } | Write::WithDetail { .. } | Write::Accompanied { .. } => Err(WRAPPED_TWICE),
    }
}

/// A container whose version this command has just moved.
pub(crate) struct NewVersion {
    pub(crate) kind: ContainerKind,
    pub(crate) number: i64,
    pub(crate) version: u64,
    pub(crate) persons: i64,
    pub(crate) faces: i64,
    has_change_rows: bool,
}

impl NewVersion {
    /// The version as the database holds it.
    pub(crate) fn version_column(&self) -> i64 {
        i64::try_from(self.version).expect("it was read from such a column")
    }
}

/// Moves the container's version by one. Every write to a container begins with this.
pub(crate) async fn next_version(
    transaction: &mut WriteTransaction<'_>,
    container: &ContainerName,
) -> Result<NewVersion, StoreError> {
    let row: Option<(i64, i64, i64, i64, bool)> = sqlx::query_as(
        "UPDATE container SET version = version + 1
         WHERE account_id = $1 AND kind = $2 AND wire_id = $3
         RETURNING number, version, persons, faces, trim_due IS NOT NULL",
    )
    .bind(transaction.account())
    .bind(i64::from(container.kind.number()))
    .bind(&container.id)
    .fetch_optional(&mut *transaction.connection)
    .await?;
    let (number, version, persons, faces, has_change_rows) = row.ok_or(StoreError::ContainerNotFound)?;
    Ok(NewVersion { kind: container.kind, number, version: unsigned(version)?, persons, faces, has_change_rows })
}

/// Sets when the container's change rows may first be trimmed, if it had none so far.
pub(crate) async fn schedule_trim(transaction: &mut WriteTransaction<'_>, next: &NewVersion) -> Result<(), StoreError> {
    if next.has_change_rows {
        return Ok(());
    }
    sqlx::query("UPDATE container SET trim_due = $3 WHERE account_id = $1 AND number = $2")
        .bind(transaction.account())
        .bind(next.number)
        .bind(transaction.at().saturating_add(delete::CHANGE_ROWS_KEPT_MILLIS))
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
}

/// Counts in the container's row what came and went.
pub(crate) async fn count(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    persons: i64,
    faces: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE container SET persons = persons + $3, faces = faces + $4 WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(persons)
    .bind(faces)
    .execute(&mut *transaction.connection)
    .await?;
    Ok(())
}

/// The store's number of a person.
pub(crate) async fn person_number(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    person: Uuid,
) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT seq FROM person WHERE account_id = $1 AND container = $2 AND person_id = $3")
        .bind(transaction.account())
        .bind(number)
        .bind(person.as_bytes().as_slice())
        .fetch_optional(&mut *transaction.connection)
        .await?
        .ok_or(StoreError::PersonNotFound)
}

/// The number of a label, which is given to it now if it is new.
async fn label(transaction: &mut WriteTransaction<'_>, word: &str) -> Result<i64, StoreError> {
    let known: Option<i64> = sqlx::query_scalar("SELECT number FROM label WHERE account_id = $1 AND word = $2")
        .bind(transaction.account())
        .bind(word)
        .fetch_optional(&mut *transaction.connection)
        .await?;
    if let Some(number) = known {
        return Ok(number);
    }
    let number: i64 = sqlx::query_scalar(
        "UPDATE account SET next_label = next_label + 1 WHERE account_id = $1 RETURNING next_label - 1",
    )
    .bind(transaction.account())
    .fetch_one(&mut *transaction.connection)
    .await?;
    sqlx::query("INSERT INTO label (account_id, number, word) VALUES ($1, $2, $3)")
        .bind(transaction.account())
        .bind(number)
        .bind(word)
        .execute(&mut *transaction.connection)
        .await?;
    Ok(number)
}

/// A count or version as the database holds it.
pub(crate) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged { what: "a negative count".into() })
}
