//! What the shared SQL needs to know of SQLite.

use std::future::Future;
use std::ops::{Deref, DerefMut};

use sqlx::Transaction;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};

pub(crate) use super::SqliteStore as EngineStore;
pub(crate) use crate::database_error::refuse_duplicate;
use crate::error::StoreError;

pub(crate) type Engine = sqlx::Sqlite;
pub(crate) type Connection = SqliteConnection;
pub(crate) type EngineRow = SqliteRow;

/// A connection for one query.
pub(crate) struct PooledConnection(PoolConnection<Sqlite>);

/// A connection that sees one moment of the database until it is done.
pub(crate) struct ReadTransaction(Transaction<'static, Sqlite>);

/// A file does not go stale: one attempt is all.
pub(crate) struct Attempts;

impl Attempts {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the other engine counts")]
    pub(crate) const fn should_retry<T>(&mut self, _answer: &Result<T, StoreError>) -> bool {
        false
    }
}

impl EngineStore {
    pub(crate) async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(PooledConnection(self.readers.acquire().await?))
    }

    pub(crate) async fn read_transaction(&self) -> Result<ReadTransaction, StoreError> {
        Ok(ReadTransaction(self.readers.begin().await?))
    }

    /// A file answers or fails by itself.
    pub(crate) async fn in_time<T>(&self, query: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        query.await
    }
}

impl PooledConnection {
    pub(crate) async fn done<T>(self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        answer
    }
}

impl ReadTransaction {
    pub(crate) async fn done<T>(self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let answer = answer?;
        self.0.rollback().await?;
        Ok(answer)
    }
}

impl Deref for PooledConnection {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Deref for ReadTransaction {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for ReadTransaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
