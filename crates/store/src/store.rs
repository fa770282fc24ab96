//! The trait by which everything above reads and writes, whichever engine is behind it. Start at [`Store::apply`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use likeness_base::Timestamp;
use uuid::Uuid;

use crate::answers::{
    AccessChanges, Account, AccountKey, Container, Delivery, Face, Feed, GalleryRow, Holding, HourKeysHeld, KeyStatus,
    Member, Operation, PageStart, Person, PersonTemplate, Record, ResolvedFace, RewrappedKey, Snapshot, Totals,
    UnfinishedTraining,
};
use crate::audit::{AuditEntry, ChainCheck};
use crate::command::{Applied, Command, ContainerKind, ContainerName, DetectedFace, Tag, Usage};
use crate::error::StoreError;
use crate::id::{AccountId, FaceNumber, PersonNumber};
use crate::journal::Journal;
use crate::keys::TrustedKeys;
use crate::record::RecordKind;

/// The one way to everything durable. Used as `Arc<dyn Store>`.
///
/// Every query names the account first, and no answer ever crosses accounts: the id of a container, person
/// or face of another account does not exist. The one bridge is a snapshot that its account offers to others.
///
/// The directory of an account in which nobody is yet is like a container that is not there.
#[async_trait]
pub trait Store: Send + Sync {
    /// Applies one command in one transaction and returns once it is on the disk: the records, the
    /// container's version (up by one), its change rows and the audit row, or nothing of them. A refused
    /// command leaves no trace here; the caller logs refusals.
    ///
    /// A command that removes or replaces something secret (deletes, updates, `SetKey`, `ExpireDue`) promises
    /// more: when it returns, the sealed bytes it removed are in none of the store's files. One that says
    /// [`more`](Applied::more) keeps that promise with its last part, or a moment later by itself.
    /// A reader that holds on to an old snapshot can delay that promise, and only that; it is then kept as
    /// soon as the reader is done.
    ///
    /// Dropping the future does not undo the command: once taken up it runs to its end.
    ///
    /// # In parts
    /// Taking and applying a snapshot, and deleting a container or a snapshot, are as much work as there is in the container.
    /// Where that is more than some hundred rows it is done in several transactions, between which other commands have
    /// their turns, of this account too. A copy is seen by nobody until the last, in which all that is said above is
    /// written; what is deleted is seen by nobody after the first, and the call returns after the last. If the program is
    /// stopped in between, a sweep removes what was copied or was still to be removed.
    ///
    /// # Repeating a command
    /// Ids are drawn by the caller, so a repeated create or add is refused (`…Exists`), a repeated delete
    /// finds nothing (`…NotFound`), a repeated update does the same again, a repeated start of a training is
    /// refused while the first is under way. Nothing is ever doubled.
    ///
    /// What a command did is undone when its operation status cannot be kept.
    ///
    /// # Errors
    /// A refusal, which tells what is in the way: nothing was written. Or a failure of the database itself
    /// (`Busy`, `DiskFull`, `Damaged`, `Backend`): nothing of the command can be read, and it may be repeated. A delete in
    /// parts that the database fails in between stays deleted for whoever reads; repeated, it goes on.
    async fn apply(&self, command: Command) -> Result<Applied, StoreError>;

    /// Every account, in order of their ids.
    async fn accounts(&self) -> Result<Vec<Account>, StoreError>;

    /// One account.
    async fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account's keys, unsealed, in order of their slots. Fails with `AccountNotFound`.
    async fn keys(&self, account: AccountId) -> Result<Vec<AccountKey>, StoreError>;

    /// One container.
    async fn container(&self, account: AccountId, container: &ContainerName) -> Result<Option<Container>, StoreError>;

    /// A page of the account's containers of one kind.
    async fn containers(
        &self,
        account: AccountId,
        kind: ContainerKind,
        page: &PageStart,
    ) -> Result<Vec<Container>, StoreError>;

    /// The present version of a container, by its number: one read by primary key. `None`: deleted.
    async fn version_of(&self, account: AccountId, number: i64) -> Result<Option<u64>, StoreError>;

    /// Trainings of the account that were asked for and have not ended.
    async fn unfinished_trainings(&self, account: AccountId) -> Result<Vec<UnfinishedTraining>, StoreError>;

    /// One person. Fails with `ContainerNotFound` where there is no container.
    async fn person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Option<Person>, StoreError>;

    /// A page of the container's people. Fails with `ContainerNotFound`.
    async fn persons(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Person>, StoreError>;

    /// One face of a person, or of a list when `person` is `None`.
    /// Fails with `ContainerNotFound` or `PersonNotFound`.
    async fn face(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Option<Uuid>,
        face: Uuid,
    ) -> Result<Option<Face>, StoreError>;

    /// A page of the container's faces. Fails with `ContainerNotFound`.
    async fn faces(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Face>, StoreError>;

    /// The faces of one person, in the order in which they were added.
    /// Fails with `ContainerNotFound` or `PersonNotFound`.
    async fn faces_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<Face>, StoreError>;

    /// The store's numbers of people, in the order asked; `None` for one who is not there. Nobody is there where
    /// there is no container.
    async fn person_numbers(
        &self,
        account: AccountId,
        container: &ContainerName,
        persons: &[Uuid],
    ) -> Result<Vec<Option<PersonNumber>>, StoreError>;

    /// A page of the members of a dynamic group, in order of their wire ids. Fails with `ContainerNotFound`.
    async fn members(&self, account: AccountId, group: &str, page: &PageStart) -> Result<Vec<Member>, StoreError>;

    /// A page of the wire ids of dynamic groups that a person of the directory is in.
    /// Fails with `ContainerNotFound` or `PersonNotFound`.
    async fn groups_of_person(
        &self,
        account: AccountId,
        person: Uuid,
        page: &PageStart,
    ) -> Result<Vec<String>, StoreError>;

    /// The operation status of a command that was done. `None` for an id that is unknown, is another account's, or has
    /// expired.
    async fn operation(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Operation>, StoreError>;

    /// A snapshot that this account took or may apply. `None` for any other, and from its expiry on.
    async fn snapshot(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Snapshot>, StoreError>;

    /// A page of the snapshots that this account took or may apply, in order of their ids.
    async fn snapshots(
        &self,
        account: AccountId,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, StoreError>;

    /// The templates of one person, in the order in which they were added.
    /// Fails with `ContainerNotFound` or `PersonNotFound`.
    async fn templates_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<PersonTemplate>, StoreError>;

    /// The faces behind faceIds, in the order asked. `None` for an id that is unknown, is another account's,
    /// or has expired: at the very instant `now >= expires_at`, whether swept or not.
    async fn face_ids(
        &self,
        account: AccountId,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<Option<DetectedFace>>, StoreError>;

    /// What happened in a container after `version`, at most about `limit` rows (a version is not cut in
    /// two). Ask again from `through` until it stands still. Fails with `ContainerNotFound`.
    async fn changes_since(
        &self,
        account: AccountId,
        number: i64,
        version: u64,
        limit: usize,
    ) -> Result<Feed, StoreError>;

    /// The gallery rows of faces after `after`, ascending, at most `limit`; for loading a container. A
    /// container that is gone has none. Keep pages short (4,096 rows): a page is held in memory twice.
    ///
    /// To load while others write: ask [`Store::version_of`] first, then all pages, then follow
    /// [`Store::changes_since`] from that version; adding a known face again must be a no-op.
    async fn rows_after(
        &self,
        account: AccountId,
        number: i64,
        after: FaceNumber,
        limit: usize,
    ) -> Result<Vec<GalleryRow>, StoreError>;

    /// The first and the last face in a container. `None`: it holds none.
    async fn face_numbers(
        &self,
        account: AccountId,
        number: i64,
    ) -> Result<Option<(FaceNumber, FaceNumber)>, StoreError>;

    /// The space of the templates in a container: that of the face that has been in it for longest. `None`: it holds none.
    async fn space_of(&self, account: AccountId, number: i64) -> Result<Option<String>, StoreError>;

    /// The spaces of all templates of the account's enrolled faces, in order of their names, each with how many there are
    /// at least: with `count` all, else one. Counting reads an index from end to end.
    async fn spaces(&self, account: AccountId, count: bool) -> Result<Vec<(String, u64)>, StoreError>;

    /// The gallery rows of these faces, for following the feed; those that are gone are missing.
    async fn rows(&self, account: AccountId, number: i64, faces: &[FaceNumber]) -> Result<Vec<GalleryRow>, StoreError>;

    /// Who these faces are now; those that are gone are missing. One query, to be asked right before an
    /// answer names anybody.
    async fn resolve_faces(
        &self,
        account: AccountId,
        number: i64,
        faces: &[FaceNumber],
    ) -> Result<Vec<ResolvedFace>, StoreError>;

    /// How much the account holds of each kind, kinds it has nothing of included.
    async fn totals(&self, account: AccountId) -> Result<Vec<Totals>, StoreError>;

    /// How many rows the account has in every table, by kind, and how many of them are past their end. `patience`: for how
    /// long a row may be past it until the sweep has removed it. Counts each table from end to end.
    async fn holdings(
        &self,
        account: AccountId,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Vec<Holding>, StoreError>;

    /// How it stands with the keys of hours, with the same patience.
    async fn hour_keys(&self, now: Timestamp, patience: Duration) -> Result<HourKeysHeld, StoreError>;

    /// What changed about who may call after a version; `None`: nothing. Every node asks this a few times a second, so
    /// it reads one row while nothing did.
    async fn access_since(&self, version: u64) -> Result<Option<AccessChanges>, StoreError>;

    /// Evicts what this node has cached of an account: its unwrapped keys.
    async fn evict_keys(&self, account: AccountId);

    /// Has the keys of an account at hand, asking whoever holds them where it is time to. Every query and command that needs
    /// keys does so by itself. Who does not wait is told at once where the keys must be asked for, and they are. Fails with
    /// `KeyUnavailable`.
    async fn unlock(&self, account: AccountId, waits: bool) -> Result<(), StoreError>;

    /// The keys that are unwrapped in this process.
    fn trusted_keys(&self) -> Arc<TrustedKeys>;

    /// Keeps from here on a journal of what a restore must not undo. There is one: the first that is given.
    fn keep_journal(&self, journal: Arc<dyn Journal>);

    /// Who holds the key above an account's data, or above the installation's, and how it stands with it.
    async fn key_status(&self, account: AccountId) -> Result<KeyStatus, StoreError>;

    /// The data keys of an account, or the installation key, as a provider wraps them: anew where another holds them, else by
    /// its newest version; `None`: the installation key wraps them. Nothing is stored: see [`KeyWrite`](crate::KeyWrite). Empty
    /// where nothing is to be done. Fails with `KeyUnavailable`.
    async fn rewrapped_keys(&self, account: AccountId, provider: Option<&str>)
    -> Result<Vec<RewrappedKey>, StoreError>;

    /// A new data key for an account, wrapped by whoever wraps its newest. Nothing is stored. Fails with `KeyUnavailable`.
    async fn new_data_key(&self, account: AccountId) -> Result<RewrappedKey, StoreError>;

    /// Accounts whose data keys a provider wraps, in order of their ids.
    async fn accounts_of_provider(&self, provider: &str) -> Result<Vec<AccountId>, StoreError>;

    /// A record. `None` for one that is not there or has expired, at the very instant.
    async fn record(
        &self,
        account: AccountId,
        kind: RecordKind,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError>;

    /// A page of the account's records of one kind, in order of their ids, without those that have expired.
    async fn records(
        &self,
        account: AccountId,
        kind: RecordKind,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError>;

    /// The same of those with a tag. Fails with `AccountNotFound`. A tag is not sealed with its record: whoever acts on
    /// what was found compares it with what the record itself says.
    async fn records_tagged(
        &self,
        account: AccountId,
        kind: RecordKind,
        tag: &Tag,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError>;

    /// Deliveries of the account that may be made now: of each queue the first, if it is due and nobody is at it. Whoever
    /// makes one takes it first: [`OutboxWrite::Lease`](crate::OutboxWrite::Lease).
    async fn deliveries(&self, account: AccountId, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError>;

    /// Accounts that have deliveries, due or not.
    async fn accounts_with_deliveries(&self) -> Result<Vec<AccountId>, StoreError>;

    /// The account's counters from one day to another, both included, by day and operation.
    async fn usage(&self, account: AccountId, first_day: i64, last_day: i64) -> Result<Vec<Usage>, StoreError>;

    /// The account's audit rows after a sequence number, ascending, at most `limit`.
    async fn audit(&self, account: AccountId, after: i64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// Checks the chain of an account's audit log, of which it is given all rows.
    fn chain_check(&self) -> ChainCheck;

    /// Whether what decides who may call in an account is what the newest audit row about it says. `false`: somebody changed
    /// or put back rows outside the program.
    async fn is_access_as_audited(&self, account: AccountId) -> Result<bool, StoreError>;

    /// Sealed bytes of an account: of people, faces, snapshots, records and deliveries.
    async fn stored_bytes(&self, account: AccountId) -> Result<u64, StoreError>;

    /// The present versions of containers, in the order asked; `None`: deleted. One query for all that a node follows.
    async fn versions_of(&self, account: AccountId, numbers: &[i64]) -> Result<Vec<Option<u64>>, StoreError>;

    /// Takes a job for a while, or keeps it longer: `true` means that nobody else has it until `length` has passed by
    /// the clock of the database. The holder must do the job in such a way that doing it twice harms nobody: a holder
    /// that was held up may find that it lost the job meanwhile.
    async fn lease(&self, account: AccountId, job: &str, holder: Uuid, length: Duration) -> Result<bool, StoreError>;

    /// Gives a job back before its time, if it is still this holder's.
    async fn release(&self, account: AccountId, job: &str, holder: Uuid) -> Result<(), StoreError>;

    /// Destroys the keys of all hours that are over, without which nothing that expired in them can be opened, wherever
    /// its sealed bytes may still be; gives how many. Every node does so for itself.
    async fn destroy_expired_keys(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Writes the wrapped keys of accounts anew, without those that were destroyed, where the engine does not overwrite
    /// them with the delete. Fails rather than waits for whoever reads them; [`Store::reclaim_space`] does it as well.
    async fn rewrite_key_table(&self) -> Result<(), StoreError>;

    /// Reclaims the room that deleted records leave in the database's own files, where the engine does not do so with
    /// each delete. Slow; once an hour is often.
    async fn reclaim_space(&self) -> Result<(), StoreError>;

    /// The time by the clock that all nodes share; `None` where one process has the store to itself, and its own clock
    /// is as good.
    async fn clock(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Reads the whole database and fails with `Damaged` if its structure does not hold. Slow; for `doctor`.
    async fn check_integrity(&self) -> Result<(), StoreError>;

    /// Finishes what is under way, folds the log into the database file and closes it. Afterwards every call
    /// fails with `Closed`. Dropping a store without closing it loses nothing that was acknowledged.
    async fn close(&self);
}
