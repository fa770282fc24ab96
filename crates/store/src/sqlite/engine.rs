//! What the shared SQL needs to know of SQLite.

use std::future::Future;
use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Transaction};
use tokio::sync::OwnedRwLockReadGuard;

pub(crate) use super::SqliteStore as EngineStore;
use crate::connections::{Turn, turn};
pub(crate) use crate::database_error::refuse_duplicate;
use crate::error::StoreError;
use crate::id::AccountId;

pub(crate) type Engine = sqlx::Sqlite;
pub(crate) type Connection = SqliteConnection;
pub(crate) type EngineRow = SqliteRow;

/// A transaction that writes. It takes the lock of writers at once, for which SQLite waits; one that has read before it writes is refused
/// on the spot while another connection writes or folds the log.
pub(crate) async fn begin_to_write(connection: &mut Connection) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    connection.begin_with("BEGIN IMMEDIATE").await
}

/// A connection for one query.
pub(crate) struct PooledConnection {
    connection: PoolConnection<Sqlite>,
    _turn: ReaderTurn,
}

/// A connection that sees one moment of the database until it is done.
pub(crate) struct ReadTransaction {
    transaction: Transaction<'static, Sqlite>,
    _turn: ReaderTurn,
}

/// Kept for as long as an account reads.
struct ReaderTurn {
    /// The log cannot be folded meanwhile.
    _inside: OwnedRwLockReadGuard<()>,
    _turn: Turn,
}

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
    pub(crate) async fn connection(&self, account: AccountId) -> Result<PooledConnection, StoreError> {
        let turn = self.reader_turn(account).await?;
        Ok(PooledConnection { connection: self.readers.acquire().await?, _turn: turn })
    }

    pub(crate) async fn read_transaction(&self, account: AccountId) -> Result<ReadTransaction, StoreError> {
        let turn = self.reader_turn(account).await?;
        Ok(ReadTransaction { transaction: self.readers.begin().await?, _turn: turn })
    }

    /// The turn first: who waits for it does not keep the log from being folded.
    async fn reader_turn(&self, account: AccountId) -> Result<ReaderTurn, StoreError> {
        let turn = turn(&self.turns, account).await?;
        Ok(ReaderTurn { _inside: self.gate.enter().await, _turn: turn })
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
        self.transaction.rollback().await?;
        Ok(answer)
    }
}

impl Deref for PooledConnection {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Deref for ReadTransaction {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl DerefMut for ReadTransaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.transaction
    }
}
