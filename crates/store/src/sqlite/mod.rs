//! The store in one SQLite file. The only place that speaks SQL for it.
//!
//! One task writes, through one connection; a few connections read, each seeing one moment of the database.
//! `synchronous=FULL` with a write-ahead log means: what was acknowledged survives the process and the power.

mod delete;
mod error;
mod open;
mod read;
mod vault;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use likeness_base::{Randomness, Timestamp};
use sqlx::SqlitePool;
use uuid::Uuid;

use crate::audit::AuditEntry;
use crate::command::{Applied, Command, ContainerKind, ContainerName, DetectedFace, KeySlot};
use crate::error::StoreError;
use crate::id::{AccountId, FaceKey, PersonKey};
use crate::keys::InstallationKey;
use crate::records::{
    Account, AccountKey, Container, Face, FaceIdentity, Feed, GalleryRow, Member, Operation, PageStart, Person,
    PersonTemplate, Snapshot, Totals, UnfinishedTraining,
};
use crate::store::Store;
use vault::Vault;
use writer::WriterHandle;

/// A [`Store`] in one SQLite file (and, while it is open, the log beside it).
#[derive(Debug)]
pub struct SqliteStore {
    writer: WriterHandle,
    readers: SqlitePool,
    vault: Arc<Vault>,
}

impl SqliteStore {
    /// Opens the database, making or migrating it where needed. Must be called inside a Tokio runtime,
    /// which then carries the writing task.
    ///
    /// `randomness` gives the nonces and the accounts' data keys.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] when the data was sealed under another key, [`StoreError::SchemaTooNew`] when
    /// a newer program wrote it, [`StoreError::Damaged`] when it is not a database. In each case the data is
    /// left as it was.
    pub async fn open(
        path: &Path,
        key: Arc<InstallationKey>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, StoreError> {
        let connection = open::writer(path, &key, &*randomness).await?;
        let readers = open::readers(path).await?;
        let vault = Arc::new(Vault::new(key, randomness));
        Ok(Self { writer: WriterHandle::spawn(connection, Arc::clone(&vault)), readers, vault })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn apply(&self, command: Command) -> Result<Applied, StoreError> {
        self.writer.apply(command).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        read::accounts::accounts(&self.readers).await
    }

    async fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        read::accounts::account(&self.readers, account).await
    }

    async fn account_of_key(&self, lookup: &[u8; 32]) -> Result<Option<(AccountId, KeySlot)>, StoreError> {
        read::accounts::account_of_key(&self.readers, lookup).await
    }

    async fn keys(&self, account: AccountId) -> Result<Vec<AccountKey>, StoreError> {
        read::accounts::keys(&self.readers, &self.vault, account).await
    }

    async fn container(&self, account: AccountId, container: &ContainerName) -> Result<Option<Container>, StoreError> {
        read::containers::container(&self.readers, &self.vault, account, container).await
    }

    async fn containers(
        &self,
        account: AccountId,
        kind: ContainerKind,
        page: &PageStart,
    ) -> Result<Vec<Container>, StoreError> {
        read::containers::containers(&self.readers, &self.vault, account, kind, page).await
    }

    async fn version_of(&self, account: AccountId, number: i64) -> Result<Option<u64>, StoreError> {
        read::containers::version_of(&self.readers, account, number).await
    }

    async fn unfinished_trainings(&self, account: AccountId) -> Result<Vec<UnfinishedTraining>, StoreError> {
        read::containers::unfinished_trainings(&self.readers, account).await
    }

    async fn person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Option<Person>, StoreError> {
        read::persons::person(&self.readers, &self.vault, account, container, person).await
    }

    async fn persons(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Person>, StoreError> {
        read::persons::persons(&self.readers, &self.vault, account, container, page).await
    }

    async fn face(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Option<Uuid>,
        face: Uuid,
    ) -> Result<Option<Face>, StoreError> {
        read::faces::face(&self.readers, &self.vault, account, container, person, face).await
    }

    async fn faces(
        &self,
        account: AccountId,
        container: &ContainerName,
        page: &PageStart,
    ) -> Result<Vec<Face>, StoreError> {
        read::faces::faces(&self.readers, &self.vault, account, container, page).await
    }

    async fn faces_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<Face>, StoreError> {
        read::faces::faces_of_person(&self.readers, &self.vault, account, container, person).await
    }

    async fn person_keys(
        &self,
        account: AccountId,
        container: &ContainerName,
        persons: &[Uuid],
    ) -> Result<Vec<Option<PersonKey>>, StoreError> {
        read::members::person_keys(&self.readers, account, container, persons).await
    }

    async fn members(&self, account: AccountId, group: &str, page: &PageStart) -> Result<Vec<Member>, StoreError> {
        read::members::members(&self.readers, account, group, page).await
    }

    async fn groups_of_person(
        &self,
        account: AccountId,
        person: Uuid,
        page: &PageStart,
    ) -> Result<Vec<String>, StoreError> {
        read::members::groups_of_person(&self.readers, account, person, page).await
    }

    async fn operation(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Operation>, StoreError> {
        read::operations::operation(&self.readers, account, id, now).await
    }

    async fn snapshot(&self, account: AccountId, id: Uuid, now: Timestamp) -> Result<Option<Snapshot>, StoreError> {
        read::snapshots::snapshot(&self.readers, &self.vault, account, id, now).await
    }

    async fn snapshots(&self, account: AccountId, now: Timestamp) -> Result<Vec<Snapshot>, StoreError> {
        read::snapshots::snapshots(&self.readers, &self.vault, account, now).await
    }

    async fn templates_of_person(
        &self,
        account: AccountId,
        container: &ContainerName,
        person: Uuid,
    ) -> Result<Vec<PersonTemplate>, StoreError> {
        read::faces::templates_of_person(&self.readers, &self.vault, account, container, person).await
    }

    async fn face_ids(
        &self,
        account: AccountId,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<Option<DetectedFace>>, StoreError> {
        read::face_ids::face_ids(&self.readers, &self.vault, account, ids, now).await
    }

    async fn changes_since(
        &self,
        account: AccountId,
        number: i64,
        version: u64,
        limit: usize,
    ) -> Result<Feed, StoreError> {
        read::feed::changes_since(&self.readers, account, number, version, limit).await
    }

    async fn rows_after(
        &self,
        account: AccountId,
        number: i64,
        after: FaceKey,
        limit: usize,
    ) -> Result<Vec<GalleryRow>, StoreError> {
        read::feed::rows_after(&self.readers, &self.vault, account, number, after, limit).await
    }

    async fn rows(&self, account: AccountId, number: i64, faces: &[FaceKey]) -> Result<Vec<GalleryRow>, StoreError> {
        read::feed::rows(&self.readers, &self.vault, account, number, faces).await
    }

    async fn recheck(
        &self,
        account: AccountId,
        number: i64,
        faces: &[FaceKey],
    ) -> Result<Vec<FaceIdentity>, StoreError> {
        read::feed::recheck(&self.readers, account, number, faces).await
    }

    async fn totals(&self, account: AccountId) -> Result<Vec<Totals>, StoreError> {
        read::accounts::totals(&self.readers, account).await
    }

    async fn audit(&self, account: AccountId, after: i64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        read::audit::audit(&self.readers, account, after, limit).await
    }

    async fn check_integrity(&self) -> Result<(), StoreError> {
        read::integrity::check(&self.readers).await
    }

    async fn close(&self) {
        // Readers first: the connection that closes last folds the log into the database file.
        self.readers.close().await;
        self.writer.close().await;
    }
}
