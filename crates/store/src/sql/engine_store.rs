use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use likeness_base::Timestamp;
use uuid::Uuid;

use super::engine::{Attempts, Connection, EngineStore};
use super::read;
use crate::answers::{
    AccessChanges, Account, AccountKey, Container, Delivery, Face, FaceIdentity, Feed, GalleryRow, Member, Operation,
    PageStart, Person, PersonTemplate, Record, Snapshot, Totals, UnfinishedTraining,
};
use crate::audit::AuditEntry;
use crate::command::{Applied, Command, ContainerKind, ContainerName, DetectedFace, Tag, Usage};
use crate::error::StoreError;
use crate::id::{AccountId, FaceKey, PersonKey};
use crate::record::RecordKind;
use crate::store::Store;

/// Asks one question. A connection that has gone stale in the pool is found out by the question itself, which is then
/// asked again on another.
macro_rules! ask {
    ($store:ident, $connection:ident => $question:expr) => {{
        let mut attempts = Attempts::new();
        loop {
            let mut held = $store.connection().await?;
            let $connection: &mut Connection = &mut held;
            let answer = $store.in_time($question).await;
            let answer = held.done(answer).await;
            if !attempts.again(&answer) {
                break answer;
            }
        }
    }};
}

/// Asks a question of several parts, all of which see the same moment of the database.
macro_rules! moment {
    ($store:ident, $connection:ident => $question:expr) => {{
        let mut attempts = Attempts::new();
        loop {
            let answer = match $store.moment().await {
                Ok(mut held) => {
                    let $connection: &mut Connection = &mut held;
                    let answer = $store.in_time($question).await;
                    held.done(answer).await
                }
                Err(error) => Err(error),
            };
            if !attempts.again(&answer) {
                break answer;
            }
        }
    }};
}

#[async_trait]
impl Store for EngineStore {
    async fn apply(&self, command: Command) -> Result<Applied, StoreError> {
        self.write(command).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        ask!(self, connection => read::accounts::accounts(connection))
    }

    async fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        ask!(self, connection => read::accounts::account(connection, account))
    }

    async fn keys(&self, account: AccountId) -> Result<Vec<AccountKey>, StoreError> {
        ask!(self, connection => read::accounts::keys(connection, &self.vault, account))
    }

    async fn container(&self, account: AccountId, container: &ContainerName) -> Result<Option<Container>, StoreError> {
        ask!(self, connection => read::containers::container(connection, &self.vault, account, container))
    }

    async fn containers(
        &self,
        account: AccountId,
        kind: ContainerKind,
        page: &PageStart,
    ) -> Result<Vec<Container>, StoreError> {
        ask!(self, connection => read::containers::containers(connection, &self.vault, account, kind, page))
    }

    async fn version_of(&self, account: AccountId, number: i64) -> Result<Option<u64>, StoreError> {
        ask!(self, connection => read::containers::version_of(connection, account, number))
    }

    async fn unfinished_trainings(&self, account: AccountId) -> Result<Vec<UnfinishedTraining>, StoreError> {
        ask!(self, connection => read::containers::unfinished_trainings(connection, account))
    }

    async fn person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Option<Person>, StoreError> {
        moment!(self, connection => read::persons::person(connection, &self.vault, account, container, person))
    }

    async fn persons(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Person>, StoreError> {
        moment!(self, connection => read::persons::persons(connection, &self.vault, account, container, page))
    }

    async fn face(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Option<Uuid>,
        face: Uuid,
    ) -> Result<Option<Face>, StoreError> {
        moment!(self, connection => read::faces::face(connection, &self.vault, account, container, person, face))
    }

    async fn faces(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Face>, StoreError> {
        moment!(self, connection => read::faces::faces(connection, &self.vault, account, container, page))
    }

    async fn faces_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<Face>, StoreError> {
        moment!(self, connection => read::faces::faces_of_person(connection, &self.vault, account, container, person))
    }

    async fn person_keys(
        &self,
        account: AccountId,
        container: &ContainerName,
        persons: &[Uuid],
    ) -> Result<Vec<Option<PersonKey>>, StoreError> {
        ask!(self, connection => read::members::person_keys(connection, account, container, persons))
    }

    async fn members(&self, account: AccountId, group: &str, page: &PageStart) -> Result<Vec<Member>, StoreError> {
        moment!(self, connection => read::members::members(connection, account, group, page))
    }

    async fn groups_of_person(
        &self,
        account: AccountId,
        person: Uuid,
        page: &PageStart,
    ) -> Result<Vec<String>, StoreError> {
        moment!(self, connection => read::members::groups_of_person(connection, account, person, page))
    }

    async fn operation(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Operation>, StoreError> {
        ask!(self, connection => read::operations::operation(connection, account, id, now))
    }

    async fn snapshot(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Snapshot>, StoreError> {
        moment!(self, connection => read::snapshots::snapshot(connection, &self.vault, account, id, now))
    }

    async fn snapshots(&self, account: AccountId, now: Timestamp) -> Result<Vec<Snapshot>, StoreError> {
        moment!(self, connection => read::snapshots::snapshots(connection, &self.vault, account, now))
    }

    async fn templates_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<PersonTemplate>, StoreError> {
        moment!(self, connection => read::faces::templates_of_person(connection, &self.vault, account, container, person))
    }

    async fn face_ids(
        &self,
        account: AccountId,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<Option<DetectedFace>>, StoreError> {
        ask!(self, connection => read::face_ids::face_ids(connection, &self.vault, account, ids, now))
    }

    async fn changes_since(
        &self,
        account: AccountId,
        number: i64,
        version: u64,
        limit: usize,
    ) -> Result<Feed, StoreError> {
        moment!(self, connection => read::feed::changes_since(connection, account, number, version, limit))
    }

    async fn space_of(&self, account: AccountId, number: i64) -> Result<Option<String>, StoreError> {
        ask!(self, connection => read::faces::space_of(connection, account, number))
    }

    async fn spaces(&self, account: AccountId, count: bool) -> Result<Vec<(String, u64)>, StoreError> {
        ask!(self, connection => read::faces::spaces(connection, account, count))
    }

    async fn rows_after(
        &self,
        account: AccountId,
        number: i64,
        after: FaceKey,
        limit: usize,
    ) -> Result<Vec<GalleryRow>, StoreError> {
        ask!(self, connection => read::feed::rows_after(connection, &self.vault, account, number, after, limit))
    }

    async fn rows(&self, account: AccountId, number: i64, faces: &[FaceKey]) -> Result<Vec<GalleryRow>, StoreError> {
        ask!(self, connection => read::feed::rows(connection, &self.vault, account, number, faces))
    }

    async fn recheck(
        &self,
        account: AccountId,
        number: i64,
        faces: &[FaceKey],
    ) -> Result<Vec<FaceIdentity>, StoreError> {
        ask!(self, connection => read::feed::recheck(connection, account, number, faces))
    }

    async fn totals(&self, account: AccountId) -> Result<Vec<Totals>, StoreError> {
        ask!(self, connection => read::accounts::totals(connection, account))
    }

    async fn access_since(&self, version: u64) -> Result<Option<AccessChanges>, StoreError> {
        moment!(self, connection => read::accounts::access_since(connection, version))
    }

    async fn forget(&self, account: AccountId) {
        self.vault.forget(account);
    }

    async fn record(
        &self,
        account: AccountId,
        kind: RecordKind,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Record>, StoreError> {
        ask!(self, connection => read::records::record(connection, &self.vault, account, kind, id, now))
    }

    async fn records(
        &self,
        account: AccountId,
        kind: RecordKind,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        ask!(self, connection => read::records::records(connection, &self.vault, account, kind, page, now))
    }

    async fn records_tagged(
        &self,
        account: AccountId,
        kind: RecordKind,
        tag: &Tag,
        page: &PageStart,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        ask!(self, connection => read::records::records_tagged(connection, &self.vault, account, kind, tag, page, now))
    }

    async fn deliveries(&self, account: AccountId, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        ask!(self, connection => read::outbox::deliveries(connection, &self.vault, account, now, limit))
    }

    async fn accounts_with_deliveries(&self) -> Result<Vec<AccountId>, StoreError> {
        ask!(self, connection => read::outbox::accounts_with_deliveries(connection))
    }

    async fn usage(&self, account: AccountId, first_day: i64, last_day: i64) -> Result<Vec<Usage>, StoreError> {
        ask!(self, connection => read::usage::usage(connection, account, first_day, last_day))
    }

    async fn audit(&self, account: AccountId, after: i64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        ask!(self, connection => read::audit::audit(connection, account, after, limit))
    }

    async fn versions_of(&self, account: AccountId, numbers: &[i64]) -> Result<Vec<Option<u64>>, StoreError> {
        ask!(self, connection => read::containers::versions_of(connection, account, numbers))
    }

    async fn lease(&self, account: AccountId, job: &str, holder: Uuid, length: Duration) -> Result<bool, StoreError> {
        self.take_lease(account, job, holder, length).await
    }

    async fn release(&self, account: AccountId, job: &str, holder: Uuid) -> Result<(), StoreError> {
        self.release_lease(account, job, holder).await
    }

    async fn destroy_expired_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let vault = Arc::clone(&self.vault);
        tokio::task::spawn_blocking(move || vault.destroy_hour_keys(now))
            .await
            .map_err(|error| StoreError::Backend(Box::new(error)))?
    }

    async fn settle_keys(&self) -> Result<(), StoreError> {
        self.rewrite_keys().await
    }

    async fn settle(&self) -> Result<(), StoreError> {
        self.let_go().await
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.own_clock().await
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        self.check().await
    }

    async fn close(&self) {
        self.shut().await;
    }
}
