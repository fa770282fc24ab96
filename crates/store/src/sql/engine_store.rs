//! The [`Store`] trait for both engines: each method runs one query of `read`, or calls what the engine does in its own
//! way.
//!
//! The macros decide on which connection a query runs and when it is run again, and whether the keys of its account are at
//! hand before.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use likeness_base::Timestamp;
use uuid::Uuid;

use super::access;
use super::engine::{Attempts, Connection, EngineStore};
use super::read::{self, Sealed};
use super::unlock::{self, bare_query};
use super::write;
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
use crate::store::Store;

/// Runs one query for an account, whose keys are at hand. A connection that has gone stale in the pool is found out by the
/// query itself, which is then run again on another.
macro_rules! query {
    ($store:ident, $account:expr, $connection:ident => $query:expr) => {{
        $store.ready($account).await;
        bare_query!($store, $account, $connection => $query)
    }};
}

/// Runs a query of several parts, all of which see the same moment of the database.
macro_rules! consistent_query {
    ($store:ident, $account:expr, $connection:ident => $query:expr) => {{
        $store.ready($account).await;
        bare_consistent_query!($store, $account, $connection => $query)
    }};
}

/// The same where no keys are needed.
macro_rules! bare_consistent_query {
    ($store:ident, $account:expr, $connection:ident => $query:expr) => {{
        let mut attempts = Attempts::new();
        loop {
            let answer = match $store.read_transaction($account).await {
                Ok(mut pooled) => {
                    let $connection: &mut Connection = &mut pooled;
                    let answer = $store.in_time($query).await;
                    pooled.done(answer).await
                }
                Err(error) => Err(error),
            };
            if !attempts.should_retry(&answer) {
                break answer;
            }
        }
    }};
}

/// Opens what was fetched, for which nobody waits: the connection has been given back.
fn open<T>(fetched: Result<Sealed<T>, StoreError>) -> Result<T, StoreError> {
    fetched?()
}

#[async_trait]
impl Store for EngineStore {
    async fn apply(&self, command: Command) -> Result<Applied, StoreError> {
        if write::needs_keys(&command.write) {
            self.ready(command.account).await;
        }
        if let Some(source) = write::reads_from(&command.write) {
            self.ready(source).await;
        }
        self.write(command).await
    }

    async fn unlock(&self, account: AccountId, waits: bool) -> Result<(), StoreError> {
        self.unlock_keys(account, waits).await
    }

    fn trusted_keys(&self) -> Arc<TrustedKeys> {
        Arc::clone(self.key_ring.trusted())
    }

    fn keep_journal(&self, journal: Arc<dyn Journal>) {
        self.key_ring.keep_journal(journal);
    }

    async fn key_status(&self, account: AccountId) -> Result<KeyStatus, StoreError> {
        bare_query!(self, account, connection => unlock::status(connection, &self.key_ring, account))
    }

    async fn rewrapped_keys(
        &self,
        account: AccountId,
        provider: Option<&str>,
    ) -> Result<Vec<RewrappedKey>, StoreError> {
        self.rewrap(account, provider).await
    }

    async fn new_data_key(&self, account: AccountId) -> Result<RewrappedKey, StoreError> {
        let rows = bare_query!(self, account, connection => unlock::data_keys(connection, account))?;
        let newest = rows.keys.last().ok_or(StoreError::AccountNotFound)?;
        let trusted = self.key_ring.trusted();
        let (key, version) = trusted.new_data_key(account.0, newest, self.key_ring.randomness()).await?;
        Ok(RewrappedKey { key, version, former: None })
    }

    async fn accounts_of_provider(&self, provider: &str) -> Result<Vec<AccountId>, StoreError> {
        bare_query!(self, AccountId::INSTALLATION, connection => unlock::accounts_of(connection, provider))
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        bare_query!(self, AccountId::INSTALLATION, connection => read::accounts::accounts(connection))
    }

    async fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        bare_query!(self, account, connection => read::accounts::account(connection, account))
    }

    async fn keys(&self, account: AccountId) -> Result<Vec<AccountKey>, StoreError> {
        query!(self, account, connection => read::accounts::keys(connection, &self.key_ring, account))
    }

    async fn container(&self, account: AccountId, container: &ContainerName) -> Result<Option<Container>, StoreError> {
        query!(self, account, connection => read::containers::container(connection, &self.key_ring, account, container))
    }

    async fn containers(
        &self,
        account: AccountId,
        kind: ContainerKind,
        page: &PageStart,
    ) -> Result<Vec<Container>, StoreError> {
        open(
            query!(self, account, connection => read::containers::containers(connection, &self.key_ring, account, kind, page)),
        )
    }

    async fn version_of(&self, account: AccountId, number: i64) -> Result<Option<u64>, StoreError> {
        bare_query!(self, account, connection => read::containers::version_of(connection, account, number))
    }

    async fn unfinished_trainings(&self, account: AccountId) -> Result<Vec<UnfinishedTraining>, StoreError> {
        bare_query!(self, account, connection => read::containers::unfinished_trainings(connection, account))
    }

    async fn person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Option<Person>, StoreError> {
        consistent_query!(self, account, connection =>
            read::persons::person(connection, &self.key_ring, account, container, person))
    }

    async fn persons(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Person>, StoreError> {
        open(consistent_query!(self, account, connection =>
            read::persons::persons(connection, &self.key_ring, account, container, page)))
    }

    async fn face(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Option<Uuid>,
        face: Uuid,
    ) -> Result<Option<Face>, StoreError> {
        consistent_query!(self, account, connection =>
            read::faces::face(connection, &self.key_ring, account, container, person, face))
    }

    async fn faces(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Face>, StoreError> {
        open(
            consistent_query!(self, account, connection => read::faces::faces(connection, &self.key_ring, account, container, page)),
        )
    }

    async fn faces_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<Face>, StoreError> {
        open(consistent_query!(self, account, connection =>
            read::faces::faces_of_person(connection, &self.key_ring, account, container, person)))
    }

    async fn person_numbers(
        &self,
        account: AccountId,
        container: &ContainerName,
        persons: &[Uuid],
    ) -> Result<Vec<Option<PersonNumber>>, StoreError> {
        bare_query!(self, account, connection => read::members::person_numbers(connection, account, container, persons))
    }

    async fn members(&self, account: AccountId, group: &str, page: &PageStart) -> Result<Vec<Member>, StoreError> {
        bare_consistent_query!(self, account, connection => read::members::members(connection, account, group, page))
    }

    async fn groups_of_person(
        &self,
        account: AccountId,
        person: Uuid,
        page: &PageStart,
    ) -> Result<Vec<String>, StoreError> {
        bare_consistent_query!(self, account, connection => read::members::groups_of_person(connection, account, person, page))
    }

    async fn operation(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Operation>, StoreError> {
        bare_query!(self, account, connection => read::operations::operation(connection, account, id, now))
    }

    async fn snapshot(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Snapshot>, StoreError> {
        consistent_query!(self, account, connection => read::snapshots::snapshot(connection, &self.key_ring, account, id, now))
    }

    async fn snapshots(
        &self,
        account: AccountId,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, StoreError> {
        consistent_query!(self, account, connection => read::snapshots::snapshots(connection, &self.key_ring, account, page, now))
    }

    async fn templates_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<PersonTemplate>, StoreError> {
        open(consistent_query!(self, account, connection =>
            read::faces::templates_of_person(connection, &self.key_ring, account, container, person)))
    }

    async fn face_ids(
        &self,
        account: AccountId,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<Option<DetectedFace>>, StoreError> {
        open(
            query!(self, account, connection => read::face_ids::face_ids(connection, &self.key_ring, account, ids, now)),
        )
    }

    async fn changes_since(
        &self,
        account: AccountId,
        number: i64,
        version: u64,
        limit: usize,
    ) -> Result<Feed, StoreError> {
        bare_consistent_query!(self, account, connection => read::feed::changes_since(connection, account, number, version, limit))
    }

    async fn space_of(&self, account: AccountId, number: i64) -> Result<Option<String>, StoreError> {
        bare_query!(self, account, connection => read::faces::space_of(connection, account, number))
    }

    async fn spaces(&self, account: AccountId, count: bool) -> Result<Vec<(String, u64)>, StoreError> {
        bare_query!(self, account, connection => read::faces::spaces(connection, account, count))
    }

    async fn rows_after(
        &self,
        account: AccountId,
        number: i64,
        after: FaceNumber,
        limit: usize,
    ) -> Result<Vec<GalleryRow>, StoreError> {
        open(
            query!(self, account, connection => read::feed::rows_after(connection, &self.key_ring, account, number, after, limit)),
        )
    }

    async fn face_numbers(
        &self,
        account: AccountId,
        number: i64,
    ) -> Result<Option<(FaceNumber, FaceNumber)>, StoreError> {
        bare_query!(self, account, connection => read::feed::face_numbers(connection, account, number))
    }

    async fn rows(&self, account: AccountId, number: i64, faces: &[FaceNumber]) -> Result<Vec<GalleryRow>, StoreError> {
        open(query!(self, account, connection => read::feed::rows(connection, &self.key_ring, account, number, faces)))
    }

    async fn resolve_faces(
        &self,
        account: AccountId,
        number: i64,
        faces: &[FaceNumber],
    ) -> Result<Vec<ResolvedFace>, StoreError> {
        bare_query!(self, account, connection => read::feed::resolve_faces(connection, account, number, faces))
    }

    async fn totals(&self, account: AccountId) -> Result<Vec<Totals>, StoreError> {
        bare_query!(self, account, connection => read::accounts::totals(connection, account))
    }

    async fn holdings(
        &self,
        account: AccountId,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Vec<Holding>, StoreError> {
        let mut holdings = Vec::new();
        // A transaction for each: one for all would last for as long as everything together.
        for table in read::holdings::tables() {
            holdings.extend(bare_query!(self, account, connection =>
                read::holdings::of_table(connection, &self.key_ring, table, account, now, patience))?);
        }
        Ok(holdings)
    }

    async fn hour_keys(&self, now: Timestamp, patience: Duration) -> Result<HourKeysHeld, StoreError> {
        let key_ring = Arc::clone(&self.key_ring);
        tokio::task::spawn_blocking(move || key_ring.hour_keys_held(now, patience))
            .await
            .map_err(|error| StoreError::Backend(Box::new(error)))?
    }

    async fn access_since(&self, version: u64) -> Result<Option<AccessChanges>, StoreError> {
        bare_consistent_query!(self, AccountId::INSTALLATION, connection => read::accounts::access_since(connection, version))
    }

    async fn evict_keys(&self, account: AccountId) {
        self.key_ring.evict(account);
    }

    async fn record(
        &self,
        account: AccountId,
        kind: RecordKind,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        query!(self, account, connection => read::records::record(connection, &self.key_ring, account, kind, id, now))
    }

    async fn records(
        &self,
        account: AccountId,
        kind: RecordKind,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        open(
            query!(self, account, connection => read::records::records(connection, &self.key_ring, account, kind, page, now)),
        )
    }

    async fn records_tagged(
        &self,
        account: AccountId,
        kind: RecordKind,
        tag: &Tag,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        open(query!(self, account, connection =>
            read::records::records_tagged(connection, &self.key_ring, account, kind, tag, page, now)))
    }

    async fn deliveries(&self, account: AccountId, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        query!(self, account, connection => read::outbox::deliveries(connection, &self.key_ring, account, now, limit))
    }

    async fn accounts_with_deliveries(&self) -> Result<Vec<AccountId>, StoreError> {
        bare_query!(self, AccountId::INSTALLATION, connection => read::outbox::accounts_with_deliveries(connection))
    }

    async fn usage(&self, account: AccountId, first_day: i64, last_day: i64) -> Result<Vec<Usage>, StoreError> {
        bare_query!(self, account, connection => read::usage::usage(connection, account, first_day, last_day))
    }

    async fn audit(&self, account: AccountId, after: i64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        bare_query!(self, account, connection => read::audit::audit(connection, account, after, limit))
    }

    fn chain_check(&self) -> ChainCheck {
        ChainCheck::new(Arc::clone(self.key_ring.link_key()))
    }

    async fn is_access_as_audited(&self, account: AccountId) -> Result<bool, StoreError> {
        bare_consistent_query!(self, account, connection => access::is_as_audited(connection, &self.key_ring, account))
    }

    async fn stored_bytes(&self, account: AccountId) -> Result<u64, StoreError> {
        bare_query!(self, account, connection => read::accounts::stored_bytes(connection, account))
    }

    async fn versions_of(&self, account: AccountId, numbers: &[i64]) -> Result<Vec<Option<u64>>, StoreError> {
        bare_query!(self, account, connection => read::containers::versions_of(connection, account, numbers))
    }

    async fn lease(&self, account: AccountId, job: &str, holder: Uuid, length: Duration) -> Result<bool, StoreError> {
        self.take_lease(account, job, holder, length).await
    }

    async fn release(&self, account: AccountId, job: &str, holder: Uuid) -> Result<(), StoreError> {
        self.release_lease(account, job, holder).await
    }

    async fn destroy_expired_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let key_ring = Arc::clone(&self.key_ring);
        tokio::task::spawn_blocking(move || key_ring.destroy_hour_keys(now))
            .await
            .map_err(|error| StoreError::Backend(Box::new(error)))?
    }

    async fn rewrite_key_table(&self) -> Result<(), StoreError> {
        self.rewrite_keys().await
    }

    async fn reclaim_space(&self) -> Result<(), StoreError> {
        self.reclaim().await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.own_clock().await
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        self.check().await
    }

    async fn close(&self) {
        self.shut_down().await;
    }
}
